/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * classify.h: what state a thread is in and what it waits for. Pure: it reads nothing but its
 * input. What it would like to know more (memory at an address, what a descriptor is) it asks for
 * in its result; the caller fetches that and calls again with the answers. The second call may ask
 * for a descriptor that the memory named (poll), so three calls are enough for any thread; nothing
 * is asked twice. Every result is good as it is: answers only make it better.
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
	CLASSIFY_WANTS = 2,      /* pieces of memory wanted at most */
	CLASSIFY_WANT_MAX = 128, /* bytes of each */
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
	const struct classify_memory *memory; /* CLASSIFY_WANTS of them, NULL on the first call */
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
 * the time when they were read. The caller maps it, and drops it if that thread is gone or the
 * waiter has moved since.
 *
 * fd_info is input->fd, place is input->look->wchan: borrowed. since_* are not set.
 */
void classify_thread(const struct classify_input *input, struct classify_result *ret);

#endif
