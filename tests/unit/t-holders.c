/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-holders.c: time that threads waited for locks, given to whoever held them. Threads, owners and
 * the places of holders are invented; what is read from a live process is tested with programs
 * (tests/it/mutex.sh).
 */
#include "engine/holders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum {
	TID = 50,       /* the waiter's, */
	THREAD = 5,     /* its number in the recorder, */
	PLACE = 9,      /* and where it waits */
	HOLDER_A = 101, /* owners; number in the recorder: less 100 */
	HOLDER_B = 102,
	HIDDEN = 199, /* one that is nowhere to be seen */
	LOCK = 0x7000,
	TICK = 1000,
};

struct bench {
	struct holders *holders;
	struct ss_session session; /* one captured thread */
	struct stack_table stacks;
	const struct stack *stack_of_waiter;
	uint64_t now_ns;
	/* of the stacks that it made */
	struct function functions[16];
	struct line lines[16];
	struct location locations[16];
	unsigned used;
};

/* A stack of one frame with these functions, the innermost first. */
static const struct stack *make_stack(struct bench *bench, const char *const *names, unsigned n,
				      uint64_t pc)
{
	unsigned first = bench->used;
	struct location *location = &bench->locations[first];
	struct frame frame = { pc, 0, location };

	assert_in_range(first + n, 1, ARRAY_SIZE(bench->lines));
	for (unsigned i = first; i < first + n; i++) {
		bench->functions[i] = (struct function){ names[i - first], "", "", 0 };
		bench->lines[i] = (struct line){ &bench->functions[i], "", 0 };
	}
	*location = (struct location){ .pc = pc, .nlines = n, .lines = &bench->lines[first] };
	bench->used += n;
	return stack_intern(&bench->stacks, &frame, 1, SS_END_COMPLETE);
}

static struct bench *bench_new(size_t max_rows)
{
	static const char *const names[] = { "__lll_lock_wait", "pthread_mutex_lock",
					     "std::mutex::lock", "lookup", "main" };
	struct bench *bench = calloc(1, sizeof(*bench));
	struct capture_thread captured = { .look.tid = TID };

	assert_non_null(bench);
	bench->holders = holders_new(max_rows);
	assert_non_null(bench->holders);
	assert_int_equal(vec_push(&bench->session.capture.threads, captured), 0);
	stack_table_init(&bench->stacks);
	bench->stack_of_waiter = make_stack(bench, names, ARRAY_SIZE(names), 0x10);
	bench->now_ns = 77 * TICK;
	return bench;
}

static void bench_free(struct bench *bench)
{
	holders_free(bench->holders);
	vec_done(&bench->session.capture.threads);
	stack_table_done(&bench->stacks);
	free(bench);
}

/* Each thread but the hidden one is at a place of its own. */
static struct holder_place find(void *arg, pid_t tid)
{
	struct bench *bench = arg;
	struct frame frame = { (uint64_t)tid, 0, NULL };

	if (tid == HIDDEN)
		return (struct holder_place){ 0 };
	return (struct holder_place){ (uint32_t)tid - 100,
				      stack_intern(&bench->stacks, &frame, 1, SS_END_COMPLETE) };
}

/* A tick at which the thread waits at `place` for a lock that is held in this way. */
static void waits_at(struct bench *bench, uint32_t place, enum holder holder, pid_t owner)
{
	const struct wait wait = {
		.kind = WAIT_MUTEX, .object = LOCK, .holder = holder, .owner = owner, .fd = -1
	};

	assert_int_equal(holders_waits(bench->holders, &bench->session, 0, THREAD, place,
				       bench->stack_of_waiter, &wait),
			 0);
	assert_int_equal(
		holders_look(bench->holders, bench->now_ns, bench->now_ns + TICK, find, bench), 0);
	bench->now_ns += TICK;
}

static void waits_for(struct bench *bench, pid_t owner)
{
	waits_at(bench, PLACE, HOLDER_THREAD, owner);
}

static void credit_at(struct bench *bench, enum credit_kind kind, uint32_t number, uint64_t ns)
{
	const struct place place = { bench->stack_of_waiter, WAIT_MUTEX, NULL, LOCK, -1 };
	const struct credit credit = { .kind = kind, .place = number, .ns = ns, .count = 1 };

	holders_credit(bench->holders, TID, THREAD, &credit, &place);
}

static void credit(struct bench *bench, uint64_t ns)
{
	credit_at(bench, CREDIT_BLOCKED, PLACE, ns);
}

/* ---- what came of it ---- */

struct sum {
	uint64_t ns, count;
};

static bool matches(const struct holding *holding, enum holding_kind kind, uint32_t thread,
		    bool short_waits)
{
	return holding->kind == kind && holding->thread == thread &&
	       holding->short_waits == short_waits;
}

