/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-throttle.c: the rate of a capture under a limit of CPU time. A simulated capture costs a fixed
 * time a look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "engine/throttle.h"

#define MS NS_PER_MS

struct run {
	struct throttle throttle;
	uint64_t now_ns, cpu_ns;
};

static struct run start(double limit, uint64_t period_ns)
{
	struct run run = { .now_ns = 5000 * MS, .cpu_ns = 77 * MS };

	throttle_init(&run.throttle, limit, period_ns, run.now_ns, run.cpu_ns);
	return run;
}

/* Looks for so long; each costs cpu_ns. The share of a CPU that the last second used. */
static double look(struct run *run, uint64_t for_ns, uint64_t cpu_ns)
{
	uint64_t end = run->now_ns + for_ns, last_ns = end - 1000 * MS, used = 0;

	while (run->now_ns < end) {
		run->now_ns += run->throttle.period_ns > cpu_ns ? run->throttle.period_ns : cpu_ns;
		run->cpu_ns += cpu_ns;
		if (run->now_ns > last_ns)
			used += cpu_ns;
		throttle_note(&run->throttle, run->now_ns, run->cpu_ns);
	}
	return (double)used / (double)(1000 * MS);
}

static void test_cheap_looks_keep_their_rate(void **state)
{
	struct run run = start(0.5, 10 * MS);

	(void)state;
	look(&run, 20000 * MS, 4 * MS);
	assert_int_equal(run.throttle.period_ns, 10 * MS);
	assert_int_equal(run.throttle.longest_ns, 0);
}

static void test_dear_looks_become_fewer(void **state)
{
	struct run run = start(0.5, 10 * MS);
	double used = look(&run, 20000 * MS, 30 * MS);

	(void)state;
	assert_true(run.throttle.period_ns > 40 * MS);
	assert_true(run.throttle.longest_ns >= run.throttle.period_ns);
	assert_true(used <= 0.55);
	assert_true(used >= 0.25);
}

static void test_the_rate_comes_back(void **state)
{
	struct run run = start(0.25, 10 * MS);

	(void)state;
	look(&run, 10000 * MS, 20 * MS);
	assert_true(run.throttle.period_ns > 50 * MS);
	look(&run, 20000 * MS, MS / 10);
	assert_int_equal(run.throttle.period_ns, 10 * MS);
	assert_true(run.throttle.longest_ns > 50 * MS);
}

static void test_one_dear_second_changes_nothing(void **state)
{
	struct run run = start(0.5, 10 * MS);

	(void)state;
	look(&run, 500 * MS, 9 * MS);
	look(&run, 5000 * MS, MS);
	assert_int_equal(run.throttle.longest_ns, 0);
}

static void test_a_second_is_the_longest(void **state)
{
	struct run run = start(0.01, 10 * MS);

	(void)state;
	look(&run, 60000 * MS, 500 * MS);
	assert_int_equal(run.throttle.period_ns, 1000 * MS);
}

static void test_slower_than_a_second_if_asked_for(void **state)
{
	struct run run = start(0.01, 2000 * MS);

	(void)state;
	look(&run, 60000 * MS, 500 * MS);
	assert_int_equal(run.throttle.period_ns, 2000 * MS);
	assert_int_equal(run.throttle.longest_ns, 0);
}

static void test_no_limit(void **state)
{
	struct run run = start(0, 10 * MS);

	(void)state;
	look(&run, 10000 * MS, 100 * MS);
	assert_int_equal(run.throttle.period_ns, 10 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cheap_looks_keep_their_rate),
		cmocka_unit_test(test_dear_looks_become_fewer),
		cmocka_unit_test(test_the_rate_comes_back),
		cmocka_unit_test(test_one_dear_second_changes_nothing),
		cmocka_unit_test(test_a_second_is_the_longest),
		cmocka_unit_test(test_slower_than_a_second_if_asked_for),
		cmocka_unit_test(test_no_limit),
	};

	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
