/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-delta.c: worked series of counters with their account, and a simulated thread: a random true
 * schedule, seen through counters that behave like the kernel's, whose account must come out right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "aggregate/delta.h"
#include "base/attr.h"
#include "base/clock.h"

#define MS  NS_PER_MS
#define SEC NS_PER_SEC

/* Places of the worked series. */
enum { NOWHERE, SPIN, LOCK, READ, QUEUE, NPLACES };

/* ---- a sink that sums ---- */

struct sums {
	struct {
		uint64_t ns, count;
	} at[CREDIT_KINDS][NPLACES];
	unsigned ncredits;
	uint64_t until[NPLACES]; /* latest end of a credit to this place */
};

static void sum(void *arg, const struct credit *credit)
{
	struct sums *sums = arg;

	assert_true(credit->kind < CREDIT_KINDS && credit->place < NPLACES);
	assert_true(credit->ns > 0 || credit->count > 0);
	sums->at[credit->kind][credit->place].ns += credit->ns;
	sums->at[credit->kind][credit->place].count += credit->count;
	sums->until[credit->place] = MAX(sums->until[credit->place], credit->start_ns + credit->ns);
	sums->ncredits++;
}

struct series {
	struct delta delta;
	struct sums sums;
	struct observation now;
};

static void assert_adds_up(const struct delta *delta)
{
	assert_int_equal(delta->wall_ns,
			 delta->on_ns + delta->runnable_ns + delta->blocked_ns + delta->stopped_ns);
}

/* The series begin at one second, with counters that have a history. */
static void begin(struct series *s, enum delta_where where, uint32_t place)
{
	*s = (struct series){ .now = { .t_ns = SEC,
				       .on_ns = 700 * MS,
				       .run_queue_ns = 50 * MS,
				       .pcount = 40,
				       .voluntary = 30,
				       .voluntary_known = true,
				       .where = where,
				       .place = place } };
	delta_init(&s->delta, 0);
	delta_begin(&s->delta, &s->now, 0, sum, &s->sums);
}

struct step {
	uint64_t dt, on, queue; /* deltas */
	unsigned pcount, voluntary;
	enum delta_where where;
	uint32_t place;
	uint64_t since_ago; /* 0: unknown */
	uint64_t stopped;
	unsigned own;
	bool same_wait, blind; /* blind: voluntary is not known */
};

static void step(struct series *s, struct step d)
{
	struct observation *now = &s->now;

	now->t_ns += d.dt;
	now->on_ns += d.on;
	now->run_queue_ns += d.queue;
	now->pcount += d.pcount;
	now->voluntary += d.voluntary;
	now->voluntary_known = !d.blind;
	now->where = d.where;
	now->place = d.place;
	now->since_ns = d.since_ago ? now->t_ns - d.since_ago : 0;
	now->stopped_ns = d.stopped;
	now->own_pcount = now->own_voluntary = d.own;
	now->same_wait = d.same_wait;
	delta_observe(&s->delta, now, sum, &s->sums);
	assert_adds_up(&s->delta);
}

static void finish(struct series *s)
{
	delta_finish(&s->delta, sum, &s->sums);
	assert_adds_up(&s->delta);
}

static void assert_credit(const struct series *s, enum credit_kind kind, uint32_t place,
			  uint64_t ns, uint64_t count)
{
	assert_int_equal(s->sums.at[kind][place].ns, ns);
	assert_int_equal(s->sums.at[kind][place].count, count);
}

/* ---- worked series ---- */

static void test_spinner(void **state)
{
	/* the residues measured on a real spinner at 10 ms: between -1.9 and +2.5 */
	const int64_t late_us[] = { 0, 2500, 600, -1900, 1200, 0 };
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	for (size_t k = 1; k < ARRAY_SIZE(late_us); k++) {
		int64_t residue = (late_us[k] - late_us[k - 1]) * 1000;

		step(&s, (struct step){ .dt = 10 * MS,
					.on = (uint64_t)((int64_t)(10 * MS) - residue),
					.where = WHERE_ON_CPU,
					.place = SPIN });
	}
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 50 * MS, 0);
	assert_int_equal(s.delta.on_ns, 50 * MS);
	assert_int_equal(s.delta.wall_ns, 50 * MS);
	assert_int_equal(s.delta.waits, 0);
}

