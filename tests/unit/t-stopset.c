/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-stopset.c: stopping the threads of a live child and letting them go: signals, group stops,
 * threads that vanish and threads that come late.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>

#include "base/attr.h"
#include "capture/stopset.h"
#include "children.h"

static void make_stops(const struct live *live, struct stop *stops)
{
	for (size_t i = 0; i < live->tids.tid.n; i++)
		stops[i] = (struct stop){ .tid = live->tids.tid.data[i], .thread = i };
}

static void stop_all(struct stopset *set)
{
	stopset_seize(set);
	stopset_interrupt(set);
	stopset_wait(set, clock_mono_ns() + 5 * NS_PER_SEC);
}

static void test_stop_fetch_release(void **state)
{
	struct live live;
	struct stop stops[NTHREADS + 1];
	struct stopset set = { .stops = stops, .n = ARRAY_SIZE(stops) };

	(void)state;
	start_blocked(&live, true);
	make_stops(&live, stops);
	stop_all(&set);
	stopset_fetch(&set);
	for (size_t i = 0; i < set.n; i++) {
		assert_int_equal(stops[i].state, STOP_STOPPED);
		assert_int_equal(stops[i].signal, 0);
		assert_true(stops[i].fetched);
		assert_non_null(maps_find(&live.maps, regs_sp(&stops[i].raw)));
		assert_int_equal(live_state(live.pid, stops[i].tid), 't');
		assert_int_equal(live_tracer(live.pid, stops[i].tid), getpid());
	}
	stopset_release(&set);
	for (size_t i = 0; i < set.n; i++) {
		assert_int_equal(stops[i].state, STOP_RELEASED);
		assert_true(stops[i].moved_ns >= stops[i].asked_ns);
		assert_true(stops[i].released_ns > stops[i].moved_ns);
	}
	live_await_asleep(&live, 1);
	live_end(&live);
}

/* An early way out of a round: attached, but nobody was asked to stop yet. */
static void test_release_of_what_was_only_seized(void **state)
{
	struct live live;
	struct stop stops[NTHREADS];
	struct stopset set = { .stops = stops, .n = ARRAY_SIZE(stops) };

	(void)state;
	start_blocked(&live, false);
	make_stops(&live, stops);
	stopset_seize(&set);
	stopset_release(&set);
	for (size_t i = 0; i < set.n; i++) {
		assert_int_equal(stops[i].state, STOP_LATE);
		while (stops[i].state == STOP_LATE)
			stop_poll(&stops[i]);
		assert_int_equal(stops[i].state, STOP_STOPPED);
		stop_release(&stops[i]);
		assert_int_equal(stops[i].state, STOP_RELEASED);
	}
	live_end(&live);
}

static void test_group_stopped_stays_stopped(void **state)
{
	struct live live;
	struct stop stops[NTHREADS];
	struct stopset set = { .stops = stops, .n = ARRAY_SIZE(stops) };

	(void)state;
	start_blocked(&live, false);
	make_stops(&live, stops);
	kill(live.pid, SIGSTOP);
	for (size_t i = 0; i < set.n; i++)
		live_await(live.pid, stops[i].tid, 'T');
	stop_all(&set);
	for (size_t i = 0; i < set.n; i++) {
		assert_int_equal(stops[i].state, STOP_STOPPED);
		assert_int_equal(stops[i].signal, 0);
	}
	stopset_release(&set);
	for (size_t i = 0; i < set.n; i++) {
		live_await(live.pid, stops[i].tid, 'T');
		assert_int_equal(live_tracer(live.pid, stops[i].tid), 0);
	}
	kill(live.pid, SIGCONT);
	live_await_asleep(&live, 0);
	live_end(&live);
}

/* ---- signals ---- */

/* What the handler of signal_main saw. */
struct seen {
	volatile int count, sum;
};

static struct seen *seen;

static void note_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	seen->count++;
	seen->sum += info->si_value.sival_int;
}

static void signal_main(struct live_pipes pipes, void *arg)
{
	struct sigaction action = { .sa_sigaction = note_signal, .sa_flags = SA_SIGINFO };

	(void)arg;
	sigaction(SIGUSR1, &action, NULL);
	live_say(pipes.out, 'r');
	for (;;)
		pause();
}

static void send(pid_t pid, int value)
{
	assert_int_equal(sigqueue(pid, SIGUSR1, (union sigval){ .sival_int = value }), 0);
}

static void await_count(int count)
{
	uint64_t end = clock_mono_ns() + 5 * NS_PER_SEC;

	while (seen->count < count && clock_mono_ns() < end)
		live_nap();
	assert_int_equal(seen->count, count);
}

/* A signal before the interrupt, or while the thread stands still: delivered once, with its value. */
static void test_signals_are_delivered_once(void **state)
{
	struct live live;
	struct stop stop;
	struct stopset set = { .stops = &stop, .n = 1 };

	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	live_start(&live, signal_main, NULL);
	for (int round = 0; round < 20; round++) {
		bool before = round % 2;

		live_await(live.pid, live.pid, 'S');
		stop = (struct stop){ .tid = live.pid };
		stopset_seize(&set);
		if (before) {
			send(live.pid, 1);
			live_await(live.pid, live.pid, 't'); /* it stops to deliver it */
		}
		stopset_interrupt(&set);
		stopset_wait(&set, clock_mono_ns() + 5 * NS_PER_SEC);
		assert_int_equal(stop.state, STOP_STOPPED);
		assert_int_equal(stop.signal, before ? SIGUSR1 : 0);
		if (!before)
			send(live.pid, 1);
		stopset_release(&set);
		await_count(round + 1);
	}
	assert_int_equal(seen->sum, 20);
	live_end(&live);
	munmap(seen, sizeof(*seen));
}

