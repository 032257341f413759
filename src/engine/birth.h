/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * birth.h: whether a thread that a capture sees for the first time is a new one. Its counters then
 * are of the capture from 0 on; those of one that is older tell of times before too. Pure.
 */
#ifndef SS_ENGINE_BIRTH_H
#define SS_ENGINE_BIRTH_H

#include "aggregate/delta.h"
#include "model/capture.h"

/*
 * True if the thread did not begin before mono_ns (CLOCK_MONOTONIC), as far as the kernel says so:
 * /proc rounds to clock ticks, and one that nothing is known of counts as new. ahead_ns:
 * CLOCK_BOOTTIME less CLOCK_MONOTONIC.
 */
bool birth_is_after(const struct look *look, uint64_t mono_ns, uint64_t ahead_ns);

/*
 * True if counters may have gone from `before` to `now` within the time between them: of one thread
 * that called exec, not of another one that took its tid by calling it.
 */
bool birth_goes_on(const struct observation *before, const struct observation *now);

#endif
