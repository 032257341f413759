/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of a recorder. A process may make thousands in a second: what a tick costs, and most of
 * what a thread takes in memory, goes with those that live. Of one that has ended its sums are kept.
 */
#include "engine/recorder-internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/birth.h"

enum { DEAD_TIDS = 1024 }; /* more than the living in `alive`, until it is made anew */

/* ---- credits ---- */

struct recorder_sink recorder_sink_of(struct recorder *recorder, const struct recorded *thread)
{
	return (struct recorder_sink){ recorder, (uint32_t)(thread - recorder->threads.data) };
}

static bool is_on_cpu(enum credit_kind kind)
{
	return kind == CREDIT_ON_CPU || kind == CREDIT_ON_CPU_UNSEEN;
}

/* With the timer, looks see no place on a CPU; a worker of io_uring has one for all its time. */
static void credit_on_cpu(struct recorder *recorder, uint32_t index, const struct credit *credit)
{
	struct recorded *thread = &recorder->threads.data[index];
	struct accounts_sink sink = { &recorder->accounts, index };
	struct credit known = *credit;

	if (thread->worker && credit->place)
		known.kind = CREDIT_ON_CPU;
	if (recorder->timer && !thread->worker)
		oncpu_hold(&thread->life->oncpu, credit, accounts_sink, &sink);
	else
		accounts_add(&recorder->accounts, index, &known);
}

void recorder_credit(void *arg, const struct credit *credit)
{
	const struct recorder_sink *sink = arg;
	struct recorder *recorder = sink->recorder;

	if (is_on_cpu(credit->kind)) {
		credit_on_cpu(recorder, sink->thread, credit);
		return;
	}
	accounts_add(&recorder->accounts, sink->thread, credit);
	if (recorder->holders)
		holders_credit(recorder->holders, recorder->threads.data[sink->thread].tid,
			       sink->thread, credit, places_get(&recorder->places, credit->place));
}

void recorder_settle_thread(struct recorder *recorder, struct recorded *thread)
{
	struct accounts_sink sink = { &recorder->accounts,
				      (uint32_t)(thread - recorder->threads.data) };

	oncpu_tick(&thread->life->oncpu, accounts_sink, &sink);
}

/* ---- lives ---- */

static struct life *begin_life(struct recorder *recorder)
{
	struct life *life = recorder->spare;

	if (life)
		recorder->spare = life->next;
	else
		life = malloc(sizeof(*life));
	if (!life)
		return NULL;
	*life = (struct life){ 0 };
	delta_init(&life->delta, recorder->min_block_ns);
	oncpu_init(&life->oncpu, recorder->accounts.max_segments > 0);
	return life;
}

static void keep_sums(struct recorded *thread)
{
	const struct delta *delta = &thread->life->delta;

	thread->wall_ns = delta->wall_ns;
	thread->on_ns = delta->on_ns;
	thread->runnable_ns = delta->runnable_ns;
	thread->blocked_ns = delta->blocked_ns;
	thread->stopped_ns = delta->stopped_ns;
	thread->waits = delta->waits;
}

static void finish_delta(struct recorder *recorder, struct recorded *thread)
{
	struct recorder_sink sink = recorder_sink_of(recorder, thread);
	struct accounts_sink rest = { &recorder->accounts, sink.thread };

	if (thread->life->begun)
		delta_finish(&thread->life->delta, recorder_credit, &sink);
	oncpu_finish(&thread->life->oncpu, accounts_sink, &rest);
}

static void end_life(struct recorder *recorder, struct recorded *thread)
{
	keep_sums(thread);
	oncpu_done(&thread->life->oncpu);
	if (recorder->holders)
		holders_ended(recorder->holders, thread->tid);
	thread->life->next = recorder->spare;
	recorder->spare = thread->life;
	thread->life = NULL;
}

void recorder_finish_thread(struct recorder *recorder, struct recorded *thread)
{
	finish_delta(recorder, thread);
	end_life(recorder, thread);
}

