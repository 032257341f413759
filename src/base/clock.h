/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock.h: time in nanoseconds, and durations as people write them.
 */
#ifndef SS_BASE_CLOCK_H
#define SS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US  1000ull
#define NS_PER_MS  1000000ull
#define NS_PER_SEC 1000000000ull

struct timespec;

uint64_t clock_timespec_ns(const struct timespec *ts); /* which is not before 0 */
uint64_t clock_mono_ns(void);                          /* CLOCK_MONOTONIC */
uint64_t clock_boot_ns(void);                          /* CLOCK_BOOTTIME: suspended time counts */
uint64_t clock_wall_ns(void);                          /* CLOCK_REALTIME, since 1970 */
uint64_t clock_thread_cpu_ns(void);                    /* CPU time of the calling thread */

/*
 * A duration for people, three significant digits: "430 ns", "12.3 us", "1.25 ms", "12.3 s", "5 min
 * 2 s", "3 h 10 min", "2 d 4 h". Writes at most len bytes with the NUL and returns buf.
 */
char *clock_format(char *buf, size_t len, uint64_t ns);

enum { CLOCK_FORMAT_MAX = 32 }; /* room enough for any duration */

#endif
