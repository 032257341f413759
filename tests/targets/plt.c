/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plt.c: a thread "plt-spin" that does little else than call small libc functions through the PLT,
 * whose CFI is a DWARF expression: a sample often finds it there.
 */
#include "target.h"

static NOINLINE int call_through_plt(unsigned int seed)
{
	return div(rand_r(&seed), 3).quot + strverscmp("a", "b");
}

static void *run(void *unused)
{
	volatile int sum = 0;

	for (;;)
		sum = call_through_plt((unsigned int)sum);
	return unused;
}

int main(void)
{
	target_begin();
	target_thread("plt-spin", 0, run, NULL);
	target_ready();
	target_rest();
}
