/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schedclock.h: since when a thread is blocked, from se.exec_start: the time at which it last had
 * the CPU, on the scheduler clock of that CPU. Those clocks leave out stolen time, so they drift
 * apart on virtual machines. Where the look does not tell how far it is from CLOCK_MONOTONIC, a
 * thread of ours runs on the CPU for an instant, and compares. A wait found this way is never longer
 * than the true one by more than a few milliseconds.
 */
#ifndef SS_TARGET_SCHEDCLOCK_H
#define SS_TARGET_SCHEDCLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "model/capture.h"

enum schedclock_state { SCHEDCLOCK_UNTRIED, SCHEDCLOCK_KNOWN, SCHEDCLOCK_FAILED };

struct schedclock_cpu {
	enum schedclock_state state;
	int64_t offset_ns; /* CLOCK_MONOTONIC - scheduler clock */
	bool steal_known;
	uint64_t steal_ns; /* stolen since boot */
};

struct schedclock {
	VEC(struct schedclock_cpu) cpus; /* by CPU number */
	struct buf stat;                 /* /proc/stat, read on the first use since begin */
};

void schedclock_init(struct schedclock *clock);
void schedclock_done(struct schedclock *clock);

/*
 * Forget all calibrations: once per snapshot, or once a second. An old one counts time that was
 * stolen since as part of the waits that began after it.
 */
void schedclock_begin(struct schedclock *clock);

/*
 * How long the thread had been blocked when *look was taken. *ret_at_least: it may be longer,
 * because its CPU lost more than 1 % of that time to others. Unless the look knows the clock, runs a
 * thread on the CPU in question for an instant on the first use of each. 0, -ENOMEM, or -ENODATA if it
 * cannot be told: not sleeping, exec_start unknown, a restarted call (a stop in between moved
 * exec_start), or a CPU that we may not run on.
 */
int schedclock_since(struct schedclock *clock, const struct look *look, uint64_t *ret_ns,
		     bool *ret_at_least);

#endif
