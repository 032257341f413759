/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * many.c: N threads that wait, in turn in a futex, a pipe, a sleep and epoll, each under DEPTH
 * frames named frame_even and frame_odd. Usage: many N [DEPTH] [--spin]. With --spin one more
 * thread spins and watches the clock: SIGUSR1 makes the program print
 * "gap_ns N spins N p99_ns N windows N", since the last report: the longest time that the spinner
 * stood still, its loops, and the 99th percentile of the longest in each window of 10 ms. The first
 * window begins with the last answer, and the last ends with the question: no gap is told twice, or
 * to somebody else.
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
/* What the spinner saw since the last report. It is the spinner's alone, but while `asked`. */
enum { WINDOWS = 16384 };
static struct {
	int64_t longest_ns, windows[WINDOWS];
	unsigned nwindows;
	uint64_t spins;
} seen;
static _Atomic bool asked, stands;

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

static void end_window(int64_t longest_ns)
{
	seen.windows[seen.nwindows++ % WINDOWS] = longest_ns;
	if (longest_ns > seen.longest_ns)
		seen.longest_ns = longest_ns;
}

static void stand_while_asked(void)
{
	stands = true;
	while (asked)
		;
	stands = false;
}

static NOINLINE void spin_forever(void)
{
	int64_t last = target_now_ns(), window_end = last + 10 * NS_PER_MS, longest = 0;

	for (;;) {
		bool answer = atomic_load_explicit(&asked, memory_order_relaxed);
		int64_t now = target_now_ns();

		if (now - last > longest)
			longest = now - last;
		last = now;
		seen.spins++;
		if (now <= window_end && !answer)
			continue;
		end_window(longest);
		if (answer) {
			stand_while_asked();
			last = target_now_ns();
		}
		window_end = last + 10 * NS_PER_MS;
		longest = 0;
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

static int64_t sort_p99(void)
{
	unsigned n = seen.nwindows < WINDOWS ? seen.nwindows : WINDOWS;

	qsort(seen.windows, n, sizeof(seen.windows[0]), compare_gaps);
	return n ? seen.windows[n * 99 / 100] : 0;
}

static void report(bool spin)
{
	asked = spin;
	while (spin && !stands)
		target_nap_ns(1000);
	printf("gap_ns %lld spins %llu p99_ns %lld windows %u\n", (long long)seen.longest_ns,
	       (unsigned long long)seen.spins, (long long)sort_p99(), seen.nwindows);
	memset(&seen, 0, sizeof(seen));
	asked = false;
	while (spin && stands)
		target_nap_ns(1000);
}

static void report_on_signal(bool spin)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (;;)
		if (sigwaitinfo(&set, NULL) == SIGUSR1)
			report(spin);
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
	report_on_signal(spin);
}
