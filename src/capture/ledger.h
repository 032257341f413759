/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger.h: who has not run, from sums alone. The CPU time of a process is that of its threads, to
 * the nanosecond, and of those that have ended. If the few threads that were busy of late account
 * for all that it has used, then no other has run, and none need be looked at: one call instead of
 * a thousand reads.
 *
 * What it cannot tell: the kernel books a thread's time at its next clock tick or switch, so a
 * thread that has begun to run within the last few milliseconds still seems to be where it was.
 * Nothing is lost of its time, which the next look counts, but it is not seen on a CPU. And where a
 * hypervisor has taken the CPU away, the kernel takes what was stolen off the turns that follow,
 * down to nothing (update_rq_clock_task, kernel/sched/core.c): an idle thread's turn that is booked
 * so shows at the next tick that looks at all threads, which comes after at most a second or so.
 */
#ifndef SS_CAPTURE_LEDGER_H
#define SS_CAPTURE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct capturer;
struct capture_thread;
struct target;
struct work;

struct ledger {
	bool wanted;
	clockid_t clock;
	bool balanced;  /* at at_ns; holds for the one tick that follows */
	uint64_t at_ns; /* CLOCK_MONOTONIC */

	bool rest_known;
	uint64_t rest_ns; /* what the process used beside the threads of the table: ended ones */
	bool candidate;   /* candidate_ns is the rest, if no idle thread turns out to have run */
	uint64_t candidate_ns;

	bool surprised;    /* an idle thread had run: why the sums did not balance */
	unsigned failures; /* in a row */
	unsigned skip;     /* so many ticks without trying */
	unsigned streak;   /* balanced ticks in a row */
};

/* Use one from the next tick on, if the kernel has the clock. */
void ledger_open(struct ledger *ledger, const struct target *target);

/*
 * Before a tick: do the busy threads account for everything? Marks the threads that have not run
 * (work->stands). Reads the counters of the busy ones, and nothing of the others.
 */
bool ledger_balance(struct capturer *capturer);

/* In the tick that follows a balance. */
bool ledger_holds(const struct ledger *ledger);

/* The look at a thread that stands, which need not be taken. */
void ledger_fill(const struct ledger *ledger, const struct work *work,
		 struct capture_thread *thread);

/* Book what a look at a thread has shown. */
void ledger_book(struct ledger *ledger, struct work *work, const struct capture_thread *thread);

/* After a tick that looked at every thread. */
void ledger_close(struct ledger *ledger);

/* Threads have come or gone. */
void ledger_forget(struct ledger *ledger);

#endif
