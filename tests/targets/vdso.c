/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdso.c: a thread "vdso-spin" that spins in clock_gettime, that is in the vdso: code of no file.
 */
#include "target.h"

static NOINLINE void ask_the_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	KEEP_FRAME();
}

static void *run(void *unused)
{
	for (;;)
		ask_the_time();
	return unused;
}

int main(void)
{
	target_begin();
	target_thread("vdso-spin", 0, run, NULL);
	target_ready();
	target_rest();
}
