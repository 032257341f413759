/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * known.h: a child whose threads stand in loops of which every register is known: whatever instant a
 * look is of, the registers must fit each other, and the frames above are the same all the time.
 * Each thread spins in known_loop, KNOWN_DEPTH calls deep:
 *
 *	r12 = turn, r13 = r12 * 3, r14 = r13 * 5, r15 = r14 * 7, in this order, one instruction each
 *
 * so that between two of them the later ones are those of the turn before. The turn is also in
 * memory that both sides map: registers of an earlier turn than what was read there before the look
 * are stale.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdint.h>
#include <sys/mman.h>

#include "live.h"

enum { KNOWN_DEPTH = 24, KNOWN_THREADS_MAX = 256 };

/* Of one thread, in shared memory. */
struct known {
	volatile uint64_t turn;
	uint64_t sp, fp;               /* in the loop */
	uint64_t frames[KNOWN_DEPTH];  /* frame pointers, from the loop's outwards */
	uint64_t returns[KNOWN_DEPTH]; /* return addresses beside them */
	volatile pid_t tid;            /* set when it is about to spin */
};

struct known_start {
	struct known *threads;
	unsigned n;
};

#if defined(__x86_64__)

extern const char known_begin[], known_second[], known_third[], known_fourth[], known_store[],
	known_end[];

__attribute__((noinline, used)) static void known_note(struct known *known, uint64_t sp,
						       uint64_t fp)
{
	known->sp = sp;
	known->fp = fp;
	for (unsigned i = 0; i < KNOWN_DEPTH; i++) {
		known->frames[i] = fp;
		known->returns[i] = ((const uint64_t *)fp)[1];
		fp = *(const uint64_t *)fp;
	}
	known->tid = (pid_t)syscall(SYS_gettid);
}

/* Never returns. */
LIVE_NOINLINE static void known_loop(struct known *known)
{
	__asm__ volatile("mov %%rdi, %%rbx\n\t"
			 "mov %%rsp, %%rsi\n\t"
			 "mov %%rbp, %%rdx\n\t"
			 "mov %%rsp, %%r12\n\t"
			 "and $-16, %%rsp\n\t"
			 "call known_note\n\t"
			 "mov %%r12, %%rsp\n\t"
			 "xor %%r12d, %%r12d\n\t"
			 "xor %%r13d, %%r13d\n\t"
			 "xor %%r14d, %%r14d\n\t"
			 "xor %%r15d, %%r15d\n\t"
			 ".globl known_begin, known_second, known_third, known_fourth\n\t"
			 ".globl known_store, known_end\n\t"
			 "known_begin: inc %%r12\n"
			 "known_second: imul $3, %%r12, %%r13\n"
			 "known_third: imul $5, %%r13, %%r14\n"
			 "known_fourth: imul $7, %%r14, %%r15\n"
			 "known_store: mov %%r12, (%%rbx)\n"
			 "known_end: jmp known_begin\n\t"
			 :
			 : "D"(known)
			 : "memory", "rbx", "rsi", "rdx", "r12", "r13", "r14", "r15", "rax", "rcx",
			   "r8", "r9", "r10", "r11");
}

/* All of it has to be within the 4 KiB that are copied at first. */
LIVE_SMALL LIVE_NOINLINE static uint64_t known_descend(struct known *known, unsigned depth)
{
	volatile char room[64];

	room[0] = (char)depth;
	if (depth == 0)
		known_loop(known);
	else
		known_descend(known, depth - 1);
	return (uint64_t)room[0];
}

static void *known_thread(void *arg)
{
	known_descend(arg, KNOWN_DEPTH - 1);
	return NULL;
}

LIVE_MAYBE static void known_main(struct live_pipes pipes, void *arg)
{
	const struct known_start *start = arg;

	for (unsigned i = 0; i < start->n; i++)
		live_thread(known_thread, &start->threads[i]);
	for (unsigned i = 0; i < start->n; i++)
		while (start->threads[i].tid == 0)
			live_nap();
	live_say(pipes.out, 'x');
	live_block(pipes.in);
}

/* Memory for both sides, before live_start. */
LIVE_MAYBE static struct known_start known_new(unsigned n)
{
	struct known *threads = mmap(NULL, n * sizeof(*threads), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(threads != MAP_FAILED);
	return (struct known_start){ threads, n };
}

LIVE_MAYBE static struct known *known_find(const struct known_start *start, pid_t tid)
{
	for (unsigned i = 0; i < start->n; i++)
		if (start->threads[i].tid == tid)
			return &start->threads[i];
	return NULL;
}

/* The registers fit each other, and are not of an earlier turn than `before`. */
LIVE_MAYBE static bool known_fits(const struct known *known, const struct regs *regs,
				  uint64_t before)
{
	uint64_t pc = regs->r[REG_PC], turn = regs->r[12], last = turn - 1;
	uint64_t r13 = turn * 3, r14 = turn * 15, r15 = turn * 105;

	/* at the instruction `known_X`, what it computes is still of the turn before */
	if (pc == (uintptr_t)known_second)
		r13 = last * 3;
	if (pc == (uintptr_t)known_second || pc == (uintptr_t)known_third)
		r14 = last * 15;
	if (pc == (uintptr_t)known_second || pc == (uintptr_t)known_third ||
	    pc == (uintptr_t)known_fourth)
		r15 = last * 105;
	return pc >= (uintptr_t)known_begin && pc <= (uintptr_t)known_end &&
	       regs->r[REG_SP] == known->sp && regs->r[REG_FP] == known->fp && regs->r[13] == r13 &&
	       regs->r[14] == r14 && regs->r[15] == r15 && turn >= before;
}

/* 8 bytes at addr of what was captured; 0 if it was not. */
LIVE_MAYBE static uint64_t known_word(const struct capture_thread *thread, uint64_t addr)
{
	uint64_t word = 0;

	for (unsigned i = 0; i < thread->ncopies; i++) {
		const struct stack_copy *copy = &thread->copies[i];

		if (addr >= copy->addr && addr + 8 <= copy->addr + copy->len)
			memcpy(&word, copy->bytes + (addr - copy->addr), sizeof(word));
	}
	return word;
}

/* Every frame pointer and return address is where it must be. */
LIVE_MAYBE static bool known_stack_fits(const struct known *known,
					const struct capture_thread *thread)
{
	uint64_t fp = thread->regs.r[REG_FP];

	for (unsigned i = 0; i < KNOWN_DEPTH; i++) {
		if (fp != known->frames[i] || known_word(thread, fp + 8) != known->returns[i])
			return false;
		fp = known_word(thread, fp);
	}
	return true;
}

#endif
#endif
