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

static bool varies(const char *bytes, size_t len)
{
	return frame_size_code_varies((const unsigned char *)bytes, len);
}

/* As gcc 12 and clang 14 write them. */
static void test_code_that_moves_the_stack_pointer(void **state)
{
	(void)state;
	assert_true(varies("\x48\x29\xc4", 3));                 /* sub %rax,%rsp */
	assert_true(varies("\x90\x4c\x29\xc4", 4));             /* sub %r8,%rsp */
	assert_true(varies("\x48\x2b\x65\xf0", 4));             /* sub -0x10(%rbp),%rsp */
	assert_true(varies("\x48\x89\xc4", 3));                 /* mov %rax,%rsp */
	assert_true(varies("\x48\x8d\x65\xd8", 4));             /* lea -0x28(%rbp),%rsp */
	assert_true(varies("\x48\x83\xe4\xf0", 4));             /* and $-16,%rsp */
	assert_true(varies("\x48\x81\xe4\x00\xf0\xff\xff", 7)); /* and $-4096,%rsp */
}

static void test_code_with_a_fixed_frame(void **state)
{
	(void)state;
	/* push %rbp; mov %rsp,%rbp; sub $0x28,%rsp; mov %rdi,-0x28(%rbp); add $0x28,%rsp; leave */
	assert_false(varies("\x55\x48\x89\xe5\x48\x83\xec\x28\x48\x89\x7d\xd8"
			    "\x48\x83\xc4\x28\xc9\xc3",
			    18));
	assert_false(varies("\x49\x29\xc4", 3));         /* sub %rax,%r12 */
	assert_false(varies("\x48\x8b\x44\x24\x08", 5)); /* mov 0x8(%rsp),%rax */
	assert_false(varies("\x48\x8d\x74\x24\x10", 5)); /* lea 0x10(%rsp),%rsi */
	assert_false(varies("\x48\x29", 2));             /* cut off */
	assert_false(varies("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_sighting_is_not_enough),
		cmocka_unit_test(test_code_that_moves_the_stack_pointer),
		cmocka_unit_test(test_code_with_a_fixed_frame),
		cmocka_unit_test(test_same_cfa_confirms_nothing),
		cmocka_unit_test(test_two_cfas_confirm),
		cmocka_unit_test(test_varied_is_for_ever),
		cmocka_unit_test(test_varied_before_confirmed),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests_name("frame-size", tests, NULL, NULL);
}