static void test_counter_lag(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 3 * MS, .where = WHERE_ON_CPU, .place = SPIN });
	assert_int_equal(s.delta.on_ns, 3 * MS);
	assert_int_equal(s.delta.carry_on, 3 * MS);
	/* the tick came: 4 ms of which 3 have been credited */
	step(&s, (struct step){ .dt = 2 * MS, .on = 4 * MS, .where = WHERE_ON_CPU, .place = SPIN });
	assert_int_equal(s.delta.on_ns, 5 * MS);
	assert_int_equal(s.delta.carry_on, 1 * MS);
	/* 2 ms more on CPU, then it blocks */
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 3 * MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = LOCK });
	assert_int_equal(s.delta.carry_on, 0);
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 7 * MS, 0);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 8 * MS, 1);
}

/* Time on CPU from before the capture that the counter brings late: a debt, never less than 0. */
static void test_counters_overtake_wall(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 13 * MS,
				.voluntary = 1,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	assert_int_equal(s.delta.on_ns, 10 * MS);
	assert_int_equal(s.delta.carry_on, -3 * (int64_t)MS);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = LOCK });
	finish(&s);
	assert_int_equal(s.delta.on_ns, 15 * MS);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 5 * MS, 1);
	assert_credit(&s, CREDIT_SHORT_WAITS, SPIN, 0, 1);
}

static void test_preempted(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	/* 4 ms, then pushed out; the counter will know of the queue at the next switch-in */
	step(&s,
	     (struct step){ .dt = 10 * MS, .on = 4 * MS, .where = WHERE_RUNNABLE, .place = QUEUE });
	assert_int_equal(s.delta.runnable_ns, 6 * MS);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 3 * MS,
				.queue = 13 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 7 * MS, 0);
	assert_credit(&s, CREDIT_RUNNABLE, QUEUE, 13 * MS, 0);
	assert_int_equal(s.delta.blocked_ns, 0);
	assert_int_equal(s.delta.waits, 0);
}

static void test_preempted_unseen(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 6 * MS,
				.queue = 4 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 6 * MS, 0);
	assert_credit(&s, CREDIT_RUN_QUEUE, SPIN, 4 * MS, 0);
}

/* On a CPU at every look, without a place there (samples have it): a lag is no wait all the same. */
static void test_on_cpu_without_place(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, NOWHERE);
	step(&s, (struct step){ .dt = 10 * MS, .on = 7 * MS, .where = WHERE_ON_CPU });
	step(&s, (struct step){ .dt = 10 * MS, .on = 13 * MS, .where = WHERE_ON_CPU });
	/* from here on a sample's place stands for where it is: the queue goes near it */
	step(&s,
	     (struct step){ .dt = 10 * MS, .on = 10 * MS, .where = WHERE_ON_CPU, .place = SPIN });
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 6 * MS,
				.queue = 4 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU_UNSEEN, NOWHERE, 20 * MS, 0);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 16 * MS, 0);
	assert_credit(&s, CREDIT_RUN_QUEUE, SPIN, 4 * MS, 0);
	assert_int_equal(s.delta.blocked_ns, 0);
	assert_int_equal(s.delta.waits, 0);
}

static void test_on_cpu_unseen(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = READ,
				.since_ago = 5 * MS });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU_UNSEEN, READ, 2 * MS, 0);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 3 * MS, 1);
	assert_credit(&s, CREDIT_BLOCKED, READ, 5 * MS, 1);
}

/* On CPU at both ends, at two places: half each. */
static void test_two_places_on_cpu(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s,
	     (struct step){
		     .dt = 10 * MS + 1, .on = 10 * MS + 1, .where = WHERE_ON_CPU, .place = READ });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 5 * MS, 0);
	assert_credit(&s, CREDIT_ON_CPU, READ, 5 * MS + 1, 0);
}

static void test_stolen(void **state)
{
	uint64_t stolen = 0;
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	for (unsigned k = 0; k < 100; k++)
		step(&s,
		     (struct step){
			     .dt = 10 * MS, .on = 9 * MS, .where = WHERE_ON_CPU, .place = SPIN });
	finish(&s);
	stolen = s.sums.at[CREDIT_STOLEN][SPIN].ns;
	assert_in_range(stolen, 100 * MS - DELTA_TICK_NS, 100 * MS);
	assert_int_equal(s.delta.on_ns, SEC - stolen);
	assert_int_equal(s.delta.runnable_ns, stolen);
	assert_int_equal(s.delta.blocked_ns, 0);
}

