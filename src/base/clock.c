/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/attr.h"

uint64_t clock_timespec_ns(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * NS_PER_SEC + (uint64_t)ts->tv_nsec;
}

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return clock_timespec_ns(&ts);
}

uint64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* Three significant digits of value in units of `unit` ns. */
static char *format_unit(char *buf, size_t len, uint64_t ns, uint64_t unit, const char *name)
{
	double value = (double)ns / (double)unit;
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(buf, len, "%.*f %s", decimals, value, name);
	return buf;
}

static char *format_pair(char *buf, size_t len, uint64_t big, const char *big_name, uint64_t small,
			 const char *small_name)
{
	snprintf(buf, len, "%llu %s %llu %s", (unsigned long long)big, big_name,
		 (unsigned long long)small, small_name);
	return buf;
}

char *clock_format(char *buf, size_t len, uint64_t ns)
{
	uint64_t s = ns / NS_PER_SEC;

	if (ns < NS_PER_US) {
		snprintf(buf, len, "%llu ns", (unsigned long long)ns);
		return buf;
	}
	/* each bound is the first value that would round up to the next unit */
	if (ns < 999500)
		return format_unit(buf, len, ns, NS_PER_US, "us");
	if (ns < 999500000)
		return format_unit(buf, len, ns, NS_PER_MS, "ms");
	if (ns < 59950000000)
		return format_unit(buf, len, ns, NS_PER_SEC, "s");
	s = MAX(s, 60u);
	if (s < 3600)
		return format_pair(buf, len, s / 60, "min", s % 60, "s");
	if (s < 86400)
		return format_pair(buf, len, s / 3600, "h", s / 60 % 60, "min");
	return format_pair(buf, len, s / 86400, "d", s / 3600 % 24, "h");
}
