/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * account.c: kinds of profiles as tables, the choice of accounts, and what a capture saw, in words.
 * The lists of types are fixed: tools subtract profiles only if their types are the same. It only
 * reads profiles.
 */
#include "write/account.h"

#include <inttypes.h>

/* Go's names where Go has them (runtime/pprof); wall keeps its parts side by side. */
static const struct account_view views[] = {
	[PROFILE_BLOCK] = {
		.name = "block",
		.ntypes = 2,
		.types = { { "contentions", "count" }, { "delay", "nanoseconds" } },
		.period_type = { "contentions", "count" },
		.shows = { [ACCOUNT_BLOCKED] = true },
	},
	[PROFILE_MUTEX] = {
		.name = "mutex",
		.ntypes = 2,
		.types = { { "contentions", "count" }, { "delay", "nanoseconds" } },
		.period_type = { "contentions", "count" },
		.shows = { [ACCOUNT_BLOCKED] = true },
	},
	[PROFILE_CPU] = {
		.name = "cpu",
		.ntypes = 2,
		.types = { { "samples", "count" }, { "cpu", "nanoseconds" } },
		.period_type = { "cpu", "nanoseconds" },
		.period_is_time = true,
		.shows = { [ACCOUNT_ON_CPU] = true },
	},
	[PROFILE_WALL] = {
		.name = "wall",
		.ntypes = 5,
		.types = { { "samples", "count" },
			   { "oncpu", "nanoseconds" },
			   { "runnable", "nanoseconds" },
			   { "blocked", "nanoseconds" },
			   { "wall", "nanoseconds" } },
		.period_type = { "wall", "nanoseconds" },
		.period_is_time = true,
		.parts = true,
		.shows = { true, true, true },
	},
};

const struct account_view *account_view(enum profile_kind kind)
{
	return &views[kind];
}

const struct value_type *account_main_type(const struct account_view *view)
{
	return &view->types[view->ntypes - 1];
}

void account_values(const struct account *account, const struct account_view *view, int64_t *values)
{
	values[0] = (int64_t)account->count;
	for (size_t i = 1; i + 1 < view->ntypes; i++)
		values[i] = 0;
	if (view->parts)
		values[1 + account->state] = (int64_t)account->ns;
	values[view->ntypes - 1] = (int64_t)account->ns;
}

bool account_counts(const struct ss_profile *profile, const struct account *account,
		    const struct write_options *options)
{
	if (!views[profile->kind].shows[account->state] || account->stack->n == 0)
		return false;
	/* who waits for a lock does not rest, whatever its holder does */
	return !options->no_idle || profile->kind == PROFILE_MUTEX ||
	       !profile->threads[account->thread].idle;
}

bool account_is_shown(const struct ss_profile *profile, const struct account *account,
		      const struct write_options *options)
{
	return account_counts(profile, account, options) &&
	       write_wants_stack(account->stack, options);
}

struct thread account_thread(const struct ss_profile *profile, const struct account *account)
{
	static const enum thread_state states[] = {
		[ACCOUNT_ON_CPU] = STATE_ON_CPU,
		[ACCOUNT_RUNNABLE] = STATE_RUNNABLE,
		[ACCOUNT_BLOCKED] = STATE_BLOCKED,
	};
	const struct profile_thread *thread = &profile->threads[account->thread];

	return (struct thread){
		.tid = thread->tid,
		.name = thread->name,
		.state = states[account->state],
		.wait = { .kind = account->state == ACCOUNT_BLOCKED ? account->wait : WAIT_NONE,
			  .call = -1,
			  .call_name = account->call_name,
			  .object = account->object,
			  .fd = account->fd,
			  .timeout_ns = WAIT_NO_TIMEOUT },
		.waiter = account->waiter,
		.stack = account->stack,
		.cpu = -1,
	};
}

struct account account_of_segment(const struct segment *segment)
{
	return (struct account){
		.thread = segment->thread,
		.state = segment->state,
		.wait = segment->wait,
		.call_name = segment->call_name,
		.stack = segment->stack,
		.ns = segment->ns,
		.count = 1,
	};
}

