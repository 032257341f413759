/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes.c: a process that changes when SIGUSR1 says so. Usage: changes KIND
 *	exec         has computed for 400 ms of CPU time before "ready", and becomes sleep(1)
 *	thread-exec  the same, but a second thread calls exec; the main thread has computed
 *	leader       the main thread ends, "worker" goes on
 *	gap          a thread "worker" ends; 300 ms after it another one comes to stay
 *	rename       beside a thread "worker" that rests, one that has computed for 400 ms before
 *	             "ready" calls itself "worker"
 */
#include "target.h"

static int64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return used.tv_sec * NS_PER_S + used.tv_nsec;
}

static void await_signal(void)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &signo);
}

NOINLINE static void compute(void)
{
	while (cpu_ns() < 400 * NS_PER_MS)
		KEEP_FRAME();
}

static void become_sleep(void)
{
	execlp("sleep", "sleep", "1000", (char *)NULL);
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

NOINLINE static void work_on(void)
{
	for (;;)
		target_nap_ms(2);
}

static void *run_work(void *unused)
{
	work_on();
	return unused;
}

static void *rest_a_while(void *unused)
{
	await_signal();
	return unused;
}

static void end_leader(void)
{
	target_thread("worker", 0, run_work, NULL);
	target_ready();
	await_signal();
	pthread_exit(NULL);
}

static void leave_gap(void)
{
	pthread_t first = target_thread("worker", 0, rest_a_while, NULL);

	target_ready();
	pthread_join(first, NULL);
	target_nap_ms(300);
	target_thread("worker", 0, rest, NULL);
	target_rest();
}

static void *compute_and_rename(void *unused)
{
	compute();
	target_ready();
	await_signal();
	pthread_setname_np(pthread_self(), "worker");
	target_rest();
	return unused;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "exec";
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (strcmp(kind, "rename") == 0) {
		target_thread("worker", 0, rest, NULL);
		target_thread("older", 0, compute_and_rename, NULL);
		target_rest();
	}
	if (strcmp(kind, "leader") == 0)
		end_leader();
	if (strcmp(kind, "gap") == 0)
		leave_gap();
	compute();
	target_ready();
	await_signal();
	if (strcmp(kind, "exec") == 0)
		become_sleep();
	target_thread("caller", 0, run_exec, NULL);
	target_rest();
}
