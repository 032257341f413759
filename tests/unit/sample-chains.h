/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample-chains.h: two invented processes whose threads wait for each other in every way that the
 * writers have words for: chains that end at a thread or a process, every fate, other ends that are
 * many, a deadlock of two threads and one of three that leads through both processes.
 */
#ifndef SS_TESTS_SAMPLE_CHAINS_H
#define SS_TESTS_SAMPLE_CHAINS_H

#include "sample.h"

enum { CHAINS_FRONT = 100, CHAINS_BACK = 200 };

struct sample_chains {
	struct ss_snapshot front, back;
	const struct ss_snapshot *snapshots[2];
	struct chain chains[32];
	struct deadlock deadlocks[2];
	struct thread_ref two[2], three[3];
};

/* What it says of deadlocks is at front, the first of the two snapshots. */
void sample_chains_init(struct sample_chains *sample);
void sample_chains_done(struct sample_chains *sample);

/* The thread with this tid, of either process. */
struct thread *sample_chains_thread(struct sample_chains *sample, pid_t tid);

#endif
