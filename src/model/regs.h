/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regs.h: a thread's registers by their DWARF numbers, and what the ABI says of them. Registers
 * that could not be had are not in `known`: of a thread that was not stopped /proc tells sp, pc and
 * the arguments of its call.
 *
 * Sources: System V ABI AMD64 supplement 1.0, figure 3.36; DWARF for the Arm 64-bit
 * Architecture, 4.1.
 */
#ifndef SS_MODEL_REGS_H
#define SS_MODEL_REGS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
enum {
	REG_COUNT = 17,
	REG_FP = 6,  /* rbp */
	REG_SP = 7,  /* rsp */
	REG_PC = 16, /* the return address column */
};
/* rbx rbp r12 r13 r14 r15 */
#define REGS_CALLEE_SAVED (1u << 3 | 1u << 6 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15)
#elif defined(__aarch64__)
enum {
	REG_COUNT = 33,
	REG_FP = 29, /* x29 */
	REG_LR = 30, /* x30: the return address column of a frame that has not saved it */
	REG_SP = 31,
	REG_PC = 32,
};
/* x19 to x29 */
#define REGS_CALLEE_SAVED (0x7ffu << 19)
#else
#error "stacksnap knows x86-64 and aarch64 only"
#endif

struct regs {
	uint64_t known; /* bit i: r[i] holds */
	uint64_t r[REG_COUNT];
};

/* The registers that hold a system call's six arguments while it blocks. */
#if defined(__x86_64__)
#define REGS_CALL_ARGS            \
	{                         \
		5, 4, 1, 10, 8, 9 \
	} /* rdi rsi rdx r10 r8 r9 */
#else
#define REGS_CALL_ARGS           \
	{                        \
		0, 1, 2, 3, 4, 5 \
	}
#endif

static inline bool regs_known(const struct regs *regs, unsigned i)
{
	return regs->known >> i & 1;
}

static inline void regs_set(struct regs *regs, unsigned i, uint64_t value)
{
	regs->r[i] = value;
	regs->known |= 1ull << i;
}

#endif