static struct sum sum_of(const struct bench *bench, enum holding_kind kind, uint32_t thread,
			 bool short_waits)
{
	struct sum sum = { 0 };

	vec_each(row, &holders_accounts(bench->holders)->rows) {
		if (row->place == 0 ||
		    !matches(holders_get(bench->holders, row->place), kind, thread, short_waits))
			continue;
		assert_int_equal(row->thread, thread);
		assert_int_equal(row->kind, CREDIT_BLOCKED);
		sum.ns += row->ns;
		sum.count += row->count;
	}
	return sum;
}

static void assert_sum(const struct bench *bench, enum holding_kind kind, uint32_t thread,
		       uint64_t ns, uint64_t count)
{
	struct sum sum = sum_of(bench, kind, thread, false);

	assert_int_equal(sum.ns, ns);
	assert_int_equal(sum.count, count);
}

static struct sum sum_of_all(const struct bench *bench)
{
	struct sum sum = { 0 };

	vec_each(row, &holders_accounts(bench->holders)->rows) {
		sum.ns += row->ns;
		sum.count += row->count;
	}
	return sum;
}

static int setup(void **state)
{
	*state = bench_new(1000);
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

/* ---- tests ---- */

static void test_one_holder_gets_all(void **state)
{
	struct bench *bench = *state;
	const struct holding *holding;

	waits_for(bench, HOLDER_A);
	credit(bench, 12345);
	assert_sum(bench, HOLDING_SEEN, 1, 12345, 1);
	holding = holders_get(bench->holders, holders_accounts(bench->holders)->rows.data[0].place);
	assert_int_equal(holding->object, LOCK);
	assert_int_equal(holding->wait, WAIT_MUTEX);
	assert_non_null(holding->stack);
	assert_int_equal(holding->stack->frames[0].pc, HOLDER_A);
	assert_string_equal(holding->waiter, "lookup");
}

/* The picture in holders.h. */
static void test_shared_out_over_what_was_seen(void **state)
{
	struct bench *bench = *state;

	waits_for(bench, HOLDER_A);
	waits_for(bench, HOLDER_A);
	waits_for(bench, HOLDER_B);
	credit(bench, 3 * TICK + 1);
	assert_sum(bench, HOLDING_SEEN, 1, 2 * TICK + 1, 1);
	assert_sum(bench, HOLDING_SEEN, 2, TICK, 0);
}

/* A tick that came late counts for as long as it took. */
static void test_long_ticks_weigh_more(void **state)
{
	struct bench *bench = *state;

	waits_for(bench, HOLDER_A);
	waits_for(bench, HOLDER_B);
	assert_int_equal(
		holders_look(bench->holders, bench->now_ns, bench->now_ns + 8 * TICK, find, bench),
		0);
	credit(bench, 100);
	assert_sum(bench, HOLDING_SEEN, 1, 10, 0);
	assert_sum(bench, HOLDING_SEEN, 2, 90, 1);
}

static void test_handed_over(void **state)
{
	struct bench *bench = *state;

	waits_at(bench, PLACE, HOLDER_HANDOVER, 0);
	credit(bench, 10);
	assert_sum(bench, HOLDING_HANDOFF, THREAD, 10, 1);
}

static void test_somebody_unknown(void **state)
{
	struct bench *bench = *state;

	waits_at(bench, PLACE, HOLDER_UNKNOWN, 0);
	waits_at(bench, PLACE, HOLDER_READERS, 0);
	waits_at(bench, PLACE, HOLDER_EXITED, HOLDER_A);
	waits_for(bench, HIDDEN);
	credit(bench, 10);
	assert_sum(bench, HOLDING_UNKNOWN, THREAD, 10, 1);
}

/* A wait that no tick saw has nobody to blame, whoever was seen at another place. */
static void test_a_wait_that_was_never_seen(void **state)
{
	struct bench *bench = *state;

	credit(bench, 10);
	assert_sum(bench, HOLDING_UNKNOWN, THREAD, 10, 1);
	waits_for(bench, HOLDER_A);
	credit_at(bench, CREDIT_BLOCKED, PLACE + 1, 5);
	assert_sum(bench, HOLDING_UNKNOWN, THREAD, 15, 2);
	assert_sum(bench, HOLDING_SEEN, 1, 0, 0);
}

static void test_the_wait_before_is_remembered(void **state)
{
	struct bench *bench = *state;

	waits_at(bench, 1, HOLDER_THREAD, HOLDER_A);
	waits_at(bench, 2, HOLDER_THREAD, HOLDER_B);
	credit_at(bench, CREDIT_BLOCKED, 1, 10);
	credit_at(bench, CREDIT_BLOCKED, 2, 20);
	assert_sum(bench, HOLDING_SEEN, 1, 10, 1);
	assert_sum(bench, HOLDING_SEEN, 2, 20, 1);
}

static void test_short_waits_are_the_nearest_guess(void **state)
{
	struct bench *bench = *state;
	struct sum sum;

	waits_for(bench, HOLDER_A);
	credit(bench, 10);
	credit_at(bench, CREDIT_SHORT_WAITS, PLACE, 5);
	assert_sum(bench, HOLDING_SEEN, 1, 10, 1);
	sum = sum_of(bench, HOLDING_SEEN, 1, true);
	assert_int_equal(sum.ns, 5);
	assert_int_equal(sum.count, 1);
}

/* A wait that is told has its time; what comes before the next look is for the holder seen last. */
static void test_what_is_told_is_forgotten(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < 5; i++)
		waits_for(bench, HOLDER_A);
	waits_for(bench, HOLDER_B);
	credit(bench, 6000);
	assert_sum(bench, HOLDING_SEEN, 1, 5000, 1);
	assert_sum(bench, HOLDING_SEEN, 2, 1000, 0);
	credit(bench, 300);
	assert_sum(bench, HOLDING_SEEN, 2, 1300, 1);
	waits_for(bench, HOLDER_A);
	credit(bench, 1001);
	assert_sum(bench, HOLDING_SEEN, 1, 6000, 2);
}

