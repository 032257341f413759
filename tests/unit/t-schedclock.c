/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-schedclock.c: how long a thread has been blocked: the sums with made-up clocks, and the truth
 * about a sleeping child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/procfs.h"
#include "target/schedclock.h"

#if defined(__x86_64__)
enum { RESTART_SYSCALL = 219 };
#else
enum { RESTART_SYSCALL = 128 };
#endif

static int setup(void **state)
{
	static struct schedclock clock;

	schedclock_init(&clock);
	*state = &clock;
	return 0;
}

static int teardown(void **state)
{
	schedclock_done(*state);
	return 0;
}

/* CPU 0's clock is 1000 s behind CLOCK_MONOTONIC, and has lost `steal_ns`. */
static void know_cpu0(struct schedclock *clock, uint64_t steal_ns)
{
	struct schedclock_cpu cpu = { .state = SCHEDCLOCK_KNOWN,
				      .offset_ns = (int64_t)(1000 * NS_PER_SEC),
				      .steal_known = true,
				      .steal_ns = steal_ns };

	assert_int_equal(vec_push(&clock->cpus, cpu), 0);
}

/* A thread asleep since 10 s, by that clock. */
static struct look asleep_10s(void)
{
	return (struct look){
		.at_ns = 1510 * NS_PER_SEC,
		.state = 'S',
		.cpu = 0,
		.call = CALL_NUMBER,
		.nr = 0,
		.exec_start_ns = 500 * NS_PER_SEC,
	};
}

static void test_sum(void **state)
{
	struct look look = asleep_10s();
	uint64_t ns;
	bool at_least;

	know_cpu0(*state, 0);
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	assert_int_equal(ns, 10 * NS_PER_SEC);
	assert_false(at_least);
}

static void test_steal_makes_it_a_lower_bound(void **state)
{
	struct look look = asleep_10s();
	uint64_t ns;
	bool at_least;

	know_cpu0(*state, 101 * NS_PER_MS);
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	assert_true(at_least);
	look.at_ns += 5 * NS_PER_SEC;
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	assert_false(at_least);
}

static void test_a_little_negative_is_zero(void **state)
{
	struct look look = asleep_10s();
	uint64_t ns;
	bool at_least;

	know_cpu0(*state, 0);
	look.at_ns = 1500 * NS_PER_SEC - 3 * NS_PER_MS;
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	assert_int_equal(ns, 0);
	look.at_ns = 1500 * NS_PER_SEC - 5 * NS_PER_MS;
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), -ENODATA);
}

static void test_a_look_that_knows_the_clock(void **state)
{
	struct look look = asleep_10s();
	uint64_t ns;
	bool at_least;

	know_cpu0(*state, 0);
	look.clock_known = true;
	look.clock_offset_ns = 1003 * (int64_t)NS_PER_SEC;
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	assert_int_equal(ns, 7 * NS_PER_SEC);
	look.cpu = 1;
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	assert_int_equal(ns, 7 * NS_PER_SEC);
}

static void assert_left_out(struct schedclock *clock, const struct look *look)
{
	uint64_t ns = 42;
	bool at_least;

	assert_int_equal(schedclock_since(clock, look, &ns, &at_least), -ENODATA);
	assert_int_equal(ns, 42);
}

static void test_left_out(void **state)
{
	struct look look = asleep_10s();

	know_cpu0(*state, 0);
	look.exec_start_ns = 0;
	assert_left_out(*state, &look);
	look = asleep_10s();
	look.nr = RESTART_SYSCALL;
	assert_left_out(*state, &look);
	look = asleep_10s();
	look.cpu = -1;
	assert_left_out(*state, &look);
	look.cpu = 8000; /* no machine of ours has it: it cannot be run on */
	assert_left_out(*state, &look);
	look.cpu = 1 << 30;
	assert_left_out(*state, &look);
	look = asleep_10s();
	look.state = 'R';
	assert_left_out(*state, &look);
	look.state = 't';
	assert_left_out(*state, &look);
}

static void test_begin_forgets(void **state)
{
	struct schedclock *clock = *state;

	know_cpu0(clock, 0);
	schedclock_begin(clock);
	assert_int_equal(clock->cpus.n, 0);
}

/* ---- the real thing ---- */

static pid_t start_sleeper(void)
{
	struct timespec hour = { .tv_sec = 3600 };
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		nanosleep(&hour, NULL);
		_exit(0);
	}
	return pid;
}

static void test_a_sleeping_child(void **state)
{
	struct timespec pause_for = { .tv_nsec = 300 * NS_PER_MS };
	uint64_t before = clock_mono_ns(), asleep, now, ns;
	struct procfs_thread thread;
	struct target target;
	struct ss_error err;
	struct look look = { 0 };
	bool at_least;
	pid_t pid = start_sleeper();

	assert_int_equal(target_open(pid, &target, &err), 0);
	assert_int_equal(procfs_thread_open(&target, pid, &thread), 0);
	while (look.call != CALL_NUMBER) {
		assert_int_equal(procfs_look(&target, &thread, &look), 0);
		sched_yield();
	}
	asleep = clock_mono_ns();
	nanosleep(&pause_for, NULL);
	assert_int_equal(procfs_look(&target, &thread, &look), 0);
	now = clock_mono_ns();
	if (look.exec_start_ns == 0)
		skip(); /* a kernel before 6.15 without CONFIG_SCHED_DEBUG */
	assert_int_equal(schedclock_since(*state, &look, &ns, &at_least), 0);
	/* Stolen time is left out, so the lower limit is generous. */
	assert_in_range(ns, (now - asleep) / 2, now - before + 10 * NS_PER_MS);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	procfs_thread_close(&thread);
	target_close(&target);
}

static void test_own_mask_is_restored(void **state)
{
	struct look look = asleep_10s();
	cpu_set_t before, after;
	uint64_t ns;
	bool at_least;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	for (look.cpu = 0; look.cpu < 2; look.cpu++)
		schedclock_since(*state, &look, &ns, &at_least);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_sum),
		TEST(test_steal_makes_it_a_lower_bound),
		TEST(test_a_little_negative_is_zero),
		TEST(test_a_look_that_knows_the_clock),
		TEST(test_left_out),
		TEST(test_begin_forgets),
		TEST(test_a_sleeping_child),
		TEST(test_own_mask_is_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