static void test_own_stop_of_a_wait(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = MS / 100,
				.pcount = 2,
				.voluntary = 2,
				.where = WHERE_BLOCKED,
				.place = LOCK,
				.since_ago = 9 * MS, /* what the stop left of it */
				.stopped = MS / 10,
				.own = 2,
				.same_wait = true });
	/* preempted on its way back into the wait */
	step(&s, (struct step){ .dt = 10 * MS,
				.pcount = 3,
				.voluntary = 2,
				.where = WHERE_BLOCKED,
				.place = LOCK,
				.own = 2,
				.same_wait = true });
	assert_true(s.delta.open);
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 20 * MS - MS / 10 - MS / 100, 1);
	assert_credit(&s, CREDIT_ON_CPU_UNSEEN, LOCK, MS / 100, 0);
	assert_int_equal(s.delta.stopped_ns, MS / 10);
	assert_int_equal(s.delta.wall_ns, 20 * MS);
	assert_int_equal(s.delta.waits, 1);
}

static void test_own_stop_of_a_spinner(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	for (unsigned k = 0; k < 10; k++)
		step(&s, (struct step){ .dt = 10 * MS,
					.on = 10 * MS - MS / 10,
					.pcount = 1,
					.voluntary = 1,
					.where = WHERE_ON_CPU,
					.place = SPIN,
					.stopped = MS / 10,
					.own = 1 });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 99 * MS, 0);
	assert_int_equal(s.delta.stopped_ns, MS);
	assert_int_equal(s.delta.waits, 0);
	assert_int_equal(s.delta.blocked_ns, 0);
}

/* Our stop woke it into the queue, where the next look found it, and the one after back again. */
static void test_own_stop_into_the_queue(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_RUNNABLE,
				.place = QUEUE,
				.stopped = MS,
				.own = 1 });
	step(&s, (struct step){ .dt = 10 * MS,
				.queue = 2 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = LOCK,
				.own = 1 });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 17 * MS, 1);
	assert_credit(&s, CREDIT_RUNNABLE, QUEUE, 2 * MS, 0);
	assert_int_equal(s.delta.stopped_ns, MS);
	assert_int_equal(s.delta.waits, 1);
}

/* It ran on until it had stopped: on CPU for longer than the wall less the stops. */
static void test_stops_measured_too_long(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	for (unsigned k = 0; k < 100; k++)
		step(&s, (struct step){ .dt = 10 * MS,
					.on = 10 * MS - MS / 10,
					.where = WHERE_ON_CPU,
					.place = SPIN,
					.stopped = MS / 2 });
	finish(&s);
	assert_in_range(s.delta.on_ns, 990 * MS - DELTA_TICK_NS, 990 * MS);
	assert_int_equal(s.delta.on_ns + s.delta.stopped_ns, SEC);
}

/* Stopped for longer than the interval, by a measure that cannot be right. */
static void test_stop_longer_than_the_interval(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.where = WHERE_BLOCKED,
				.place = LOCK,
				.stopped = 12 * MS,
				.same_wait = true });
	finish(&s);
	assert_int_equal(s.delta.wall_ns, 10 * MS);
	assert_int_equal(s.delta.stopped_ns, 10 * MS);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 0, 1);
}

static void test_two_waits_in_one_interval(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 3 * MS,
				.pcount = 2,
				.voluntary = 2,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 3 * MS, 0);
	assert_credit(&s, CREDIT_SHORT_WAITS, SPIN, 7 * MS, 2);
}

/* It waits in one place only, and is seen there once: what is not seen is not where it runs. */
static void test_short_waits_of_a_busy_thread(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 8 * MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = READ });
	for (unsigned k = 0; k < 2; k++)
		step(&s, (struct step){ .dt = 10 * MS,
					.on = 6 * MS,
					.pcount = 2,
					.voluntary = 2 - (k == 0),
					.where = WHERE_ON_CPU,
					.place = SPIN });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, READ, 2 * MS, 1);
	assert_credit(&s, CREDIT_SHORT_WAITS, READ, 8 * MS, 3);
	assert_credit(&s, CREDIT_SHORT_WAITS, SPIN, 0, 0);
}

static void test_open_at_both_ends(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = MS,
				.queue = MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = READ,
				.since_ago = 2 * MS });
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 6 * MS, 1);
	assert_int_equal(s.sums.until[LOCK], SEC + 6 * MS);
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, READ, 2 * MS, 1);
	assert_int_equal(s.sums.until[READ], SEC + 10 * MS);
	assert_int_equal(s.delta.halved, 0);
}

