/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * classify.h: what state a thread is in and what it waits for. Pure: it reads nothing but its
 * input. What it would like to know more (memory at an address, what a descriptor is) it asks for
 * in its result; the caller fetches that and calls again with the answers, once.
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
	/* answers to the previous call's wants */
	const struct fd_info *fd;             /* NULL: not asked, or unknown */
	const struct classify_memory *memory; /* CLASSIFY_WANTS of them, NULL on the first call */
};

struct classify_result {
	enum thread_state state;
	struct wait wait; /* since_* are not set here; fd_info is input->fd; kind WAIT_NONE unless
			     blocked or stopped */
	int want_fd;      /* -1: nothing more to ask */
	unsigned nwants;
	struct classify_memory wants[CLASSIFY_WANTS]; /* addr and len */
};

void classify_thread(const struct classify_input *input, struct classify_result *ret);

/*
 * True if the thread's wait in this call returns EINTR to the program after any stop, handler or
 * not.
 */
bool classify_call_is_interruptible(int64_t nr);

#endif
