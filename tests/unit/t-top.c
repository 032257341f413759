/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-top.c: sums by function, and the table. Expected texts were compared with what go tool pprof
 * -top (go1.19) prints for the same samples.
 */
#include "write/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/attr.h"

#define ADD(top, value, ...)                                                                 \
	assert_int_equal(top_add(top, (const char *const[]){ __VA_ARGS__ },                  \
				 ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })), value), \
			 0)

static struct top *sample(void)
{
	struct top *top = top_new();

	assert_non_null(top);
	ADD(top, 700, "lock", "work", "main");
	ADD(top, 200, "read", "work", "main");
	ADD(top, 100, "work", "work", "main");
	return top;
}

static void assert_row(const struct top_row *row, const char *name, int64_t flat, int64_t cum)
{
	assert_string_equal(row->name, name);
	assert_int_equal(row->flat, flat);
	assert_int_equal(row->cum, cum);
}

static void test_rows_by_flat(void **state)
{
	struct top *top = sample();
	const struct top_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(top_rows(top, false, &rows, &n), 0);
	assert_int_equal(n, 4);
	assert_row(&rows[0], "lock", 700, 700);
	assert_row(&rows[1], "read", 200, 200);
	assert_row(&rows[2], "work", 100, 1000);
	assert_row(&rows[3], "main", 0, 1000);
	top_free(top);
}

static void test_rows_by_cum_then_name(void **state)
{
	struct top *top = sample();
	const struct top_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(top_rows(top, true, &rows, &n), 0);
	assert_row(&rows[0], "main", 0, 1000);
	assert_row(&rows[1], "work", 100, 1000);
	assert_row(&rows[2], "lock", 700, 700);
	top_free(top);
}

static void test_recursion_counts_once(void **state)
{
	struct top *top = top_new();
	const struct top_row *rows;
	size_t n;

	(void)state;
	ADD(top, 5, "f", "g", "f", "g", "f");
	ADD(top, 1, "g", "f");
	assert_int_equal(top_rows(top, false, &rows, &n), 0);
	assert_row(&rows[0], "f", 5, 6);
	assert_row(&rows[1], "g", 1, 6);
	top_free(top);
}

/* A difference of profiles has negative values: the size decides, not the sign. */
static void test_negative_values_sort_by_size(void **state)
{
	struct top *top = top_new();
	const struct top_row *rows;
	size_t n;

	(void)state;
	ADD(top, 5, "grew");
	ADD(top, -9, "shrank");
	assert_int_equal(top_rows(top, false, &rows, &n), 0);
	assert_row(&rows[0], "shrank", -9, -9);
	top_free(top);
}

static void test_sums_stick_at_the_ends(void **state)
{
	struct top *top = top_new();
	const struct top_row *rows;
	size_t n;

	(void)state;
	ADD(top, INT64_MAX, "f");
	ADD(top, INT64_MAX, "f");
	ADD(top, INT64_MIN, "g");
	ADD(top, INT64_MIN, "g");
	assert_int_equal(top_rows(top, false, &rows, &n), 0);
	assert_row(&rows[0], "g", INT64_MIN, INT64_MIN);
	assert_row(&rows[1], "f", INT64_MAX, INT64_MAX);
	top_free(top);
}

static void test_nothing(void **state)
{
	struct top *top = top_new();
	const struct top_row *rows;
	struct buf buf = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(top_rows(top, false, &rows, &n), 0);
	assert_int_equal(n, 0);
	top_write(&buf, rows, n, &(struct top_options){ .unit = "nanoseconds" });
	assert_string_equal(buf.data, "Showing nodes accounting for 0, 0% of 0 total\n"
				      "      flat  flat%   sum%        cum   cum%\n");
	buf_done(&buf);
	top_free(top);
}

static void assert_value(int64_t value, const char *unit, const char *to, const char *expected)
{
	struct buf buf = { 0 };

	top_put_value(&buf, value, unit, to);
	assert_string_equal(buf.data, expected);
	buf_done(&buf);
}