static void test_open_at_both_ends_undated(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = READ });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 4 * MS, 1);
	assert_credit(&s, CREDIT_BLOCKED, READ, 4 * MS, 1);
	assert_int_equal(s.delta.halved, 1);
}

/* Switched in more than once: between the two there was a third. */
static void test_open_at_both_ends_and_one_between(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 2,
				.voluntary = 2,
				.where = WHERE_BLOCKED,
				.place = READ,
				.since_ago = 3 * MS });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 0, 1);
	assert_credit(&s, CREDIT_SHORT_WAITS, READ, 5 * MS, 1);
	assert_credit(&s, CREDIT_BLOCKED, READ, 3 * MS, 1);
}

/* Undated as well: nothing says how long the last one is. */
static void test_undated_and_one_between(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 2,
				.voluntary = 2,
				.where = WHERE_BLOCKED,
				.place = READ });
	finish(&s);
	assert_credit(&s, CREDIT_SHORT_WAITS, READ, 8 * MS, 1);
	assert_credit(&s, CREDIT_BLOCKED, READ, 0, 1);
	assert_int_equal(s.delta.halved, 0);
}

static void test_blocked_at_the_first_end_only(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 8 * MS, 1);
	finish(&s);
	assert_int_equal(s.delta.waits, 1);
}

/* Woken, and still in the queue: how long it waited shows when it has run. */
static void test_woken_into_the_queue(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS, .where = WHERE_RUNNABLE, .place = QUEUE });
	assert_int_equal(s.delta.wall_ns, 0);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = MS,
				.queue = 17 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 2 * MS, 1);
	assert_credit(&s, CREDIT_RUNNABLE, QUEUE, 17 * MS, 0);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, MS, 0);
}

/* The capture ends while it is starved: from the first look in the queue on it is runnable. */
static void test_starved_to_the_end(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS, .where = WHERE_RUNNABLE, .place = QUEUE });
	step(&s, (struct step){ .dt = 30 * MS, .where = WHERE_RUNNABLE, .place = QUEUE });
	delta_unchanged(&s.delta, s.now.t_ns + 10 * MS);
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 10 * MS, 1);
	assert_credit(&s, CREDIT_RUNNABLE, QUEUE, 40 * MS, 0);
}

/* In the queue long before the capture: that is not of the capture. */
static void test_queued_before(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_RUNNABLE, QUEUE);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 4 * MS,
				.queue = 500 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	step(&s, (struct step){ .dt = 10 * MS,
				.on = MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = LOCK });
	finish(&s);
	assert_credit(&s, CREDIT_RUNNABLE, QUEUE, 6 * MS, 0);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 5 * MS, 0);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 9 * MS, 1);
}

static void test_exit_in_mid_interval(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 4 * MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = LOCK });
	/* the last reading before it went: it ran again, nobody saw where */
	step(&s, (struct step){ .dt = 5 * MS, .on = 2 * MS, .pcount = 1, .where = WHERE_UNKNOWN });
	finish(&s);
	assert_credit(&s, CREDIT_ON_CPU, SPIN, 4 * MS, 0);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 9 * MS, 1);
	assert_credit(&s, CREDIT_ON_CPU_UNSEEN, LOCK, 2 * MS, 0);
	assert_int_equal(s.delta.wall_ns, 15 * MS);
}

static void test_born_within_the_capture(void **state)
{
	const struct observation first = { .t_ns = SEC,
					   .on_ns = 3 * MS,
					   .run_queue_ns = MS,
					   .pcount = 2,
					   .voluntary = 2,
					   .voluntary_known = true,
					   .where = WHERE_BLOCKED,
					   .place = LOCK,
					   .since_ns = SEC - 2 * MS };
	struct series s;

	(void)state;
	memset(&s, 0, sizeof(s));
	delta_init(&s.delta, 0);
	delta_begin(&s.delta, &first, SEC - 8 * MS, sum, &s.sums);
	finish(&s);
	assert_int_equal(s.delta.wall_ns, 8 * MS);
	assert_credit(&s, CREDIT_ON_CPU_UNSEEN, LOCK, 3 * MS, 0);
	assert_credit(&s, CREDIT_RUN_QUEUE, LOCK, MS, 0);
	assert_credit(&s, CREDIT_SHORT_WAITS, LOCK, 2 * MS, 1);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 2 * MS, 1);
}

