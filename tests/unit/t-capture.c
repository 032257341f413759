/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-capture.c: the modes of a sweep over a live child, and what each leaves untouched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "children.h"

/* The thread of this capture that spins: none is in a system call. */
static size_t find_spinner(const struct live *live)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < live->capture.threads.n; i++)
		if (live->capture.threads.data[i].look.call == CALL_RUNNING)
			found = i;
	assert_true(found != SIZE_MAX);
	return found;
}

/* How often each of the blocked threads was switched in by one sweep. */
static void assert_switches(struct live *live, uint64_t want)
{
	uint64_t before[NTHREADS], least = UINT64_MAX;

	for (size_t i = 0; i < NTHREADS; i++)
		before[i] = pcount_of(live, i);
	live_sweep(live);
	live_await_asleep(live, 1);
	/* a loaded machine may preempt some of them while they are awake */
	for (size_t i = 0; i < NTHREADS; i++) {
		least = MIN(least, pcount_of(live, i) - before[i]);
		if (want == 0)
			assert_int_equal(pcount_of(live, i), before[i]);
	}
	assert_int_equal(least, want);
}

static void test_sweep_never(void **state)
{
	struct live live;
	size_t spinner;

	(void)state;
	start_blocked(&live, true);
	live_capturer(&live, SS_STOP_NEVER);
	assert_switches(&live, 0);
	spinner = find_spinner(&live);
	for (size_t i = 0; i <= NTHREADS; i++)
		if (i != spinner)
			assert_untouched(&live, &live.capture.threads.data[i]);
	assert_int_equal(live.capture.threads.data[spinner].how, CAPTURE_NONE);
	assert_int_equal(live.capture.threads.data[spinner].none, SS_NO_STACK_RUNNING);
	assert_int_equal(live.capture.stops, 0);
	assert_int_equal(live.capture.pause_ns, 0);
	live_end(&live);
}

static void test_sweep_auto(void **state)
{
	struct live live;
	const struct capture_thread *spinner;

	(void)state;
	start_blocked(&live, true);
	live_capturer(&live, SS_STOP_AUTO);
	assert_switches(&live, 0);
	spinner = &live.capture.threads.data[find_spinner(&live)];
	for (size_t i = 0; i <= NTHREADS; i++)
		if (&live.capture.threads.data[i] != spinner)
			assert_untouched(&live, &live.capture.threads.data[i]);
	assert_int_equal(spinner->how, CAPTURE_STOPPED);
	assert_int_not_equal(spinner->run, RUN_UNKNOWN);
	assert_int_equal(spinner->regs.known, (1ull << REG_COUNT) - 1);
	assert_int_equal(spinner->stops, 1);
	assert_int_equal(live.capture.stops, 1);
	assert_true(live.capture.longest_stop_ns > 0);
	assert_int_equal(live.capture.total_stop_ns, live.capture.longest_stop_ns);
	live_end(&live);
}

/* Stopping switches a blocked thread in twice: to stop, and to sleep again. */
static void test_sweep_all(void **state)
{
	struct live live;

	(void)state;
	start_blocked(&live, true);
	live_capturer(&live, SS_STOP_ALL);
	assert_switches(&live, 2);
	assert_int_equal(live.capture.stops, NTHREADS + 1);
	vec_each(thread, &live.capture.threads) {
		assert_int_equal(thread->how, CAPTURE_STOPPED);
		assert_int_equal(thread->regs.known, (1ull << REG_COUNT) - 1);
		assert_true(thread->ncopies >= 1);
		assert_true(thread->stopped_ns > 0);
	}
	assert_true(live.capture.pause_ns >= live.capture.longest_stop_ns);
	live_end(&live);
}

/* Sweeps follow each other; threads come and go between them. */
static void test_sweeps_in_a_row(void **state)
{
	struct live live;

	(void)state;
	live_start(&live, exit_main, NULL);
	live_await_asleep(&live, 0);
	live_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live);
	assert_int_equal(live.capture.threads.n, 2);
	live_say(live.to, 'x');
	live_await(live.pid, live.tids.tid.data[1], 0);
	live_sweep(&live);
	assert_int_equal(live.capture.threads.n, 1);
	assert_int_equal(live.capture.threads.data[0].look.tid, live.pid);
	assert_untouched(&live, &live.capture.threads.data[0]);
	live_end(&live);
}

/* A sweep over a list that names a thread which has ended since. */
static void test_sweep_of_the_vanished(void **state)
{
	struct live live;
	struct ss_error err;

	(void)state;
	live_start(&live, exit_main, NULL);
	live_await_asleep(&live, 0);
	live_say(live.to, 'x');
	live_await(live.pid, live.tids.tid.data[1], 0);
	live_capturer(&live, SS_STOP_ALL);
	assert_int_equal(sweep_threads(live.capturer, &live.tids, &live.maps, &live.capture, &err),
			 0);
	assert_int_equal(live.capture.threads.data[0].how, CAPTURE_STOPPED);
	assert_int_equal(live.capture.threads.data[1].how, CAPTURE_NONE);
	assert_int_equal(live.capture.threads.data[1].none, SS_NO_STACK_VANISHED);
	live_end(&live);
}

