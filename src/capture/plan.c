/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which threads there are, and what is to be done with each, from what the observer says. Stops
 * nothing: looks come before any stop, because a stop destroys what they see.
 */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "target/target.h"

#define KERNEL_NS (20 * NS_PER_MS)

/* ---- the table of threads ---- */

static bool is_table_of(const struct capturer *capturer, const struct tids *tids)
{
	if (capturer->work.n != tids->tid.n)
		return false;
	for (size_t i = 0; i < tids->tid.n; i++)
		if (capturer->work.data[i].proc.tid != tids->tid.data[i])
			return false;
	return true;
}

int plan_update_table(struct capturer *capturer, const struct tids *tids, struct ss_error *err)
{
	size_t old = 0, n_old = capturer->work.n;

	if (is_table_of(capturer, tids))
		return 0;
	ledger_forget(&capturer->ledger);
	if (vec_reserve(&capturer->work, n_old + tids->tid.n) < 0)
		return ss_error_oom(err);
	vec_each(tid, &tids->tid) {
		struct work fresh = { .proc = { .tid = *tid, .schedstat_fd = -1 } };
		const struct work *known = capturer->work.data;

		for (; old < n_old && known[old].proc.tid < *tid; old++)
			procfs_thread_close(&capturer->work.data[old].proc);
		if (old < n_old && known[old].proc.tid == *tid)
			fresh = known[old++];
		else if (capturer->observer->ops->keeps_files)
			(void)procfs_thread_open(capturer->target, *tid, &fresh.proc);
		capturer->work.data[capturer->work.n++] = fresh;
	}
	for (; old < n_old; old++)
		procfs_thread_close(&capturer->work.data[old].proc);
	memmove(capturer->work.data, capturer->work.data + n_old,
		tids->tid.n * sizeof(*capturer->work.data));
	capturer->work.n = tids->tid.n;
	return 0;
}

/* ---- plans ---- */

bool look_is_blocked(const struct look *look)
{
	return (look->call == CALL_NUMBER || look->call == CALL_NONE) && !look->queued &&
	       !look->worker;
}

/* Never interrupt what would not stop soon: state D (a vfork parent too), and the freezer. */
bool look_can_interrupt(const struct look *look)
{
	return look->state != 'D' && !look_is_frozen(look);
}

enum plan plan_give_up(struct capture_thread *thread, enum ss_no_stack why)
{
	thread->how = CAPTURE_NONE;
	thread->none = why;
	return PLAN_DONE;
}

struct timer *plan_timer(struct capturer *capturer)
{
	const struct capturer *like = capturer->timer_like;

	if (!capturer->timer_wanted)
		return capturer->timer;
	capturer->timer_wanted = false;
	(void)timer_open(capturer->timer_name, capturer->target, like ? like->timer : NULL,
			 &capturer->timer, &capturer->timer_refusal);
	return capturer->timer;
}

/*
 * A timer that sees user mode only had time enough to sample the thread: it is in the kernel all the
 * while. The time on CPU is told with the resolution of a scheduler tick.
 */
static bool stays_in_kernel(const struct capturer *capturer, struct work *work,
			    const struct look *look)
{
	if (!capturer->timer->user_mode_only || !look->sched_known)
		return false;
	if (!work->unsampled_ns)
		work->unsampled_ns = look->on_cpu_ns;
	return look->on_cpu_ns - work->unsampled_ns > KERNEL_NS;
}

/* In a capture with samples the timer runs all the time: a tick need not wait for it. */
static enum plan plan_running(struct capturer *capturer, struct work *work,
			      struct capture_thread *thread)
{
	if (capturer->sampling_rate.period_ns && capturer->timer)
		return plan_give_up(thread, capturer->timer->user_mode_only ? SS_NO_STACK_IN_KERNEL
									    : SS_NO_STACK_RUNNING);
	if (plan_timer(capturer))
		return stays_in_kernel(capturer, work, &thread->look)
			       ? plan_give_up(thread, SS_NO_STACK_IN_KERNEL)
			       : PLAN_SAMPLE;
	if (!look_can_interrupt(&thread->look))
		return plan_give_up(thread, SS_NO_STACK_UNSTABLE);
	if (capturer->mode == SS_STOP_NEVER)
		return plan_give_up(thread, SS_NO_STACK_RUNNING);
	return PLAN_STOP;
}

