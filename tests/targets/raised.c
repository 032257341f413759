/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raised.c: threads that raise SIGTRAP at themselves, the signal that a tracer's own stops look
 * like. Each raise must reach the handler once before raise returns. SIGUSR1 prints
 * "raised N lost N"; lost counts raises that did not come, or came twice.
 */
#include "target.h"

enum { THREADS = 4 };

static _Atomic uint64_t raised, lost;
static __thread volatile uint64_t handled;

static void handle_trap(int signo)
{
	(void)signo;
	handled++;
}

static void *run(void *unused)
{
	for (uint64_t sent = 1;; sent++) {
		raise(SIGTRAP);
		if (handled != sent) {
			lost++;
			handled = sent;
		}
		raised++;
		if (sent % 64 == 0)
			target_nap_ms(1);
	}
	return unused;
}

int main(void)
{
	struct sigaction action = { .sa_handler = handle_trap, .sa_flags = SA_RESTART };
	sigset_t set;

	target_begin();
	sigaction(SIGTRAP, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < THREADS; i++)
		target_thread("raiser", 0, run, NULL);
	target_ready();
	for (;;)
		if (sigwaitinfo(&set, NULL) == SIGUSR1)
			printf("raised %llu lost %llu\n", (unsigned long long)raised,
			       (unsigned long long)lost);
}
