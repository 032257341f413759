/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query.h: one classification under way: what is being asked about, the answer so far, and the
 * means to ask the caller for memory and descriptors. Internal to src/classify.
 */
#ifndef SS_CLASSIFY_QUERY_H
#define SS_CLASSIFY_QUERY_H

#include "classify/classify.h"
#include "classify/leaf.h"

/* Where a call's timeout is. */
enum timeout_form {
	TIMEOUT_NONE,     /* the call has none */
	TIMEOUT_MS,       /* an int of milliseconds, negative: infinite */
	TIMEOUT_TIMESPEC, /* relative, by pointer, NULL: infinite */
	TIMEOUT_TIMEVAL,  /* the same in a struct timeval */
	TIMEOUT_DEADLINE, /* an absolute time by pointer, NULL: infinite */
	TIMEOUT_HIDDEN,   /* it may have one that the arguments do not show */
};

struct query {
	const struct classify_input *input;
	const uint64_t *args; /* of the system call */
	struct leaf leaf;
	struct classify_result *ret;
};

/* len bytes at addr if the caller has brought them; else NULL, and they are asked for once. */
const unsigned char *query_memory(struct query *query, uint64_t addr, size_t len);

/* The thread waits on descriptor `fd` (an argument: its low 32 bits count); asks what it is. */
void query_fd(struct query *query, uint64_t fd);

/* Set wait.timeout_ns from argument `value` of this form. */
void query_timeout(struct query *query, enum timeout_form form, uint64_t value);

#endif
