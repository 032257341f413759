/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zombieleader.c: the main thread has ended by pthread_exit and is a zombie; the threads "alive"
 * and "herald" live on. /proc/PID/maps of such a process is empty: it must be read through a live
 * thread.
 */
#include "target.h"

static struct arrival alive;

static NOINLINE void in_alive(void)
{
	arrival_set(&alive);
	target_rest();
}

static void *run_alive(void *unused)
{
	in_alive();
	return unused;
}

static void *run_herald(void *unused)
{
	arrival_await_sleep(&alive);
	while (target_state(getpid()) != 'Z')
		target_nap_ms(1);
	target_ready();
	target_rest();
	return unused;
}

int main(void)
{
	/* The parent death signal comes from the end of the parent, not of this thread. */
	target_begin();
	target_thread("alive", 0, run_alive, NULL);
	target_thread("herald", 0, run_herald, NULL);
	pthread_exit(NULL);
}