/* A tracer that is killed while a thread stands still to deliver a signal: it comes all the same. */
static void die_at_a_signal(const struct live *live)
{
	struct stop stop = { .tid = live->pid };
	struct stopset set = { .stops = &stop, .n = 1 };

	stopset_seize(&set);
	send(live->pid, 1);
	live_await(live->pid, live->pid, 't');
	stopset_interrupt(&set);
	stopset_wait(&set, clock_mono_ns() + 5 * NS_PER_SEC);
	kill(getpid(), stop.signal == SIGUSR1 ? SIGKILL : SIGABRT);
}

static void test_signals_outlive_the_tracer(void **state)
{
	struct live live;
	int status;

	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	live_start(&live, signal_main, NULL);
	for (int round = 0; round < 5; round++) {
		pid_t pid;

		live_await(live.pid, live.pid, 'S');
		pid = fork();
		if (pid == 0)
			die_at_a_signal(&live);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		await_count(round + 1);
	}
	assert_int_equal(seen->sum, 5);
	live_end(&live);
	munmap(seen, sizeof(*seen));
}

/* ---- threads that vanish ---- */

static void test_exit_between_seize_and_interrupt(void **state)
{
	struct live live;
	struct stop stops[2];
	struct stopset set = { .stops = stops, .n = 2 };

	(void)state;
	live_start(&live, exit_main, NULL);
	live_await_asleep(&live, 0);
	assert_int_equal(live.tids.tid.n, 2);
	make_stops(&live, stops);
	stopset_seize(&set);
	live_say(live.to, 'x');
	live_await(live.pid, stops[1].tid, 'Z');
	stopset_interrupt(&set);
	stopset_wait(&set, clock_mono_ns() + 5 * NS_PER_SEC);
	assert_int_equal(stops[0].state, STOP_STOPPED);
	assert_int_equal(stops[1].state, STOP_GONE);
	stopset_fetch(&set);
	assert_false(stops[1].fetched);
	stopset_release(&set);
	assert_int_equal(stops[0].state, STOP_RELEASED);
	assert_int_equal(stops[1].state, STOP_GONE);
	/* it was reaped: nothing of it is left in the target */
	assert_int_equal(live_state(live.pid, stops[1].tid), 0);
	live_end(&live);
}

static void test_exit_before_seize(void **state)
{
	struct live live;
	struct stop stops[2];
	struct stopset set = { .stops = stops, .n = 2 };

	(void)state;
	live_start(&live, exit_main, NULL);
	live_await_asleep(&live, 0);
	make_stops(&live, stops);
	live_say(live.to, 'x');
	live_await(live.pid, stops[1].tid, 0);
	stop_all(&set);
	assert_int_equal(stops[1].state, STOP_FAILED);
	assert_int_equal(stops[1].sys, ESRCH);
	stopset_release(&set);
	assert_int_equal(stops[1].state, STOP_FAILED);
	live_end(&live);
}

/* ---- threads that stop late ---- */

static void test_late_stop(void **state)
{
	struct live live;
	struct stop stop;
	uint64_t before_ns;

	(void)state;
	make_late(&live, &stop);
	stop_poll(&stop);
	assert_int_equal(stop.state, STOP_LATE);
	assert_int_equal(live_tracer(live.pid, live.pid), getpid());
	before_ns = clock_mono_ns();
	stop_poll(&stop);
	assert_true(stop.moved_ns >= before_ns);
	live_say(live.to, 'x');
	while (stop.state == STOP_LATE) {
		stop_poll(&stop);
		live_nap();
	}
	assert_int_equal(stop.state, STOP_STOPPED);
	before_ns = clock_mono_ns();
	stop_poll(&stop);
	assert_true(stop.moved_ns < before_ns);
	stop_release(&stop);
	assert_int_equal(stop.state, STOP_RELEASED);
	assert_int_equal(live_hear(&live), 'd');
	live_end(&live);
}

/* A late thread that dies must be reaped, or the target's parent waits for ever. */
static void test_late_thread_that_dies(void **state)
{
	struct live live;
	struct stop stop;

	(void)state;
	make_late(&live, &stop);
	kill(live.pid, SIGKILL);
	while (stop.state == STOP_LATE) {
		stop_poll(&stop);
		live_nap();
	}
	assert_int_equal(stop.state, STOP_GONE);
	target_close(&live.target);
	maps_done(&live.maps);
	close(live.to);
	close(live.from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_fetch_release),
		cmocka_unit_test(test_release_of_what_was_only_seized),
		cmocka_unit_test(test_group_stopped_stays_stopped),
		cmocka_unit_test(test_signals_are_delivered_once),
		cmocka_unit_test(test_signals_outlive_the_tracer),
		cmocka_unit_test(test_exit_between_seize_and_interrupt),
		cmocka_unit_test(test_exit_before_seize),
		cmocka_unit_test(test_late_stop),
		cmocka_unit_test(test_late_thread_that_dies),
	};

	return cmocka_run_group_tests_name("stopset", tests, NULL, NULL);
}
