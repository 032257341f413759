/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plt.c: a thread "plt-spin" that does little else than call small libc functions through the PLT,
 * whose CFI is a DWARF expression: a sample often finds it there. Build with -fno-builtin.
 */
#include "target.h"

#include <ctype.h>
#include <strings.h>

static NOINLINE int call_through_plt(int seed)
{
	return abs(seed) + (int)labs(seed) + toascii(seed) + ffs(seed);
}

static void *run(void *unused)
{
	volatile int sum = 0;

	for (;;)
		sum = call_through_plt(sum);
	return unused;
}

int main(void)
{
	target_begin();
	target_thread("plt-spin", 0, run, NULL);
	target_ready();
	target_rest();
}
