/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-accounts.c: the table of credits: its sums, its bounds (no time is ever lost to them), and the
 * time line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "aggregate/accounts.h"
#include "base/attr.h"

enum { MANY = 1000 };

static void add(struct accounts *accounts, uint32_t thread, enum credit_kind kind, uint32_t place,
		uint64_t start_ns, uint64_t ns, uint64_t count)
{
	const struct credit credit = { kind, place, start_ns, ns, count };

	accounts_add(accounts, thread, &credit);
}

/* The row, or NULL; there must not be two. */
static const struct accounts_row *find(const struct accounts *accounts, uint32_t thread,
				       enum credit_kind kind, uint32_t place)
{
	const struct accounts_row *found = NULL;

	vec_each(row, &accounts->rows)
		if (row->thread == thread && row->kind == kind && row->place == place) {
			assert_null(found);
			found = row;
		}
	return found;
}

static void assert_row(const struct accounts *accounts, uint32_t thread, enum credit_kind kind,
		       uint32_t place, uint64_t ns, uint64_t count)
{
	const struct accounts_row *row = find(accounts, thread, kind, place);

	assert_non_null(row);
	assert_int_equal(row->ns, ns);
	assert_int_equal(row->count, count);
}

static void assert_segment(const struct accounts *accounts, size_t k, uint32_t thread,
			   uint32_t place, uint64_t start_ns, uint64_t ns)
{
	const struct accounts_segment *segment = &accounts->segments.data[k];

	assert_in_range(k + 1, 1, accounts->segments.n);
	assert_int_equal(segment->thread, thread);
	assert_int_equal(segment->place, place);
	assert_int_equal(segment->start_ns, start_ns);
	assert_int_equal(segment->ns, ns);
}

static void test_sums_by_key(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, 0);
	add(&accounts, 0, CREDIT_BLOCKED, 7, 100, 10, 1);
	add(&accounts, 0, CREDIT_BLOCKED, 7, 200, 5, 0);
	add(&accounts, 0, CREDIT_BLOCKED, 8, 300, 1, 1);
	add(&accounts, 0, CREDIT_SHORT_WAITS, 7, 300, 2, 3);
	add(&accounts, 1, CREDIT_BLOCKED, 7, 100, 4, 1);
	assert_int_equal(accounts.rows.n, 4);
	assert_row(&accounts, 0, CREDIT_BLOCKED, 7, 15, 1);
	assert_row(&accounts, 0, CREDIT_BLOCKED, 8, 1, 1);
	assert_row(&accounts, 0, CREDIT_SHORT_WAITS, 7, 2, 3);
	assert_row(&accounts, 1, CREDIT_BLOCKED, 7, 4, 1);
	assert_int_equal(accounts.segments.n, 0);
	assert_int_equal(accounts.segments_dropped, 0);
	accounts_done(&accounts);
}

/* What is no wait has no count of its own: its credits are counted. */
static void test_samples(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, 0);
	add(&accounts, 3, CREDIT_ON_CPU, 1, 0, 10, 0);
	add(&accounts, 3, CREDIT_ON_CPU, 1, 10, 10, 0);
	add(&accounts, 3, CREDIT_STOLEN, 1, 20, 1, 0);
	assert_row(&accounts, 3, CREDIT_ON_CPU, 1, 20, 2);
	assert_row(&accounts, 3, CREDIT_STOLEN, 1, 1, 1);
	accounts_done(&accounts);
}

/* The largest of everything that goes into a key stays apart from its neighbours. */
static void test_keys_do_not_collide(void **state)
{
	const uint32_t threads[] = { 0, 1, 4194303, (1u << 28) - 1 };
	const uint32_t places[] = { 0, 1, UINT32_MAX - 1, UINT32_MAX };
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, 0);
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++)
		for (int kind = 0; kind < CREDIT_KINDS; kind++)
			for (size_t p = 0; p < ARRAY_SIZE(places); p++)
				add(&accounts, threads[t], (enum credit_kind)kind, places[p], 0, 1,
				    1);
	assert_int_equal(accounts.rows.n, 4 * CREDIT_KINDS * 4);
	vec_each(row, &accounts.rows)
		assert_int_equal(row->ns, 1);
	accounts_done(&accounts);
}

static void test_rows_are_bounded(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, 10, 0);
	for (uint32_t place = 1; place <= MANY; place++)
		add(&accounts, place % 2, CREDIT_BLOCKED, place, 0, 3, 1);
	add(&accounts, 1, CREDIT_BLOCKED, 1, 0, 3, 1); /* has its row already */
	assert_int_equal(accounts.rows.n, 12);
	assert_row(&accounts, 1, CREDIT_BLOCKED, 1, 6, 2);
	assert_row(&accounts, 0, CREDIT_BLOCKED, 0, 3 * (MANY / 2 - 5), MANY / 2 - 5);
	assert_row(&accounts, 1, CREDIT_BLOCKED, 0, 3 * (MANY / 2 - 5), MANY / 2 - 5);
	assert_int_equal(accounts.nameless_ns, 3 * (MANY - 10));
	assert_int_equal(accounts.lost_ns, 0);
	assert_int_equal(accounts.error, 0);
	accounts_done(&accounts);
}

static void test_impossible_thread_is_lost(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, 10, 10);
	add(&accounts, 1u << 28, CREDIT_ON_CPU, 1, 0, 5, 0);
	assert_int_equal(accounts.rows.n, 0);
	assert_int_equal(accounts.lost_ns, 5);
	assert_true(accounts.error < 0);
	accounts_done(&accounts);
}

