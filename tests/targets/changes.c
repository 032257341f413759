/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes.c: a process that changes while it is captured. Usage: changes KIND
 *	exec         computes for 400 ms of CPU time, then becomes sleep(1)
 *	thread-exec  the same, but a second thread calls exec; the main thread computed
 *	rename       beside a thread "worker" that rests, one that has computed for 400 ms before
 *	             "ready" calls itself "worker" half a second after
 */
#include "target.h"

static int64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return used.tv_sec * NS_PER_S + used.tv_nsec;
}

NOINLINE static void compute(void)
{
	while (cpu_ns() < 400 * NS_PER_MS)
		KEEP_FRAME();
}

static void become_sleep(void)
{
	execlp("sleep", "sleep", "1", (char *)NULL);
	target_check(false, "exec");
}

static void *run_exec(void *unused)
{
	become_sleep();
	return unused;
}

static void *rest(void *unused)
{
	target_rest();
	return unused;
}

static void *compute_and_rename(void *unused)
{
	compute();
	target_ready();
	target_nap_ms(500);
	pthread_setname_np(pthread_self(), "worker");
	target_rest();
	return unused;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "exec";

	target_begin();
	if (strcmp(kind, "rename") == 0) {
		target_thread("worker", 0, rest, NULL);
		target_thread("older", 0, compute_and_rename, NULL);
		target_rest();
	}
	compute();
	if (strcmp(kind, "exec") == 0)
		become_sleep();
	target_thread("caller", 0, run_exec, NULL);
	target_rest();
}
