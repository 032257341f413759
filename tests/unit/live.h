/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live.h: what the tests of capture and unwinding share: a forked child in a known state, the
 * stages that look at it, and the check that looking did it no harm. The child dies with us. It
 * talks through two pipes: a byte on `out` says that it has arrived where the test wants it.
 */
#ifndef LIVE_H
#define LIVE_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "capture/sweep.h"
#include "target/maps.h"
#include "target/procfs.h"
#include "target/procparse.h"
#include "target/target.h"

#define LIVE_MAYBE __attribute__((unused))
#ifdef __clang__
#define LIVE_NOINLINE __attribute__((noinline))
#else
#define LIVE_NOINLINE __attribute__((noinline, noclone))
#endif

/* Sanitizers make frames several times as large, and leave parts of them untouched. */
#define LIVE_SMALL __attribute__((no_sanitize("address", "undefined")))

/* The child's ends of the pipes. */
struct live_pipes {
	int in, out;
};

typedef void (*live_main)(struct live_pipes pipes, void *arg);

struct live {
	pid_t pid;
	int to, from;
	struct target target;
	struct maps maps;
	struct tids tids;
	struct capturer *capturer;
	struct capture capture;
};

LIVE_MAYBE static void live_nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* ---- in the child ---- */

LIVE_MAYBE static void live_say(int fd, char c)
{
	while (write(fd, &c, 1) < 0 && errno == EINTR)
		continue;
}

/* Blocked in read until the pipe is closed; a byte on it lets the thread go round once. */
LIVE_MAYBE static void live_block(int fd)
{
	char c;

	while (read(fd, &c, 1) != 0)
		continue;
}

LIVE_MAYBE static void live_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, arg) != 0)
		_exit(98);
}

/* ---- /proc ---- */

LIVE_MAYBE static uint64_t live_tracer(pid_t pid, pid_t tid)
{
	char path[64], text[4096];
	uint64_t tracer = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	assert_true(file_read_at(-1, path, text, sizeof(text)) > 0);
	assert_int_equal(procparse_status_number(text, "TracerPid", 10, &tracer), 0);
	return tracer;
}

/* State letter; 0 if there is no such thread. */
LIVE_MAYBE static char live_state(pid_t pid, pid_t tid)
{
	char path[64], text[1024];
	struct proc_stat stat;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	if (file_read_at(-1, path, text, sizeof(text)) <= 0)
		return 0;
	assert_int_equal(procparse_stat(text, &stat), 0);
	return stat.state;
}

/* Wait, at most 10 s, for this state. */
LIVE_MAYBE static void live_await(pid_t pid, pid_t tid, char state)
{
	uint64_t end = clock_mono_ns() + 10 * NS_PER_SEC;

	while (live_state(pid, tid) != state) {
		assert_true(clock_mono_ns() < end);
		live_nap();
	}
}

/* ---- the fixture ---- */

LIVE_MAYBE static char live_hear(struct live *live)
{
	char c = 0;

	assert_int_equal(read(live->from, &c, 1), 1);
	return c;
}

/* True if the child says nothing for so long. */
LIVE_MAYBE static bool live_silent(struct live *live, int ms)
{
	struct pollfd fd = { .fd = live->from, .events = POLLIN };

	return poll(&fd, 1, ms) == 0;
}

/* Fork, run `child` in it, and wait for its first byte. */
LIVE_MAYBE static void live_start(struct live *live, live_main child, void *arg)
{
	struct ss_error err;
	int to[2], from[2];

	*live = (struct live){ 0 };
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	live->pid = fork();
	assert_true(live->pid >= 0);
	if (live->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		child((struct live_pipes){ .in = to[0], .out = from[1] }, arg);
		_exit(97);
	}
	close(to[0]);
	close(from[1]);
	live->to = to[1];
	live->from = from[0];
	live_hear(live);
	maps_init(&live->maps);
	assert_int_equal(target_open(live->pid, &live->target, &err), 0);
}

LIVE_MAYBE static void live_capturer(struct live *live, enum ss_stop mode)
{
	struct ss_error err;

	capturer_free(live->capturer);
	live->capturer = NULL;
	assert_int_equal(capturer_new(&live->target, mode, &live->capturer, &err), 0);
}

LIVE_MAYBE static void live_list(struct live *live)
{
	struct ss_error err;

	assert_int_equal(target_list(&live->target, &live->tids, &err), 0);
	assert_int_equal(target_read_maps(&live->target, &live->maps, &err), 0);
}

LIVE_MAYBE static void live_sweep(struct live *live)
{
	struct ss_error err;

	live_list(live);
	assert_int_equal(
		sweep_threads(live->capturer, &live->tids, &live->maps, &live->capture, &err), 0);
	assert_int_equal(live->capture.threads.n, live->tids.tid.n);
}

/* All threads but the first n_running sleep. */
LIVE_MAYBE static void live_await_asleep(struct live *live, size_t n_running)
{
	uint64_t end = clock_mono_ns() + 10 * NS_PER_SEC;
	size_t awake;

	do {
		awake = 0;
		live_list(live);
		vec_each(tid, &live->tids.tid)
			awake += live_state(live->pid, *tid) != 'S';
		assert_true(clock_mono_ns() < end);
		live_nap();
	} while (awake > n_running);
}

/* Alive, not stopped, not traced, every thread of it. */
LIVE_MAYBE static void live_assert_unharmed(struct live *live)
{
	assert_true(target_alive(&live->target));
	live_list(live);
	vec_each(tid, &live->tids.tid) {
		char state = live_state(live->pid, *tid);

		assert_int_not_equal(state, 't');
		assert_int_not_equal(state, 'T');
		assert_int_equal(live_tracer(live->pid, *tid), 0);
	}
}

LIVE_MAYBE static void live_end(struct live *live)
{
	live_assert_unharmed(live);
	kill(live->pid, SIGKILL);
	waitpid(live->pid, NULL, 0);
	capturer_free(live->capturer);
	target_close(&live->target);
	maps_done(&live->maps);
	vec_done(&live->tids.tid);
	vec_done(&live->capture.threads);
	vec_done(&live->capture.samples);
	close(live->to);
	close(live->from);
}

#endif
