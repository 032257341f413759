/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-recapture.c: the proof that a copied thread stood still, what follows when it did not, and
 * fetching what unwinding lacked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "children.h"

/* The rounds of a sweep by hand, with the thread moving between the copy and its proof. */
static void test_moved_while_copied(void **state)
{
	struct live live;
	struct capturer *capturer;
	struct capture_thread *thread;

	(void)state;
	live_start(&live, one_main, NULL);
	live_await_asleep(&live, 0);
	live_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live); /* makes the tables */
	capturer = live.capturer;
	thread = &live.capture.threads.data[0];
	*thread = (struct capture_thread){ 0 };
	plan_look(capturer, &live.capture);
	assert_int_equal(capturer->work.data[0].plan, PLAN_COPY);
	assert_int_equal(copying_round(capturer, &live.maps, &live.capture, NULL), 0);
	move_on(&live);
	copying_verify(capturer, &live.capture);
	assert_int_equal(capturer->work.data[0].plan, PLAN_RETRY);
	assert_int_equal(thread->ncopies, 0);
	assert_int_equal(thread->how, CAPTURE_NONE);
	plan_retry(capturer, &live.capture);
	assert_int_equal(copying_round(capturer, &live.maps, &live.capture, NULL), 0);
	copying_verify(capturer, &live.capture);
	assert_int_equal(capturer->work.data[0].plan, PLAN_DONE);
	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_false(thread->consistent);
	live_end(&live);
}

/* Restless threads in a call that a stop would break off are left alone. */
static void test_restless_in_epoll_is_unstable(void **state)
{
	struct live live;

	(void)state;
	start_epoll(&live, -1);
	live_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live);
	live.capturer->work.data[0].plan = PLAN_RETRY;
	guard_restless(live.capturer, &live.capture);
	assert_int_equal(live.capturer->work.data[0].plan, PLAN_DONE);
	assert_int_equal(live.capture.threads.data[0].none, SS_NO_STACK_UNSTABLE);
	live_end(&live);
}

static void test_restless_in_read_is_stopped(void **state)
{
	struct live live;

	(void)state;
	live_start(&live, one_main, NULL);
	live_await_asleep(&live, 0);
	live_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live);
	live.capturer->work.data[0].plan = PLAN_RETRY;
	guard_restless(live.capturer, &live.capture);
	assert_int_equal(live.capturer->work.data[0].plan, PLAN_STOP);
	assert_true(live.capturer->work.data[0].window >= WINDOW_STOP);
	live_end(&live);
}

/* ---- what unwinding lacked ---- */

/* Blocks above `depth` frames of a kilobyte each. */
LIVE_NOINLINE static int descend(int fd, int depth)
{
	char room[1024];

	room[0] = (char)depth;
	__asm__ volatile("" ::"r"(room) : "memory"); /* all of it is needed */
	if (depth == 0)
		live_block(fd);
	else
		descend(fd, depth - 1);
	__asm__ volatile("" ::"r"(room) : "memory");
	return room[0];
}

static void deep_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	live_say(pipes.out, 'r');
	descend(pipes.in, 32);
	live_say(pipes.out, 'e');
}

static void start_deep(struct live *live, enum ss_stop mode)
{
	live_start(live, deep_main, NULL);
	live_await_asleep(live, 0);
	live_capturer(live, mode);
	live_sweep(live);
}

static uint64_t copies_end(const struct capture_thread *thread)
{
	const struct stack_copy *last = &thread->copies[thread->ncopies - 1];

	return last->addr + last->len;
}

static struct capture_thread *ask_again(struct live *live, bool registers, uint64_t memory)
{
	struct sweep_request request = { .registers = registers,
					 .memory = memory,
					 .window = 65536 };

	assert_int_equal(
		sweep_again(live->capturer, &request, 1, &live->maps, &live->capture, NULL), 0);
	return &live->capture.threads.data[0];
}

static void test_extend(void **state)
{
	struct live live;
	struct capture_thread *thread;
	uint64_t end;

	(void)state;
	start_deep(&live, SS_STOP_AUTO);
	thread = &live.capture.threads.data[0];
	end = copies_end(thread);
	assert_false(thread->copies[0].to_map_end);
	assert_int_equal(end - thread->look.sp, WINDOW_COPY);
	thread = ask_again(&live, false, end);
	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_true(thread->ncopies >= 2);
	assert_int_equal(thread->copies[1].addr, end);
	assert_true(thread->copies[thread->ncopies - 1].to_map_end);
	assert_int_equal(copies_end(thread), maps_find(&live.maps, end)->end);
	assert_true(thread->consistent);
	assert_int_equal(live.capture.stops, 0);
	live_end(&live);
}

