/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * effort.h: how much one file's debug information may cost. Real files never come near; made-up ones
 * can ask for a walk over all of it at every step, by more ways than can be counted (references,
 * ranges, attributes without bytes): so what is bounded is the time of the processor, and the number
 * of ranges kept. Large files may have more of both. Once it is spent, what has been found so far is
 * all there is.
 */
#ifndef SS_SYMBOL_EFFORT_H
#define SS_SYMBOL_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

struct effort {
	unsigned running; /* begins without their end */
	uint64_t began_ns;
	uint64_t spent_ns; /* by what has ended */
	uint64_t bytes;    /* size of the file */
	uint64_t ranges;
	unsigned steps;
	bool exhausted;
};

/* Around everything that takes steps; may nest. What is over soon is not counted. */
void effort_begin(struct effort *effort);
void effort_end(struct effort *effort);

/* Before each step; false: take no more. */
bool effort_step(struct effort *effort);

/* The same for steps that are long. */
bool effort_long_step(struct effort *effort);

/* Before each range that will be kept. */
bool effort_range(struct effort *effort);

#endif
