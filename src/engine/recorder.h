/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder.h: one process observed tick by tick: every thread's counters and places, turned into
 * an account of its time. The clock of the ticks is the caller's (record.c).
 */
#ifndef SS_ENGINE_RECORDER_H
#define SS_ENGINE_RECORDER_H

#include "engine/session.h"
#include "model/profile.h"

struct recorder;

/* The session outlives the recorder. */
int recorder_new(struct ss_session *session, const struct ss_record_options *options,
		 struct recorder **ret, struct ss_error *err);
void recorder_free(struct recorder *recorder);

/*
 * From now on the kernel's timer is to sample what is on a CPU so often, for a block profile less; in
 * vain where that may not be.
 */
void recorder_sample(struct recorder *recorder, double hz);

/* The process has ended, or cannot be read any more: nothing is to be sampled. Freeing does it, too. */
void recorder_end_samples(struct recorder *recorder);

/*
 * One look at every thread that is selected, perhaps at none. 1: go on, also if the process could
 * not be read at this moment, which counts as a missed look; 0: it has ended; a negative errno if it
 * cannot be read any more, with *err set.
 */
int recorder_tick(struct recorder *recorder, struct ss_error *err);

/* How many threads were alive at the last tick. */
unsigned recorder_threads(const struct recorder *recorder);

/*
 * The account of everything seen, from the first tick to the last. ticks_*: of the capture, for the
 * coverage block. Call once; then free.
 */
int recorder_finish(struct recorder *recorder, unsigned ticks_done, unsigned ticks_missed,
		    struct ss_profile **ret, struct ss_error *err);

/* After recorder_finish: the profile no longer needs the session (keep.c). */
int profile_keep(struct ss_profile *profile, struct ss_error *err);

#endif
