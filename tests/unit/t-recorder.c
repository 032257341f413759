/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-recorder.c: what a recorder makes of samples of the kernel's timer: invented captures with
 * invented counters, walked by an unwinder that gives the pc back. Times on CPU come out as the
 * counters say, to the nanosecond, at the places that the samples say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/recorder-internal.h"

#define MS NS_PER_MS

enum { MAX_ACTORS = 4, TICK_MS = 10, TID = 70 };

/* What a thread is at a tick. */
enum stance { GONE, ON_CPU, QUEUED, QUEUED_UNREAD, BLOCKED, WORKING, RESTING };

/* Places are told by their pc. */
enum { LOOP = 0x1000, SUM = 0x2000, SLEEP = 0x3000 };

struct actor {
	enum stance stance;
	uint64_t on_ns, queue_ns, pcount, waits; /* as the kernel counts */
	uint64_t first_on_ns;
};

struct bench {
	struct ss_session session;
	struct recorder recorder;
	struct actor actors[MAX_ACTORS]; /* their tids: TID, TID + 1, ... */
	uint64_t now_ns;
};

/* ---- a stage of cardboard ---- */

static int walk(struct unwinder *unwinder, const struct capture_thread *thread, unsigned max_frames,
		struct walk *ret)
{
	const struct frame frame = { .pc = thread->regs.r[REG_PC], .flags = FRAME_EXACT };

	(void)unwinder;
	(void)max_frames;
	ret->frames.n = 0;
	ret->end = SS_END_COMPLETE;
	return vec_push(&ret->frames, frame);
}

static const struct unwinder_ops cardboard = { .name = "cardboard", .walk = walk };

static struct bench *bench_new(bool timer, bool ordered)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct recorder *recorder;

	assert_non_null(bench);
	recorder = &bench->recorder;
	bench->now_ns = 1000 * NS_PER_SEC;
	bench->session.unwinder_ops = &cardboard;
	bench->session.images = images_new();
	bench->session.symbolizer = symbolizer_new(&bench->session.sources);
	schedclock_init(&bench->session.schedclock);
	recorder->session = &bench->session;
	recorder->timer = timer;
	recorder->profile = calloc(1, sizeof(*recorder->profile));
	assert_non_null(recorder->profile);
	arena_init(&recorder->profile->arena);
	stack_table_init(&recorder->profile->stacks);
	accounts_init(&recorder->accounts, 1000, ordered ? 1000 : 0);
	places_init(&recorder->places);
	map64_init(&recorder->alive);
	map64_init(&recorder->stacks);
	return bench;
}

static void bench_free(struct bench *bench)
{
	struct recorder *recorder = &bench->recorder;
	struct ss_session *session = &bench->session;

	stack_table_done(&recorder->profile->stacks);
	arena_done(&recorder->profile->arena);
	free(recorder->profile);
	accounts_done(&recorder->accounts);
	places_done(&recorder->places);
	map64_done(&recorder->stacks);
	recorder_free_threads(recorder);
	symbolizer_free(session->symbolizer);
	images_free(session->images);
	schedclock_done(&session->schedclock);
	vec_done(&session->capture.threads);
	vec_done(&session->capture.samples);
	vec_done(&session->walk.frames);
	vec_done(&session->frames);
	vec_done(&session->walks);
	vec_done(&session->sample_walks);
	vec_done(&session->requests);
	free(bench);
}

/* ---- what happens ---- */

static struct regs at(uint64_t pc)
{
	struct regs regs = { .known = ~0u };

	regs.r[REG_PC] = pc;
	return regs;
}

static void sample(struct bench *bench, unsigned actor, uint64_t pc)
{
	const struct capture_thread captured = {
		.look = { .tid = TID + (pid_t)actor, .at_ns = bench->now_ns, .state = 'R' },
		.how = CAPTURE_SAMPLED,
		.regs = at(pc),
	};

	assert_int_equal(vec_push(&bench->session.capture.samples, captured), 0);
}

/* Since the tick before it ran for so long, and is this now. */
static void act(struct bench *bench, unsigned k, uint64_t on_ns, enum stance stance)
{
	struct actor *actor = &bench->actors[k];

	actor->on_ns += on_ns;
	actor->pcount += on_ns > 0;
	actor->waits += on_ns > 0 && stance == BLOCKED;
	actor->stance = stance;
}

