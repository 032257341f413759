/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counter.c: a busy program that knows whether it was harmed. One thread spins, two count under a
 * lock, two play ping-pong with numbers through pipes. SIGRTMIN, which the kernel queues, is
 * handled by whichever of these it hits and counted. SIGUSR1 prints
 * "progress N signals N broken N failed N": broken counts numbers out of order and a pair of
 * counters that differ, failed counts calls that failed.
 */
#include "target.h"

static _Atomic uint64_t progress, signals, broken, failed;
static _Atomic uint64_t spins;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t first, second; /* by lock, always equal outside */
static int there[2], back[2];

static void handle_signal(int signo)
{
	(void)signo;
	signals++;
}

static void *spin(void *unused)
{
	for (;;)
		atomic_fetch_add_explicit(&spins, 1, memory_order_relaxed);
	return unused;
}

static void *count(void *unused)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		broken += first != second;
		first++;
		KEEP_FRAME();
		second++;
		if (first % 16 == 0)
			target_nap_ms(1); /* so that the other one blocks on the lock */
		pthread_mutex_unlock(&lock);
		progress++;
	}
	return unused;
}

static void *ping(void *unused)
{
	for (uint64_t sent = 1, got = 0;; sent++) {
		failed += write(there[1], &sent, sizeof(sent)) != sizeof(sent);
		failed += read(back[0], &got, sizeof(got)) != sizeof(got);
		broken += got != sent;
		progress++;
		if (sent % 8 == 0)
			target_nap_ms(1);
	}
	return unused;
}

static void *pong(void *unused)
{
	for (uint64_t got = 0;;) {
		failed += read(there[0], &got, sizeof(got)) != sizeof(got);
		failed += write(back[1], &got, sizeof(got)) != sizeof(got);
	}
	return unused;
}

static void report_on_signal(sigset_t *set)
{
	for (;;)
		if (sigwaitinfo(set, NULL) == SIGUSR1)
			printf("progress %llu signals %llu broken %llu failed %llu\n",
			       (unsigned long long)progress, (unsigned long long)signals,
			       (unsigned long long)broken, (unsigned long long)failed);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handle_signal, .sa_flags = SA_RESTART };
	sigset_t set;

	target_begin();
	target_check(pipe(there) == 0 && pipe(back) == 0, "pipe");
	sigaction(SIGRTMIN, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	target_thread("spin", 0, spin, NULL);
	target_thread("count-1", 0, count, NULL);
	target_thread("count-2", 0, count, NULL);
	target_thread("ping", 0, ping, NULL);
	target_thread("pong", 0, pong, NULL);
	sigaddset(&set, SIGRTMIN); /* not for this thread */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGRTMIN);
	target_ready();
	report_on_signal(&set);
}
