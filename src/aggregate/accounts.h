/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accounts.h: where the credits of all threads are summed: one row for each (thread, kind, place),
 * and, if asked for, the same credits in the order of time. Threads are indices, places numbers;
 * only the caller knows what they stand for.
 *
 * Memory is bounded. A place beyond the bound loses its name, never its time: the row of the thread
 * and kind with place 0 takes it. A segment beyond the bound is dropped and counted.
 */
#ifndef SS_AGGREGATE_ACCOUNTS_H
#define SS_AGGREGATE_ACCOUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/delta.h"
#include "base/map64.h"
#include "base/vec.h"

struct accounts_row {
	uint32_t thread, place;
	enum credit_kind kind;
	uint64_t ns;
	uint64_t count; /* waits for the blocked kinds, credits (samples) for the others */
};

struct accounts_segment {
	uint32_t thread, place;
	enum credit_kind kind;
	uint64_t start_ns, ns; /* CLOCK_MONOTONIC */
};

struct accounts {
	VEC(struct accounts_row) rows;
	struct map64 by_key;  /* (thread, kind, place) -> index in rows */
	size_t max_rows;      /* with a place */
	uint64_t nameless_ns; /* in rows of place 0 for want of room */
	VEC(struct accounts_segment) segments;
	VEC(uint32_t) tails; /* [thread]: 1 + index of its latest segment, 0: none */
	size_t max_segments; /* 0: none are kept, none count as dropped */
	size_t segments_dropped;
	int error;        /* 0, or -ENOMEM: some credits are missing */
	uint64_t lost_ns; /* of those */
};

/* Where one thread's delta sends its credits: the argument of accounts_sink. */
struct accounts_sink {
	struct accounts *accounts;
	uint32_t thread;
};

void accounts_init(struct accounts *accounts, size_t max_rows, size_t max_segments);
void accounts_done(struct accounts *accounts);

/* A credit without place (0) has a row of its own as well. */
void accounts_add(struct accounts *accounts, uint32_t thread, const struct credit *credit);

delta_sink accounts_sink;

/*
 * Rows by thread, kind and place; segments by thread and time, cut so that those of a thread do not
 * overlap (what a thread did for a moment within a wait, because of us, is not shown). Call once,
 * at the end: nothing can be added after.
 */
void accounts_sort(struct accounts *accounts);

#endif