struct account_sum account_sum(const struct ss_profile *profile,
			       const struct write_options *options)
{
	struct account_sum sum = { 0 };

	for (size_t i = 0; i < profile->naccounts; i++) {
		const struct account *account = &profile->accounts[i];

		if (!account_counts(profile, account, options))
			continue;
		sum.total_ns += account->ns;
		sum.all++;
		sum.shown += write_wants_stack(account->stack, options);
	}
	return sum;
}

/* ---- coverage ---- */

static void cover_capture(struct buf *buf, const struct ss_profile *profile)
{
	const struct ss_coverage *c = &profile->coverage;

	buf_puts(buf, "captured for ");
	write_duration(buf, profile->duration_ns);
	buf_puts(buf, ", a look every ");
	write_duration(buf, profile->period_ns);
	buf_printf(buf, ", stop=%s, observer=%s", profile->stop, profile->observer);
	write_timer(buf, profile->timer, profile->timer_refusal);
	buf_printf(buf, ", unwinder=%s; ticks: %u planned, %u done, %u missed", profile->unwinder,
		   c->ticks_planned, c->ticks_done, c->ticks_missed);
	if (c->longest_period_ns) {
		buf_puts(buf, "; to spare the CPU, fewer looks: at the least one every ");
		write_duration(buf, c->longest_period_ns);
	}
	if (profile->counted_samples)
		buf_puts(buf, "; without schedstat: times are samples times the period");
}

static void cover_on_cpu(struct buf *buf, const struct ss_coverage *c, const char *prefix)
{
	if (!c->on_cpu_ns)
		return;
	buf_printf(buf, "%son CPU: ", prefix);
	write_duration(buf, c->on_cpu_ns);
	buf_puts(buf, ", of it without a place: ");
	write_duration(buf, c->unseen_ns);
	buf_putc(buf, '\n');
}

static void cover_children(struct buf *buf, const struct ss_coverage *c, const char *prefix)
{
	if (c->children_followed + c->children_refused + c->children_missed == 0)
		return;
	buf_printf(buf,
		   "%ssubprocesses: %u followed, %u could not be read, %u ended before they could "
		   "be\n",
		   prefix, c->children_followed, c->children_refused, c->children_missed);
}

/* A mutex profile that is empty looks like one of a process that waits for nothing. */
static void cover_locks(struct buf *buf, const struct ss_profile *profile)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < profile->naccounts; i++)
		ns += profile->accounts[i].ns;
	buf_puts(buf, ", of it for locks: ");
	write_duration(buf, ns);
	buf_puts(buf, "; what has no holder (semaphores, condition variables, IO) --block shows");
}

static void cover_idle(struct buf *buf, const struct ss_profile *profile,
		       const struct write_options *options)
{
	size_t idle = 0;

	for (size_t i = 0; i < profile->nthreads; i++)
		idle += profile->threads[i].idle;
	buf_puts(buf, "blocked: ");
	write_duration(buf, profile->blocked_ns);
	buf_printf(buf, " (threads: %zu)", profile->nthreads);
	if (profile->kind == PROFILE_MUTEX) {
		cover_locks(buf, profile);
		return;
	}
	buf_puts(buf, ", of it idle: ");
	write_duration(buf, profile->idle_ns);
	buf_printf(buf, " (threads: %zu), %s", idle,
		   options->no_idle ? "left out" : "counted here; --no-idle leaves it out");
}

void account_coverage(struct buf *buf, const struct ss_profile *profile,
		      const struct write_options *options, const struct account_sum *sum,
		      const char *prefix)
{
	write_shown(buf, options, sum->shown, sum->all, "accounts", prefix);
	buf_puts(buf, prefix);
	cover_capture(buf, profile);
	buf_printf(buf, "\n%s", prefix);
	cover_idle(buf, profile, options);
	buf_putc(buf, '\n');
	cover_on_cpu(buf, &profile->coverage, prefix);
	write_coverage_counts(buf, &profile->coverage, prefix);
	cover_children(buf, &profile->coverage, prefix);
	if (profile->segments_dropped)
		buf_printf(buf, "%stime line cut short: %zu pieces left out for want of memory\n",
			   prefix, profile->segments_dropped);
}
