/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/metronome.h"

#include <time.h>

#include "base/attr.h"
#include "base/clock.h"

enum { JITTER_SHARE = 10 }; /* a tick is moved by at most a tenth of the period */

void metronome_init(struct metronome *metronome, double rate_hz)
{
	uint64_t now = clock_mono_ns();

	*metronome = (struct metronome){
		.start_ns = now,
		.anchor_ns = now,
		.period_ns = (uint64_t)((double)NS_PER_SEC / rate_hz),
		.random = now | 1,
	};
}

void metronome_change(struct metronome *metronome, uint64_t period_ns)
{
	metronome->anchor_ns += (metronome->next ? metronome->next - 1 : 0) * metronome->period_ns;
	metronome->next = MIN(metronome->next, (uint64_t)1);
	metronome->period_ns = period_ns;
}

/* xorshift64 (Marsaglia 2003): even enough for a jitter */
static uint64_t next_random(struct metronome *metronome)
{
	metronome->random ^= metronome->random << 13;
	metronome->random ^= metronome->random >> 7;
	metronome->random ^= metronome->random << 17;
	return metronome->random;
}

static uint64_t tick_time(struct metronome *metronome)
{
	uint64_t jitter = metronome->period_ns / JITTER_SHARE;
	uint64_t t = metronome->anchor_ns + metronome->next * metronome->period_ns;

	return metronome->next ? t - jitter + next_random(metronome) % (2 * jitter + 1) : t;
}

static uint64_t next_due(struct metronome *metronome, uint64_t end_ns)
{
	uint64_t now = clock_mono_ns(), t;
	/* with a new period the anchor is a tick that may have come early */
	uint64_t passed = now - MIN(now, metronome->anchor_ns);
	uint64_t due = passed / metronome->period_ns;

	if (due > metronome->next) {
		metronome->missed += (unsigned)(due - metronome->next);
		metronome->next = due;
	}
	t = tick_time(metronome);
	if (end_ns && t > end_ns)
		t = end_ns;
	metronome->next++;
	return t;
}

void metronome_wait(struct metronome *metronome, uint64_t end_ns)
{
	uint64_t t = next_due(metronome, end_ns);

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
			&(struct timespec){ .tv_sec = (time_t)(t / NS_PER_SEC),
					    .tv_nsec = (long)(t % NS_PER_SEC) },
			NULL);
}
