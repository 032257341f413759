/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metronome.h: the clock of a capture. Ticks stand on an absolute time line, so that a slow tick does
 * not move the ones after it; ticks that cannot be kept are counted as missed and stretched over, for
 * the account works on the kernel's counters and not on the number of ticks. Each tick is moved a
 * little at random, against programs that beat at the same rate.
 */
#ifndef SS_ENGINE_METRONOME_H
#define SS_ENGINE_METRONOME_H

#include <stdint.h>

struct metronome {
	uint64_t start_ns;             /* CLOCK_MONOTONIC of the first tick of all */
	uint64_t anchor_ns, period_ns; /* tick n of this period is at anchor_ns + n * period_ns */
	uint64_t next;                 /* n of the next tick */
	uint64_t random;
	unsigned done, missed; /* `done` is the caller's to count */
};

/* Tick 0 is now. */
void metronome_init(struct metronome *metronome, double rate_hz);

/* The ticks after the latest one come with this period. */
void metronome_change(struct metronome *metronome, uint64_t period_ns);

/* Sleep until the next tick is due, or until end_ns if that is earlier (0: no end). */
void metronome_wait(struct metronome *metronome, uint64_t end_ns);

#endif
