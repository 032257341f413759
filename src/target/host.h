/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h: what this host and this process's own credentials allow, as facts: read from /proc and
 * /sys, and, for
 * bpf(2) and perf_event_open(2), tried. Nothing is judged here, nothing is changed, nobody else is touched.
 */
#ifndef SS_TARGET_HOST_H
#define SS_TARGET_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct host {
	uint64_t caps;       /* effective capabilities, a bit each (linux/capability.h) */
	uint64_t caps_bound; /* bounding set: what exec of a root program could still gain */
	unsigned uid;
	int seccomp; /* 0 none, 1 strict, 2 a filter is set on us */
	int yama;    /* kernel.yama.ptrace_scope; 0 also without Yama */
	bool has_yama;
	int hidepid;         /* option of the mount at /proc: 0, 1, 2; 4: ptraceable */
	bool own_proc;       /* /proc shows our own pid namespace */
	bool in_container;   /* docker, podman or another runtime left its mark */
	unsigned kernel[2];  /* 6, 18 */
	bool has_btf;        /* /sys/kernel/btf/vmlinux can be read */
	int bpf_sys;         /* errno of a harmless bpf(2), 0: it works */
	int bpf_disabled;    /* kernel.unprivileged_bpf_disabled, -1: there is none */
	int perf_sys;        /* errno of a clock on ourselves, in the kernel too; 0: it works */
	int perf_user_sys;   /* the same in user mode only */
	int perf_paranoid;   /* kernel.perf_event_paranoid, -1: there is none */
	uint64_t open_files; /* hard limit */
};

void host_read(struct host *ret);

bool host_has_cap(const struct host *host, unsigned cap);

/* hidepid of the mount at /proc in the text of /proc/self/mounts. Pure. */
int host_parse_hidepid(const char *mounts);

#endif