static void test_the_holder_seen_last_may_be_the_first(void **state)
{
	struct bench *bench = *state;

	waits_for(bench, HOLDER_A);
	waits_for(bench, HOLDER_B);
	waits_for(bench, HOLDER_A);
	credit(bench, 3000);
	credit(bench, 100);
	assert_sum(bench, HOLDING_SEEN, 1, 2100, 2);
	assert_sum(bench, HOLDING_SEEN, 2, 1000, 0);
}

static void test_a_thread_that_moved_waits_no_more(void **state)
{
	struct bench *bench = *state;

	waits_for(bench, HOLDER_A);
	holders_moved(bench->holders, TID);
	holders_moved(bench->holders, TID + 1); /* never seen to wait */
	assert_int_equal(holders_look(bench->holders, bench->now_ns, bench->now_ns + 1000 * TICK,
				      find, bench),
			 0);
	waits_for(bench, HOLDER_B);
	credit(bench, 2000);
	assert_sum(bench, HOLDING_SEEN, 1, 1000, 1);
	assert_sum(bench, HOLDING_SEEN, 2, 1000, 0);
}

static void wait_as(struct bench *bench, pid_t tid, pid_t owner)
{
	bench->session.capture.threads.data[0].look.tid = tid;
	waits_for(bench, owner);
}

/* What a thread that has ended left behind goes; what others are in the middle of stays. */
static void test_threads_that_end(void **state)
{
	struct bench *bench = *state;
	const struct place place = { bench->stack_of_waiter, WAIT_MUTEX, NULL, LOCK, -1 };
	const struct credit waited = {
		.kind = CREDIT_BLOCKED, .place = PLACE, .ns = 1000, .count = 1
	};

	wait_as(bench, TID + 1, HOLDER_A);
	for (pid_t tid = TID + 2; tid < TID + 5000; tid++) {
		wait_as(bench, tid, HOLDER_B);
		holders_moved(bench->holders, tid);
		holders_credit(bench->holders, tid, THREAD, &waited, &place);
		holders_ended(bench->holders, tid);
		holders_ended(bench->holders, tid); /* not known any more */
	}
	assert_sum(bench, HOLDING_SEEN, 2, 4998 * 1000, 4998);
	holders_credit(bench->holders, TID + 1, THREAD, &waited, &place);
	assert_sum(bench, HOLDING_SEEN, 1, 1000, 1);
	holders_ended(bench->holders, TID + 1);
	holders_credit(bench->holders, TID + 1, THREAD, &waited, &place);
	assert_sum(bench, HOLDING_UNKNOWN, THREAD, 1000, 1);
}

/* A tid that came again is another thread. */
static void test_another_thread_with_the_same_tid(void **state)
{
	struct bench *bench = *state;
	const struct place place = { bench->stack_of_waiter, WAIT_MUTEX, NULL, LOCK, -1 };
	const struct credit credit = {
		.kind = CREDIT_BLOCKED, .place = PLACE, .ns = 10, .count = 1
	};

	waits_for(bench, HOLDER_A);
	holders_credit(bench->holders, TID, THREAD + 1, &credit, &place);
	assert_sum(bench, HOLDING_SEEN, 1, 0, 0);
	assert_sum(bench, HOLDING_UNKNOWN, THREAD + 1, 10, 1);
}