static void test_unchanged(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	for (unsigned k = 1; k <= 100; k++)
		delta_unchanged(&s.delta, SEC + k * 10 * MS);
	/* then it ran, several times: the second before that is not in doubt */
	s.now.t_ns = 2 * SEC;
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 3,
				.voluntary = 2,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	assert_credit(&s, CREDIT_BLOCKED, LOCK, SEC, 1);
	assert_credit(&s, CREDIT_SHORT_WAITS, LOCK, 8 * MS, 2);
	finish(&s);
	assert_int_equal(s.delta.wall_ns, SEC + 10 * MS);
}

static void test_unchanged_to_the_end(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	delta_unchanged(&s.delta, 3 * SEC);
	assert_int_equal(s.sums.ncredits, 0);
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 2 * SEC, 1);
	assert_int_equal(s.sums.ncredits, 1);
}

/* A look without a stack at a thread that has not run ends no wait. */
static void test_unseen_within_a_wait(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	step(&s, (struct step){ .dt = 10 * MS, .where = WHERE_UNKNOWN });
	step(&s, (struct step){ .dt = 10 * MS, .where = WHERE_BLOCKED, .place = LOCK });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 20 * MS, 1);
	assert_int_equal(s.sums.ncredits, 1);
}

/* Never seen, not run: blocked somewhere since before the capture. */
static void test_unseen_at_first(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_UNKNOWN, NOWHERE);
	step(&s, (struct step){ .dt = 10 * MS, .where = WHERE_BLOCKED, .place = LOCK });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 10 * MS, 1);
}

/* Blocked by the time it is looked at, though status did not show the switch yet. */
static void test_wait_counted_once(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s,
	     (struct step){ .dt = 10 * MS, .on = 5 * MS, .where = WHERE_BLOCKED, .place = LOCK });
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 5 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_int_equal(s.delta.waits, 1);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 10 * MS, 1);
}

/* Not known for a while (pcount did not ask for a reading): made good when it is. */
static void test_voluntary_known_at_times(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 5 * MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = LOCK,
				.blind = true });
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 5 * MS,
				.pcount = 4,
				.voluntary = 2,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_int_equal(s.delta.waits, 3);
	assert_credit(&s, CREDIT_SHORT_WAITS, LOCK, 5 * MS, 2);
}

/* Our switches count as ours though voluntary is read a look later. */
static void test_own_stop_while_not_known(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_ON_CPU, SPIN);
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 10 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN,
				.own = 1,
				.blind = true });
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 8 * MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	finish(&s);
	assert_int_equal(s.delta.waits, 1);
	assert_credit(&s, CREDIT_SHORT_WAITS, SPIN, 2 * MS, 1);
}

static void test_voluntary_never_known(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	s.delta.voluntary_known = false;
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 3,
				.where = WHERE_BLOCKED,
				.place = READ,
				.since_ago = MS,
				.blind = true });
	finish(&s);
	assert_credit(&s, CREDIT_SHORT_WAITS, READ, 7 * MS, 2);
	assert_credit(&s, CREDIT_BLOCKED, READ, MS, 1);
}

static void test_min_block(void **state)
{
	struct series s;

	(void)state;
	begin(&s, WHERE_BLOCKED, LOCK);
	s.delta.min_block_ns = 5 * MS;
	/* LOCK: 7 ms, READ: 2 ms in this interval and 4 ms in the next */
	step(&s, (struct step){ .dt = 10 * MS,
				.on = MS,
				.pcount = 1,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = READ,
				.since_ago = 2 * MS });
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 6 * MS,
				.pcount = 1,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	/* two of 4 ms: too short each */
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 2 * MS,
				.pcount = 2,
				.voluntary = 2,
				.where = WHERE_ON_CPU,
				.place = SPIN });
	/* 3 ms at the end */
	step(&s, (struct step){ .dt = 10 * MS,
				.on = 7 * MS,
				.voluntary = 1,
				.where = WHERE_BLOCKED,
				.place = QUEUE });
	finish(&s);
	assert_credit(&s, CREDIT_BLOCKED, LOCK, 7 * MS, 1);
	assert_credit(&s, CREDIT_BLOCKED, READ, 6 * MS, 1);
	assert_credit(&s, CREDIT_SHORT_WAITS, SPIN, 0, 0);
	assert_credit(&s, CREDIT_BLOCKED, QUEUE, 0, 0);
	assert_int_equal(s.delta.dropped_ns, 11 * MS);
	assert_int_equal(s.delta.blocked_ns, 24 * MS);
}

