/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All sums are of sum_exec_runtime: schedstat prints it (proc_pid_schedstat, fs/proc/base.c), the
 * process clock adds it up over the threads (thread_group_cputime, kernel/sched/cputime.c), and a
 * thread that ends leaves its share behind (__exit_signal). It only grows. So if each value was read
 * before the clock, and they add up to the clock, none had grown by then: whatever the order was in
 * which the kernel added them.
 */
#include "capture/ledger.h"

#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "capture/capturer.h"
#include "target/procfs.h"

enum {
	IDLE_LOOKS = 32,    /* without having run, until a thread counts as idle */
	STREAK_MAX = 100,   /* then all threads are looked at, whatever the sums say */
	FAILURES_MAX = 4,   /* in a row, until tries become rarer */
	SKIP_MAX = 64,      /* ticks */
	BUSY_SHARE = 2,     /* more than one thread in so many busy: not worth it */
	BUSY_SHARE_FAR = 32 /* where a thread's counters are not kept open */
};

#define AGE_NS (4 * NS_PER_MS) /* how old a balance may be for the tick that uses it */

void ledger_open(struct ledger *ledger, const struct target *target)
{
	*ledger = (struct ledger){ 0 };
	ledger->wanted = clock_getcpuclockid(target->pid, &ledger->clock) == 0;
}

void ledger_forget(struct ledger *ledger)
{
	ledger->rest_known = ledger->candidate = ledger->balanced = false;
}

static bool read_clock(const struct ledger *ledger, uint64_t *ret)
{
	struct timespec t;

	if (clock_gettime(ledger->clock, &t) < 0)
		return false;
	*ret = clock_timespec_ns(&t);
	return true;
}

static bool is_idle(const struct work *work)
{
	return work->settled && work->looks_idle >= IDLE_LOOKS;
}

/* ---- before a tick ---- */

static bool is_worth_it(const struct capturer *capturer)
{
	size_t busy = 0, n = capturer->work.n;
	unsigned share = capturer->observer->ops->keeps_files ? BUSY_SHARE : BUSY_SHARE_FAR;

	vec_each(work, &capturer->work)
		busy += !is_idle(work);
	return n > 0 && busy <= n / share;
}

static bool read_busy(const struct capturer *capturer, struct work *work)
{
	struct look look = { .tid = work->proc.tid };

	if (procfs_schedstat(capturer->target, &work->proc, &look) < 0)
		return false;
	work->cpu_ns = look.on_cpu_ns;
	work->queue_ns = look.run_queue_ns;
	work->stands = work->settled && look.pcount == work->last.pcount;
	return true;
}

/* False if a thread is gone. */
static bool add_up(struct capturer *capturer, uint64_t *ret)
{
	*ret = 0;
	vec_each(work, &capturer->work) {
		work->stands = true;
		if (!is_idle(work) && !read_busy(capturer, work))
			return false;
		*ret += work->cpu_ns;
	}
	return true;
}

static bool try_balance(struct capturer *capturer)
{
	struct ledger *ledger = &capturer->ledger;
	uint64_t before = 0, after, sum;

	if (!ledger->rest_known && !read_clock(ledger, &before))
		return false;
	if (!add_up(capturer, &sum))
		return false;
	ledger->at_ns = clock_mono_ns();
	if (!read_clock(ledger, &after))
		return false;
	if (!ledger->rest_known) {
		/* nothing moved while it was added up */
		ledger->candidate = before == after && sum <= after;
		ledger->candidate_ns = after - sum;
		return false;
	}
	return after - sum == ledger->rest_ns;
}

static void note_failure(struct ledger *ledger)
{
	ledger->failures++;
	if (ledger->failures > FAILURES_MAX)
		ledger->skip =
			MIN(1u << MIN(ledger->failures - FAILURES_MAX, 31u), (unsigned)SKIP_MAX);
}

bool ledger_balance(struct capturer *capturer)
{
	struct ledger *ledger = &capturer->ledger;

	ledger->balanced = ledger->candidate = ledger->surprised = false;
	if (!ledger->wanted || !is_worth_it(capturer))
		return false;
	if (ledger->skip) {
		ledger->skip--;
		return false;
	}
	if (ledger->streak >= STREAK_MAX) {
		ledger->streak = 0;
		return false;
	}
	ledger->balanced = try_balance(capturer);
	if (ledger->balanced) {
		ledger->failures = 0;
		ledger->streak++;
	} else if (!ledger->candidate) {
		note_failure(ledger);
	}
	return ledger->balanced;
}

/* ---- in a tick ---- */

void ledger_fill(const struct ledger *ledger, const struct work *work,
		 struct capture_thread *thread)
{
	struct look *look = &thread->look;

	look->at_ns = ledger->at_ns;
	look->birth = work->last.birth;
	look->sched_known = true;
	look->on_cpu_ns = work->cpu_ns;
	look->run_queue_ns = work->queue_ns;
	look->pcount = work->last.pcount;
	look->switches = work->last.switches;
	look->state = work->last.state;
	look->call = work->last.call;
	look->queued = work->last.queued;
	thread->how = CAPTURE_SAME;
}

void ledger_book(struct ledger *ledger, struct work *work, const struct capture_thread *thread)
{
	const struct look *look = &thread->look;
	bool ran = thread->how != CAPTURE_SAME || thread->woken_by_us;

	if (ran && is_idle(work)) {
		ledger->surprised = true;
		/* it ran and ended its turn, and used no time: this clock is too coarse */
		if (look->pcount > work->last.pcount + 1 && look->on_cpu_ns == work->cpu_ns)
			ledger->wanted = false;
	}
	work->looks_idle = ran ? 0 : MIN(work->looks_idle + 1, (unsigned)IDLE_LOOKS);
	work->cpu_ns = look->on_cpu_ns;
	work->queue_ns = look->run_queue_ns;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->surprised)
		return;
	if (ledger->candidate) {
		ledger->rest_known = true;
		ledger->rest_ns = ledger->candidate_ns;
	} else if (ledger->failures > FAILURES_MAX) {
		ledger->rest_known = false; /* perhaps a thread that nobody knew has ended */
	}
}

bool ledger_holds(const struct ledger *ledger)
{
	return ledger->balanced && clock_mono_ns() - ledger->at_ns < AGE_NS;
}
