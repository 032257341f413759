/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * many.c: N threads that wait, in turn in a futex, a pipe, a sleep and epoll, each under DEPTH
 * frames named frame_even and frame_odd. Usage: many N [DEPTH] [--spin]. With --spin one more
 * thread spins and watches the clock: SIGUSR1 makes the program print "gap_ns N spins M p99_ns N",
 * since the last report: the longest time that the spinner stood still, its loops, and the 99th
 * percentile of the longest in each window of 10 ms.
 */
#include "target.h"

#include <linux/futex.h>
#include <sys/epoll.h>

struct waiter {
	struct arrival arrival;
	int index;
};

static int depth = 16;
static int pipe_fds[2], epoll_fd, futex_word;
static _Atomic int64_t longest_gap_ns;
/* the longest gap of each window since the last report */
enum { WINDOWS = 16384 };
static _Atomic int64_t windows[WINDOWS];
static _Atomic unsigned nwindows;
static _Atomic uint64_t spins;

static NOINLINE void many_wait(struct waiter *waiter)
{
	struct epoll_event event;
	char byte;

	arrival_set(&waiter->arrival);
	switch (waiter->index % 4) {
	case 0:
		syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		break;
	case 1:
		target_check(read(pipe_fds[0], &byte, 1) == 1, "read");
		break;
	case 2:
		target_nap_ms(24 * 3600 * 1000L);
		break;
	default:
		epoll_wait(epoll_fd, &event, 1, -1);
	}
	KEEP_FRAME();
}

static void frame_odd(struct waiter *waiter, int left);

static NOINLINE void frame_even(struct waiter *waiter, int left)
{
	if (left > 0)
		frame_odd(waiter, left - 1);
	else
		many_wait(waiter);
	KEEP_FRAME();
}

static NOINLINE void frame_odd(struct waiter *waiter, int left)
{
	char local[32]; /* a frame of another size */

	__asm__ volatile("" ::"r"(local) : "memory");
	if (left > 0)
		frame_even(waiter, left - 1);
	else
		many_wait(waiter);
	KEEP_FRAME();
}

static void *waiter_run(void *arg)
{
	frame_even(arg, depth);
	return NULL;
}

static NOINLINE void spin_forever(void)
{
	int64_t last = target_now_ns(), window_end = last + 10 * NS_PER_MS, longest = 0;

	for (;;) {
		int64_t now = target_now_ns();

		if (now - last > longest)
			longest = now - last;
		if (now > window_end) {
			windows[nwindows++ % WINDOWS] = longest;
			window_end = now + 10 * NS_PER_MS;
			longest = 0;
		}
		if (now - last > atomic_load_explicit(&longest_gap_ns, memory_order_relaxed))
			longest_gap_ns = now - last;
		last = now;
		atomic_fetch_add_explicit(&spins, 1, memory_order_relaxed);
	}
}

static void *spinner_run(void *unused)
{
	spin_forever();
	return unused;
}

static int compare_gaps(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t take_p99(void)
{
	static int64_t sorted[WINDOWS];
	unsigned n = atomic_exchange(&nwindows, 0);

	n = n < WINDOWS ? n : WINDOWS;
	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		sorted[i] = windows[i];
	qsort(sorted, n, sizeof(*sorted), compare_gaps);
	return sorted[n * 99 / 100 < n ? n * 99 / 100 : n - 1];
}

static void report_on_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (;;) {
		if (sigwaitinfo(&set, NULL) != SIGUSR1)
			continue;
		printf("gap_ns %lld spins %llu p99_ns %lld\n",
		       (long long)atomic_exchange(&longest_gap_ns, 0),
		       (unsigned long long)atomic_exchange(&spins, 0), (long long)take_p99());
	}
}

static void start_waiters(int n)
{
	struct waiter *waiters = calloc((size_t)n, sizeof(*waiters));

	target_check(waiters != NULL, "calloc");
	for (int i = 0; i < n; i++) {
		waiters[i].index = i;
		target_thread(NULL, 128 * 1024 + (size_t)depth * 512, waiter_run, &waiters[i]);
	}
	for (int i = 0; i < n; i++)
		arrival_await_sleep(&waiters[i].arrival);
}

int main(int argc, char **argv)
{
	bool spin = argc > 1 && strcmp(argv[argc - 1], "--spin") == 0;
	sigset_t set;

	target_begin();
	if (argc - spin > 2)
		depth = atoi(argv[2]);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	target_check(pipe(pipe_fds) == 0, "pipe");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	start_waiters(argc > 1 ? atoi(argv[1]) : 10);
	if (spin)
		target_thread("spinner", 0, spinner_run, NULL);
	target_ready();
	report_on_signal();
}