void recorder_free_threads(struct recorder *recorder)
{
	vec_each(thread, &recorder->threads) {
		if (thread->life)
			oncpu_done(&thread->life->oncpu);
		free(thread->life);
	}
	for (struct life *life = recorder->spare; life;) {
		struct life *next = life->next;

		free(life);
		life = next;
	}
	vec_done(&recorder->threads);
	vec_done(&recorder->living);
	vec_done(&recorder->seen);
	map64_done(&recorder->alive);
}

/* ---- the table ---- */

struct recorded *recorder_find_thread(struct recorder *recorder, pid_t tid)
{
	const uint64_t *index = map64_find(&recorder->alive, (uint64_t)tid);
	struct recorded *thread = index ? &recorder->threads.data[*index] : NULL;

	return thread && thread->life ? thread : NULL;
}

/*
 * Whether the counters of a thread that no tick has seen yet are those of the capture. At the first
 * tick the caller has said so of all, or of none.
 */
static bool is_newborn(const struct recorder *recorder, const struct look *look)
{
	uint64_t ahead_ns = clock_boot_ns() - clock_mono_ns();

	if (recorder->ticks == 0)
		return recorder->last_ns > 0;
	if (recorder->execed.t_ns && look->tid == recorder->session->target.pid)
		return false;
	return birth_is_after(look, recorder->last_ns, ahead_ns);
}

struct recorded *recorder_add_thread(struct recorder *recorder, const struct look *look)
{
	size_t index = recorder->threads.n;
	const struct recorded fresh = {
		.tid = look->tid,
		.name = arena_strdup(&recorder->profile->arena, look->comm),
		.began = is_newborn(recorder, look),
	};

	if (!fresh.name || vec_push(&recorder->threads, fresh) < 0)
		return NULL;
	recorder->threads.data[index].life = begin_life(recorder);
	if (!recorder->threads.data[index].life ||
	    vec_push(&recorder->living, (uint32_t)index) < 0 ||
	    map64_put(&recorder->alive, (uint64_t)look->tid, index) < 0)
		return NULL;
	return &recorder->threads.data[index];
}

void recorder_end_threads(struct recorder *recorder)
{
	vec_each(index, &recorder->living) {
		struct recorded *thread = &recorder->threads.data[*index];

		if (thread->life)
			recorder_finish_thread(recorder, thread);
	}
	recorder->living.n = 0;
}

void recorder_note_exec(struct recorder *recorder)
{
	struct recorded *leader = recorder_find_thread(recorder, recorder->session->target.pid);

	if (leader && leader->life->begun) {
		const struct observation *last = &leader->life->delta.last;

		finish_delta(recorder, leader);
		recorder->execed = (struct observation){
			.t_ns = last->t_ns,
			.on_ns = last->on_ns,
			.run_queue_ns = last->run_queue_ns,
			.pcount = last->pcount,
			.voluntary = last->voluntary,
			.voluntary_known = last->voluntary_known,
		};
		end_life(recorder, leader);
	}
	recorder_end_threads(recorder);
	recorder->execed_ns = clock_mono_ns();
}

/* Forget the tids of those that have ended. */
static int renew_table(struct recorder *recorder)
{
	if (recorder->alive.n <= 2 * recorder->living.n + DEAD_TIDS)
		return 0;
	map64_clear(&recorder->alive);
	vec_each(index, &recorder->living)
		if (map64_put(&recorder->alive, (uint64_t)recorder->threads.data[*index].tid,
			      *index) < 0)
			return -ENOMEM;
	return 0;
}

int recorder_end_unseen(struct recorder *recorder)
{
	size_t kept = 0;

	vec_each(index, &recorder->living) {
		struct recorded *thread = &recorder->threads.data[*index];

		if (thread->life && thread->tick != recorder->ticks)
			recorder_finish_thread(recorder, thread);
		if (thread->life)
			recorder->living.data[kept++] = *index;
	}
	recorder->living.n = kept;
	return renew_table(recorder);
}