static enum plan make_plan(struct capturer *capturer, struct work *work,
			   struct capture_thread *thread)
{
	const struct look *look = &thread->look;

	if (look->state == 0)
		return plan_give_up(thread, SS_NO_STACK_VANISHED);
	if (look->state == 'Z' || look->state == 'X')
		return plan_give_up(thread, SS_NO_STACK_ZOMBIE);
	if (look->worker)
		return plan_give_up(thread, SS_NO_STACK_WORKER);
	if (look->call == CALL_UNREADABLE)
		return plan_give_up(thread, SS_NO_STACK_REFUSED);
	if (capturer->mode == SS_STOP_ALL && look_can_interrupt(look))
		return PLAN_STOP;
	if (look_is_blocked(look) || look->queued)
		return PLAN_COPY;
	return plan_running(capturer, work, thread);
}

/*
 * A thread that was blocked when it was captured and has not been switched in since is where it
 * was: its counters prove it, and nothing more is read.
 */
static bool has_not_run(const struct capturer *capturer, const struct work *work,
			struct capture_thread *thread)
{
	struct observer *observer = capturer->observer;
	struct look *look = &thread->look;

	if (!work->settled || observer->ops->counters(observer, &work->proc, look) < 0 ||
	    look->pcount != work->last.pcount || look->switches != work->last.switches ||
	    look->birth != work->last.birth)
		return false;
	look->state = work->last.state;
	look->call = work->last.call;
	look->queued = work->last.queued;
	return true;
}

/*
 * Our own stop wakes a blocked thread and lets it block again in the same call: two switches. It is
 * still the wait that was captured.
 */
static bool only_we_woke_it(const struct work *work, const struct look *look)
{
	const struct look *last = &work->last;

	return work->stops && look->sched_known && look->pcount <= last->pcount + 2 * work->stops &&
	       look_is_blocked(last) && look_is_blocked(look) && look->sp == last->sp &&
	       look->pc == last->pc;
}

static void take_look(const struct capturer *capturer, struct work *work,
		      struct capture_thread *thread)
{
	struct observer *observer = capturer->observer;

	if (observer->ops->look(observer, &work->proc, &thread->look, &thread->regs) < 0)
		thread->look.call = CALL_UNREADABLE;
}

static void read_look(const struct capturer *capturer, struct work *work,
		      struct capture_thread *thread)
{
	const struct look *look = &thread->look;

	take_look(capturer, work, thread);
	if (look->sched_known || look->state == 0 || work->proc.schedstat_fd < 0)
		return;
	/* the tid is used again: the kept descriptor is that of a thread that has ended */
	procfs_thread_close(&work->proc);
	(void)procfs_thread_open(capturer->target, work->proc.tid, &work->proc);
	take_look(capturer, work, thread);
}

/*
 * Is a look needed, or do the sums or the thread's own counters say where it is? Whoever does not
 * stand where the sums balance has run.
 */
static void look_ahead(const struct capturer *capturer, struct work *work,
		       struct capture_thread *thread, bool balanced)
{
	/* thousands of records: one that was passed over has nothing but a look in it */
	if (thread->how != CAPTURE_SAME || thread->woken_by_us)
		*thread = (struct capture_thread){ 0 };
	thread->consistent = true;
	thread->look.tid = work->proc.tid;
	work->plan = PLAN_DONE;
	if (work->stands) {
		ledger_fill(&capturer->ledger, work, thread);
	} else if (capturer->reuse && !balanced && has_not_run(capturer, work, thread)) {
		thread->how = CAPTURE_SAME;
	} else {
		thread->look = (struct look){ .tid = work->proc.tid };
		thread->how = CAPTURE_NONE;
		work->plan = PLAN_LOOK;
		work->extra_addr = 0;
		work->late_look = false;
		work->unsampled_ns = 0;
	}
}

/* In a capture with samples: it has run, and may do so again. */
static void want_samples(const struct capturer *capturer, const struct work *work,
			 const struct look *look)
{
	struct timer *timer = capturer->timer;

	if (timer && capturer->sampling_rate.period_ns && !look->worker)
		timer->ops->want(timer, work->proc.tid, look->cpu);
}

