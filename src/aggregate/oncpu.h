/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oncpu.h: one thread's time on CPU, held until a sample says where it was spent. The counters say how
 * long a thread was on a CPU between two ticks, samples of the kernel's timer say where it was at single
 * moments: each takes all of the thread's time on CPU since its sample before.
 *
 *	tick      t1          t2          t3          t4
 *	on CPU    |   3 ms    |   2 ms    |   4 ms    | the end
 *	sample                |     A     |           |
 *	          A takes 5 ms when t3 has come, and the 4 ms at the end
 *
 * Several samples between two ticks share the time between these evenly; the first one takes what was
 * held before as well. Time of a thread that no sample ever met is ON_CPU_UNSEEN. Places are numbers
 * of the caller's. Memory is bounded; no time is lost to the bounds.
 */
#ifndef SS_AGGREGATE_ONCPU_H
#define SS_AGGREGATE_ONCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/delta.h"
#include "base/vec.h"

enum {
	ONCPU_PIECES = 64, /* held for the time line; a further one sends them where a sample was */
	ONCPU_SAMPLES = 64, /* that wait for time; a further one stands in for the latest */
};

struct oncpu_piece {
	uint64_t start_ns, ns;
};

struct oncpu {
	bool ordered;                   /* pieces are kept, for a time line */
	uint32_t place;                 /* of the latest sample; 0: there was none */
	uint32_t near_place;            /* the latest one that a credit named */
	uint64_t before_ns;             /* held at the latest tick */
	uint64_t ns;                    /* credited since then */
	VEC(uint32_t) samples;          /* places, in the order of time */
	VEC(struct oncpu_piece) pieces; /* ordered: before_ns + ns, in the order of time */
};

/* All zero is an empty one without a time line. */
void oncpu_init(struct oncpu *oncpu, bool ordered);
void oncpu_done(struct oncpu *oncpu);

/* A sample met the thread at this place. 0 or -ENOMEM. */
int oncpu_sample(struct oncpu *oncpu, uint32_t place);

/* Takes a credit of ON_CPU or ON_CPU_UNSEEN. Credits go to the sink once their place is known. */
void oncpu_hold(struct oncpu *oncpu, const struct credit *credit, delta_sink *sink, void *arg);

/* The thread's credits up to this tick have come, and the samples before them. */
void oncpu_tick(struct oncpu *oncpu, delta_sink *sink, void *arg);

/* Nothing follows: sends on all that is held. */
void oncpu_finish(struct oncpu *oncpu, delta_sink *sink, void *arg);

#endif
