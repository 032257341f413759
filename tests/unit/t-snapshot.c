/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-snapshot.c: finding a thread in a snapshot by its tid.
 */
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>

#include "base/attr.h"

static struct thread threads[] = {
	{ .tid = 3 }, { .tid = 7 }, { .tid = 8 }, { .tid = 4194303 }, { .tid = INT_MAX },
};

static void test_finds_each(void **state)
{
	(void)state;
	for (size_t n = 1; n <= ARRAY_SIZE(threads); n++) {
		const struct ss_snapshot snapshot = { .threads = threads, .nthreads = n };

		for (size_t i = 0; i < n; i++)
			assert_ptr_equal(snapshot_find(&snapshot, threads[i].tid), &threads[i]);
		for (size_t i = n; i < ARRAY_SIZE(threads); i++)
			assert_null(snapshot_find(&snapshot, threads[i].tid));
	}
}

/* Numbers around and between, and those that are no tid at all: the difference may overflow. */
static void test_finds_no_other(void **state)
{
	static const pid_t others[] = { 0, 2, 4, 6, 9, 4194302, 4194304, -1, INT_MIN };
	const struct ss_snapshot snapshot = { .threads = threads, .nthreads = ARRAY_SIZE(threads) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_null(snapshot_find(&snapshot, others[i]));
}

static void test_nothing_in_nothing(void **state)
{
	const struct ss_snapshot snapshot = { .threads = NULL };

	(void)state;
	assert_null(snapshot_find(&snapshot, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_each),
		cmocka_unit_test(test_finds_no_other),
		cmocka_unit_test(test_nothing_in_nothing),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
