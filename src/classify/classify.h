/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * classify.h: what state a thread is in and what it waits for. Pure: it reads nothing but its
 * input. What it would like to know more (memory at an address, what a descriptor is) it asks for
 * in its result; the caller fetches that and calls again with the answers. The second call may ask
 * for what that memory named (a descriptor of poll, a lock's owner by address), so three calls are
 * enough for any thread; nothing is asked twice. Every result is good as it is: answers only make it better.
 *
 * Order of trust: system call number and arguments, then the functions at the leaf of the stack,
 * then wchan.
 */
#ifndef SS_CLASSIFY_CLASSIFY_H
#define SS_CLASSIFY_CLASSIFY_H

#include "model/capture.h"
#include "model/stack.h"
#include "model/wait.h"

enum {
	CLASSIFY_WANTS = 3,  /* pieces of memory wanted at most, in one call */
	CLASSIFY_ROUNDS = 3, /* calls after which nothing more is wanted */
	CLASSIFY_ANSWERS = CLASSIFY_WANTS * (CLASSIFY_ROUNDS - 1),
	CLASSIFY_WANT_MAX = 128, /* bytes of each */
	CLASSIFY_TOP_MAX = 1024, /* of the stack's top: more are not looked at */
};

struct classify_memory {
	uint64_t addr;
	size_t len; /* at most CLASSIFY_WANT_MAX */
	bool valid; /* bytes[0..len) were read */
	unsigned char bytes[CLASSIFY_WANT_MAX];
};

struct classify_input {
	const struct look *look;
	enum capture_run run;      /* for threads that were stopped while running */
	const struct stack *stack; /* symbolized; NULL if there is none */
	/* answers to the previous calls' wants: once given they stay for the calls that follow */
	const struct fd_info *fd;             /* NULL: not asked, or unknown */
	const struct classify_memory *memory; /* at most CLASSIFY_ANSWERS, in any order */
	unsigned nmemory;
	/* the thread's stack from its sp on, as it was captured; NULL if it was not */
	const unsigned char *top;
	size_t ntop;
};

struct classify_result {
	enum thread_state state;
	struct wait wait; /* see below */
	int want_fd;      /* -1: nothing more to ask */
	unsigned nwants;
	struct classify_memory wants[CLASSIFY_WANTS]; /* addr and len */
};

/*
 * The wait is WAIT_NONE unless the thread is blocked or stopped; it is WAIT_NONE then too if the
 * thread waits outside of any system call and wchan does not say that it is for a page.
 *
 * call and call_name are what the kernel shows. For restart_syscall (a wait with a timeout that
 * something interrupted before) kind and arguments are those of the call that the stack's leaf says
 * it was; without such a leaf, WAIT_SYSCALL.
 *
 * owner is a tid as the target's memory or arguments have it: of the target's pid namespace, and of
 * the time when they were read; holder is then HOLDER_THREAD. The caller maps it, finds out whether
 * there is such a thread, and drops both if the waiter or the memory has changed since. owner_pid is
 * not set. Only locks that record an owner have one: no guess is made from other threads' stacks.
 *
 * fd_info is input->fd, place is input->look->wchan: borrowed. since_* are not set.
 */
void classify_thread(const struct classify_input *input, struct classify_result *ret);

/* What a wait for a futex is for, by its stack alone: WAIT_FUTEX if the stack does not tell. */
enum wait_kind classify_futex(const struct stack *stack);

#endif
