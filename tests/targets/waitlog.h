/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waitlog.h: threads that log their own waits in a mapped file, as they happen: the function that
 * waits, CLOCK_MONOTONIC before and after (0: it is still open), and how long the thread then
 * queued for a CPU. So a reader can tell, for any interval, how long each thread was blocked in each
 * function. The layout is struct thread_log, one after the other; a log that is full begins anew.
 * A thread calls log_thread before its first wait. tests/bench/accuracy.py reads it.
 */
#ifndef WAITLOG_H
#define WAITLOG_H

#include <fcntl.h>
#include <sys/mman.h>

#include "target.h"

enum { LOG_THREADS = 16, LOG_WAITS = 1 << 16 };

struct wait {
	int64_t begin_ns, end_ns, queued_ns;
	char function[16];
};

struct thread_log {
	int64_t tid;
	char thread[24];
	struct wait waits[LOG_WAITS];
};

static struct thread_log *logs;
static _Atomic int nlogs;
static _Thread_local struct thread_log *own_log;
static _Thread_local uint64_t own_waits;
static _Thread_local int own_schedstat;

static void log_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = LOG_THREADS * sizeof(*logs);

	target_check(fd >= 0 && ftruncate(fd, (off_t)size) == 0, path);
	logs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	target_check(logs != MAP_FAILED, "mmap");
	close(fd);
}

static void log_thread(const char *name)
{
	own_log = &logs[nlogs++];
	own_schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	strncpy(own_log->thread, name, sizeof(own_log->thread) - 1);
	own_log->tid = target_tid();
}

/* The kernel's count of this thread's time in the run queue. */
static int64_t queued_ns(void)
{
	char text[64];
	ssize_t n = pread(own_schedstat, text, sizeof(text) - 1, 0);
	const char *second;

	if (n <= 0)
		return 0; /* no CONFIG_SCHED_INFO */
	text[n] = 0;
	second = strchr(text, ' ');
	return second ? atoll(second) : 0;
}

static struct wait *wait_begin(const char *function)
{
	struct wait *wait = &own_log->waits[own_waits++ % LOG_WAITS];

	wait->begin_ns = 0; /* nobody is to read the old wait under a new name */
	wait->end_ns = 0;
	strncpy(wait->function, function, sizeof(wait->function) - 1);
	wait->queued_ns = -queued_ns();
	wait->begin_ns = target_now_ns();
	return wait;
}

static void wait_end(struct wait *wait)
{
	int64_t now = target_now_ns();

	wait->queued_ns += queued_ns();
	wait->end_ns = now;
}

#endif