/* ---- simulation ---- */

/*
 * A thread's true schedule. Each wait has a place of its own, so that what is credited to it can
 * be compared with how long it was.
 */
struct episode {
	enum delta_where what;
	uint64_t start_ns, end_ns;
	uint64_t gap_ns; /* of a wait: the longest time between looks around it */
};

enum { MAX_EPISODES = 4096, OTHER_PLACE = MAX_EPISODES, MAX_LOOKS = 1024 };

struct sim {
	unsigned run;
	uint64_t seed;
	struct episode episodes[MAX_EPISODES];
	size_t n, at;
	/* cumulative, at the beginning of episodes[at] */
	uint64_t on, queue, pcount, voluntary;
	uint64_t tick_phase_ns;
	uint64_t t0, t1; /* of the capture */
	bool dated, known;
	uint64_t credited[MAX_EPISODES + 1];
	uint64_t count, ns[CREDIT_KINDS];
};

static uint64_t rnd(struct sim *sim, uint64_t n)
{
	/* xorshift64* (Vigna 2016) */
	sim->seed ^= sim->seed >> 12;
	sim->seed ^= sim->seed << 25;
	sim->seed ^= sim->seed >> 27;
	return (sim->seed * 0x2545f4914f6cdd1dull >> 11) % n;
}

/* From 50 us to 2^octaves times as much, all lengths alike likely. */
static uint64_t random_length(struct sim *sim, unsigned octaves)
{
	uint64_t base = 50 * NS_PER_US << rnd(sim, octaves);

	return base + rnd(sim, base);
}

static enum delta_where next_state(struct sim *sim, enum delta_where what, unsigned preempt)
{
	switch (what) {
	case WHERE_ON_CPU:
		return rnd(sim, 100) < preempt ? WHERE_RUNNABLE : WHERE_BLOCKED;
	case WHERE_BLOCKED:
		return rnd(sim, 2) ? WHERE_RUNNABLE : WHERE_ON_CPU;
	default:
		return WHERE_ON_CPU;
	}
}

/* Each run has its character: how long it runs, queues and blocks at most, how often preempted. */
static void make_schedule(struct sim *sim)
{
	const unsigned octaves[] = { 1 + (unsigned)rnd(sim, 16), 1 + (unsigned)rnd(sim, 16),
				     1 + (unsigned)rnd(sim, 16), 1 + (unsigned)rnd(sim, 16) };
	unsigned preempt = (unsigned)rnd(sim, 101);
	enum delta_where what = WHERE_ON_CPU;
	uint64_t t = 0;

	for (unsigned k = (unsigned)rnd(sim, 4); k > 0; k--)
		what = next_state(sim, what, preempt);
	for (sim->n = 0; sim->n < MAX_EPISODES && t < 4 * SEC; sim->n++) {
		uint64_t length = random_length(sim, octaves[what]);

		sim->episodes[sim->n] = (struct episode){ what, t, t + length, 0 };
		t += length;
		what = next_state(sim, what, preempt);
	}
	sim->t0 = MIN(t, SEC) / 2 + rnd(sim, MIN(t, SEC) / 4);
	sim->t1 = t - 1;
}

/* Goes on to the episode of time t; the counters follow at each switch. */
static void advance(struct sim *sim, uint64_t t)
{
	for (; sim->episodes[sim->at].end_ns <= t; sim->at++) {
		const struct episode *e = &sim->episodes[sim->at];
		enum delta_where next = e[1].what;

		if (e->what == WHERE_ON_CPU)
			sim->on += e->end_ns - e->start_ns;
		if (e->what == WHERE_RUNNABLE)
			sim->queue += e->end_ns - e->start_ns;
		sim->pcount += next == WHERE_ON_CPU;
		sim->voluntary += next == WHERE_BLOCKED;
	}
}

/* Of an episode on CPU: up to the latest tick. */
static uint64_t ticked(const struct sim *sim, const struct episode *e, uint64_t t)
{
	uint64_t tick = t - (t + sim->tick_phase_ns) % DELTA_TICK_NS;

	return tick > e->start_ns && tick <= t ? tick - e->start_ns : 0;
}

static struct observation look(struct sim *sim, uint64_t t)
{
	const struct episode *e;

