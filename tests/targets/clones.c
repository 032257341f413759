/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clones.c: a thread for each kind of function that GCC makes of another one: by-isra (.isra),
 * by-constprop (.constprop), by-cold (.cold). Each rests in wait_here, called by the clone. A
 * compiler that makes none of a kind leaves a function of the plain name, which is right too.
 */
#include "target.h"

struct pair {
	long a, b;
};

enum { THREADS = 3 };

static struct arrival arrivals[THREADS];
static volatile long sink;
static volatile bool always = true;

static __attribute__((noinline, cold)) void wait_here(struct arrival *arrival)
{
	arrival_set(arrival);
	target_rest();
}

/* The pair is only read: GCC passes the member instead. */
static __attribute__((noinline)) long by_isra(const struct pair *pair)
{
	if (pair->a)
		wait_here(&arrivals[0]);
	KEEP_FRAME();
	return pair->a;
}

/* Called with one value of b only. */
static __attribute__((noinline)) long by_constprop(long a, long b)
{
	for (long i = 0; i < b; i++)
		sink += a;
	if (always)
		wait_here(&arrivals[1]);
	KEEP_FRAME();
	return a * b;
}

/* A call of a cold function is put elsewhere. */
static __attribute__((noinline)) long by_cold(long a)
{
	if (__builtin_expect(always, 0)) {
		wait_here(&arrivals[2]);
		KEEP_FRAME();
	}
	return a;
}

static void *run_isra(void *arg)
{
	struct pair pair = { sink + 1, 2 };

	sink = by_isra(&pair);
	return arg;
}

static void *run_constprop(void *arg)
{
	sink = by_constprop(sink, 17) + by_constprop(sink + 1, 17);
	return arg;
}

static void *run_cold(void *arg)
{
	sink = by_cold(sink);
	return arg;
}

int main(void)
{
	target_begin();
	target_thread("isra", 0, run_isra, NULL);
	target_thread("constprop", 0, run_constprop, NULL);
	target_thread("cold", 0, run_cold, NULL);
	for (int i = 0; i < THREADS; i++)
		arrival_await_sleep(&arrivals[i]);
	target_ready();
	target_rest();
}
