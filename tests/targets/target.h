/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h: what every test target shares. A target is one source file that brings its threads
 * into a known state, prints the line "ready" and stays there until it is killed. It dies with the
 * shell that started it. Nothing here knows anything about stacksnap.
 */
#ifndef TARGET_H
#define TARGET_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#ifndef __cplusplus
#include <stdatomic.h>
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
#define MAY_STAY  __attribute__((unused))
#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

/* Stands after a call that must keep its own frame: without it -O2 makes a tail call of it. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

MAY_STAY static inline void target_check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "target: %s: %s\n", what, strerror(errno));
	_exit(99);
}

MAY_STAY static inline void target_begin(void)
{
	target_check(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
	setvbuf(stdout, NULL, _IOLBF, 0);
}

MAY_STAY static inline void target_ready(void)
{
	puts("ready");
	fflush(stdout);
}

MAY_STAY static inline pid_t target_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

MAY_STAY static inline int64_t target_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

MAY_STAY static inline void target_nap_ns(int64_t ns)
{
	struct timespec t = { ns / NS_PER_S, ns % NS_PER_S };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

MAY_STAY static inline void target_nap_ms(long ms)
{
	target_nap_ns(ms * NS_PER_MS);
}

MAY_STAY static inline void target_spin_ns(int64_t ns)
{
	int64_t end = target_now_ns() + ns;

	while (target_now_ns() < end)
		;
}

/* xorshift64, a series for each thread: what a target does must not beat with anyone's period */
MAY_STAY static inline uint64_t target_random_below(uint64_t n)
{
	static __thread uint64_t state;

	if (state == 0)
		state = (uint64_t)target_now_ns() * (uint64_t)target_tid() | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* From half of it to one and a half. */
MAY_STAY static inline int64_t target_around(int64_t ns)
{
	return ns / 2 + (int64_t)target_random_below((uint64_t)ns);
}

/* State letter of a thread; 0 if the process has no such thread. */
MAY_STAY static inline char target_state_of(pid_t pid, pid_t tid)
{
	char path[64], text[512];
	const char *end;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = 0;
	end = strrchr(text, ')'); /* the name may hold brackets and spaces itself */
	return end && end[1] ? end[2] : 0;
}

MAY_STAY static inline char target_state(pid_t tid)
{
	return target_state_of(getpid(), tid);
}

/* Wait, at most 15 s, until a thread of this process sleeps. */
MAY_STAY static inline void target_await_sleep(pid_t tid)
{
	for (int i = 0; i < 15000; i++) {
		char state = target_state(tid);

		if (state == 'S' || state == 'D')
			return;
		target_nap_ms(1);
	}
	errno = ETIMEDOUT;
	target_check(false, "a thread never slept");
}

/*
 * A thread sets `tid` when all that is left before its wait is the wait itself: a sleep seen after
 * that is the one meant.
 */
struct arrival {
	pid_t tid; /* C and C++ have no atomic type in common */
};

MAY_STAY static inline void arrival_set(struct arrival *arrival)
{
	__atomic_store_n(&arrival->tid, target_tid(), __ATOMIC_SEQ_CST);
}

MAY_STAY static inline void arrival_await_sleep(struct arrival *arrival)
{
	while (__atomic_load_n(&arrival->tid, __ATOMIC_SEQ_CST) == 0)
		target_nap_ms(1);
	target_await_sleep(arrival->tid);
}

MAY_STAY static inline pthread_t target_thread(const char *name, size_t stack_bytes,
					       void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	if (stack_bytes)
		target_check(pthread_attr_setstacksize(&attr, stack_bytes) == 0, "stack size");
	errno = pthread_create(&thread, &attr, run, arg);
	target_check(errno == 0, "pthread_create");
	pthread_attr_destroy(&attr);
	if (name)
		pthread_setname_np(thread, name);
	return thread;
}

MAY_STAY static inline void target_rest(void)
{
	for (;;)
		pause();
}

#endif
