/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.c: threads that come and go. Usage: churn [PER_SECOND]: that many threads a second begin,
 * sleep 2 ms and end, while four threads named "stay" remain. SIGUSR1 prints "started N".
 */
#include "target.h"

static _Atomic uint64_t started;
static struct arrival stays[4];

static void *short_life(void *unused)
{
	target_nap_ms(2);
	return unused;
}

static void *stay(void *arg)
{
	arrival_set(arg);
	target_rest();
	return NULL;
}

static void *spawner(void *arg)
{
	int per_ms = (int)(intptr_t)arg / 1000 + 1;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (;;) {
		for (int i = 0; i < per_ms; i++)
			if (pthread_create(&thread, &attr, short_life, NULL) == 0)
				started++;
		target_nap_ms(1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	intptr_t per_second = argc > 1 ? atoi(argv[1]) : 1000;
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 4; i++)
		target_thread("stay", 0, stay, &stays[i]);
	for (int i = 0; i < 4; i++)
		arrival_await_sleep(&stays[i]);
	target_thread("spawner", 0, spawner, (void *)per_second);
	target_ready();
	for (;;)
		if (sigwaitinfo(&set, NULL) == SIGUSR1)
			printf("started %llu\n", (unsigned long long)started);
}
