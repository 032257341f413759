/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/effort.h"

#include <time.h>

#include "base/clock.h"

enum {
	RANGES_MAX = 1 << 21, /* with their DIEs some 100 bytes each; and more of a large file: */
	BYTES_A_RANGE = 64,
	STEPS_A_LOOK = 1024, /* at the clock, which is a system call */
};

/*
 * The 2063 units of libc take 40 ms, 67000 functions of Rust 60 ms: a second for 100 MB, or more. A
 * thousand lookups that each walk a unit of ordinary size are nobody's fault.
 */
#define SPENT_MAX   (5 * NS_PER_SEC)
#define NS_A_BYTE   120ull
#define NOT_COUNTED (5 * NS_PER_MS)

static uint64_t cpu_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void look(struct effort *effort)
{
	uint64_t spent_ns = effort->spent_ns + (cpu_ns() - effort->began_ns);

	effort->exhausted |= spent_ns > SPENT_MAX + NS_A_BYTE * effort->bytes;
}

void effort_begin(struct effort *effort)
{
	if (effort->running++ == 0)
		effort->began_ns = cpu_ns();
}

void effort_end(struct effort *effort)
{
	uint64_t ns;

	if (--effort->running > 0)
		return;
	ns = cpu_ns() - effort->began_ns;
	effort->spent_ns += ns > NOT_COUNTED ? ns : 0;
}

bool effort_step(struct effort *effort)
{
	if (++effort->steps % STEPS_A_LOOK == 0)
		look(effort);
	return !effort->exhausted;
}

bool effort_long_step(struct effort *effort)
{
	look(effort);
	return !effort->exhausted;
}

bool effort_range(struct effort *effort)
{
	effort->exhausted |= ++effort->ranges > RANGES_MAX + effort->bytes / BYTES_A_RANGE;
	return effort_step(effort);
}
