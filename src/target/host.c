/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.c: see host.h. What cannot be read is taken as absent: whoever judges names the rule that he
 * knows of, and the tries (ptrace, process_vm_readv, bpf) tell of those that nobody can read.
 */
#include "target/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "target/procparse.h"
#include "target/target.h"

enum {
	STATUS_MAX = 8192,
	MOUNTS_MAX = 1 << 20,
};

static uint64_t status_number(const char *status, const char *key, int base)
{
	uint64_t number = 0;

	procparse_status_number(status, key, base, &number);
	return number;
}

static void read_credentials(struct host *host)
{
	char text[STATUS_MAX];

	host->uid = geteuid();
	if (file_read_at(AT_FDCWD, "/proc/thread-self/status", text, sizeof(text)) < 0)
		return;
	host->caps = status_number(text, "CapEff", 16);
	host->caps_bound = status_number(text, "CapBnd", 16);
	host->seccomp = (int)status_number(text, "Seccomp", 10);
}

/* A sysctl's number; fallback if there is none. */
static int read_sysctl(const char *path, int fallback)
{
	char text[32];

	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return fallback;
	return (int)strtol(text, NULL, 10);
}

/* "invisible" and the like since Linux 5.8, numbers before. */
static int hidepid_value(const char *text)
{
	static const struct {
		const char *word;
		int value;
	} words[] = { { "off", 0 }, { "noaccess", 1 }, { "invisible", 2 }, { "ptraceable", 4 } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strncmp(text, words[i].word, strlen(words[i].word)) == 0)
			return words[i].value;
	return (int)strtol(text, NULL, 10);
}

/* A later mount at the same place hides the earlier one. */
int host_parse_hidepid(const char *mounts)
{
	static const char at_proc[] = " /proc proc ";
	int value = 0;

	for (const char *line = mounts; line; line = strchr(line, '\n')) {
		const char *end, *at, *option;

		line += *line == '\n';
		end = line + strcspn(line, "\n");
		at = strstr(line, at_proc);
		if (!at || at > end)
			continue;
		option = strstr(at, "hidepid=");
		value = option && option < end ? hidepid_value(option + strlen("hidepid=")) : 0;
	}
	return value;
}

static int read_hidepid(void)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (file_read_whole_at(AT_FDCWD, "/proc/self/mounts", MOUNTS_MAX, &text) < 0 || !text.len)
		return 0;
	return host_parse_hidepid(text.data);
}

/* docker, podman, systemd-nspawn and LXC: systemd's virt.c asks the same files. */
static bool is_in_container(void)
{
	return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 ||
	       access("/run/systemd/container", F_OK) == 0 ||
	       access("/run/host/container-manager", F_OK) == 0 ||
	       access("/var/run/secrets/kubernetes.io", F_OK) == 0;
}

/* A map of one number, gone again at once: asks for CAP_BPF where users without it may not. */
static int try_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	_cleanup_close_ int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	return fd < 0 ? errno : 0;
}

/* 0 or a positive errno. */
static int try_perf(bool user_mode_only)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = 1000000000,
		.exclude_kernel = user_mode_only,
		.disabled = 1,
	};
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static void read_kernel(struct host *host)
{
	struct utsname uts;

	if (uname(&uts) == 0)
		(void)sscanf(uts.release, "%u.%u", &host->kernel[0], &host->kernel[1]);
	host->has_btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	host->bpf_sys = try_bpf();
	host->perf_sys = try_perf(false);
	host->perf_user_sys = try_perf(true);
	host->perf_paranoid = read_sysctl("/proc/sys/kernel/perf_event_paranoid", -1);
	host->bpf_disabled = read_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled", -1);
}

void host_read(struct host *ret)
{
	static const char yama[] = "/proc/sys/kernel/yama/ptrace_scope";
	struct rlimit limit;

	*ret = (struct host){ 0 };
	read_credentials(ret);
	ret->has_yama = access(yama, F_OK) == 0;
	ret->yama = read_sysctl(yama, 0);
	ret->hidepid = read_hidepid();
	ret->own_proc = target_proc_is_ours();
	ret->in_container = is_in_container();
	read_kernel(ret);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->open_files = limit.rlim_max;
}

bool host_has_cap(const struct host *host, unsigned cap)
{
	return host->caps >> cap & 1;
}
