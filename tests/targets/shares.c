/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shares.c: threads whose time on CPU goes to four functions in known shares: 50, 30, 15 and 5 %, by
 * the threads' own CPU clocks; what one turn takes too much is taken off the next one. Between turns
 * they nap for a random time (bursts), or do not (spin).
 * Usage: shares bursts|spin [THREADS]
 */
#include "target.h"

enum { FUNCTIONS = 4, CHUNK = 2000, ROUND_NS = 1000000, NAP_NS = 500000 };

static bool naps;
static atomic_int nready;

static int64_t used_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return used.tv_sec * NS_PER_S + used.tv_nsec;
}

/* Use the CPU for at least so long; returns for how long it was. */
static NOINLINE int64_t burn(int64_t ns)
{
	int64_t begin = used_ns(), now = begin;

	while (now - begin < ns) {
		for (volatile int i = 0; i < CHUNK; i++)
			;
		now = used_ns();
	}
	return now - begin;
}

#define SHARE(name)                              \
	static NOINLINE int64_t name(int64_t ns) \
	{                                        \
		int64_t used = burn(ns);         \
                                                 \
		KEEP_FRAME();                    \
		return used;                     \
	}

SHARE(half_of_it)
SHARE(three_tenths)
SHARE(three_twentieths)
SHARE(a_twentieth)

static const struct {
	int64_t (*run)(int64_t ns);
	int percent;
} functions[FUNCTIONS] = {
	{ half_of_it, 50 },
	{ three_tenths, 30 },
	{ three_twentieths, 15 },
	{ a_twentieth, 5 },
};

static void turn(uint64_t which, int64_t *debt_ns, int64_t round_ns)
{
	*debt_ns += round_ns * functions[which].percent / 100;
	if (*debt_ns > 0)
		*debt_ns -= functions[which].run(*debt_ns);
}

static void *work(void *arg)
{
	int64_t debts_ns[FUNCTIONS] = { 0 };

	nready++;
	for (;;) {
		int64_t round_ns = target_around(ROUND_NS);
		uint64_t first = target_random_below(FUNCTIONS);

		for (unsigned i = 0; i < FUNCTIONS; i++) {
			uint64_t which = (first + i) % FUNCTIONS;

			turn(which, &debts_ns[which], round_ns);
			if (naps)
				target_nap_ns(target_around(NAP_NS));
		}
	}
	return arg;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 1;

	target_begin();
	target_check(argc > 1 && n > 0, "usage: shares bursts|spin [THREADS]");
	naps = strcmp(argv[1], "bursts") == 0;
	for (int i = 0; i < n; i++)
		target_thread("share", 0, work, NULL);
	while (nready < n)
		target_nap_ms(1);
	target_ready();
	target_rest();
}