static void test_what_is_no_wait_for_a_lock(void **state)
{
	struct bench *bench = *state;
	const struct place join = { bench->stack_of_waiter, WAIT_JOIN, NULL, LOCK, -1 };
	const struct credit blocked = { .kind = CREDIT_BLOCKED, .place = PLACE, .ns = 10 };

	waits_for(bench, HOLDER_A);
	holders_credit(bench->holders, TID, THREAD, &blocked, &join);
	holders_credit(bench->holders, TID, THREAD, &blocked, NULL);
	credit_at(bench, CREDIT_ON_CPU, PLACE, 10);
	credit_at(bench, CREDIT_RUNNABLE, PLACE, 10);
	assert_int_equal(holders_accounts(bench->holders)->rows.n, 0);
	assert_true(holders_is_lock(WAIT_MUTEX));
	assert_true(holders_is_lock(WAIT_RWLOCK_READ));
	assert_true(holders_is_lock(WAIT_RWLOCK_WRITE));
	assert_false(holders_is_lock(WAIT_COND));
	assert_false(holders_is_lock(WAIT_JOIN));
}

/* More holders within one wait than are told apart: their time is the latest one's, none is lost. */
static void test_very_many_holders(void **state)
{
	struct bench *bench = *state;
	enum { MANY = 100 };

	for (pid_t i = 1; i <= MANY; i++)
		waits_for(bench, 200 + i);
	credit(bench, 1000 * MANY + 7);
	assert_int_equal(sum_of_all(bench).ns, 1000 * MANY + 7);
	assert_int_equal(sum_of_all(bench).count, 1);
	assert_sum(bench, HOLDING_SEEN, 101, 1000, 0);
}

/* Shares are rounded, their sum is not. */
static void test_no_nanosecond_is_lost(void **state)
{
	struct bench *bench = *state;
	uint64_t given = 0;

	for (uint64_t ns = 1; ns < 2000000000000; ns = ns * 3 + 1) {
		for (pid_t i = 1; i <= 7; i++)
			waits_for(bench, 200 + i);
		credit(bench, ns);
		given += ns;
		assert_int_equal(sum_of_all(bench).ns, given);
	}
}

static void test_beyond_the_bound_only_names_are_lost(void **state)
{
	struct bench *bench = bench_new(2);

	(void)state;
	for (pid_t i = 1; i <= 5; i++) {
		waits_at(bench, (uint32_t)i, HOLDER_THREAD, 200 + i);
		credit_at(bench, CREDIT_BLOCKED, (uint32_t)i, 100);
	}
	assert_sum(bench, HOLDING_SEEN, 101, 100, 1);
	assert_sum(bench, HOLDING_SEEN, 102, 100, 1);
	assert_sum(bench, HOLDING_SEEN, 103, 0, 0);
	assert_int_equal(sum_of_all(bench).ns, 500);
	assert_int_equal(sum_of_all(bench).count, 5);
	assert_int_equal(holders_accounts(bench->holders)->nameless_ns, 300);
	bench_free(bench);
}

/* The function that wanted the lock, not those that lead to the lock. */
static void test_the_function_that_waits(void **state)
{
	static const char *const rust[] = {
		"syscall",
		"std::sys::sync::mutex::futex::Mutex::lock_contended",
		"<parking_lot::raw_mutex::RawMutex as lock_api::mutex::RawMutex>::lock",
		"app::cache::get",
		"main",
	};
	static const char *const nothing[] = { "__lll_lock_wait", "pthread_mutex_lock" };
	struct bench *bench = *state;

	bench->stack_of_waiter = make_stack(bench, rust, ARRAY_SIZE(rust), 0x20);
	waits_for(bench, HOLDER_A);
	credit(bench, 1);
	assert_string_equal(holders_get(bench->holders, 1)->waiter, "app::cache::get");
	bench->stack_of_waiter = make_stack(bench, nothing, ARRAY_SIZE(nothing), 0x30);
	waits_for(bench, HOLDER_B);
	assert_string_equal(holders_get(bench->holders, 2)->waiter, "");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_one_holder_gets_all),
		CASE(test_shared_out_over_what_was_seen),
		CASE(test_long_ticks_weigh_more),
		CASE(test_handed_over),
		CASE(test_somebody_unknown),
		CASE(test_a_wait_that_was_never_seen),
		CASE(test_the_wait_before_is_remembered),
		CASE(test_short_waits_are_the_nearest_guess),
		CASE(test_what_is_told_is_forgotten),
		CASE(test_the_holder_seen_last_may_be_the_first),
		CASE(test_threads_that_end),
		CASE(test_a_thread_that_moved_waits_no_more),
		CASE(test_another_thread_with_the_same_tid),
		CASE(test_what_is_no_wait_for_a_lock),
		CASE(test_very_many_holders),
		CASE(test_no_nanosecond_is_lost),
		cmocka_unit_test(test_beyond_the_bound_only_names_are_lost),
		CASE(test_the_function_that_waits),
	};

	return cmocka_run_group_tests_name("holders", tests, NULL, NULL);
}
