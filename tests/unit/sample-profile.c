/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample-profile.c: the invented capture. Accounts, segments and threads agree with each other:
 * each thread's times add up to its wall time, and its segments to its accounts.
 */
#include "sample-profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#define MS *1000000ull

static const struct profile_thread threads[SAMPLE_PROFILE_THREADS] = {
	{ .tid = 3671,
	  .name = "main\033[2J\xff",
	  .wall_ns = 10000 MS,
	  .on_ns = 100 MS,
	  .blocked_ns = 9900 MS,
	  .switches = 3,
	  .main_wait = WAIT_JOIN },
	{ .tid = 3673,
	  .name = "holder",
	  .wall_ns = 10000 MS,
	  .on_ns = 9000 MS,
	  .runnable_ns = 999 MS,
	  .stopped_ns = 1 MS },
	{ .tid = 3674,
	  .name = "worker",
	  .wall_ns = 10000 MS,
	  .on_ns = 500 MS,
	  .runnable_ns = 250 MS,
	  .blocked_ns = 9250 MS,
	  .switches = 1200,
	  .main_wait = WAIT_MUTEX },
	{ .tid = 3675,
	  .name = "worker",
	  .wall_ns = 4000 MS,
	  .blocked_ns = 4000 MS,
	  .switches = 1,
	  .main_wait = WAIT_MUTEX,
	  .began = true },
	{ .tid = 3676,
	  .name = "io \"x\";y",
	  .wall_ns = 10000 MS,
	  .blocked_ns = 10000 MS,
	  .switches = 1,
	  .main_wait = WAIT_IO_WAIT,
	  .idle = true },
	{ .tid = 3677,
	  .name = "</script><b>&amp;",
	  .wall_ns = 30 MS,
	  .blocked_ns = 30 MS,
	  .switches = 1,
	  .main_wait = WAIT_SYSCALL,
	  .main_call = "wait4",
	  .ended = true },
};

/* An account, and the pieces of time that make it up. */
static const struct spec {
	size_t thread;
	enum account_state state;
	enum wait_kind wait;
	const char *call_name;
	enum sample_stack stack;
	uint64_t count;
	struct {
		uint64_t start_ns, ns;
	} pieces[2];
} specs[] = {
	{ 0, ACCOUNT_ON_CPU, 0, NULL, SAMPLE_JOINER, 10, { { 0, 100 MS } } },
	{ 0, ACCOUNT_BLOCKED, WAIT_JOIN, NULL, SAMPLE_JOINER, 3, { { 100 MS, 9900 MS } } },
	{ 1,
	  ACCOUNT_ON_CPU,
	  0,
	  NULL,
	  SAMPLE_HOLDER,
	  891,
	  { { 0, 4000 MS }, { 5000 MS, 5000 MS } } },
	{ 1, ACCOUNT_RUNNABLE, 0, NULL, SAMPLE_HOLDER, 99, { { 4000 MS, 999 MS } } },
	{ 2, ACCOUNT_ON_CPU, 0, NULL, SAMPLE_WAITER, 50, { { 3000 MS, 500 MS } } },
	{ 2, ACCOUNT_RUNNABLE, 0, NULL, SAMPLE_WAITER, 25, { { 3500 MS, 250 MS } } },
	{ 2,
	  ACCOUNT_BLOCKED,
	  WAIT_MUTEX,
	  NULL,
	  SAMPLE_WAITER,
	  4,
	  { { 0, 3000 MS }, { 3750 MS, 6000 MS } } },
	{ 2, ACCOUNT_BLOCKED, WAIT_NONE, NULL, SAMPLE_SHORT_WAITS, 1196, { { 9750 MS, 250 MS } } },
	{ 3, ACCOUNT_BLOCKED, WAIT_MUTEX, NULL, SAMPLE_WAITER, 1, { { 6000 MS, 4000 MS } } },
	{ 4, ACCOUNT_BLOCKED, WAIT_IO_WAIT, NULL, SAMPLE_POLLER, 1, { { 0, 10000 MS } } },
	{ 5, ACCOUNT_BLOCKED, WAIT_SYSCALL, "wait4", SAMPLE_JOINER, 1, { { 0, 30 MS } } },
};

