/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-spans.c: innermost lookup in ranges that touch, nest, overlap and repeat; a slow but obvious
 * search is the reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/attr.h"
#include "symbol/spans.h"

enum { NOTHING = -1 };

static void add(struct spans *spans, uint64_t start, uint64_t end, uint64_t rank)
{
	assert_int_equal(spans_add(spans, start, end, rank, (uint32_t)spans->list.n), 0);
}

/* The item found at addr, or NOTHING. */
static int item_at(const struct spans *spans, uint64_t addr)
{
	const struct span *span = spans_find(spans, addr);

	return span ? (int)span->item : NOTHING;
}

static void test_empty(void **state)
{
	struct spans spans;

	(void)state;
	spans_init(&spans);
	assert_int_equal(spans_add(&spans, 5, 5, 0, 0), 0);
	assert_int_equal(spans_add(&spans, 6, 5, 0, 0), 0);
	spans_sort(&spans);
	assert_int_equal(item_at(&spans, 5), NOTHING);
	spans_done(&spans);
}

static void test_gaps(void **state)
{
	struct spans spans;

	(void)state;
	spans_init(&spans);
	add(&spans, 20, 30, 0);
	add(&spans, 10, 20, 0);
	spans_sort(&spans);
	assert_int_equal(item_at(&spans, 9), NOTHING);
	assert_int_equal(item_at(&spans, 10), 1);
	assert_int_equal(item_at(&spans, 19), 1);
	assert_int_equal(item_at(&spans, 20), 0);
	assert_int_equal(item_at(&spans, 30), NOTHING);
	assert_int_equal(item_at(&spans, UINT64_MAX), NOTHING);
	spans_done(&spans);
}

static void test_nested(void **state)
{
	struct spans spans;
	const struct span *span;

	(void)state;
	spans_init(&spans);
	add(&spans, 0, 100, 0);
	add(&spans, 10, 40, 0);
	add(&spans, 20, 30, 0);
	add(&spans, 50, 60, 0);
	spans_sort(&spans);
	assert_int_equal(item_at(&spans, 25), 2);
	assert_int_equal(item_at(&spans, 35), 1);
	assert_int_equal(item_at(&spans, 45), 0);
	assert_int_equal(item_at(&spans, 55), 3);
	assert_int_equal(item_at(&spans, 99), 0);
	span = spans_outer(&spans, spans_find(&spans, 25), 25);
	assert_int_equal(span->item, 1);
	span = spans_outer(&spans, span, 25);
	assert_int_equal(span->item, 0);
	assert_null(spans_outer(&spans, span, 25));
	spans_done(&spans);
}

static void test_rank_decides_at_one_start(void **state)
{
	struct spans spans;

	(void)state;
	spans_init(&spans);
	add(&spans, 10, 15, 9);
	add(&spans, 10, 20, 3);
	spans_sort(&spans);
	assert_int_equal(item_at(&spans, 12), 0);
	assert_int_equal(item_at(&spans, 17), 1);
	spans_done(&spans);
}

static int slow_item_at(const struct spans *spans, uint64_t addr)
{
	const struct span *best = NULL;

	vec_each(span, &spans->list) {
		if (addr < span->start || addr >= span->end)
			continue;
		if (!best || span->start > best->start ||
		    (span->start == best->start && span->rank > best->rank))
			best = span;
	}
	return best ? (int)best->item : NOTHING;
}

static void test_overlaps_as_the_slow_search(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct spans spans;

		spans_init(&spans);
		for (uint64_t i = 0; i < 40; i++) {
			uint64_t start;

			random = random * 6364136223846793005u + 1442695040888963407u;
			start = random >> 57;
			add(&spans, start, start + (random >> 40) % 40, i);
		}
		spans_sort(&spans);
		for (uint64_t addr = 0; addr < 180; addr++)
			assert_int_equal(item_at(&spans, addr), slow_item_at(&spans, addr));
		spans_done(&spans);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_rank_decides_at_one_start),
		cmocka_unit_test(test_overlaps_as_the_slow_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
