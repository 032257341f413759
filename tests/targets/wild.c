/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wild.c: stacks that end oddly. Thread "context" runs on a makecontext stack; "wild-stack" on a
 * hand-made stack whose outermost return address lies in no mapping; "cycle" in a frame whose
 * caller, by its CFI, is itself: a walk without a check for that never ends.
 */
#include "target.h"

#include <ucontext.h>

enum { STACK_BYTES = 64 * 1024 };

static struct arrival arrivals[3];

static NOINLINE void in_context(void)
{
	arrival_set(&arrivals[0]);
	target_rest();
}

static void *run_context(void *unused)
{
	static char stack[STACK_BYTES];
	static ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, in_context, 0);
	swapcontext(&here, &there);
	return unused;
}

static __attribute__((used)) NOINLINE void wild_leaf(void)
{
	arrival_set(&arrivals[1]);
	target_rest();
}

static __attribute__((used)) NOINLINE void wild_entry(void)
{
	wild_leaf();
	KEEP_FRAME();
}

static __attribute__((used)) NOINLINE void cycle_leaf(void)
{
	arrival_set(&arrivals[2]);
	target_rest();
}

static char wild_stack[STACK_BYTES] __attribute__((aligned(64)));
static char cycle_stack[STACK_BYTES] __attribute__((aligned(64)));

#if defined(__x86_64__)
static void *run_wild(void *unused)
{
	/* As at a function's entry: rsp + 8 is a multiple of 16, the return address on top. */
	uint64_t *sp = (uint64_t *)(wild_stack + STACK_BYTES - 64) - 1;

	*sp = 0x666000;
	__asm__ volatile("mov %0, %%rsp; xor %%ebp, %%ebp; jmp wild_entry" ::"r"(sp) : "memory");
	return unused;
}

/* cycle_frame(area): its CFI says CFA = rbp + 16; area holds rbp's own value and its own pc. */
__asm__(".text\n"
	".type cycle_frame, @function\n"
	"cycle_frame:\n"
	"	.cfi_startproc\n"
	"	.cfi_def_cfa rbp, 16\n"
	"	.cfi_offset rbp, -16\n"
	"	.cfi_offset rip, -8\n"
	"	mov %rdi, %rbp\n"
	"	mov %rbp, (%rbp)\n"
	"	lea 1f(%rip), %rax\n"
	"	mov %rax, 8(%rbp)\n"
	"	mov %rdi, %rsp\n"
	"	call cycle_leaf\n"
	"1:	hlt\n"
	"	.cfi_endproc\n"
	".size cycle_frame, . - cycle_frame\n");

void cycle_frame(void *area);

static void *run_cycle(void *unused)
{
	cycle_frame(cycle_stack + STACK_BYTES - 64);
	return unused;
}
#elif defined(__aarch64__)
static void *run_wild(void *unused)
{
	__asm__ volatile("mov sp, %0; mov x29, xzr; mov x30, %1; b wild_entry" ::"r"(
				 wild_stack + STACK_BYTES - 64),
			 "r"(0x666000UL)
			 : "memory");
	return unused;
}

static void *run_cycle(void *unused)
{
	(void)cycle_stack;
	cycle_leaf(); /* an ordinary frame: the trick is not written for this machine */
	return unused;
}
#endif

int main(void)
{
	target_begin();
	target_thread("context", 0, run_context, NULL);
	target_thread("wild-stack", 0, run_wild, NULL);
	target_thread("cycle", 0, run_cycle, NULL);
	for (int i = 0; i < 3; i++)
		arrival_await_sleep(&arrivals[i]);
	target_ready();
	target_rest();
}
