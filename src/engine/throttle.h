/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * throttle.h: how often a capture may look without using more than its share of a CPU. Pure: it is
 * told what was used and says how long the period between looks is to be. The account of a capture
 * works on the kernel's counters, so that fewer looks cost places, never time.
 */
#ifndef SS_ENGINE_THROTTLE_H
#define SS_ENGINE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle {
	double limit;             /* share of one CPU; 0: none */
	uint64_t wanted_ns;       /* the period that was asked for */
	uint64_t period_ns;       /* the one in force, never shorter */
	uint64_t longest_ns;      /* that was in force; 0: always the wanted one */
	uint64_t from_ns, cpu_ns; /* where the window at hand began */
	unsigned over;            /* windows in a row that used too much */
};

void throttle_init(struct throttle *throttle, double limit, uint64_t period_ns, uint64_t now_ns,
		   uint64_t cpu_ns);

/*
 * At a time (CLOCK_MONOTONIC) the capture has used so much CPU time in all. True if period_ns has
 * changed.
 */
bool throttle_note(struct throttle *throttle, uint64_t now_ns, uint64_t cpu_ns);

#endif
