/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deep.c: a thread "deep-wait" that blocks at the bottom of a recursion of 20 000 frames, more than
 * 1 MiB of stack. Usage: deep [DEPTH] [--spin]: with --spin a second thread spins as deep.
 */
#include "target.h"

static struct arrival arrival;
static atomic_bool leave; /* never set, but the compiler must think that recursion can end */

static NOINLINE void bottom(bool spin)
{
	arrival_set(&arrival);
	while (spin && !atomic_load(&leave))
		KEEP_FRAME();
	while (!atomic_load(&leave))
		pause();
}

static NOINLINE int recurse(int left, bool spin)
{
	volatile char pad[40];

	pad[0] = (char)left;
	if (left > 0)
		return recurse(left - 1, spin) + pad[0];
	bottom(spin);
	return pad[0];
}

static int depth = 20000;

static void *run_blocked(void *unused)
{
	recurse(depth, false);
	return unused;
}

static void *run_spinning(void *unused)
{
	recurse(depth, true);
	return unused;
}

int main(int argc, char **argv)
{
	bool spin = argc > 1 && strcmp(argv[argc - 1], "--spin") == 0;

	target_begin();
	if (argc - spin > 1)
		depth = atoi(argv[1]);
	target_thread("deep-wait", 16 << 20, run_blocked, NULL);
	arrival_await_sleep(&arrival);
	if (spin) {
		arrival.tid = 0;
		target_thread("deep-spin", 16 << 20, run_spinning, NULL);
		while (arrival.tid == 0)
			target_nap_ms(1);
	}
	target_ready();
	target_rest();
}