static struct look look_at(const struct bench *bench, unsigned k)
{
	const struct actor *actor = &bench->actors[k];
	struct look look = {
		.tid = TID + (pid_t)k,
		.at_ns = bench->now_ns,
		.comm = "actor",
		.state = actor->stance == BLOCKED || actor->stance == RESTING ? 'S' : 'R',
		.sched_known = true,
		.on_cpu_ns = actor->on_ns,
		.run_queue_ns = actor->queue_ns,
		.pcount = actor->pcount,
		.voluntary_known = true,
		.voluntary = actor->waits,
		.call = actor->stance == BLOCKED ? CALL_NONE : CALL_RUNNING,
		.queued = actor->stance == QUEUED || actor->stance == QUEUED_UNREAD,
		.worker = actor->stance == WORKING || actor->stance == RESTING,
	};

	if (actor->stance == RESTING)
		strcpy(look.wchan, "io_wq_worker");
	return look;
}

static struct capture_thread capture(const struct bench *bench, unsigned k)
{
	struct capture_thread captured = { .look = look_at(bench, k), .consistent = true };

	switch (bench->actors[k].stance) {
	case ON_CPU:
		captured.none = SS_NO_STACK_RUNNING;
		break;
	case QUEUED_UNREAD:
		captured.none = SS_NO_STACK_UNSTABLE;
		break;
	case WORKING:
	case RESTING:
		captured.none = SS_NO_STACK_WORKER;
		break;
	default:
		captured.how = CAPTURE_UNTOUCHED;
		captured.regs = at(bench->actors[k].stance == BLOCKED ? SLEEP : LOOP);
	}
	return captured;
}

static void tick(struct bench *bench)
{
	struct recorder *recorder = &bench->recorder;
	struct capture *all = &bench->session.capture;
	struct ss_error err;

	bench->now_ns += TICK_MS * MS;
	all->start_ns = bench->now_ns;
	all->threads.n = 0;
	for (unsigned k = 0; k < MAX_ACTORS; k++)
		if (bench->actors[k].stance != GONE)
			assert_int_equal(vec_push(&all->threads, capture(bench, k)), 0);
	assert_int_equal(session_unwind(&bench->session, &err), 0);
	assert_int_equal(recorder_note_threads(recorder, &err), 0);
	if (recorder->ticks++ == 0) {
		recorder->start_ns = all->start_ns;
		for (unsigned k = 0; k < MAX_ACTORS; k++)
			bench->actors[k].first_on_ns = bench->actors[k].on_ns;
	}
	recorder->last_ns = all->start_ns;
	all->samples.n = 0;
}

/* ---- what comes of it ---- */

static uint64_t on_cpu_at(const struct bench *bench, uint32_t thread, uint64_t pc)
{
	uint64_t ns = 0;

	vec_each(row, &bench->recorder.accounts.rows) {
		const struct place *place = places_get(&bench->recorder.places, row->place);

		if (row->thread == thread && row->kind == CREDIT_ON_CPU && place &&
		    place->stack->frames[0].pc == pc)
			ns += row->ns;
	}
	return ns;
}

static uint64_t sum_of(const struct bench *bench, uint32_t thread, enum credit_kind kind)
{
	uint64_t ns = 0;

	vec_each(row, &bench->recorder.accounts.rows)
		if (row->thread == thread && row->kind == kind)
			ns += row->ns;
	return ns;
}

/* Every thread's time on CPU is what its counter says. */
static void end(struct bench *bench)
{
	const struct recorder *recorder = &bench->recorder;

	recorder_end_threads(&bench->recorder);
	for (uint32_t i = 0; i < recorder->threads.n; i++)
		assert_int_equal(sum_of(bench, i, CREDIT_ON_CPU) +
					 sum_of(bench, i, CREDIT_ON_CPU_UNSEEN),
				 recorder->threads.data[i].on_ns);
	assert_int_equal(recorder->accounts.error, 0);
}

static void assert_counted(const struct bench *bench, uint32_t thread)
{
	const struct actor *actor = &bench->actors[thread];

	assert_int_equal(bench->recorder.threads.data[thread].on_ns,
			 actor->on_ns - actor->first_on_ns);
}

