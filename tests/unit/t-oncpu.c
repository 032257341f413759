/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-oncpu.c: time on CPU that waits for its samples: worked series, and a random one with and without
 * a time line. What comes out is to the nanosecond what went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "aggregate/oncpu.h"
#include "base/attr.h"

enum { MS = 1000000, NPLACES = 8, ROUNDS = 4000 };
enum { NOWHERE, A, B, C };

struct bench {
	struct oncpu oncpu;
	uint64_t now_ns, held_ns;
	uint64_t on[NPLACES], unseen[NPLACES];
	unsigned count[NPLACES]; /* credits of ON_CPU */
	uint64_t until_ns;       /* end of the latest credit */
};

static void take(void *arg, const struct credit *credit)
{
	struct bench *bench = arg;

	assert_in_range(credit->place, 0, NPLACES - 1);
	assert_true(credit->ns > 0);
	if (bench->oncpu.ordered) {
		assert_true(credit->start_ns >= bench->until_ns);
		bench->until_ns = credit->start_ns + credit->ns;
	}
	if (credit->kind == CREDIT_ON_CPU) {
		bench->on[credit->place] += credit->ns;
		bench->count[credit->place]++;
	} else {
		assert_int_equal(credit->kind, CREDIT_ON_CPU_UNSEEN);
		bench->unseen[credit->place] += credit->ns;
	}
}

static void begin(struct bench *bench, bool ordered)
{
	*bench = (struct bench){ .now_ns = 1000 * (uint64_t)MS };
	oncpu_init(&bench->oncpu, ordered);
}

/* It was on CPU for so long, then off for so long. */
static void run(struct bench *bench, uint64_t on_ns, uint64_t off_ns)
{
	const struct credit credit = {
		.kind = CREDIT_ON_CPU_UNSEEN,
		.place = C,
		.start_ns = bench->now_ns,
		.ns = on_ns,
	};

	if (on_ns)
		oncpu_hold(&bench->oncpu, &credit, take, bench);
	bench->held_ns += on_ns;
	bench->now_ns += on_ns + off_ns;
}

static void sample(struct bench *bench, uint32_t place)
{
	assert_int_equal(oncpu_sample(&bench->oncpu, place), 0);
}

static void tick(struct bench *bench)
{
	oncpu_tick(&bench->oncpu, take, bench);
}

static void finish(struct bench *bench)
{
	uint64_t sum = 0;

	oncpu_finish(&bench->oncpu, take, bench);
	for (size_t i = 0; i < NPLACES; i++)
		sum += bench->on[i] + bench->unseen[i];
	assert_int_equal(sum, bench->held_ns);
	oncpu_done(&bench->oncpu);
}

/* Both ways must come to the same: with a time line and without. */
static void both(void (*series)(struct bench *bench))
{
	struct bench plain, ordered;

	begin(&plain, false);
	series(&plain);
	finish(&plain);
	begin(&ordered, true);
	series(&ordered);
	finish(&ordered);
	assert_memory_equal(plain.on, ordered.on, sizeof(plain.on));
	assert_memory_equal(plain.unseen, ordered.unseen, sizeof(plain.unseen));
}

static void spin(struct bench *bench)
{
	for (unsigned k = 0; k < 5; k++) {
		sample(bench, A);
		run(bench, 10 * MS, 0);
		tick(bench);
		assert_int_equal(bench->on[A], (k + 1) * 10 * MS);
	}
}

static void test_spinner(void **state)
{
	(void)state;
	both(spin);
}

/* Bursts of half a millisecond, of which one in twenty is met. */
static void burst(struct bench *bench)
{
	for (unsigned k = 0; k < 40; k++) {
		if (k % 20 == 19)
			sample(bench, k < 20 ? A : B);
		run(bench, MS / 2, 9 * MS + MS / 2);
		tick(bench);
	}
	assert_int_equal(bench->on[A], 10 * MS);
	assert_int_equal(bench->on[B], 10 * MS);
	run(bench, 3 * MS, 0);
}

static void check_burst(struct bench *bench)
{
	burst(bench);
	oncpu_finish(&bench->oncpu, take, bench);
	/* what follows the last sample goes to it */
	assert_int_equal(bench->on[B], 13 * MS);
}

static void test_bursts(void **state)
{
	(void)state;
	both(check_burst);
}

static void share(struct bench *bench)
{
	run(bench, 4 * MS, 6 * MS);
	tick(bench);
	sample(bench, A);
	sample(bench, B);
	sample(bench, B);
	run(bench, 9 * MS + 2, MS);
	tick(bench);
	/* the first one takes what was held before */
	assert_int_equal(bench->on[A], 7 * MS);
	assert_int_equal(bench->on[B], 6 * MS + 2);
}

static void test_two_in_one_interval(void **state)
{
	(void)state;
	both(share);
}