static const struct ss_coverage coverage = {
	.threads_seen = 6,
	.threads_sampled = 6,
	.stack_end = { [SS_END_COMPLETE] = 5, [SS_END_NO_CFI] = 1 },
	.frames = 18,
	.frames_unnamed = 3,
	.stops = 1000,
	.longest_stop_ns = 80000,
	.total_stop_ns = 1000000,
	.pause_ns = 90000,
	.bytes_copied = 4096000,
	.ticks_planned = 990,
	.ticks_done = 988,
	.ticks_missed = 2,
};

static struct account make_account(struct ss_profile *profile, const struct spec *spec)
{
	return (struct account){
		.thread = spec->thread,
		.state = spec->state,
		.wait = spec->wait,
		.call_name = spec->call_name,
		.stack = sample_stack(&profile->stacks, spec->stack),
		.ns = spec->pieces[0].ns + spec->pieces[1].ns,
		.count = spec->count,
	};
}

static void make_accounts(struct ss_profile *profile)
{
	struct account *accounts =
		arena_array(&profile->arena, ARRAY_SIZE(specs), sizeof(*accounts));

	assert_non_null(accounts);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		accounts[i] = make_account(profile, &specs[i]);
	profile->accounts = accounts;
	profile->naccounts = ARRAY_SIZE(specs);
}

static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static void make_segments(struct ss_profile *profile)
{
	struct segment *segments =
		arena_array(&profile->arena, 2 * ARRAY_SIZE(specs), sizeof(*segments));
	size_t n = 0;

	assert_non_null(segments);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		for (size_t k = 0; k < 2 && specs[i].pieces[k].ns; k++)
			segments[n++] = (struct segment){
				.thread = specs[i].thread,
				.state = specs[i].state,
				.wait = specs[i].wait,
				.call_name = specs[i].call_name,
				.stack = profile->accounts[i].stack,
				.start_ns = specs[i].pieces[k].start_ns,
				.ns = specs[i].pieces[k].ns,
			};
	qsort(segments, n, sizeof(*segments), compare_segments);
	profile->segments = segments;
	profile->nsegments = n;
}

struct ss_profile *sample_profile_new(pid_t pid, enum profile_kind kind, bool timeline)
{
	struct ss_profile *profile = calloc(1, sizeof(*profile));

	assert_non_null(profile);
	*profile = (struct ss_profile){ .kind = kind,
					.pid = pid,
					.comm = "demo",
					.exe = "/usr/bin/demo",
					.cmdline = "demo \"quoted\" back\\slash",
					.stop = "auto",
					.observer = "proc",
					.timer = "",
					.timer_refusal = "",
					.unwinder = "cfi",
					.wall_ns = 1700000000123456789,
					.duration_ns = 10000 MS,
					.period_ns = 10101010,
					.nthreads = SAMPLE_PROFILE_THREADS,
					.threads = threads,
					.nmappings = sample_nmappings,
					.mappings = sample_mappings,
					.blocked_ns = 33180 MS,
					.idle_ns = 10000 MS,
					.coverage = coverage };
	arena_init(&profile->arena);
	stack_table_init(&profile->stacks);
	make_accounts(profile);
	if (timeline)
		make_segments(profile);
	return profile;
}

void sample_profile_free(struct ss_profile *profile)
{
	stack_table_done(&profile->stacks);
	arena_done(&profile->arena);
	free(profile);
}

struct profiles {
	const struct writer *writer;
	const struct ss_profile *const *profiles;
	size_t n;
	const struct write_options *options;
};

static int write_profiles(struct out *out, void *arg, struct ss_error *err)
{
	const struct profiles *p = arg;

	return p->writer->profiles(out, p->profiles, p->n, p->options, err);
}

char *sample_profile_write(const struct writer *writer, const struct ss_profile *const *profiles,
			   size_t n, const struct write_options *options, size_t *len)
{
	static const struct write_options none;
	struct profiles all = { writer, profiles, n, options ? options : &none };

	return sample_capture(write_profiles, &all, len);
}

char *sample_profile_write_one(const struct writer *writer, enum profile_kind kind,
			       const struct write_options *options, size_t *len)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, kind, true);
	const struct ss_profile *const profiles[] = { profile };
	char *text = sample_profile_write(writer, profiles, 1, options, len);

	sample_profile_free(profile);
	return text;
}