/* ---- tests ---- */

/* No look ever finds it on a CPU; two samples tell where it was. */
static void burst(bool ordered)
{
	struct bench *bench = bench_new(true, ordered);

	act(bench, 0, 0, BLOCKED);
	tick(bench);
	for (unsigned k = 0; k < 30; k++) {
		if (k == 9 || k == 19)
			sample(bench, 0, k == 9 ? LOOP : SUM);
		act(bench, 0, MS / 4 + k, BLOCKED);
		tick(bench);
	}
	end(bench);
	assert_counted(bench, 0);
	assert_int_equal(on_cpu_at(bench, 0, LOOP), 10 * (MS / 4) + 45);
	assert_int_equal(on_cpu_at(bench, 0, SUM), 20 * (MS / 4) + 390);
	assert_int_equal(sum_of(bench, 0, CREDIT_ON_CPU_UNSEEN), 0);
	assert_true(bench->recorder.threads.data[0].has_stack);
	bench_free(bench);
}

static void test_burst(void **state)
{
	(void)state;
	burst(false);
	burst(true);
}

/* On a CPU at every look, never stopped: where it is comes from samples alone. */
static void test_spinner(void **state)
{
	struct bench *bench = bench_new(true, false);

	(void)state;
	act(bench, 0, 5 * MS, ON_CPU);
	sample(bench, 0, LOOP);
	tick(bench);
	for (unsigned k = 0; k < 20; k++) {
		if (k % 2)
			sample(bench, 0, k < 10 ? LOOP : SUM);
		act(bench, 0, 10 * MS, ON_CPU);
		bench->actors[0].pcount--; /* it was not switched in */
		tick(bench);
	}
	end(bench);
	assert_counted(bench, 0);
	assert_int_equal(sum_of(bench, 0, CREDIT_ON_CPU), 200 * MS);
	assert_int_equal(on_cpu_at(bench, 0, LOOP) + on_cpu_at(bench, 0, SUM), 200 * MS);
	assert_in_range(on_cpu_at(bench, 0, SUM), 100 * MS, 120 * MS);
	assert_int_equal(sum_of(bench, 0, CREDIT_BLOCKED), 0);
	assert_int_equal(bench->recorder.profile->coverage.timer_sampled, 11);
	assert_int_equal(bench->recorder.profile->coverage.stack_end[SS_END_COMPLETE], 11);
	bench_free(bench);
}

/* A counter that lags by up to a tick is no wait, though no look has a stack. */
static void test_lagging_counter(void **state)
{
	struct bench *bench = bench_new(true, false);

	(void)state;
	act(bench, 0, 0, ON_CPU);
	sample(bench, 0, LOOP);
	tick(bench);
	for (unsigned k = 0; k < 8; k++) {
		bench->actors[0].on_ns += k % 2 ? 12 * MS : 8 * MS;
		sample(bench, 0, LOOP);
		tick(bench);
	}
	end(bench);
	assert_int_equal(on_cpu_at(bench, 0, LOOP), 80 * MS);
	assert_int_equal(sum_of(bench, 0, CREDIT_BLOCKED), 0);
	assert_int_equal(sum_of(bench, 0, CREDIT_SHORT_WAITS), 0);
	assert_int_equal(sum_of(bench, 0, CREDIT_STOLEN), 0);
	bench_free(bench);
}

static void test_two_in_one_interval(void **state)
{
	struct bench *bench = bench_new(true, false);

	(void)state;
	act(bench, 0, 0, BLOCKED);
	tick(bench);
	act(bench, 0, 2 * MS, BLOCKED);
	tick(bench);
	sample(bench, 0, LOOP);
	sample(bench, 0, SUM);
	act(bench, 0, 7 * MS, BLOCKED);
	tick(bench);
	end(bench);
	assert_counted(bench, 0);
	assert_int_equal(on_cpu_at(bench, 0, LOOP), 2 * MS + 7 * MS / 2);
	assert_int_equal(on_cpu_at(bench, 0, SUM), 7 * MS / 2);
	bench_free(bench);
}

