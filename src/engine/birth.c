/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec keeps the kernel's counters, and a new name keeps them too. A thread that calls exec without
 * being the leader takes the leader's tid and start time, and brings its own counters (de_thread,
 * fs/exec.c).
 */
#include "engine/birth.h"

#include "base/clock.h"

#define TICK_NS (NS_PER_SEC / 100) /* USER_HZ, the unit of /proc/PID/stat, is 100 everywhere */

bool birth_is_after(const struct look *look, uint64_t mono_ns, uint64_t ahead_ns)
{
	if (look->birth)
		return look->birth >= mono_ns + ahead_ns;
	return look->start_time == 0 || (look->start_time + 1) * TICK_NS >= mono_ns + ahead_ns;
}

static bool can_have_grown(uint64_t from, uint64_t to, uint64_t passed_ns)
{
	return to >= from && to - from <= passed_ns + DELTA_TICK_NS;
}

bool birth_goes_on(const struct observation *before, const struct observation *now)
{
	uint64_t passed_ns = now->t_ns > before->t_ns ? now->t_ns - before->t_ns : 0;

	return can_have_grown(before->on_ns, now->on_ns, passed_ns) &&
	       can_have_grown(before->run_queue_ns, now->run_queue_ns, passed_ns) &&
	       now->pcount >= before->pcount;
}
