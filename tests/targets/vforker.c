/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vforker.c: thread "parent" is in vfork, in state D, as long as its child sleeps; the main thread
 * rests. An interrupt sent to such a thread waits for the child.
 */
#include "target.h"

static struct arrival arrival;

static NOINLINE void in_vfork(void)
{
	pid_t child;

	arrival_set(&arrival);
	child = vfork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	KEEP_FRAME();
}

static void *run(void *unused)
{
	in_vfork();
	return unused;
}

int main(void)
{
	target_begin();
	target_thread("parent", 0, run, NULL);
	arrival_await_sleep(&arrival);
	target_ready();
	target_rest();
}
