/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's timer saw since the tick before: each sample is a place on a CPU of a thread that
 * was not stopped for it. Which of its time the sample stands for is for aggregate/oncpu to say.
 */
#include "engine/recorder-internal.h"

#include <errno.h>

/* The place of sample i; 0 if memory is out. */
static uint32_t find_place(struct recorder *recorder, size_t i)
{
	struct ss_session *session = recorder->session;
	struct place place = {
		.stack = session_name_stack(session, &recorder->profile->stacks,
					    &session->sample_walks.data[i]),
		.fd = -1,
	};

	if (!place.stack)
		return 0;
	if (session->sample_walks.data[i].end == SS_END_WINDOW)
		capturer_deepen_samples(session->capturer);
	session_count_stack(&recorder->profile->coverage, place.stack);
	return places_intern(&recorder->places, &place);
}

/* With a choice of threads, a sample of another one is not lost: it is not wanted. */
static void note_lost(struct recorder *recorder)
{
	const struct ss_session *session = recorder->session;

	if (session->only_tids.n == 0 && !session->thread_regex)
		recorder->profile->coverage.samples_lost++;
}

static int note_sample(struct recorder *recorder, size_t i)
{
	const struct capture_thread *sample = &recorder->session->capture.samples.data[i];
	struct recorded *thread = recorder_find_thread(recorder, sample->look.tid);
	uint32_t place;

	if (!thread || sample->look.at_ns < recorder->execed_ns) {
		note_lost(recorder);
		return 0;
	}
	if (thread->worker)
		return 0;
	place = find_place(recorder, i);
	if (!place)
		return -ENOMEM;
	thread->has_stack = true;
	return oncpu_sample(&thread->life->oncpu, place);
}

int recorder_note_samples(struct recorder *recorder)
{
	size_t n = recorder->session->capture.samples.n;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = note_sample(recorder, i);
	recorder->profile->coverage.timer_sampled += (unsigned)n;
	return r;
}
