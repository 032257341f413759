/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aside.h: a thread that copies for a tracer. It holds no tracee: if it has to wait for a page, which
 * happens only to one that has gone since present_find saw it, the tracer lets all its threads go at
 * its deadline, whatever becomes of the copies.
 */
#ifndef SS_CAPTURE_ASIDE_H
#define SS_CAPTURE_ASIDE_H

#include <stdbool.h>

#include "base/error.h"
#include "capture/copier.h"

struct aside;

int aside_start(struct copier *copier, struct aside **ret, struct ss_error *err);

/* Its tid, for its priority. */
pid_t aside_tid(const struct aside *aside);

/*
 * copier_run, allocating nothing. -ETIMEDOUT if it has not come to an end by deadline_ns
 * (CLOCK_MONOTONIC): then the jobs are not the caller's before aside_end.
 */
int aside_run(struct aside *aside, uint64_t deadline_ns);

/*
 * Wait for the end of the thread, but not for ever: then it is left behind, and the copier begins
 * anew. NULL is fine.
 */
void aside_end(struct aside *aside);

#endif
