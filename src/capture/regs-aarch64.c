/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aarch64. Compiled in the checks, not run: nobody has tested it on a machine yet. The kernel
 * examines x0 before the stop (do_signal in arch/arm64/kernel/signal.c sets up the restart first),
 * so a changed x0 cannot turn EINTR into a restart: regs_restart_call says so.
 */
#if defined(__aarch64__)

#include "capture/regs-arch.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static int fetch_set(pid_t tid, int set, void *data, size_t len)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };

	return ptrace(PTRACE_GETREGSET, tid, set, &iov) < 0 ? -errno : 0;
}

int regs_fetch(pid_t tid, struct regs_raw *ret)
{
	int r = fetch_set(tid, NT_PRSTATUS, &ret->user, sizeof(ret->user));

	ret->call = -1;
	if (r == 0)
		(void)fetch_set(tid, NT_ARM_SYSTEM_CALL, &ret->call, sizeof(ret->call));
	return r;
}

uint64_t regs_sp(const struct regs_raw *raw)
{
	return raw->user.sp;
}

void regs_decode(const struct regs_raw *raw, struct regs *ret)
{
	for (unsigned i = 0; i < 31; i++)
		regs_set(ret, i, raw->user.regs[i]);
	regs_set(ret, REG_SP, raw->user.sp);
	regs_set(ret, REG_PC, raw->user.pc);
}

bool regs_ended_call(const struct regs_raw *raw, int64_t *ret_nr, uint64_t ret_args[6],
		     int64_t *ret_result)
{
	if (raw->call < 0)
		return false;
	*ret_nr = raw->call;
	*ret_result = (int64_t)raw->user.regs[0];
	ret_args[0] = UINT64_MAX; /* x0 has been overwritten by the result */
	for (unsigned i = 1; i < 6; i++)
		ret_args[i] = raw->user.regs[i];
	return true;
}

bool regs_interrupted_call(const struct regs_raw *raw, int64_t *ret_nr, uint64_t ret_args[6],
			   bool *ret_eintr)
{
	if (raw->call < 0 || (int64_t)raw->user.regs[0] != -EINTR)
		return false;
	*ret_nr = raw->call;
	*ret_eintr = true;
	ret_args[0] = 0; /* x0 has been overwritten by the result */
	for (unsigned i = 1; i < 6; i++)
		ret_args[i] = raw->user.regs[i];
	return true;
}

int regs_restart_call(pid_t tid, struct regs_raw *raw)
{
	(void)tid;
	(void)raw;
	return -ENOTSUP;
}

#endif
