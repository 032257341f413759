/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * effort.h: how much the symbols and debug information of files may cost. Real files never come near;
 * made-up ones can ask for a walk over all of it at every step, or for memory, by more ways than can
 * be counted (references, ranges, rows, attributes without bytes): so what is bounded is the time of
 * the processor and an estimate of the memory, of all files of a process together. Whoever has more
 * bytes on disk may have more of both. Once it is spent, what has been found so far is all there is.
 */
#ifndef SS_SYMBOL_EFFORT_H
#define SS_SYMBOL_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map64.h"

/* What the files of one process share. Used by one thread at a time. */
struct effort_budget {
	uint64_t bytes;     /* on disk, of all files so far */
	struct map64 files; /* the files of these, by a hash */
	uint64_t spent_ns;  /* by what has ended */
	uint64_t memory;    /* of what is open; bytes */
};

void effort_budget_init(struct effort_budget *budget);
void effort_budget_done(struct effort_budget *budget);

/* One file's part, with the debug files that belong to it. */
struct effort {
	struct effort_budget *budget;
	struct effort_budget own; /* if it shares none */
	unsigned running;         /* begins without their end */
	uint64_t began_ns;
	uint64_t memory;
	unsigned steps;
	bool exhausted; /* no time is left */
	bool refused;   /* some memory was */
};

/* `shared` NULL: a budget of its own. What is shared outlives it. */
void effort_init(struct effort *effort, struct effort_budget *shared);
void effort_done(struct effort *effort); /* its memory is free again */

/* There is one more file: what it has on disk, holes left out, counts once. */
void effort_add_file(struct effort *effort, int fd);

/* Around everything that takes steps; may nest. What is over soon hardly counts. */
void effort_begin(struct effort *effort);
void effort_end(struct effort *effort);

/* There was time of the processor that another thread took for it. */
void effort_add_time(struct effort *effort, uint64_t ns);

/* Before each step; false: take no more. */
bool effort_step(struct effort *effort);

/* The same for steps that are long. */
bool effort_long_step(struct effort *effort);

/* Before so much memory is used; false: it must not be, and is not counted. */
bool effort_memory(struct effort *effort, uint64_t bytes);

/* The same, but nothing is counted yet. */
bool effort_has_memory(struct effort *effort, uint64_t bytes);

/* Before each range that will be kept. */
bool effort_range(struct effort *effort);

#endif
