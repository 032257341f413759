/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hotlock.c: one hot mutex and who is to blame for it: the holder sleeps 3 ms in hold_it while it
 * has the mutex, in owner_path; the waiters give it up at once, and nobody sleeps anywhere else.
 * Usage: hotlock LOG [WAITERS]. All waits for the mutex (wait_a, wait_b, wait_own) are logged from
 * before the call to after it, and the holds too, as hold_it; LOG is that of waitlog.h.
 */
#include "waitlog.h"

static pthread_mutex_t hot = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int nready;
static _Atomic unsigned holds;

#define WAIT(name)                                     \
	NOINLINE static void name(void)                \
	{                                              \
		struct wait *wait = wait_begin(#name); \
                                                       \
		pthread_mutex_lock(&hot);              \
		wait_end(wait);                        \
	}

WAIT(wait_a)
WAIT(wait_b)
WAIT(wait_own)

NOINLINE static void hold_it(void)
{
	struct wait *wait = wait_begin("hold_it");

	target_nap_ns(3 * NS_PER_MS);
	wait_end(wait);
}

NOINLINE static void owner_path(void)
{
	wait_own();
	holds++;
	hold_it();
	pthread_mutex_unlock(&hot);
	target_spin_ns(target_around(60000)); /* long enough for one of them to wake up */
}

/* Let the holder come first again, or the waiters would have the mutex among themselves. */
static void give_up(void)
{
	unsigned before = holds;

	pthread_mutex_unlock(&hot);
	while (holds == before)
		sched_yield();
}

static void path_a(void)
{
	wait_a();
	give_up();
}

static void path_b(void)
{
	wait_b();
	give_up();
}

struct role {
	const char *thread;
	void (*turn)(void);
};

static const struct role owner = { "owner", owner_path };
static const struct role waiters[] = { { "a", path_a }, { "b", path_b } };

static void *play(void *arg)
{
	const struct role *role = arg;

	log_thread(role->thread);
	nready++;
	for (;;) {
		role->turn();
		KEEP_FRAME();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 6;

	target_begin();
	target_check(argc > 1 && n < LOG_THREADS, "usage: hotlock LOG [WAITERS]");
	log_open(argv[1]);
	target_thread(owner.thread, 0, play, (void *)&owner);
	for (int i = 0; i < n; i++)
		target_thread(waiters[i % 2].thread, 0, play, (void *)&waiters[i % 2]);
	while (nready < n + 1)
		target_nap_ms(1);
	target_ready();
	target_rest();
}
