/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-stack.c: hash-consed stacks, and the words for stack ends, waits and thread states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "model/stack.h"
#include "model/wait.h"

static void test_equal_stacks_are_one(void **state)
{
	struct frame a[] = { { .pc = 1, .flags = FRAME_EXACT }, { .pc = 2 } };
	struct frame b[] = { { .pc = 1, .flags = FRAME_EXACT }, { .pc = 2 } };
	struct stack_table table;
	const struct stack *stack;

	(void)state;
	stack_table_init(&table);
	stack = stack_intern(&table, a, 2, SS_END_COMPLETE);
	assert_int_equal(stack->id, 1);
	assert_int_equal(stack->n, 2);
	assert_int_equal(stack->frames[1].pc, 2);
	assert_ptr_equal(stack_intern(&table, b, 2, SS_END_COMPLETE), stack);
	assert_int_equal(table.n, 1);
	stack_table_done(&table);
}

static void test_what_tells_stacks_apart(void **state)
{
	struct frame frames[] = { { .pc = 1 }, { .pc = 2 } };
	struct frame flagged[] = { { .pc = 1, .flags = FRAME_EXACT }, { .pc = 2 } };
	struct frame swapped[] = { { .pc = 2 }, { .pc = 1 } };
	struct stack_table table;
	const struct stack *stack;

	(void)state;
	stack_table_init(&table);
	stack = stack_intern(&table, frames, 2, SS_END_COMPLETE);
	assert_ptr_not_equal(stack_intern(&table, frames, 1, SS_END_COMPLETE), stack);
	assert_ptr_not_equal(stack_intern(&table, frames, 2, SS_END_WINDOW), stack);
	assert_ptr_not_equal(stack_intern(&table, flagged, 2, SS_END_COMPLETE), stack);
	assert_ptr_not_equal(stack_intern(&table, swapped, 2, SS_END_COMPLETE), stack);
	assert_int_equal(table.n, 5);
	stack_table_done(&table);
}

/* pc + flags alone would be the same sum. */
static void test_hash_collision_is_no_equality(void **state)
{
	struct frame a = { .pc = 8, .flags = 1 }, b = { .pc = 7, .flags = 2 };
	struct stack_table table;

	(void)state;
	stack_table_init(&table);
	assert_ptr_not_equal(stack_intern(&table, &a, 1, SS_END_COMPLETE),
			     stack_intern(&table, &b, 1, SS_END_COMPLETE));
	stack_table_done(&table);
}

static void test_empty_stack(void **state)
{
	struct stack_table table;
	const struct stack *stack;

	(void)state;
	stack_table_init(&table);
	stack = stack_intern(&table, NULL, 0, SS_END_UNREADABLE);
	assert_int_equal(stack->n, 0);
	assert_ptr_equal(stack_intern(&table, NULL, 0, SS_END_UNREADABLE), stack);
	stack_table_done(&table);
}

static void test_location_of_the_first(void **state)
{
	struct location one = { .pc = 5 }, two = { .pc = 5 };
	struct frame frame = { .pc = 5, .location = &one };
	struct stack_table table;
	const struct stack *stack;

	(void)state;
	stack_table_init(&table);
	stack_intern(&table, &frame, 1, SS_END_COMPLETE);
	frame.location = &two;
	stack = stack_intern(&table, &frame, 1, SS_END_COMPLETE);
	assert_ptr_equal(stack->frames[0].location, &one);
	stack_table_done(&table);
}

/* Another library was loaded where the first one was. */
static void test_other_code_at_the_same_address(void **state)
{
	struct mapping first = { .start = 1 }, second = { .start = 1 };
	struct function function = { .name = "f" }, other = { .name = "g" };
	struct line line = { .function = &function }, otherwise = { .function = &other };
	struct location locations[] = {
		{ .pc = 5, .mapping = &first, .nlines = 1, .lines = &line },
		{ .pc = 5, .mapping = &second, .nlines = 1, .lines = &line },
		{ .pc = 5, .mapping = &first, .nlines = 1, .lines = &otherwise },
		{ .pc = 5, .mapping = &first },
	};
	struct stack_table table;

	(void)state;
	stack_table_init(&table);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(locations); i++) {
		const struct location *location = &locations[i % ARRAY_SIZE(locations)];
		const struct frame frame = { .pc = 5, .location = location };
		const struct stack *stack = stack_intern(&table, &frame, 1, SS_END_COMPLETE);

		assert_ptr_equal(stack->frames[0].location, location);
	}
	assert_int_equal(table.n, ARRAY_SIZE(locations));
	stack_table_done(&table);
}

static void test_pointers_survive_growth(void **state)
{
	struct stack_table table;
	const struct stack *seen[1000];

	(void)state;
	stack_table_init(&table);
	for (unsigned i = 0; i < 1000; i++)
		seen[i] = stack_intern(&table, &(struct frame){ .pc = i }, 1, SS_END_COMPLETE);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(seen[i]->id, i + 1);
		assert_ptr_equal(
			stack_intern(&table, &(struct frame){ .pc = i }, 1, SS_END_COMPLETE),
			seen[i]);
	}
	stack_table_done(&table);
}

static void test_location_address(void **state)
{
	struct location at = { .pc = 0x1000 };

	(void)state;
	assert_int_equal(location_address(&at), 0xfff);
	at.exact = true;
	assert_int_equal(location_address(&at), 0x1000);
}

static void test_every_end_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < SS_END_COUNT; i++)
		assert_true(strlen(stack_end_words((enum ss_stack_end)i)) > 3);
	assert_string_equal(stack_end_words(SS_END_COMPLETE), "complete");
	assert_string_equal(stack_end_words(SS_END_CYCLE), "pc and CFA repeat");
}

static void test_wait_names(void **state)
{
	(void)state;
	assert_string_equal(wait_kind_name(WAIT_NONE), "");
	assert_string_equal(wait_kind_name(WAIT_COND), "cond wait");
	assert_string_equal(wait_kind_go_name(WAIT_MUTEX), "sync.Mutex.Lock");
	assert_string_equal(wait_kind_name(WAIT_SYSCALL), "syscall");
	for (int i = 0; i < WAIT_KIND_COUNT; i++)
		assert_true(wait_kind_name((enum wait_kind)i) &&
			    wait_kind_go_name((enum wait_kind)i));
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(thread_state_name(STATE_ON_CPU), "on-cpu");
	assert_string_equal(thread_state_go_name(STATE_ON_CPU), "running");
	assert_string_equal(thread_state_name(STATE_UNKNOWN), "unknown");
	assert_string_equal(thread_state_go_name(STATE_ZOMBIE), "dead");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_stacks_are_one),
		cmocka_unit_test(test_what_tells_stacks_apart),
		cmocka_unit_test(test_hash_collision_is_no_equality),
		cmocka_unit_test(test_empty_stack),
		cmocka_unit_test(test_location_of_the_first),
		cmocka_unit_test(test_other_code_at_the_same_address),
		cmocka_unit_test(test_pointers_survive_growth),
		cmocka_unit_test(test_location_address),
		cmocka_unit_test(test_every_end_has_words),
		cmocka_unit_test(test_wait_names),
		cmocka_unit_test(test_state_names),
	};

	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
