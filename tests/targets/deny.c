/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deny.c: no target but a launcher: runs a command under a seccomp filter that answers EPERM to some
 * system calls, as the profiles of containers do. Usage: deny CALL[,CALL...] COMMAND [ARG...], with
 * the calls ptrace, process_vm_readv, bpf, perf_event_open, pidfd_open.
 */
#include "target.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

static const struct call {
	const char *name;
	unsigned nr;
} calls[] = {
	{ "ptrace", SYS_ptrace },
	{ "process_vm_readv", SYS_process_vm_readv },
	{ "bpf", SYS_bpf },
	{ "perf_event_open", SYS_perf_event_open },
	{ "pidfd_open", SYS_pidfd_open },
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static unsigned number_of(const char *name)
{
	for (int i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].nr;
	errno = EINVAL;
	target_check(false, name);
	return 0;
}

/* One filter for each call: all filters of a process are asked, and the strictest answer counts. */
static void deny(unsigned nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	/* without CAP_SYS_ADMIN only a process that can gain no privileges may have a filter */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	target_check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "PR_SET_SECCOMP");
}

int main(int argc, char **argv)
{
	errno = EINVAL;
	target_check(argc > 2, "usage: deny CALL[,CALL...] COMMAND [ARG...]");
	for (char *name = strtok(argv[1], ","); name; name = strtok(NULL, ","))
		deny(number_of(name));
	execvp(argv[2], argv + 2);
	target_check(false, argv[2]);
}
