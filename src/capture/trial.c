/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial.c: see trial.h. The same calls in the same order as a sweep's, on a stop set of one.
 */
#include "capture/trial.h"

#include <errno.h>

#include "base/clock.h"
#include "capture/stopset.h"

enum { DEADLINE_MS = 1000 };

int trial_stop(pid_t child)
{
	struct stop stop = { .tid = child };
	struct stopset set = { .stops = &stop, .n = 1 };
	int r = 0;

	stopset_seize(&set);
	stopset_interrupt(&set);
	stopset_wait(&set, clock_mono_ns() + DEADLINE_MS * NS_PER_MS);
	stopset_fetch(&set);
	if (stop.state == STOP_FAILED)
		r = -stop.sys;
	else if (stop.state != STOP_STOPPED)
		r = -ETIMEDOUT;
	else if (!stop.fetched)
		r = -EIO;
	stopset_release(&set);
	return r;
}