/* It moved since the sweep: captured anew, and no longer of the sweep's instant. */
static void test_extend_what_moved(void **state)
{
	struct live live;
	struct capture_thread *thread;

	(void)state;
	start_deep(&live, SS_STOP_AUTO);
	move_on(&live);
	thread = ask_again(&live, false, copies_end(&live.capture.threads.data[0]));
	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_true(thread->ncopies >= 1);
	assert_true(copies_end(thread) - thread->look.sp > 30000);
	assert_false(thread->consistent);
	live_end(&live);
}

static void test_registers(void **state)
{
	struct live live;
	struct capture_thread *thread;
	struct look look;

	(void)state;
	start_deep(&live, SS_STOP_AUTO);
	look = live.capture.threads.data[0].look;
	thread = ask_again(&live, true, 0);
	assert_int_equal(thread->how, CAPTURE_STOPPED);
	assert_int_equal(thread->regs.known, (1ull << REG_COUNT) - 1);
	assert_int_equal(thread->regs.r[REG_SP], look.sp);
	assert_int_equal(thread->stops, 1);
	assert_true(thread->consistent);
	/* what was seen before the stop stands */
	assert_int_equal(thread->look.call, CALL_NUMBER);
	assert_int_equal(thread->look.nr, look.nr);
	assert_int_equal(thread->look.exec_start_ns, look.exec_start_ns);
	live_end(&live);
}

static void test_never_does_not_stop_for_registers(void **state)
{
	struct live live;
	struct capture_thread *thread;

	(void)state;
	start_deep(&live, SS_STOP_NEVER);
	thread = ask_again(&live, true, 0);
	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_int_equal(live.capture.stops, 0);
	live_end(&live);
}

/* A thread that was stopped has run since: more of its stack takes another stop. */
static void test_more_of_a_stopped_stack(void **state)
{
	struct live live;
	struct capture_thread *thread;

	(void)state;
	start_deep(&live, SS_STOP_ALL);
	assert_int_equal(copies_end(&live.capture.threads.data[0]) -
				 live.capture.threads.data[0].regs.r[REG_SP],
			 WINDOW_STOP);
	thread = ask_again(&live, false, copies_end(&live.capture.threads.data[0]));
	assert_int_equal(thread->how, CAPTURE_STOPPED);
	assert_true(thread->ncopies >= 1);
	assert_true(thread->copies[0].to_map_end);
	assert_int_equal(thread->stops, 2);
	assert_false(thread->consistent);
	live_end(&live);
}

/* ---- exec ---- */

/* Threads block, and the leader calls exec on a byte. */
static void exec_main(struct live_pipes pipes, void *arg)
{
	int blocked[2];
	char c;

	(void)arg;
	if (pipe(blocked) < 0)
		_exit(98);
	live_thread(block_thread, &blocked[0]);
	live_say(pipes.out, 'r');
	if (read(pipes.in, &c, 1) == 1)
		execlp("sleep", "sleep", "1000", NULL);
	_exit(98);
}

/* Another tracer, which does not wait for what it has attached: exec cannot end while it lives. */
static pid_t hold(pid_t tid)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_SEIZE, tid, 0, 0) == 0)
			live_say(ready[1], 'r');
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void let_go(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/*
 * Exec holds the mutex that attaching waits for. It is given up, and both go on: nothing of the
 * target waits for us, nor we for it.
 */
static void test_attaching_is_given_up(void **state)
{
	struct sweep_request request = { .thread = 0, .registers = true, .window = WINDOW_STOP };
	struct ss_error err;
	struct live live;
	pid_t tracer;

	(void)state;
	live_start(&live, exec_main, NULL);
	live_await_asleep(&live, 0);
	live_capturer(&live, SS_STOP_AUTO);
	live_sweep(&live);
	assert_int_equal(live.tids.tid.data[0], live.pid);
	tracer = hold(live.tids.tid.data[1]);
	live_say(live.to, 'x');
	live_await(live.pid, live.pid, 'D');
	assert_int_equal(sweep_again(live.capturer, &request, 1, &live.maps, &live.capture, &err),
			 -ESRCH);
	assert_int_equal(err.kind, SS_ERR_GONE);
	assert_int_equal(live_tracer(live.pid, live.pid), 0);
	let_go(tracer);
	while (!target_did_exec(&live.target))
		live_nap();
	assert_int_equal(target_refresh(&live.target, &err), 0);
	live_await_asleep(&live, 0);
	live_sweep(&live);
	assert_int_equal(live.capture.threads.data[0].how, CAPTURE_UNTOUCHED);
	live_end(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved_while_copied),
		cmocka_unit_test(test_restless_in_epoll_is_unstable),
		cmocka_unit_test(test_restless_in_read_is_stopped),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_extend_what_moved),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_never_does_not_stop_for_registers),
		cmocka_unit_test(test_more_of_a_stopped_stack),
		cmocka_unit_test(test_attaching_is_given_up),
	};

	return cmocka_run_group_tests_name("recapture", tests, NULL, NULL);
}