	advance(sim, t);
	e = &sim->episodes[sim->at];
	return (struct observation){
		.t_ns = t,
		.on_ns = sim->on + (e->what == WHERE_ON_CPU ? ticked(sim, e, t) : 0),
		.run_queue_ns = sim->queue,
		.pcount = sim->pcount,
		.voluntary = sim->voluntary,
		.voluntary_known = sim->known,
		.where = e->what,
		.place = e->what == WHERE_BLOCKED ? (uint32_t)sim->at + 1 : OTHER_PLACE + 1,
		.since_ns = e->what == WHERE_BLOCKED && sim->dated ? e->start_ns : 0,
	};
}

static void sim_sink(void *arg, const struct credit *credit)
{
	struct sim *sim = arg;

	assert_true(credit->ns < 10 * SEC);
	assert_in_range(credit->start_ns, sim->t0, sim->t1);
	assert_in_range(credit->start_ns + credit->ns, sim->t0, sim->t1);
	assert_in_range(credit->place, 1, OTHER_PLACE + 1);
	sim->ns[credit->kind] += credit->ns;
	sim->count += credit->count;
	if (credit->kind == CREDIT_BLOCKED)
		sim->credited[credit->place - 1] += credit->ns;
}

/* The waits that overlap a gap between two looks know how wide it was. */
static void note_gap(struct sim *sim, size_t from, uint64_t gap)
{
	for (size_t k = from; k <= sim->at; k++)
		sim->episodes[k].gap_ns = MAX(sim->episodes[k].gap_ns, gap);
}

static bool has_not_run(const struct observation *a, const struct observation *b)
{
	return a->where == WHERE_BLOCKED && b->where == WHERE_BLOCKED && a->pcount == b->pcount;
}

/* Returns the last look. */
static struct observation sim_capture(struct sim *sim, struct delta *delta, uint64_t period)
{
	struct observation last = look(sim, sim->t0), now;

	delta_begin(delta, &last, 0, sim_sink, sim);
	for (unsigned k = 0; k < MAX_LOOKS; k++) {
		uint64_t t = last.t_ns + period - period / 5 + rnd(sim, 2 * period / 5);
		size_t from = sim->at;

		if (t > sim->t1)
			break;
		now = look(sim, t);
		note_gap(sim, from, t - last.t_ns);
		if (has_not_run(&last, &now))
			delta_unchanged(delta, t);
		else
			delta_observe(delta, &now, sim_sink, sim);
		assert_adds_up(delta);
		last = now;
	}
	sim->t1 = last.t_ns;
	delta_finish(delta, sim_sink, sim);
	assert_adds_up(delta);
	return last;
}

static void assert_near(const struct sim *sim, uint64_t got, uint64_t low, uint64_t high,
			uint64_t slack)
{
	if (got + slack < low || got > high + slack)
		fail_msg("run %u: %llu is not in %llu..%llu +- %llu", sim->run,
			 (unsigned long long)got, (unsigned long long)low, (unsigned long long)high,
			 (unsigned long long)slack);
}

/* The part of an episode that lies in the capture. */
static uint64_t within(const struct sim *sim, const struct episode *e)
{
	uint64_t start = MAX(e->start_ns, sim->t0), end = MIN(e->end_ns, sim->t1);

	return end > start ? end - start : 0;
}

/*
 * Sums by the counters. Of a thread that began or ended in the queue, the time there before the
 * capture is in the counter and not in the capture, that of the last wait the other way round.
 */
static void check_sums(const struct sim *sim, const struct delta *delta,
		       const struct observation *first, const struct observation *last,
		       uint64_t queued_before)
{
	const struct episode *end = &sim->episodes[sim->at];
	uint64_t on = last->on_ns - first->on_ns;
	uint64_t queue = last->run_queue_ns - first->run_queue_ns;
	uint64_t queued = end->what == WHERE_RUNNABLE ? within(sim, end) : 0;
	uint64_t before = MIN(queued_before, queue);
	uint64_t rest = delta->wall_ns - MIN(delta->wall_ns, on + queue - before);

	assert_int_equal(delta->wall_ns, last->t_ns - first->t_ns);
	assert_near(sim, delta->on_ns, on, on, DELTA_TICK_NS);
	assert_near(sim, delta->runnable_ns, queue - before, queue + queued, DELTA_TICK_NS);
	assert_near(sim, delta->blocked_ns, rest - MIN(rest, before + queued), rest, DELTA_TICK_NS);
	assert_int_equal(sim->ns[CREDIT_STOLEN], 0);
	assert_int_equal(sim->ns[CREDIT_ON_CPU] + sim->ns[CREDIT_ON_CPU_UNSEEN], delta->on_ns);
	assert_int_equal(sim->ns[CREDIT_RUNNABLE] + sim->ns[CREDIT_RUN_QUEUE], delta->runnable_ns);
	assert_int_equal(sim->ns[CREDIT_BLOCKED] + sim->ns[CREDIT_SHORT_WAITS], delta->blocked_ns);
}

