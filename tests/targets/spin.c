/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spin.c: threads that do nothing but run. Usage: spin N. Each computes in spin_here.
 */
#include "target.h"

NOINLINE static void spin_here(void)
{
	for (;;)
		KEEP_FRAME();
}

static void *spin(void *unused)
{
	spin_here();
	return unused;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;

	target_begin();
	for (int i = 0; i < n; i++)
		target_thread("spin", 0, spin, NULL);
	target_ready();
	target_rest();
	return 0;
}
