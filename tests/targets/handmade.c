/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handmade.c: locks made by hand on the system call, which record no owner. Behind the word each has
 * data of its own in which a glibc mutex could be seen: its value is 2, and where that has owner,
 * users and kind there are small numbers. Thread h-FORM-DATA blocks in h_FORM_DATA. FORM says how
 * the call is made: by syscall(3), or by an instruction of the program's own; DATA what +8 holds: 1
 * (a tid where pids are few), the main thread's tid, or that of the thread that waits.
 */
#include <linux/futex.h>

#include "target.h"

struct lock {
	_Alignas(8) _Atomic uint32_t word; /* as a mutex is aligned */
	uint32_t spins;                    /* where glibc has count */
	uint32_t data, references, mode;   /* owner, nusers, kind */
};

#define WAIT_OP (FUTEX_WAIT | FUTEX_PRIVATE_FLAG)

static inline __attribute__((always_inline)) void wait_by_call(struct lock *lock)
{
	syscall(SYS_futex, &lock->word, WAIT_OP, 2, NULL);
}

/* glibc itself makes the call in this way, in functions that a stripped library does not name */
static inline __attribute__((always_inline)) void wait_by_instruction(struct lock *lock)
{
#ifdef __x86_64__
	register long timeout __asm__("r10") = 0;
	long r = SYS_futex;

	__asm__ volatile("syscall"
			 : "+a"(r)
			 : "D"(&lock->word), "S"((long)WAIT_OP), "d"(2L), "r"(timeout)
			 : "rcx", "r11", "memory");
#else
	wait_by_call(lock);
#endif
}

#define HANDMADE(form, data_name, value)                               \
	NOINLINE static void h_##form##_##data_name(struct lock *lock) \
	{                                                              \
		lock->data = (uint32_t)(value);                        \
		while (atomic_load(&lock->word) == 2)                  \
			wait_by_##form(lock);                          \
		KEEP_FRAME();                                          \
	}

HANDMADE(call, one, 1)
HANDMADE(call, main, getpid())
HANDMADE(call, self, target_tid())
HANDMADE(instruction, one, 1)
HANDMADE(instruction, main, getpid())
HANDMADE(instruction, self, target_tid())

static const struct {
	const char *name;
	void (*wait)(struct lock *lock);
} waits[] = {
	{ "h-call-one", h_call_one },           { "h-call-main", h_call_main },
	{ "h-call-self", h_call_self },         { "h-instr-one", h_instruction_one },
	{ "h-instr-main", h_instruction_main }, { "h-instr-self", h_instruction_self },
};

enum { WAITS = sizeof(waits) / sizeof(*waits) };

static struct lock locks[WAITS];
static struct arrival arrivals[WAITS];

static void *play(void *arg)
{
	int i = (int)(intptr_t)arg;

	locks[i] = (struct lock){ .word = 2, .references = 1 };
	arrival_set(&arrivals[i]);
	waits[i].wait(&locks[i]);
	return NULL;
}

int main(void)
{
	target_begin();
	for (int i = 0; i < WAITS; i++)
		target_thread(waits[i].name, 0, play, (void *)(intptr_t)i);
	for (int i = 0; i < WAITS; i++)
		arrival_await_sleep(&arrivals[i]);
	target_ready();
	target_rest();
}
