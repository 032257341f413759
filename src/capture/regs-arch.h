/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regs-arch.h: a stopped thread's registers as the kernel gives them (PTRACE_GETREGSET,
 * NT_PRSTATUS), one implementation per architecture. The thread must be in a ptrace stop of ours.
 */
#ifndef SS_CAPTURE_REGS_ARCH_H
#define SS_CAPTURE_REGS_ARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "model/regs.h"

#if defined(__x86_64__)
struct regs_raw {
	struct user_regs_struct user;
};
enum { REGS_RED_ZONE = 128 }; /* bytes below sp that a leaf function may use (AMD64 ABI 3.2.2) */
#else
struct regs_raw {
	struct user_regs_struct user;
	int32_t call; /* NT_ARM_SYSTEM_CALL */
};
enum { REGS_RED_ZONE = 0 };
#endif

/* 0 or a negative errno. */
int regs_fetch(pid_t tid, struct regs_raw *ret);

uint64_t regs_sp(const struct regs_raw *raw);

/* All registers by DWARF number. */
void regs_decode(const struct regs_raw *raw, struct regs *ret);

/*
 * True if the stop interrupted a system call that blocked; then its number, its arguments, and in
 * *ret_eintr whether the kernel is about to return EINTR for it (not a transparent restart).
 */
bool regs_interrupted_call(const struct regs_raw *raw, int64_t *ret_nr, uint64_t ret_args[6],
			   bool *ret_eintr);

/*
 * True if the stop is at the end of a system call; then its number, its arguments and its result,
 * which may be a negative errno of the kernel's own. An argument that is not known is UINT64_MAX.
 */
bool regs_ended_call(const struct regs_raw *raw, int64_t *ret_nr, uint64_t ret_args[6],
		     int64_t *ret_result);

/*
 * Make the kernel restart the interrupted call instead of returning EINTR. -ENOTSUP where that
 * cannot be done.
 */
int regs_restart_call(pid_t tid, struct regs_raw *raw);

#endif
