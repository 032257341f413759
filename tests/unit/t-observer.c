/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-observer.c: the bpf observer beside /proc and beside ptrace, over children in known states.
 * Where bpf is not permitted all but the first tests are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "children.h"
#include "observers.h"
#include "target/schedclock.h"

enum { CROWD = 70 };

struct pair {
	struct observer *proc, *bpf;
};

static bool bpf_permitted(const struct live *live)
{
	struct observer *observer;
	struct ss_error err;

	if (observer_open("bpf", &live->target, NULL, &observer, &err) < 0) {
		assert_int_equal(err.kind, SS_ERR_OBSERVER);
		print_message("%s\n", err.message);
		return false;
	}
	observer_close(observer);
	return true;
}

/* Ends the test where bpf is not permitted. */
static void pair_open(struct live *live, struct pair *ret)
{
	struct ss_error err;

	if (!bpf_permitted(live)) {
		live_end(live);
		skip();
	}
	assert_int_equal(observer_open("proc", &live->target, NULL, &ret->proc, &err), 0);
	assert_int_equal(observer_open("bpf", &live->target, NULL, &ret->bpf, &err), 0);
}

static void pair_close(struct pair *pair)
{
	observer_close(pair->proc);
	observer_close(pair->bpf);
}

static void bpf_capturer(struct live *live, enum ss_stop mode)
{
	struct ss_error err;

	live_capturer(live, mode);
	if (capturer_observe(live->capturer, "bpf", NULL, &err) < 0) {
		live_end(live);
		skip();
	}
}

static void assert_agree(struct pair *pair, pid_t tid, struct two_looks *looks)
{
	const char *what;

	assert_true(observers_look_twice(pair->proc, pair->bpf, tid, looks));
	what = observers_differ(looks);
	if (what)
		fail_msg("%s differs", what);
}

/* ---- choosing ---- */

static void test_names(void **state)
{
	struct observer *observer;
	struct target target = { .pid = getpid() };
	struct ss_error err;

	(void)state;
	for (size_t i = 0; observers[i] || observer_names[i]; i++)
		assert_string_equal(observers[i]->name, observer_names[i]);
	assert_int_equal(observer_open("eyes", &target, NULL, &observer, &err), -EINVAL);
	assert_int_equal(err.kind, SS_ERR_ARGUMENT);
	observer_close(NULL);
}

/* What one observer has loaded serves another process, and outlives the first. */
static void test_bpf_is_shared(void **state)
{
	struct observer *second;
	struct live one, two;
	struct tids tids = { 0 };
	struct ss_error err;
	struct pair pair;

	(void)state;
	start_blocked(&one, false);
	pair_open(&one, &pair);
	start_blocked(&two, false);
	assert_int_equal(observer_open("bpf", &two.target, pair.bpf, &second, &err), 0);
	pair_close(&pair);
	assert_int_equal(second->ops->list(second, &tids, &err), 0);
	assert_int_equal(tids.tid.n, two.tids.tid.n);
	assert_memory_equal(tids.tid.data, two.tids.tid.data, tids.tid.n * sizeof(pid_t));
	observer_close(second);
	vec_done(&tids.tid);
	live_end(&one);
	live_end(&two);
}

/* ---- beside /proc ---- */

/* On every thread of a child, all blocked in read; and ask `more` of both looks. */
static void check_blocked(struct live *live, void (*more)(const struct two_looks *looks))
{
	struct two_looks looks;
	struct pair pair;

	pair_open(live, &pair);
	vec_each(tid, &live->tids.tid) {
		assert_agree(&pair, *tid, &looks);
		assert_int_equal(looks.b.state, 'S');
		assert_int_equal(looks.b.nr, SYS_read);
		assert_true(looks.b.voluntary_known && looks.b.birth);
		assert_int_equal(looks.b_regs.known & REGS_CALLEE_SAVED, REGS_CALLEE_SAVED);
		if (more)
			more(&looks);
	}
	pair_close(&pair);
}

static void test_bpf_agrees_on_blocked_threads(void **state)
{
	struct live live;

	(void)state;
	start_blocked(&live, false);
	check_blocked(&live, NULL);
	live_end(&live);
}

static void test_bpf_agrees_on_a_vfork_parent(void **state)
{
	struct two_looks looks;
	struct live live;
	struct pair pair;

	(void)state;
	start_vfork(&live);
	pair_open(&live, &pair);
	assert_agree(&pair, live.pid, &looks);
	assert_int_equal(looks.b.state, 'D');
	pair_close(&pair);
	live_end(&live);
}

static void spin_main(struct live_pipes pipes, void *arg)
{
	live_say(pipes.out, 'r');
	spin_thread(arg);
}