static void wait_for_time(struct bench *bench)
{
	run(bench, MS, 0);
	tick(bench);
	sample(bench, A);
	tick(bench);
	assert_int_equal(bench->on[A], 0);
	sample(bench, B);
	run(bench, 2 * MS, 0);
	tick(bench);
	assert_int_equal(bench->on[A], 2 * MS);
	assert_int_equal(bench->on[B], MS);
}

/* The counter brings the time at a later tick than that of the sample. */
static void test_sample_before_its_time(void **state)
{
	(void)state;
	both(wait_for_time);
}

static void sample_at_last(struct bench *bench)
{
	run(bench, 5 * MS, 5 * MS);
	tick(bench);
	sample(bench, B);
	oncpu_finish(&bench->oncpu, take, bench);
	assert_int_equal(bench->on[B], 5 * MS);
	assert_int_equal(bench->unseen[C], 0);
}

static void test_no_sample_until_the_end(void **state)
{
	(void)state;
	both(sample_at_last);
}

static void never(struct bench *bench)
{
	run(bench, 5 * MS, 5 * MS);
	tick(bench);
	run(bench, MS, 0);
	oncpu_finish(&bench->oncpu, take, bench);
	/* near the last place that was known at all */
	assert_int_equal(bench->unseen[C], 6 * MS);
}

static void test_never_sampled(void **state)
{
	(void)state;
	both(never);
}

static void flood(struct bench *bench)
{
	for (unsigned k = 0; k < 3 * ONCPU_SAMPLES; k++)
		sample(bench, k < ONCPU_SAMPLES ? A : B);
	run(bench, ONCPU_SAMPLES * MS, 0);
	tick(bench);
	assert_int_equal(bench->on[A], (ONCPU_SAMPLES - 1) * MS);
	assert_int_equal(bench->on[B], MS);
}

static void test_samples_are_bounded(void **state)
{
	(void)state;
	both(flood);
}

/* More pieces than are held go to the sample before, and one that follows takes only the rest. */
static void test_pieces_are_bounded(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, true);
	sample(&bench, A);
	for (unsigned k = 0; k < 3 * ONCPU_PIECES; k++) {
		run(&bench, MS, MS);
		tick(&bench);
		assert_in_range(bench.oncpu.pieces.n, 0, ONCPU_PIECES);
	}
	sample(&bench, B);
	run(&bench, MS, MS);
	tick(&bench);
	assert_true(bench.on[A] >= 2 * ONCPU_PIECES * MS);
	assert_true(bench.on[B] >= MS && bench.on[B] <= (ONCPU_PIECES + 1) * MS);
	finish(&bench);
}

/* Credits that touch are one piece: a thread that runs on and on holds one. */
static void test_pieces_are_joined(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, true);
	for (unsigned k = 0; k < 10 * ONCPU_PIECES; k++) {
		run(&bench, MS, 0);
		tick(&bench);
	}
	assert_int_equal(bench.oncpu.pieces.n, 1);
	sample(&bench, B);
	run(&bench, MS, 0);
	tick(&bench);
	assert_int_equal(bench.count[B], 1);
	finish(&bench);
}

/* A share that ends within a piece: the next one begins there. */
static void test_pieces_are_cut(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, true);
	run(&bench, 3 * MS, MS);
	run(&bench, 3 * MS, MS);
	run(&bench, 3 * MS, MS);
	sample(&bench, A);
	sample(&bench, B);
	tick(&bench);
	assert_int_equal(bench.on[A], 9 * MS / 2);
	assert_int_equal(bench.on[B], 9 * MS / 2);
	assert_int_equal(bench.count[A], 2);
	assert_int_equal(bench.count[B], 2);
	finish(&bench);
}

static void random_series(struct bench *bench)
{
	srandom(7);
	for (unsigned k = 0; k < ROUNDS; k++) {
		unsigned credits = (unsigned)random() % 3, samples = (unsigned)random() % 9;

		for (unsigned i = 0; samples < 3 && i < samples; i++)
			sample(bench, 1 + (uint32_t)random() % (NPLACES - 1));
		for (unsigned i = 0; i < credits; i++)
			run(bench, (uint64_t)random() % (3 * MS), (uint64_t)random() % MS);
		tick(bench);
	}
}

static void test_random(void **state)
{
	(void)state;
	both(random_series);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spinner),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_two_in_one_interval),
		cmocka_unit_test(test_sample_before_its_time),
		cmocka_unit_test(test_no_sample_until_the_end),
		cmocka_unit_test(test_never_sampled),
		cmocka_unit_test(test_samples_are_bounded),
		cmocka_unit_test(test_pieces_are_bounded),
		cmocka_unit_test(test_pieces_are_joined),
		cmocka_unit_test(test_pieces_are_cut),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
