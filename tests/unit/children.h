/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * children.h: the children that the tests of the capture stage look at, each in a known state when
 * its start_* returns, and what several of those tests ask of them.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <sched.h>
#include <sys/epoll.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "live.h"

enum { NTHREADS = 4 };

LIVE_MAYBE static void *block_thread(void *arg)
{
	live_block(*(int *)arg);
	return NULL;
}

LIVE_MAYBE static void *spin_thread(void *arg)
{
	volatile unsigned n = 0;

	(void)arg;
	for (;;)
		n++;
	return NULL;
}

/* NTHREADS threads, the leader among them, blocked in read; one more spins if `arg`. */
LIVE_MAYBE static void blocked_main(struct live_pipes pipes, void *arg)
{
	for (int i = 1; i < NTHREADS; i++)
		live_thread(block_thread, &pipes.in);
	if (arg)
		live_thread(spin_thread, NULL);
	live_say(pipes.out, 'r');
	live_block(pipes.in);
}

LIVE_MAYBE static void start_blocked(struct live *live, bool spinner)
{
	live_start(live, blocked_main, spinner ? live : NULL);
	live_await_asleep(live, spinner);
	assert_int_equal(live->tids.tid.n, NTHREADS + spinner);
}

LIVE_MAYBE static void *exit_thread(void *arg)
{
	char c;

	(void)!read(*(int *)arg, &c, 1);
	return NULL;
}

/* The second thread exits on a byte; the leader sleeps elsewhere. */
LIVE_MAYBE static void exit_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	live_thread(exit_thread, &pipes.in);
	live_say(pipes.out, 'r');
	for (;;)
		pause();
}

/* The parent waits in state D until its vfork child has read a byte. */
LIVE_MAYBE static void vfork_main(struct live_pipes pipes, void *arg)
{
	volatile struct live_pipes kept = pipes;
	pid_t pid = vfork();
	char c;

	(void)arg;
	if (pid == 0) {
		live_say(kept.out, 'r');
		(void)!read(kept.in, &c, 1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	live_say(kept.out, 'd');
	live_block(kept.in);
}

LIVE_MAYBE static void start_vfork(struct live *live)
{
	live_start(live, vfork_main, NULL);
	live_await(live->pid, live->pid, 'D');
}

/* A stop that cannot be reached; returns once the stop is LATE. */
LIVE_MAYBE static void make_late(struct live *live, struct stop *stop)
{
	struct stopset set = { .stops = stop, .n = 1 };

	start_vfork(live);
	*stop = (struct stop){ .tid = live->pid };
	stopset_seize(&set);
	stopset_interrupt(&set);
	stopset_wait(&set, clock_mono_ns() + NS_PER_MS);
	assert_int_equal(stop->state, STOP_LATE);
	stopset_release(&set);
	assert_int_equal(stop->state, STOP_LATE);
}

LIVE_MAYBE static void one_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	live_say(pipes.out, 'r');
	live_block(pipes.in);
}

LIVE_MAYBE static void *epoll_thread(void *arg)
{
	struct epoll_event event;
	int epoll = epoll_create1(0);

	epoll_wait(epoll, &event, 1, *(int *)arg);
	return NULL;
}

/* The leader waits in epoll_wait with the timeout *arg, and says what came of it. */
LIVE_MAYBE static void epoll_main(struct live_pipes pipes, void *arg)
{
	live_say(pipes.out, 'r');
	epoll_thread(arg);
	live_say(pipes.out, errno == EINTR ? 'E' : '?');
	live_block(pipes.in);
}

LIVE_MAYBE static void start_epoll(struct live *live, int timeout)
{
	live_start(live, epoll_main, &timeout);
	live_await_asleep(live, 0);
}

LIVE_MAYBE static uint64_t pcount_of(const struct live *live, size_t i)
{
	struct procfs_thread proc;
	uint64_t pcount = 0;

	assert_int_equal(procfs_thread_open(&live->target, live->tids.tid.data[i], &proc), 0);
	assert_int_equal(procfs_pcount(&live->target, &proc, &pcount), 0);
	procfs_thread_close(&proc);
	return pcount;
}

/* Make the child's read return once; it is blocked again, at the same place, afterwards. */
LIVE_MAYBE static void move_on(struct live *live)
{
	uint64_t before = pcount_of(live, 0);

	live_say(live->to, 'x');
	while (pcount_of(live, 0) == before)
		live_nap();
	live_await(live->pid, live->pid, 'S');
}

LIVE_MAYBE static void assert_untouched(const struct live *live,
					const struct capture_thread *thread)
{
	const struct stack_copy *copy = &thread->copies[0];
	unsigned char now[64];

	assert_int_equal(thread->how, CAPTURE_UNTOUCHED);
	assert_int_equal(thread->none, SS_NO_STACK_HAS_STACK);
	assert_true(thread->consistent);
	assert_int_equal(thread->stops, 0);
	assert_true(regs_known(&thread->regs, REG_SP) && regs_known(&thread->regs, REG_PC));
	assert_int_equal(thread->regs.known & REGS_CALLEE_SAVED, 0);
	assert_int_equal(thread->regs.r[REG_PC], thread->look.pc);
	assert_true(thread->ncopies >= 1);
	assert_true(copy->addr <= thread->look.sp && thread->look.sp < copy->addr + copy->len);
	assert_int_equal(target_read(&live->target, thread->look.sp, now, sizeof(now)),
			 sizeof(now));
	assert_memory_equal(copy->bytes + (thread->look.sp - copy->addr), now, sizeof(now));
}

#endif