static void test_segments_join(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, MANY);
	add(&accounts, 0, CREDIT_ON_CPU, 1, 100, 10, 0);
	add(&accounts, 5, CREDIT_ON_CPU, 1, 100, 10, 0);
	add(&accounts, 0, CREDIT_ON_CPU, 1, 110, 10, 0); /* goes on */
	add(&accounts, 5, CREDIT_ON_CPU, 1, 111, 10, 0); /* after a gap */
	add(&accounts, 0, CREDIT_ON_CPU, 2, 120, 10, 0); /* elsewhere */
	add(&accounts, 0, CREDIT_RUNNABLE, 2, 130, 10, 0);
	add(&accounts, 0, CREDIT_BLOCKED, 2, 140, 0, 1); /* nothing to show */
	accounts_sort(&accounts);
	assert_int_equal(accounts.segments.n, 5);
	assert_segment(&accounts, 0, 0, 1, 100, 20);
	assert_segment(&accounts, 1, 0, 2, 120, 10);
	assert_segment(&accounts, 2, 0, 2, 130, 10);
	assert_segment(&accounts, 3, 5, 1, 100, 10);
	assert_segment(&accounts, 4, 5, 1, 111, 10);
	accounts_done(&accounts);
}

static void test_segments_are_bounded(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, 3);
	for (uint32_t k = 0; k < 10; k++)
		add(&accounts, 0, CREDIT_ON_CPU, 1 + k % 2, k * 10, 10, 0);
	assert_int_equal(accounts.segments.n, 3);
	assert_int_equal(accounts.segments_dropped, 7);
	/* the rows know nothing of that */
	assert_row(&accounts, 0, CREDIT_ON_CPU, 1, 50, 5);
	accounts_done(&accounts);
}

/* A wait is told after what happened within it. */
static void test_segments_do_not_overlap(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, MANY);
	add(&accounts, 0, CREDIT_ON_CPU, 1, 150, 20, 0); /* all of it within the wait */
	add(&accounts, 0, CREDIT_BLOCKED, 2, 100, 100, 1);
	add(&accounts, 0, CREDIT_ON_CPU, 1, 190, 30, 0); /* in part */
	add(&accounts, 1, CREDIT_ON_CPU, 1, 150, 20, 0); /* another thread */
	accounts_sort(&accounts);
	assert_int_equal(accounts.segments.n, 3);
	assert_segment(&accounts, 0, 0, 2, 100, 100);
	assert_segment(&accounts, 1, 0, 1, 200, 20);
	assert_segment(&accounts, 2, 1, 1, 150, 20);
	accounts_done(&accounts);
}

static void test_rows_in_order(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, 0);
	for (uint32_t k = 0; k < 200; k++)
		add(&accounts, k * 7 % 10, (enum credit_kind)(k * 3 % CREDIT_KINDS), k * 11 % 13, 0,
		    1, 1);
	accounts_sort(&accounts);
	for (size_t k = 1; k < accounts.rows.n; k++) {
		const struct accounts_row *a = &accounts.rows.data[k - 1], *b = a + 1;

		assert_true(a->thread < b->thread ||
			    (a->thread == b->thread &&
			     (a->kind < b->kind || (a->kind == b->kind && a->place < b->place))));
	}
	accounts_done(&accounts);
}

static void test_nothing(void **state)
{
	struct accounts accounts;

	(void)state;
	accounts_init(&accounts, MANY, MANY);
	accounts_sort(&accounts);
	assert_int_equal(accounts.rows.n, 0);
	accounts_done(&accounts);
}

/* Filled by the account of a thread that spins, waits, and spins again. */
static void test_behind_a_delta(void **state)
{
	struct observation look = { .t_ns = 1000000000, .where = WHERE_ON_CPU, .place = 1 };
	struct accounts accounts;
	struct accounts_sink sink = { &accounts, 4 };
	struct delta delta;

	(void)state;
	accounts_init(&accounts, MANY, MANY);
	look.voluntary_known = true;
	delta_init(&delta, 0);
	delta_begin(&delta, &look, 0, accounts_sink, &sink);
	look.t_ns += 10000000;
	look.on_ns = 4000000;
	look.voluntary = 1;
	look.where = WHERE_BLOCKED;
	look.place = 2;
	delta_observe(&delta, &look, accounts_sink, &sink);
	look.t_ns += 10000000;
	look.on_ns += 3000000;
	look.pcount = 1;
	look.where = WHERE_ON_CPU;
	look.place = 1;
	delta_observe(&delta, &look, accounts_sink, &sink);
	delta_finish(&delta, accounts_sink, &sink);
	accounts_sort(&accounts);
	assert_row(&accounts, 4, CREDIT_ON_CPU, 1, 7000000, 2);
	assert_row(&accounts, 4, CREDIT_BLOCKED, 2, 13000000, 1);
	assert_int_equal(accounts.rows.n, 2);
	assert_segment(&accounts, 0, 4, 1, 1000000000, 4000000);
	assert_segment(&accounts, 1, 4, 2, 1004000000, 13000000);
	assert_segment(&accounts, 2, 4, 1, 1017000000, 3000000);
	accounts_done(&accounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_by_key),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_keys_do_not_collide),
		cmocka_unit_test(test_rows_are_bounded),
		cmocka_unit_test(test_impossible_thread_is_lost),
		cmocka_unit_test(test_segments_join),
		cmocka_unit_test(test_segments_are_bounded),
		cmocka_unit_test(test_segments_do_not_overlap),
		cmocka_unit_test(test_rows_in_order),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_behind_a_delta),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