/* It has left the call that said "ready", and spins: 2 ms of CPU time more than that. */
static void await_spinning(struct live *live)
{
	const struct procfs_thread thread = { .tid = live->pid, .schedstat_fd = -1 };
	struct look first = { 0 }, now = { 0 };

	assert_int_equal(procfs_schedstat(&live->target, &thread, &first), 0);
	do {
		live_nap();
		assert_int_equal(procfs_schedstat(&live->target, &thread, &now), 0);
	} while (now.on_cpu_ns < first.on_cpu_ns + 2 * NS_PER_MS);
}

/* Stopped in the middle of its own code: no call, and every register is the program's. */
static void test_bpf_agrees_on_a_stopped_thread(void **state)
{
	struct two_looks looks;
	struct live live;
	struct pair pair;

	(void)state;
	live_start(&live, spin_main, NULL);
	pair_open(&live, &pair);
	await_spinning(&live);
	kill(live.pid, SIGSTOP);
	live_await(live.pid, live.pid, 'T');
	assert_agree(&pair, live.pid, &looks);
	assert_int_equal(looks.b.call, CALL_NONE);
	assert_int_equal(looks.b_regs.known, (1u << REG_COUNT) - 1);
	kill(live.pid, SIGCONT);
	live_await(live.pid, live.pid, 'R');
	pair_close(&pair);
	live_end(&live);
}

#if defined(__x86_64__)
/* pause, as 32-bit programs number it; where the kernel has no such calls this is a fault */
static void compat_main(struct live_pipes pipes, void *arg)
{
	long result;

	(void)arg;
	live_say(pipes.out, 'r');
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(29) : "memory");
	(void)result;
}

/* The arguments of a 32-bit call are in other registers: /proc is asked. */
static void test_bpf_leaves_compat_calls_to_proc(void **state)
{
	struct look look[2];
	struct regs regs;
	struct live live;
	struct pair pair;

	(void)state;
	live_start(&live, compat_main, NULL);
	pair_open(&live, &pair);
	while (live_state(live.pid, live.pid) == 'R')
		live_nap();
	if (live_state(live.pid, live.pid) == 'S') {
		assert_int_equal(observers_look(pair.proc, live.pid, &look[0], &regs), 0);
		assert_int_equal(observers_look(pair.bpf, live.pid, &look[1], &regs), 0);
		assert_int_equal(regs.known, 0);
		assert_int_equal(look[1].call, CALL_NUMBER);
		assert_int_equal(look[1].nr, 29);
		assert_memory_equal(look[0].args, look[1].args, sizeof(look[0].args));
		assert_int_equal(look[0].sp, look[1].sp);
		live_assert_unharmed(&live);
	}
	pair_close(&pair);
	kill(live.pid, SIGKILL);
	waitpid(live.pid, NULL, 0);
	target_close(&live.target);
	maps_done(&live.maps);
	vec_done(&live.tids.tid);
	close(live.to);
	close(live.from);
}
#endif

static void test_bpf_says_who_runs(void **state)
{
	struct look look;
	struct regs regs;
	struct live live;
	struct pair pair;

	(void)state;
	live_start(&live, spin_main, NULL);
	pair_open(&live, &pair);
	assert_int_equal(observers_look(pair.bpf, live.pid, &look, &regs), 0);
	assert_int_equal(look.state, 'R');
	/* on a CPU its registers are not known; in the queue, on a busy machine, they are */
	assert_int_equal(look.call, look.queued ? CALL_NONE : CALL_RUNNING);
	assert_int_equal(regs.known, look.queued ? (1ull << REG_COUNT) - 1 : 0);
	pair_close(&pair);
	live_end(&live);
}

static void test_bpf_knows_who_is_gone(void **state)
{
	struct look look;
	struct regs regs;
	struct live live;
	struct pair pair;

	(void)state;
	live_start(&live, one_main, NULL);
	pair_open(&live, &pair);
	/* a thread of another process is none of the target's */
	assert_int_equal(observers_look(pair.bpf, getpid(), &look, &regs), 0);
	assert_int_equal(look.state, 0);
	pair_close(&pair);
	live_end(&live);
}

/* More threads than are asked for all at once where one is wanted. */
static void crowd_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	for (int i = 1; i < CROWD; i++)
		live_thread(block_thread, &pipes.in);
	live_say(pipes.out, 'r');
	live_block(pipes.in);
}

static void test_bpf_agrees_one_by_one(void **state)
{
	struct look look;
	struct regs regs;
	struct live live;
	struct pair pair;

	(void)state;
	live_start(&live, crowd_main, NULL);
	live_await_asleep(&live, 0);
	check_blocked(&live, NULL);
	pair_open(&live, &pair);
	assert_int_equal(observers_look(pair.bpf, getpid(), &look, &regs), 0);
	assert_int_equal(look.state, 0);
	pair_close(&pair);
	live_end(&live);
}