static void look_at(struct capturer *capturer, struct work *work, struct capture_thread *thread)
{
	work->plan = PLAN_DONE;
	read_look(capturer, work, thread);
	if (capturer->reuse && !thread->look.voluntary_known)
		thread->look.voluntary_known = procfs_voluntary(capturer->target, work->proc.tid,
								&thread->look.voluntary) == 0;
	if (capturer->reuse && only_we_woke_it(work, &thread->look)) {
		thread->how = CAPTURE_SAME;
		thread->woken_by_us = true;
		work->last.pcount = thread->look.pcount;
		work->settled = true;
		work->stops = 0;
		return;
	}
	if (capturer->reuse)
		want_samples(capturer, work, &thread->look);
	work->plan = make_plan(capturer, work, thread);
	work->window = work->plan == PLAN_COPY ? WINDOW_COPY : WINDOW_STOP;
}

static void look_at_some(struct capturer *capturer, struct capture *capture, bool balanced)
{
	struct observer *observer = capturer->observer;
	size_t bytes;

	for (size_t i = 0; i < capturer->work.n; i++)
		look_ahead(capturer, &capturer->work.data[i], &capture->threads.data[i], balanced);
	observer->ops->begin_looks(observer, plan_count(capturer, PLAN_LOOK, &bytes));
	for (size_t i = 0; i < capturer->work.n; i++)
		if (capturer->work.data[i].plan == PLAN_LOOK)
			look_at(capturer, &capturer->work.data[i], &capture->threads.data[i]);
}

void plan_look(struct capturer *capturer, struct capture *capture)
{
	struct ledger *ledger = &capturer->ledger;
	bool balanced = capturer->reuse && ledger_holds(ledger);

	if (!balanced) {
		capturer->observer->ops->begin(capturer->observer);
		vec_each(work, &capturer->work)
			work->stands = false;
	}
	look_at_some(capturer, capture, balanced);
	if (capturer->reuse && ledger->wanted) {
		for (size_t i = 0; i < capturer->work.n; i++)
			ledger_book(ledger, &capturer->work.data[i], &capture->threads.data[i]);
		if (!balanced)
			ledger_close(ledger);
	}
	ledger->balanced = false;
}

void plan_remember(struct capturer *capturer, const struct capture *capture)
{
	for (size_t i = 0; i < capturer->work.n; i++) {
		struct work *work = &capturer->work.data[i];
		const struct capture_thread *thread = &capture->threads.data[i];

		if (thread->how == CAPTURE_SAME)
			continue;
		work->last = thread->look;
		work->stops = thread->stops;
		work->settled = thread->how == CAPTURE_UNTOUCHED && thread->look.sched_known;
	}
}

size_t plan_count(const struct capturer *capturer, enum plan plan, size_t *ret_bytes)
{
	size_t n = 0;

	*ret_bytes = 0;
	vec_each(work, &capturer->work) {
		if (work->plan != plan)
			continue;
		n++;
		*ret_bytes += (work->window + REGS_RED_ZONE) * (work->extra_addr ? 2 : 1);
	}
	return n;
}

/* ---- retries ---- */

/* Look again at the threads that moved, and plan anew. */
void plan_retry(struct capturer *capturer, struct capture *capture)
{
	struct observer *observer = capturer->observer;
	size_t bytes, n = plan_count(capturer, PLAN_RETRY, &bytes);

	if (n == 0)
		return;
	observer->ops->begin_looks(observer, n);
	for (size_t i = 0; i < capturer->work.n; i++) {
		struct work *work = &capturer->work.data[i];
		struct capture_thread *thread = &capture->threads.data[i];

		if (work->plan != PLAN_RETRY)
			continue;
		work->late_look = true;
		if (observer->ops->relook(observer, &work->proc, &thread->look, &thread->regs) < 0)
			thread->look.state = 0;
		work->plan = make_plan(capturer, work, thread);
		if (work->plan != PLAN_COPY)
			work->window = MAX(work->window, (size_t)WINDOW_STOP);
	}
}
