/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-pacing.c: how many threads are stopped at once under a limit of their pause.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "capture/pacing.h"

static void test_no_limit_stops_all(void **state)
{
	struct pacing pacing;

	(void)state;
	pacing_init(&pacing, 0);
	pacing_note(&pacing, 5000, NS_PER_SEC, 0);
	assert_true(pacing.batch > 1000000);
	assert_int_equal(pacing.over, 0);
}

static void test_a_breach_makes_rounds_smaller(void **state)
{
	struct pacing pacing;

	(void)state;
	pacing_init(&pacing, NS_PER_MS);
	assert_true(pacing.batch > 1);
	pacing_note(&pacing, 20, 4 * NS_PER_MS, 3);
	assert_true(pacing.batch < 5);
	assert_int_equal(pacing.over, 3);
}

static void test_never_less_than_one(void **state)
{
	struct pacing pacing;

	(void)state;
	pacing_init(&pacing, NS_PER_US);
	assert_int_equal(pacing.batch, 1);
	pacing_note(&pacing, 1, NS_PER_MS, 1);
	assert_int_equal(pacing.batch, 1);
}

/* Each thread costs 10 us, and stands still until the last has been read. */
static void test_settles_below_the_limit(void **state)
{
	struct pacing pacing;
	uint64_t longest = 0;

	(void)state;
	pacing_init(&pacing, 500 * NS_PER_US);
	for (unsigned round = 0; round < 100; round++) {
		longest = pacing.batch * 10 * NS_PER_US;
		pacing_note(&pacing, pacing.batch, longest, 0);
	}
	assert_true(longest <= 500 * NS_PER_US);
	assert_true(pacing.batch >= 20);
}

static void test_small_rounds_teach_nothing(void **state)
{
	struct pacing pacing;
	size_t before;

	(void)state;
	pacing_init(&pacing, 10 * NS_PER_MS);
	before = pacing.batch;
	for (unsigned round = 0; round < 100; round++)
		pacing_note(&pacing, 2, 20 * NS_PER_US, 0);
	assert_int_equal(pacing.batch, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit_stops_all),
		cmocka_unit_test(test_a_breach_makes_rounds_smaller),
		cmocka_unit_test(test_never_less_than_one),
		cmocka_unit_test(test_settles_below_the_limit),
		cmocka_unit_test(test_small_rounds_teach_nothing),
	};

	return cmocka_run_group_tests_name("pacing", tests, NULL, NULL);
}