/* A wait longer than two periods is known to within one at each end of it. */
static void check_long_waits(const struct sim *sim)
{
	for (size_t k = 0; k < sim->n; k++) {
		const struct episode *e = &sim->episodes[k];
		uint64_t ns = within(sim, e);

		if (e->what == WHERE_BLOCKED && ns > 2 * e->gap_ns)
			assert_near(sim, sim->credited[k], ns, ns, 2 * e->gap_ns);
	}
}

static void simulate(struct sim *sim, unsigned run)
{
	struct delta delta;
	struct observation first, last;
	uint64_t queued_before = 0;

	memset(sim, 0, sizeof(*sim));
	sim->run = run; /* for the message of a failure */
	sim->seed = run * 0x9e3779b97f4a7c15ull + 1;
	sim->tick_phase_ns = rnd(sim, DELTA_TICK_NS);
	sim->dated = rnd(sim, 2);
	sim->known = rnd(sim, 4);
	make_schedule(sim);
	first = look(sim, sim->t0);
	if (first.where == WHERE_RUNNABLE)
		queued_before = sim->t0 - sim->episodes[sim->at].start_ns;
	delta_init(&delta, 0);
	last = sim_capture(sim, &delta, rnd(sim, 2) ? SEC / 99 : SEC / 20);
	check_sums(sim, &delta, &first, &last, queued_before);
	check_long_waits(sim);
	assert_int_equal(sim->count, delta.waits);
	if (sim->known)
		assert_int_equal(delta.waits,
				 last.voluntary - first.voluntary + (first.where == WHERE_BLOCKED));
}

static void test_simulation(void **state)
{
	struct sim *sim = malloc(sizeof(*sim));

	(void)state;
	assert_non_null(sim);
	for (unsigned run = 1; run <= 5000; run++)
		simulate(sim, run);
	free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spinner),
		cmocka_unit_test(test_counter_lag),
		cmocka_unit_test(test_counters_overtake_wall),
		cmocka_unit_test(test_preempted),
		cmocka_unit_test(test_preempted_unseen),
		cmocka_unit_test(test_on_cpu_without_place),
		cmocka_unit_test(test_on_cpu_unseen),
		cmocka_unit_test(test_two_places_on_cpu),
		cmocka_unit_test(test_stolen),
		cmocka_unit_test(test_own_stop_of_a_wait),
		cmocka_unit_test(test_own_stop_of_a_spinner),
		cmocka_unit_test(test_own_stop_into_the_queue),
		cmocka_unit_test(test_stops_measured_too_long),
		cmocka_unit_test(test_stop_longer_than_the_interval),
		cmocka_unit_test(test_two_waits_in_one_interval),
		cmocka_unit_test(test_short_waits_of_a_busy_thread),
		cmocka_unit_test(test_open_at_both_ends),
		cmocka_unit_test(test_open_at_both_ends_undated),
		cmocka_unit_test(test_open_at_both_ends_and_one_between),
		cmocka_unit_test(test_undated_and_one_between),
		cmocka_unit_test(test_blocked_at_the_first_end_only),
		cmocka_unit_test(test_woken_into_the_queue),
		cmocka_unit_test(test_starved_to_the_end),
		cmocka_unit_test(test_queued_before),
		cmocka_unit_test(test_exit_in_mid_interval),
		cmocka_unit_test(test_born_within_the_capture),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_unchanged_to_the_end),
		cmocka_unit_test(test_unseen_within_a_wait),
		cmocka_unit_test(test_unseen_at_first),
		cmocka_unit_test(test_wait_counted_once),
		cmocka_unit_test(test_voluntary_known_at_times),
		cmocka_unit_test(test_own_stop_while_not_known),
		cmocka_unit_test(test_voluntary_never_known),
		cmocka_unit_test(test_min_block),
		cmocka_unit_test(test_simulation),
	};

	return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}
