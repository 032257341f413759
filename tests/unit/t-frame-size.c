/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-frame-size.c: a frame size is used only after two sightings with different CFAs agreed, and
 * never again once it varied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "unwind/frame-size.h"

enum { PC = 0x401234 };

static void test_one_sighting_is_not_enough(void **state)
{
	struct frame_sizes sizes;
	int64_t k = 99;

	(void)state;
	frame_sizes_init(&sizes);
	assert_false(frame_size_find(&sizes, PC, &k));
	frame_size_learn(&sizes, PC, 0x1000, 32);
	assert_false(frame_size_find(&sizes, PC, &k));
	assert_int_equal(k, 99);
	frame_sizes_done(&sizes);
}

/* The same stack seen twice is one piece of evidence. */
static void test_same_cfa_confirms_nothing(void **state)
{
	struct frame_sizes sizes;
	int64_t k;

	(void)state;
	frame_sizes_init(&sizes);
	for (int i = 0; i < 5; i++)
		frame_size_learn(&sizes, PC, 0x1000, 32);
	assert_false(frame_size_find(&sizes, PC, &k));
	frame_sizes_done(&sizes);
}

static void test_two_cfas_confirm(void **state)
{
	struct frame_sizes sizes;
	int64_t k = 0;

	(void)state;
	frame_sizes_init(&sizes);
	frame_size_learn(&sizes, PC, 0x1000, -16);
	frame_size_learn(&sizes, PC, 0x2000, -16);
	assert_true(frame_size_find(&sizes, PC, &k));
	assert_int_equal(k, -16);
	assert_false(frame_size_find(&sizes, PC + 1, &k));
	frame_sizes_done(&sizes);
}

static void test_varied_is_for_ever(void **state)
{
	struct frame_sizes sizes;
	int64_t k;

	(void)state;
	frame_sizes_init(&sizes);
	frame_size_learn(&sizes, PC, 0x1000, 32);
	frame_size_learn(&sizes, PC, 0x2000, 32);
	frame_size_learn(&sizes, PC, 0x3000, 48);
	assert_false(frame_size_find(&sizes, PC, &k));
	for (uint64_t cfa = 0x4000; cfa < 0x9000; cfa += 0x1000)
		frame_size_learn(&sizes, PC, cfa, 32);
	assert_false(frame_size_find(&sizes, PC, &k));
	frame_sizes_done(&sizes);
}

static void test_varied_before_confirmed(void **state)
{
	struct frame_sizes sizes;
	int64_t k;

	(void)state;
	frame_sizes_init(&sizes);
	frame_size_learn(&sizes, PC, 0x1000, 32);
	frame_size_learn(&sizes, PC, 0x1000, 48);
	frame_size_learn(&sizes, PC, 0x2000, 32);
	assert_false(frame_size_find(&sizes, PC, &k));
	frame_sizes_done(&sizes);
}

static void test_forget(void **state)
{
	struct frame_sizes sizes;
	int64_t k;

	(void)state;
	frame_sizes_init(&sizes);
	frame_size_learn(&sizes, PC, 0x1000, 32);
	frame_size_learn(&sizes, PC, 0x2000, 32);
	frame_sizes_forget(&sizes);
	assert_false(frame_size_find(&sizes, PC, &k));
	frame_size_learn(&sizes, PC, 0x3000, 64);
	assert_false(frame_size_find(&sizes, PC, &k));
	frame_size_learn(&sizes, PC, 0x4000, 64);
	assert_true(frame_size_find(&sizes, PC, &k));
	assert_int_equal(k, 64);
	frame_sizes_done(&sizes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_sighting_is_not_enough),
		cmocka_unit_test(test_same_cfa_confirms_nothing),
		cmocka_unit_test(test_two_cfas_confirm),
		cmocka_unit_test(test_varied_is_for_ever),
		cmocka_unit_test(test_varied_before_confirmed),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests_name("frame-size", tests, NULL, NULL);
}
