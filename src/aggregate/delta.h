/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * delta.h: the account of one thread's time, from its kernel counters. Pure: it sees numbers only,
 * so that invented counter series can test it. Between two observations of a thread
 *
 *	wall = t2 - t1 = on CPU + runnable + blocked (+ stopped by us)
 *
 * and every nanosecond of it is credited to some place. A place is a number of the caller's (a
 * stack and a wait); 0 means that none was seen.
 *
 * Kernel counters lag by up to a scheduler tick and may overtake wall later (run-queue time is
 * credited only when the thread gets a CPU), so residues are carried from interval to interval in a
 * signed carry; the parts of each interval are never negative and add up to its wall, and over a
 * capture the sums are those of the counters, to within one tick per thread.
 */
#ifndef SS_AGGREGATE_DELTA_H
#define SS_AGGREGATE_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How far the on-CPU counter of a running thread may lag: a tick at HZ=250. With HZ=100 up to 6 ms
 * more can be taken for stolen time, once per thread and capture.
 */
#define DELTA_TICK_NS 4000000

enum delta_where {
	WHERE_UNKNOWN, /* no stack: vanished, unstable, late */
	WHERE_ON_CPU,
	WHERE_RUNNABLE,
	WHERE_BLOCKED,
};

/* One look at one thread. Times in ns; t_ns and since_ns are CLOCK_MONOTONIC. */
struct observation {
	uint64_t t_ns;
	uint64_t on_ns, run_queue_ns, pcount; /* schedstat, as read at t_ns */
	uint64_t voluntary; /* voluntary_ctxt_switches; holds if voluntary_known */
	bool voluntary_known;
	enum delta_where where;
	uint32_t place;    /* what it does at t_ns; 0: not seen */
	uint64_t since_ns; /* WHERE_BLOCKED: when that wait began, 0 unknown */
	/* our own stops of this thread since the observation before */
	uint64_t stopped_ns;    /* from interrupt to release, in all */
	unsigned own_pcount;    /* times it was switched in because of us */
	unsigned own_voluntary; /* voluntary switches that we caused */
	bool same_wait;         /* interrupted by us, and after that in the same wait as before */
};

enum credit_kind {
	CREDIT_ON_CPU,
	CREDIT_RUNNABLE,
	CREDIT_BLOCKED,
	CREDIT_SHORT_WAITS,   /* blocked, in waits that began and ended unseen; place is the nearest
			       that was seen blocked, if there is one */
	CREDIT_ON_CPU_UNSEEN, /* on CPU, but at neither end of the interval */
	CREDIT_RUN_QUEUE,     /* runnable, but at neither end */
	CREDIT_STOLEN,        /* in no counter: steal or irq time */
	CREDIT_KINDS,
};

/*
 * Place is 0 if the thread was never seen doing anything, or was seen blocked without a stack.
 * start_ns is where the credit may be shown on a time line. Credits come roughly in time order: a
 * wait is told when it has ended, so what our stops made the thread do meanwhile comes before it.
 */
struct credit {
	enum credit_kind kind;
	uint32_t place;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	uint64_t ns;       /* 0 only if count is not */
	uint64_t count;    /* waits that began (BLOCKED, SHORT_WAITS); 0 for the others */
};

typedef void delta_sink(void *arg, const struct credit *credit);

struct delta {
	struct observation last; /* where the interval that is not accounted yet began */
	/* a later look that could not end that interval, as it found the thread in the run queue */
	struct observation joined;
	bool joining;
	uint64_t queued_since_ns; /* joining: seen in the queue from then on, and not run since */
	bool queued_before;       /* the next run-queue time may be from before the capture */
	uint64_t still_ns;        /* it has not run from last or joined until then; 0: not told */
	uint32_t near_place;      /* the last one seen */
	uint32_t wait_place;      /* the last one where it was seen blocked */
	/* credited, but not in the counter yet (> 0), or in the counter and not credited (< 0) */
	int64_t carry_on, carry_queue;
	/* of the last observation that knew them, and what has happened since */
	uint64_t voluntary;
	bool voluntary_known;
	unsigned own_voluntary;
	uint64_t waits_ahead; /* waits counted before voluntary showed them */
	/* the wait that is open: told when it ends, so that --min-block can drop it */
	bool open;
	uint32_t open_place;
	uint64_t open_start_ns, open_ns, open_count;
	uint64_t min_block_ns;
	/*
	 * Sums: on + runnable + blocked + stopped = wall, all up to `last`. Stolen time is in
	 * runnable, what min_block dropped is in blocked and waits, and in dropped besides.
	 */
	uint64_t wall_ns, on_ns, runnable_ns, blocked_ns, stopped_ns, dropped_ns, waits;
	unsigned halved; /* intervals split half and half for want of a start time */
};

void delta_init(struct delta *delta, uint64_t min_block_ns);

/*
 * The first observation. began_ns: if the thread was born within the capture, when (its counters
 * then count from 0 and that time is accounted); else 0: what was before is not counted.
 */
void delta_begin(struct delta *delta, const struct observation *first, uint64_t began_ns,
		 delta_sink *sink, void *arg);

/*
 * The thread has not run since the last observation: its wait goes on until t_ns. Cheap; the sums
 * follow with the next observation.
 */
void delta_unchanged(struct delta *delta, uint64_t t_ns);

/* A further observation of a thread that has run. */
void delta_observe(struct delta *delta, const struct observation *now, delta_sink *sink, void *arg);

/* The end of the capture, or of the thread: credits what is open. Nothing may follow. */
void delta_finish(struct delta *delta, delta_sink *sink, void *arg);

#endif
