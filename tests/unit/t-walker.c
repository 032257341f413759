/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-walker.c: a walk that goes in circles ends, with every step of the circle in it once; a walk
 * that is too deep ends at the limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "unwind/walker.h"

/* Steps 0, 1, ... then round and round through the last `length` of them. Returns how many. */
static unsigned walk_circle(struct walk *walk, unsigned straight, unsigned length, unsigned max)
{
	struct walker walker;
	unsigned steps = 0;
	int r;

	walker_begin(&walker, walk, max);
	do {
		unsigned at = steps < straight ? steps : straight + (steps - straight) % length;

		r = walker_add(&walker, 0x1000 + at, 0x7000 + 16 * at, 0);
		steps++;
	} while (r > 0);
	assert_int_equal(r, 0);
	return steps;
}

/* Circles of every small length, entered at once or after a straight part. */
static void test_circles_are_kept_once(void **state)
{
	struct walk walk = { 0 };

	(void)state;
	for (unsigned length = 1; length <= 9; length++) {
		for (unsigned straight = 0; straight <= 20; straight++) {
			unsigned steps = walk_circle(&walk, straight, length, 10000);

			assert_int_equal(walk.end, SS_END_CYCLE);
			assert_int_equal(walk.frames.n, straight + length);
			assert_true(steps <= 4 * (straight + length) + 1);
			for (unsigned i = 0; i < walk.frames.n; i++)
				assert_int_equal(walk.frames.data[i].pc, 0x1000 + i);
		}
	}
	vec_done(&walk.frames);
}

/* Recursion repeats its pc, but the stack pointer moves on. */
static void test_recursion_is_no_circle(void **state)
{
	struct walk walk = { 0 };
	struct walker walker;

	(void)state;
	walker_begin(&walker, &walk, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(walker_add(&walker, 0x1000, 0x7000 + 16 * i, 0), 1);
	assert_int_equal(walker_end(&walker, SS_END_COMPLETE), 0);
	assert_int_equal(walk.end, SS_END_COMPLETE);
	assert_int_equal(walk.frames.n, 1000);
	vec_done(&walk.frames);
}

/* Recursion in front of the circle is kept: only steps that came before are taken back. */
static void test_recursion_before_a_circle(void **state)
{
	struct walk walk = { 0 };
	struct walker walker;
	unsigned n = 0;

	(void)state;
	walker_begin(&walker, &walk, 1000);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(walker_add(&walker, 0x1000 + i % 2, 0x7000 + 16 * i, 0), 1);
	while (walker_add(&walker, 0x2000, 0x8000, 0) > 0)
		n++;
	assert_true(n <= 8);
	assert_int_equal(walk.end, SS_END_CYCLE);
	assert_int_equal(walk.frames.n, 7);
	vec_done(&walk.frames);
}

static void test_depth(void **state)
{
	struct walk walk = { 0 };
	struct walker walker;

	(void)state;
	walker_begin(&walker, &walk, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(walker_add(&walker, i, i, i), 1);
	assert_int_equal(walker_add(&walker, 3, 3, 3), 0);
	assert_int_equal(walk.end, SS_END_DEPTH);
	assert_int_equal(walk.frames.n, 3);
	assert_int_equal(walk.frames.data[2].flags, 2);
	vec_done(&walk.frames);
}

/* A walk is used again: nothing of the last thread is left in it. */
static void test_begin_empties(void **state)
{
	struct walk walk = { .end = SS_END_WINDOW, .want_addr = 5, .want_reg = 6 };
	struct walker walker;

	(void)state;
	walk_circle(&walk, 2, 2, 100);
	walker_begin(&walker, &walk, 100);
	assert_int_equal(walk.frames.n, 0);
	assert_int_equal(walk.end, SS_END_COMPLETE);
	assert_int_equal(walk.want_addr, 0);
	assert_int_equal(walk.want_reg, 0);
	/* what the mark of the last walk would call a circle */
	assert_int_equal(walker_add(&walker, 0x1000, 0x7000, 0), 1);
	vec_done(&walk.frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_circles_are_kept_once),
		cmocka_unit_test(test_recursion_is_no_circle),
		cmocka_unit_test(test_recursion_before_a_circle),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_begin_empties),
	};

	return cmocka_run_group_tests_name("walker", tests, NULL, NULL);
}