/* ---- clocks ---- */

/* Since when it is blocked, by the clock that the look knows and by that of a thread on its CPU. */
static void assert_same_age(const struct two_looks *looks)
{
	struct schedclock clock;
	struct look known = looks->b, unknown = looks->b;
	uint64_t known_ns, ns;
	bool at_least;

	assert_true(known.clock_known);
	unknown.clock_known = false;
	schedclock_init(&clock);
	assert_int_equal(schedclock_since(&clock, &known, &known_ns, &at_least), 0);
	assert_int_equal(schedclock_since(&clock, &unknown, &ns, &at_least), 0);
	schedclock_done(&clock);
	/* time may be stolen between the two readings of the clock */
	assert_in_range(known_ns + 20 * NS_PER_MS, ns, ns + 40 * NS_PER_MS);
}

static void test_bpf_knows_the_clocks(void **state)
{
	struct live live;

	(void)state;
	start_blocked(&live, false);
	check_blocked(&live, assert_same_age);
	live_end(&live);
}

/* ---- beside ptrace ---- */

static void test_bpf_registers_are_those_of_a_stop(void **state)
{
	struct regs before[NTHREADS];
	struct live live;

	(void)state;
	start_blocked(&live, false);
	bpf_capturer(&live, SS_STOP_NEVER);
	live_sweep(&live);
	for (size_t i = 0; i < NTHREADS; i++)
		before[i] = live.capture.threads.data[i].regs;
	live_capturer(&live, SS_STOP_ALL);
	live_sweep(&live);
	for (size_t i = 0; i < NTHREADS; i++) {
		const struct capture_thread *stopped = &live.capture.threads.data[i];

		assert_int_equal(stopped->how, CAPTURE_STOPPED);
		assert_int_equal(before[i].known & REGS_CALLEE_SAVED, REGS_CALLEE_SAVED);
		for (unsigned r = 0; r < REG_COUNT; r++)
			if (regs_known(&before[i], r))
				assert_int_equal(before[i].r[r], stopped->regs.r[r]);
	}
	live_end(&live);
}

static void test_bpf_sweep_needs_no_stop(void **state)
{
	struct live live;

	(void)state;
	start_blocked(&live, false);
	bpf_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live);
	assert_int_equal(live.capture.stops, 0);
	vec_each(thread, &live.capture.threads) {
		assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
		assert_true(thread->consistent);
		assert_true(thread->ncopies >= 1);
		assert_int_equal(thread->regs.r[REG_SP], thread->look.sp);
		assert_int_equal(thread->regs.r[REG_PC], thread->look.pc);
	}
	live_end(&live);
}

/* ---- ticks ---- */

static void tick(struct live *live)
{
	struct ss_error err;

	live_list(live);
	assert_int_equal(sweep_tick(live->capturer, &live->tids, &live->maps, &live->capture, &err),
			 0);
}

static void test_bpf_tick_sees_who_has_run(void **state)
{
	const struct capture_thread *thread;
	struct live live;

	(void)state;
	live_start(&live, one_main, NULL);
	live_await(live.pid, live.pid, 'S');
	bpf_capturer(&live, SS_STOP_AUTO);
	tick(&live);
	thread = &live.capture.threads.data[0];
	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_true(thread->look.voluntary_known);
	tick(&live);
	assert_int_equal(thread->how, CAPTURE_SAME);
	assert_true(thread->look.at_ns && thread->look.pcount);
	move_on(&live);
	tick(&live);
	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_int_equal(live.capture.stops, 0);
	live_end(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bpf_is_shared),
		cmocka_unit_test(test_bpf_agrees_on_blocked_threads),
		cmocka_unit_test(test_bpf_agrees_on_a_vfork_parent),
		cmocka_unit_test(test_bpf_agrees_on_a_stopped_thread),
#if defined(__x86_64__)
		cmocka_unit_test(test_bpf_leaves_compat_calls_to_proc),
#endif
		cmocka_unit_test(test_bpf_says_who_runs),
		cmocka_unit_test(test_bpf_knows_who_is_gone),
		cmocka_unit_test(test_bpf_agrees_one_by_one),
		cmocka_unit_test(test_bpf_knows_the_clocks),
		cmocka_unit_test(test_bpf_registers_are_those_of_a_stop),
		cmocka_unit_test(test_bpf_sweep_needs_no_stop),
		cmocka_unit_test(test_bpf_tick_sees_who_has_run),
	};

	return cmocka_run_group_tests_name("observer", tests, NULL, NULL);
}
