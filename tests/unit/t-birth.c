/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-birth.c: new threads told from older ones by what the kernel says of their beginning, and the
 * counters of a thread that called exec from those of another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/birth.h"

enum { MS = 1000000 };

static void test_exact_birth(void **state)
{
	const struct look look = { .birth = 5 * NS_PER_SEC, .start_time = 1 };

	(void)state;
	assert_true(birth_is_after(&look, 5 * NS_PER_SEC, 0));
	assert_false(birth_is_after(&look, 5 * NS_PER_SEC + 1, 0));
	/* the host was suspended for two seconds */
	assert_true(birth_is_after(&look, 3 * NS_PER_SEC, 2 * NS_PER_SEC));
	assert_false(birth_is_after(&look, 4 * NS_PER_SEC, 2 * NS_PER_SEC));
}

/* A thread of tick 500 began within the ten milliseconds from 5 s on. */
static void test_birth_in_clock_ticks(void **state)
{
	const struct look look = { .start_time = 500 };

	(void)state;
	assert_true(birth_is_after(&look, 4 * NS_PER_SEC, 0));
	assert_true(birth_is_after(&look, 5 * NS_PER_SEC + 10 * MS, 0));
	assert_false(birth_is_after(&look, 5 * NS_PER_SEC + 11 * MS, 0));
}

static void test_unknown_birth(void **state)
{
	const struct look look = { .tid = 1 };

	(void)state;
	assert_true(birth_is_after(&look, 5 * NS_PER_SEC, 0));
}

static bool goes_on(uint64_t on_ns, uint64_t run_queue_ns, uint64_t pcount)
{
	const struct observation before = {
		.t_ns = NS_PER_SEC, .on_ns = 300 * MS, .run_queue_ns = 20 * MS, .pcount = 9
	};
	const struct observation now = {
		.t_ns = NS_PER_SEC + 10 * MS,
		.on_ns = on_ns,
		.run_queue_ns = run_queue_ns,
		.pcount = pcount,
	};

	return birth_goes_on(&before, &now);
}

static void test_exec_of_the_leader(void **state)
{
	(void)state;
	assert_true(goes_on(309 * MS, 20 * MS, 9));
	assert_true(goes_on(300 * MS, 30 * MS, 12));
	assert_true(goes_on(313 * MS, 20 * MS, 9)); /* the counter lagged by a tick */
}

static void test_exec_of_another_thread(void **state)
{
	(void)state;
	assert_false(goes_on(2 * MS, 20 * MS, 9));
	assert_false(goes_on(900 * MS, 20 * MS, 9));
	assert_false(goes_on(305 * MS, 19 * MS, 9));
	assert_false(goes_on(305 * MS, 20 * MS, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_birth),
		cmocka_unit_test(test_birth_in_clock_ticks),
		cmocka_unit_test(test_unknown_birth),
		cmocka_unit_test(test_exec_of_the_leader),
		cmocka_unit_test(test_exec_of_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
