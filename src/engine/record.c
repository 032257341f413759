/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ss_record: the clock of a capture. Ticks stand on an absolute time line, so that a slow tick does
 * not move the ones after it; ticks that cannot be kept are counted as missed and stretched over,
 * for the account works on the kernel's counters and not on the number of ticks. Each tick is moved
 * a little at random, against programs that beat at the same rate.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/recorder.h"

#define DEFAULT_RATE_HZ 99.0
#define MAX_RATE_HZ     1000.0

enum { JITTER_SHARE = 10 }; /* a tick is moved by at most a tenth of the period */

struct metronome {
	uint64_t start_ns, period_ns;
	uint64_t next; /* number of the next tick */
	uint64_t random;
	unsigned done, missed;
};

static void metronome_init(struct metronome *metronome, double rate_hz)
{
	*metronome = (struct metronome){
		.start_ns = clock_mono_ns(),
		.period_ns = (uint64_t)((double)NS_PER_SEC / rate_hz),
	};
	metronome->random = metronome->start_ns | 1;
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
	uint64_t t = metronome->start_ns + metronome->next * metronome->period_ns;

	return metronome->next ? t - jitter + next_random(metronome) % (2 * jitter + 1) : t;
}

/* When the next tick is due, at end_ns at the latest (0: no end); ticks that are over are missed. */
static uint64_t metronome_next(struct metronome *metronome, uint64_t end_ns)
{
	uint64_t now = clock_mono_ns(), t;
	uint64_t due = (now - metronome->start_ns) / metronome->period_ns;

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

struct recording {
	const struct ss_record_options *options;
	struct recorder **recorders;
	bool *ended;
	size_t n;
	struct metronome metronome;
	uint64_t end_ns; /* 0: none */
};

static void recording_done(struct recording *recording)
{
	for (size_t i = 0; recording->recorders && i < recording->n; i++)
		recorder_free(recording->recorders[i]);
	free(recording->recorders);
	free(recording->ended);
}

static int recording_init(struct recording *recording, struct ss_session *const *sessions, size_t n,
			  struct ss_error *err)
{
	recording->recorders = calloc(n, sizeof(*recording->recorders));
	recording->ended = calloc(n, sizeof(*recording->ended));
	if (!recording->recorders || !recording->ended)
		return ss_error_oom(err);
	recording->n = n;
	for (size_t i = 0; i < n; i++) {
		int r = recorder_new(sessions[i], recording->options, &recording->recorders[i],
				     err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void wait_until(uint64_t t)
{
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
			&(struct timespec){ .tv_sec = (time_t)(t / NS_PER_SEC),
					    .tv_nsec = (long)(t % NS_PER_SEC) },
			NULL);
}

/* One tick of every process. How many are alive, or a negative errno if the first look failed. */
static int tick_all(struct recording *recording, struct ss_error *err)
{
	int alive = 0;

	for (size_t i = 0; i < recording->n; i++) {
		int r;

		if (recording->ended[i])
			continue;
		r = recorder_tick(recording->recorders[i], err);
		if (r < 0 && recording->metronome.done == 0)
			return r;
		/* what was seen of a process that can no longer be read is kept */
		recording->ended[i] = r <= 0;
		alive += r > 0;
	}
	recording->metronome.done++;
	return alive;
}

static bool wants_more(const struct recording *recording)
{
	const struct ss_record_options *options = recording->options;
	const struct metronome *metronome = &recording->metronome;
	struct ss_progress progress = {
		.elapsed_ns = clock_mono_ns() - metronome->start_ns,
		.duration_ns = options->duration_ns,
		.ticks_done = metronome->done,
		.ticks_missed = metronome->missed,
	};

	for (size_t i = 0; i < recording->n; i++)
		progress.threads += recorder_threads(recording->recorders[i]);
	return !options->progress || !options->progress(options->progress_arg, &progress);
}

static int run(struct recording *recording, struct ss_error *err)
{
	int alive;

	metronome_init(&recording->metronome, recording->options->rate_hz);
	if (recording->options->duration_ns)
		recording->end_ns = recording->metronome.start_ns + recording->options->duration_ns;
	do {
		wait_until(metronome_next(&recording->metronome, recording->end_ns));
		alive = tick_all(recording, err);
		if (alive <= 0 || !wants_more(recording))
			return alive < 0 ? alive : 0;
	} while (recording->end_ns == 0 || clock_mono_ns() < recording->end_ns);
	return 0;
}

static int collect(struct recording *recording, struct ss_profile **ret, struct ss_error *err)
{
	const struct metronome *metronome = &recording->metronome;

	for (size_t i = 0; i < recording->n; i++) {
		int r = recorder_finish(recording->recorders[i], metronome->done, metronome->missed,
					&ret[i], err);

		if (r < 0) {
			while (i-- > 0)
				ss_profile_free(ret[i]);
			return r;
		}
	}
	return 0;
}

int ss_record(struct ss_session *const *sessions, size_t n, const struct ss_record_options *options,
	      struct ss_profile **ret, struct ss_error *err)
{
	struct ss_record_options settled = *options;
	_cleanup_(recording_done) struct recording recording = { .options = &settled };
	int r;

	if (settled.rate_hz == 0)
		settled.rate_hz = DEFAULT_RATE_HZ;
	if (!(settled.rate_hz > 0 && settled.rate_hz <= MAX_RATE_HZ))
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "the rate must be above 0 and at most %.0f Hz", MAX_RATE_HZ);
	r = recording_init(&recording, sessions, n, err);
	if (r == 0)
		r = run(&recording, err);
	if (r == 0)
		r = collect(&recording, ret, err);
	return r;
}

const struct ss_coverage *ss_profile_coverage(const struct ss_profile *profile)
{
	return &profile->coverage;
}