static void test_never_sampled(void **state)
{
	struct bench *bench = bench_new(true, false);

	(void)state;
	act(bench, 0, 0, BLOCKED);
	act(bench, 1, 0, ON_CPU);
	tick(bench);
	act(bench, 0, 3 * MS, BLOCKED);
	act(bench, 1, 3 * MS, BLOCKED);
	tick(bench);
	end(bench);
	assert_counted(bench, 0);
	assert_int_equal(sum_of(bench, 0, CREDIT_ON_CPU_UNSEEN), 3 * MS);
	assert_int_equal(sum_of(bench, 1, CREDIT_ON_CPU_UNSEEN), 3 * MS);
	assert_int_equal(sum_of(bench, 0, CREDIT_ON_CPU), 0);
	bench_free(bench);
}

/* Its last samples come after the last look at it: what was held goes to them. */
static void test_thread_that_ends(void **state)
{
	struct bench *bench = bench_new(true, false);

	(void)state;
	act(bench, 0, 0, BLOCKED);
	act(bench, 1, 0, BLOCKED);
	tick(bench);
	act(bench, 1, 4 * MS, BLOCKED);
	tick(bench);
	sample(bench, 1, SUM);
	act(bench, 1, 0, GONE);
	tick(bench);
	assert_null(bench->recorder.threads.data[1].life);
	assert_int_equal(on_cpu_at(bench, 1, SUM), 4 * MS);
	tick(bench);
	end(bench);
	bench_free(bench);
}

/* Born and gone between two looks. */
static void test_lost_samples(void **state)
{
	char regex[] = "x";
	struct bench *bench = bench_new(true, false);
	struct ss_coverage *coverage = &bench->recorder.profile->coverage;

	(void)state;
	act(bench, 0, 0, BLOCKED);
	tick(bench);
	sample(bench, 3, LOOP);
	tick(bench);
	assert_int_equal(coverage->samples_lost, 1);
	assert_int_equal(coverage->timer_sampled, 1);
	assert_int_equal(bench->recorder.threads.n, 1);
	/* before exec it was another program */
	bench->recorder.execed_ns = bench->now_ns + 1;
	sample(bench, 0, LOOP);
	tick(bench);
	assert_int_equal(coverage->samples_lost, 2);
	/* of a thread that is not wanted, none is lost */
	bench->session.thread_regex = regex;
	sample(bench, 3, LOOP);
	tick(bench);
	assert_int_equal(coverage->samples_lost, 2);
	end(bench);
	bench_free(bench);
}

/* A thread whose first look is that of the tick that brings its first sample. */
static void test_new_thread(void **state)
{
	struct bench *bench = bench_new(true, false);

	(void)state;
	act(bench, 0, 0, BLOCKED);
	tick(bench);
	sample(bench, 1, LOOP);
	act(bench, 1, 2 * MS, ON_CPU);
	tick(bench);
	assert_true(bench->recorder.threads.data[1].has_stack);
	assert_int_equal(places_get(&bench->recorder.places, bench->recorder.threads.data[1].place)
				 ->stack->frames[0]
				 .pc,
			 LOOP);
	act(bench, 1, 2 * MS, BLOCKED);
	tick(bench);
	end(bench);
	assert_true(on_cpu_at(bench, 1, LOOP) > 0);
	assert_int_equal(sum_of(bench, 1, CREDIT_ON_CPU_UNSEEN), 0);
	bench_free(bench);
}

static void test_queue(void **state)
{
	struct bench *bench = bench_new(true, false);
	uint64_t queued;

	(void)state;
	act(bench, 0, 0, ON_CPU);
	sample(bench, 0, SUM);
	tick(bench);
	/* half of the time in the queue: seen there once with a stack, then without */
	for (unsigned k = 0; k < 2; k++) {
		sample(bench, 0, SUM);
		act(bench, 0, 5 * MS, k ? QUEUED_UNREAD : QUEUED);
		tick(bench);
		bench->actors[0].queue_ns += 5 * MS;
		act(bench, 0, 10 * MS, ON_CPU);
		tick(bench);
	}
	end(bench);
	assert_counted(bench, 0);
	queued = sum_of(bench, 0, CREDIT_RUNNABLE) + sum_of(bench, 0, CREDIT_RUN_QUEUE);
	assert_int_equal(queued, 10 * MS);
	assert_true(sum_of(bench, 0, CREDIT_RUNNABLE) > 0);
	assert_true(sum_of(bench, 0, CREDIT_RUN_QUEUE) > 0);
	assert_int_equal(on_cpu_at(bench, 0, SUM), 30 * MS);
	assert_int_equal(sum_of(bench, 0, CREDIT_BLOCKED), 0);
	bench_free(bench);
}