static void test_values(void **state)
{
	(void)state;
	assert_value(0, "nanoseconds", NULL, "0");
	assert_value(999, "nanoseconds", NULL, "999ns");
	assert_value(1500000, "nanoseconds", NULL, "1.50ms");
	assert_value(33180000000, "nanoseconds", NULL, "33.18s");
	assert_value(7200000000000, "nanoseconds", NULL, "2hrs");
	assert_value(-1500000, "nanoseconds", NULL, "-1.50ms");
	assert_value(9000000000, "nanoseconds", "ms", "9000ms");
	assert_value(12, "milliseconds", "us", "12000us");
	assert_value(1536, "bytes", NULL, "1.50kB");
	assert_value(17, "count", NULL, "17");
	assert_value(17, "", NULL, "17");
	assert_value(17, "widgets", NULL, "17widgets");
}

static void assert_percent(double value, double total, const char *expected)
{
	struct buf buf = { 0 };

	top_put_percent(&buf, value, total);
	assert_string_equal(buf.data, expected);
	buf_done(&buf);
}

static void test_percentages(void **state)
{
	(void)state;
	assert_percent(1, 1, "  100%");
	assert_percent(9996, 10000, "  100%");
	assert_percent(-5, 10, "50.00%");
	assert_percent(3318, 1000, "331.80%");
	assert_percent(123, 1000000, "0.012%");
	assert_percent(0, 10, "    0%");
	assert_percent(1, 0, "    0%");
}

static void assert_unit(int64_t least, int64_t total, const char *expected)
{
	const struct top_row rows[] = { { "a", total, total }, { "b", least, least } };

	assert_string_equal(top_choose_unit(rows, 2, "nanoseconds", total), expected);
}

/* Small values decide the unit, unless they are much smaller than the total. */
static void test_choice_of_unit(void **state)
{
	(void)state;
	assert_unit(2000000000, 33000000000, "s");
	assert_unit(100000000, 9600000000, "ms");
	assert_unit(30000000, 33000000000, "s");
	assert_unit(1000, 33000000000, "us");
	assert_string_equal(top_choose_unit(NULL, 0, "count", 5), "");
}

static const char table[] = "File: demo\n"
			    "Build ID: abcd\n"
			    "Type: delay\n"
			    "Time: Nov 14, 2023 at 10:13pm (UTC)\n"
			    "Duration: 2us, Total samples = 1000ns (50.00%)\n"
			    "Showing nodes accounting for 900ns, 90.00% of 1000ns total\n"
			    "Dropped 1 node (cum <= 5ns)\n"
			    "Showing top 2 nodes out of 4\n"
			    "      flat  flat%   sum%        cum   cum%\n"
			    "     700ns 70.00% 70.00%      700ns 70.00%  lock\n"
			    "     200ns 20.00% 90.00%      200ns 20.00%  read\\x1b\n";

static void test_table(void **state)
{
	const struct top_row rows[] = { { "lock", 700, 700 },
					{ "read\033", 200, 200 },
					{ "work", 100, 1000 },
					{ "main", 0, 1000 },
					{ "tiny", 0, 0 } };
	struct buf buf = { 0 };

	(void)state;
	top_write(&buf, rows, ARRAY_SIZE(rows),
		  &(struct top_options){ .type = "delay",
					 .unit = "nanoseconds",
					 .total = 1000,
					 .max_rows = 2,
					 .node_fraction = 0.005,
					 .file = "/usr/bin/demo",
					 .build_id = "abcd",
					 .time_ns = 1700000000123456789,
					 .duration_ns = 2000 });
	assert_string_equal(buf.data, table);
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_by_flat),
		cmocka_unit_test(test_rows_by_cum_then_name),
		cmocka_unit_test(test_recursion_counts_once),
		cmocka_unit_test(test_negative_values_sort_by_size),
		cmocka_unit_test(test_sums_stick_at_the_ends),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_percentages),
		cmocka_unit_test(test_choice_of_unit),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