/* ---- state D, and threads that stop late ---- */

static void test_state_d_is_never_interrupted(void **state)
{
	const enum ss_stop modes[] = { SS_STOP_AUTO, SS_STOP_ALL };
	struct live live;

	(void)state;
	start_vfork(&live);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		live_capturer(&live, modes[i]);
		live_sweep(&live);
		assert_int_equal(live.capture.stops, 0);
		assert_int_equal(live.capture.threads.data[0].how, CAPTURE_UNTOUCHED);
		assert_true(live.capture.threads.data[0].ncopies > 0);
		assert_int_equal(live_tracer(live.pid, live.pid), 0);
	}
	live_say(live.to, 'x');
	assert_int_equal(live_hear(&live), 'd');
	live_end(&live);
}

static void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Spins at a priority that leaves it the CPU only when nobody else wants it. */
static void idle_main(struct live_pipes pipes, void *arg)
{
	pin_to_cpu(*(int *)arg);
	live_say(pipes.out, 'r');
	sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
	spin_thread(NULL);
}

static void hog_main(struct live_pipes pipes, void *arg)
{
	pin_to_cpu(*(int *)arg);
	live_say(pipes.out, 'r');
	spin_thread(NULL);
}

/* A runnable thread that gets no CPU stops after the deadline, and is captured then. */
static void test_sweep_waits_for_a_late_thread(void **state)
{
	int cpu = sched_getcpu();
	struct live live, hog;
	bool late = false;

	(void)state;
	live_start(&live, idle_main, &cpu);
	live_start(&hog, hog_main, &cpu);
	live_capturer(&live, SS_STOP_ALL); /* auto reads what waits for a CPU */
	for (int i = 0; i < 20 && !late; i++) {
		const struct capture_thread *thread;

		live_sweep(&live);
		/* late or not: nobody is attached when the sweep is over */
		assert_int_equal(live_tracer(live.pid, live.pid), 0);
		thread = &live.capture.threads.data[0];
		if (thread->how == CAPTURE_NONE) { /* not even within a second */
			assert_int_equal(thread->none, SS_NO_STACK_PENDING);
			continue;
		}
		assert_int_equal(thread->how, CAPTURE_STOPPED);
		assert_true(thread->ncopies > 0);
		late = !thread->consistent;
		if (late)
			assert_int_equal(thread->run, RUN_RUNNABLE);
	}
	live_end(&hog);
	live_end(&live);
	if (!late)
		skip(); /* the hog never kept the CPU for long enough */
}

/* ---- EINTR ---- */

#if defined(__x86_64__)
static void test_endless_epoll_sees_no_eintr(void **state)
{
	struct live live;

	(void)state;
	start_epoll(&live, -1);
	live_capturer(&live, SS_STOP_ALL);
	for (unsigned i = 0; i < 3; i++) {
		live_sweep(&live);
		assert_int_equal(live.capture.threads.data[0].how, CAPTURE_STOPPED);
		assert_int_equal(live.capture.eintr_avoided, 1);
		assert_int_equal(live.capture.eintr_caused, 0);
		live_await_asleep(&live, 0);
	}
	assert_true(live_silent(&live, 20));
	live_end(&live);
}

/* Restarting it would start its timeout anew: it gets its EINTR, and that is counted. */
static void test_timed_epoll_sees_eintr(void **state)
{
	struct live live;

	(void)state;
	start_epoll(&live, 60000);
	live_capturer(&live, SS_STOP_ALL);
	live_sweep(&live);
	assert_int_equal(live.capture.eintr_avoided, 0);
	assert_int_equal(live.capture.eintr_caused, 1);
	assert_int_equal(live_hear(&live), 'E');
	live_end(&live);
}
#endif

static void test_auto_leaves_epoll_alone(void **state)
{
	struct live live;

	(void)state;
	start_epoll(&live, 60000);
	live_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live);
	assert_untouched(&live, &live.capture.threads.data[0]);
	assert_true(live_silent(&live, 20));
	live_end(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweep_never),
		cmocka_unit_test(test_sweep_auto),
		cmocka_unit_test(test_sweep_all),
		cmocka_unit_test(test_sweeps_in_a_row),
		cmocka_unit_test(test_sweep_of_the_vanished),
		cmocka_unit_test(test_state_d_is_never_interrupted),
		cmocka_unit_test(test_sweep_waits_for_a_late_thread),
#if defined(__x86_64__)
		cmocka_unit_test(test_endless_epoll_sees_no_eintr),
		cmocka_unit_test(test_timed_epoll_sees_eintr),
#endif
		cmocka_unit_test(test_auto_leaves_epoll_alone),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
