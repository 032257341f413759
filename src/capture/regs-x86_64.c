/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64. At a ptrace stop inside a system call, rip is behind the syscall instruction, orig_rax
 * is the call's number, and rax is what it returned so far; the kernel looks at rax again when the
 * stop ends (arch_do_signal_or_restart), so a changed rax decides about restarting.
 */
#if defined(__x86_64__)

#include "capture/regs-arch.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* include/linux/errno.h; never seen by user space but at a stop */
enum {
	ERESTARTSYS = 512,
	ERESTARTNOINTR = 513,
	ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516,
};

int regs_fetch(pid_t tid, struct regs_raw *ret)
{
	struct iovec iov = { .iov_base = &ret->user, .iov_len = sizeof(ret->user) };

	return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

uint64_t regs_sp(const struct regs_raw *raw)
{
	return raw->user.rsp;
}

void regs_decode(const struct regs_raw *raw, struct regs *ret)
{
	const struct user_regs_struct *u = &raw->user;
	const uint64_t by_dwarf_number[REG_COUNT] = {
		u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi, u->rbp, u->rsp, u->r8,
		u->r9,  u->r10, u->r11, u->r12, u->r13, u->r14, u->r15, u->rip,
	};

	for (unsigned i = 0; i < REG_COUNT; i++)
		regs_set(ret, i, by_dwarf_number[i]);
}

bool regs_ended_call(const struct regs_raw *raw, int64_t *ret_nr, uint64_t ret_args[6],
		     int64_t *ret_result)
{
	const struct user_regs_struct *u = &raw->user;

	if ((int64_t)u->orig_rax < 0)
		return false;
	*ret_nr = (int64_t)u->orig_rax;
	*ret_result = (int64_t)u->rax;
	ret_args[0] = u->rdi;
	ret_args[1] = u->rsi;
	ret_args[2] = u->rdx;
	ret_args[3] = u->r10;
	ret_args[4] = u->r8;
	ret_args[5] = u->r9;
	return true;
}

bool regs_interrupted_call(const struct regs_raw *raw, int64_t *ret_nr, uint64_t ret_args[6],
			   bool *ret_eintr)
{
	int64_t result = (int64_t)raw->user.rax;

	if (result != -EINTR && result != -ERESTARTSYS && result != -ERESTARTNOINTR &&
	    result != -ERESTARTNOHAND && result != -ERESTART_RESTARTBLOCK)
		return false;
	if (!regs_ended_call(raw, ret_nr, ret_args, &result))
		return false;
	*ret_eintr = result == -EINTR;
	return true;
}

/*
 * -ERESTARTNOHAND: restart the call unless a handler runs, in which case it becomes the EINTR that
 * the program would have seen without us.
 */
int regs_restart_call(pid_t tid, struct regs_raw *raw)
{
	struct iovec iov = { .iov_base = &raw->user, .iov_len = sizeof(raw->user) };

	raw->user.rax = (unsigned long long)-ERESTARTNOHAND;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

#endif