/* Segments of a thread come in time order, do not overlap, and are all of the time. */
static void test_time_line(void **state)
{
	struct bench *bench = bench_new(true, true);
	struct accounts *accounts = &bench->recorder.accounts;
	uint64_t sum = 0, until_ns = 0, first_ns;

	(void)state;
	act(bench, 0, 0, BLOCKED);
	tick(bench);
	first_ns = bench->now_ns;
	for (unsigned k = 0; k < 50; k++) {
		if (k % 7 == 3)
			sample(bench, 0, k % 2 ? LOOP : SUM);
		if (k % 7 == 3 && k % 3 == 0)
			sample(bench, 0, LOOP);
		act(bench, 0, (k % 5) * MS, BLOCKED);
		tick(bench);
	}
	end(bench);
	assert_counted(bench, 0);
	accounts_sort(accounts);
	vec_each(segment, &accounts->segments) {
		assert_true(segment->start_ns >= until_ns);
		until_ns = segment->start_ns + segment->ns;
		sum += segment->ns;
	}
	assert_int_equal(sum, bench->now_ns - first_ns);
	bench_free(bench);
}

static void test_worker(void **state)
{
	struct bench *bench = bench_new(true, false);
	const struct recorded *thread;
	const struct place *place;

	(void)state;
	act(bench, 0, 0, BLOCKED);
	act(bench, 1, 0, RESTING);
	act(bench, 2, 0, RESTING);
	tick(bench);
	act(bench, 1, 4 * MS, WORKING);
	tick(bench);
	act(bench, 1, 3 * MS, RESTING);
	tick(bench);
	end(bench);
	thread = &bench->recorder.threads.data[1];
	assert_counted(bench, 1);
	assert_int_equal(thread->on_ns, 7 * MS);
	assert_int_equal(sum_of(bench, 1, CREDIT_ON_CPU), 7 * MS);
	assert_int_equal(sum_of(bench, 1, CREDIT_ON_CPU_UNSEEN), 0);
	assert_false(thread->has_stack);
	assert_int_equal(thread->none, SS_NO_STACK_WORKER);
	assert_true(thread->worker_idle && thread->ran);
	place = places_get(&bench->recorder.places, thread->place);
	assert_string_equal(place->stack->frames[0].location->lines[0].function->name,
			    "[io_uring worker]");
	assert_int_equal(bench->recorder.threads.data[2].place, thread->place);
	assert_false(bench->recorder.threads.data[2].ran);
	bench_free(bench);
}

/* Without the timer, what runs and was not looked at is unknown, as it ever was. */
static void test_without_timer(void **state)
{
	struct bench *bench = bench_new(false, false);

	(void)state;
	act(bench, 0, 0, BLOCKED);
	act(bench, 1, 0, BLOCKED);
	tick(bench);
	act(bench, 0, 3 * MS, ON_CPU);
	act(bench, 1, 3 * MS, BLOCKED);
	tick(bench);
	assert_int_equal(bench->recorder.threads.data[0].life->delta.last.where, WHERE_UNKNOWN);
	assert_int_equal(bench->recorder.threads.data[0].place, 0);
	end(bench);
	assert_int_equal(sum_of(bench, 1, CREDIT_ON_CPU_UNSEEN), 3 * MS);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),           cmocka_unit_test(test_spinner),
		cmocka_unit_test(test_lagging_counter), cmocka_unit_test(test_two_in_one_interval),
		cmocka_unit_test(test_never_sampled),   cmocka_unit_test(test_thread_that_ends),
		cmocka_unit_test(test_lost_samples),    cmocka_unit_test(test_new_thread),
		cmocka_unit_test(test_queue),           cmocka_unit_test(test_time_line),
		cmocka_unit_test(test_worker),          cmocka_unit_test(test_without_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
