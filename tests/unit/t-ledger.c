/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-ledger.c: ticks that pass over threads because of sums alone: they do where nobody has run, and
 * never pass over one that has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "children.h"

enum { SETTLING = 200, ROUNDS = 30, NAPS = 100 };

static bool tick(struct live *live)
{
	struct ss_error err;
	bool balanced;

	assert_int_equal(capturer_list(live->capturer, &live->tids, &err), 0);
	balanced = live->capturer->ledger.balanced;
	assert_int_equal(sweep_tick(live->capturer, &live->tids, &live->maps, &live->capture, &err),
			 0);
	assert_int_equal(live->capture.threads.n, live->tids.tid.n);
	return balanced;
}

/* Tick until the sums balance. */
static void settle(struct live *live)
{
	for (unsigned i = 0; i < SETTLING; i++)
		if (tick(live))
			return;
	fail_msg("the sums never balanced");
}

static void start(struct live *live, bool spinner, const char *observer)
{
	struct ss_error err;

	start_blocked(live, spinner);
	live_capturer(live, SS_STOP_AUTO);
	if (observer && capturer_observe(live->capturer, observer, NULL, &err) < 0) {
		live_end(live);
		skip();
	}
	capturer_watch_waits(live->capturer);
	assert_true(live->capturer->ledger.wanted);
}

/* What is said of a thread that was passed over is what a read would have said. */
static void assert_true_of(struct live *live, size_t i, uint64_t before_ns)
{
	const struct capture_thread *thread = &live->capture.threads.data[i];
	struct look look = { .tid = thread->look.tid };
	struct procfs_thread proc;

	assert_int_equal(procfs_thread_open(&live->target, thread->look.tid, &proc), 0);
	assert_int_equal(procfs_schedstat(&live->target, &proc, &look), 0);
	procfs_thread_close(&proc);
	assert_int_equal(thread->how, CAPTURE_SAME);
	assert_false(thread->woken_by_us);
	assert_true(thread->look.sched_known);
	assert_int_equal(thread->look.pcount, look.pcount);
	assert_int_equal(thread->look.on_cpu_ns, look.on_cpu_ns);
	assert_int_equal(thread->look.run_queue_ns, look.run_queue_ns);
	assert_in_range(thread->look.at_ns, before_ns, look.at_ns);
}

static void check_idle(const char *observer)
{
	struct live live;
	uint64_t before;

	start(&live, false, observer);
	settle(&live);
	before = clock_mono_ns();
	assert_true(tick(&live));
	for (size_t i = 0; i < live.tids.tid.n; i++)
		assert_true_of(&live, i, before);
	live_end(&live);
}

static void test_idle_threads_are_passed_over(void **state)
{
	(void)state;
	check_idle("proc");
}

static void test_also_by_bpf(void **state)
{
	(void)state;
	check_idle("bpf");
}

/* The thread's time on a CPU, as far as the kernel has booked it. */
static uint64_t cpu_ns_of(const struct live *live, size_t i)
{
	struct procfs_thread proc;
	struct look look = { .tid = live->tids.tid.data[i] };

	assert_int_equal(procfs_thread_open(&live->target, look.tid, &proc), 0);
	/* -ENODATA: it has not run yet */
	if (procfs_schedstat(&live->target, &proc, &look) == -ENODATA)
		look.on_cpu_ns = 0;
	procfs_thread_close(&proc);
	return look.on_cpu_ns;
}

/*
 * A byte lets one of the threads go round once; returns which, once its time is booked: that it
 * shows as asleep is not enough, it may yet be on its CPU, on the way. Where the hypervisor has
 * taken the CPU away a turn may be booked as nothing at all; then another.
 */
static size_t wake_one(struct live *live, const uint64_t *before_ns)
{
	for (unsigned nap = 0;; nap++) {
		if (nap % NAPS == 0)
			live_say(live->to, 'x');
		live_nap();
		for (size_t i = 0; i < NTHREADS; i++)
			if (cpu_ns_of(live, i) != before_ns[i] &&
			    live_state(live->pid, live->tids.tid.data[i]) == 'S')
				return i;
	}
}

static void check_wakes(const char *observer)
{
	uint64_t before[NTHREADS], before_ns[NTHREADS];
	struct live live;

	start(&live, false, observer);
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t woken;

		settle(&live);
		for (size_t i = 0; i < NTHREADS; i++) {
			before[i] = pcount_of(&live, i);
			before_ns[i] = cpu_ns_of(&live, i);
		}
		woken = wake_one(&live, before_ns);
		tick(&live);
		assert_int_not_equal(live.capture.threads.data[woken].how, CAPTURE_SAME);
		assert_int_not_equal(live.capture.threads.data[woken].look.pcount, before[woken]);
	}
	live_end(&live);
}

static void test_who_ran_is_looked_at(void **state)
{
	(void)state;
	check_wakes("proc");
}

static void test_who_ran_is_looked_at_by_bpf(void **state)
{
	(void)state;
	check_wakes("bpf");
}

/* The others use some hundred microseconds. */
static size_t find_spinner(const struct live *live)
{
	for (size_t i = 0;; i = (i + 1) % live->tids.tid.n) {
		if (cpu_ns_of(live, i) > 10 * NS_PER_MS)
			return i;
		live_nap();
	}
}

/* A busy thread is read by itself, and the others are still passed over. */
static void test_beside_a_spinner(void **state)
{
	struct live live;
	unsigned passed_over = 0;
	uint64_t before;
	size_t spinner;

	(void)state;
	start(&live, true, "proc");
	spinner = find_spinner(&live);
	settle(&live);
	for (size_t i = 0; i < live.tids.tid.n; i++)
		passed_over += i != spinner && live.capture.threads.data[i].how == CAPTURE_SAME;
	assert_int_equal(passed_over, NTHREADS);

	before = cpu_ns_of(&live, spinner);
	while (cpu_ns_of(&live, spinner) == before)
		live_nap(); /* on a busy host it waits for its turn */
	settle(&live);
	assert_true(live.capture.threads.data[spinner].look.on_cpu_ns > before);
	live_end(&live);
}

/* What ended threads used stays in the process's clock. */
static void test_ended_threads(void **state)
{
	struct live live;
	struct ss_error err;

	(void)state;
	live_start(&live, exit_main, NULL);
	live_await_asleep(&live, 0);
	live_capturer(&live, SS_STOP_AUTO);
	capturer_watch_waits(live.capturer);
	settle(&live);
	live_say(live.to, 'x');
	while (target_count(&live.target) > 1)
		live_nap();
	assert_false(tick(&live));
	assert_int_equal(capturer_list(live.capturer, &live.tids, &err), 0);
	assert_int_equal(live.tids.tid.n, 1);
	settle(&live);
	assert_true(live.capturer->ledger.rest_ns > 0);
	live_end(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_threads_are_passed_over),
		cmocka_unit_test(test_also_by_bpf),
		cmocka_unit_test(test_who_ran_is_looked_at),
		cmocka_unit_test(test_who_ran_is_looked_at_by_bpf),
		cmocka_unit_test(test_beside_a_spinner),
		cmocka_unit_test(test_ended_threads),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
