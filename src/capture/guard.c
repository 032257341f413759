/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which threads a stop would do harm, in auto. A thread that waits says where. One that runs does
 * not (/proc/TID/syscall: "running"), and it may run inside a call that a stop cuts short: the
 * writer of a full pipe runs each time that the reader has made room. So it is watched for a moment,
 * it is remembered where it was seen to wait, and its books say whether it waits at all, and how much
 * of its time the kernel takes. Stops nothing.
 */
#include <sched.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "model/stopeffect.h"
#include "target/fds.h"
#include "target/target.h"

#define WATCH_NS  NS_PER_MS  /* all threads of a round together */
#define MEMORY_NS NS_PER_SEC /* for so long a thread may be in such a call again */

enum {
	SLEEPS_FEW = 3,   /* no more than that: it does not wait for others */
	SLEEPS_MANY = 16, /* up to that: for pages and locks, before it began its work */
	TICKS_FEW = 5,    /* below that its times say nothing */
	/* the part of its time that the kernel may take: one in so many */
	SHARE_FEW = 4,
	SHARE_MANY = 10,
};

/*
 * Do others see a stop where it sleeps? A sleep that has only begun may have no wchan: since 6.12 such
 * a thread stays in the run queue for a while (get_wchan, kernel/sched/core.c).
 */
static bool is_seen_by_others(const struct target *target, const struct look *look)
{
	if (look->state != 'S' || look->wchan[0])
		return stopeffect_is_seen_at(look->wchan);
	return look->call == CALL_NONE || procfs_is_filtered(target, look->tid);
}

unsigned guard_effects(const struct target *target, const struct look *look)
{
	bool uninterruptible = look->state == 'D';
	enum fd_type type = FD_UNKNOWN;
	unsigned effects;

	if (look->call != CALL_NUMBER)
		return STOPEFFECT_NONE;
	if (stopeffect_depends_on_fd(look->nr)) {
		type = fds_type(target, (int)look->args[0]);
		/* who waits for a disk cannot be interrupted: it is a FIFO, or a file of FUSE */
		if (type == FD_FILE && !uninterruptible)
			type = FD_UNKNOWN;
	}
	effects = stopeffect_get(look->nr, look->args, type);
	return effects == STOPEFFECT_UNKNOWN && uninterruptible ? STOPEFFECT_NONE : effects;
}

bool sweep_may_stop(const struct target *target, const struct look *look)
{
	return !is_seen_by_others(target, look) && guard_effects(target, look) == STOPEFFECT_NONE;
}

void guard_refuse(struct work *work, struct capture_thread *thread)
{
	work->harm_seen_ns = clock_mono_ns();
	work->plan = PLAN_DONE;
	if (thread->how == CAPTURE_NONE)
		plan_give_up(thread, SS_NO_STACK_IN_CALL);
}

/* How often it slept, and not because of us. */
static uint64_t own_sleeps(const struct work *work, const struct procfs_habits *habits)
{
	return habits->voluntary - MIN(habits->voluntary, work->sleeps_for_us);
}

static bool was_in_call(const struct work *work)
{
	return work->harm_seen_ns && clock_mono_ns() - work->harm_seen_ns < MEMORY_NS;
}

/*
 * May a thread that runs be inside such a call? It may if it was seen in one; and if it waits, nobody
 * knows where, and the kernel takes much of its time, as it does for those who move bytes.
 */
static bool may_be_in_call(const struct work *work, const struct procfs_habits *habits)
{
	uint64_t ticks = habits->user_ticks + habits->kernel_ticks;
	uint64_t sleeps = own_sleeps(work, habits);

	if (was_in_call(work))
		return true;
	if (sleeps < SLEEPS_FEW)
		return false;
	return ticks < TICKS_FEW ||
	       habits->kernel_ticks * (sleeps < SLEEPS_MANY ? SHARE_FEW : SHARE_MANY) > ticks;
}

/* It was let pass before, and has not slept since. */
static bool is_known(const struct capturer *capturer, const struct work *work)
{
	struct procfs_habits habits;

	return capturer->reuse && work->sleeps_passed &&
	       procfs_habits(capturer->target, work->proc.tid, &habits) == 0 &&
	       own_sleeps(work, &habits) < work->sleeps_passed;
}

/* A thread that was planned for its registers was seen to wait, and has a stack. */
static bool wants_registers(const struct capture_thread *thread)
{
	return thread->how != CAPTURE_NONE;
}

/* It is seen to wait: may it be stopped there? */
static void judge_wait(const struct capturer *capturer, struct work *work,
		       struct capture_thread *thread, const struct look *look, enum plan waiting)
{
	bool harmless = sweep_may_stop(capturer->target, look);

	if (!harmless)
		work->harm_seen_ns = clock_mono_ns();
	if (wants_registers(thread))
		work->plan = harmless ? PLAN_STOP : PLAN_DONE;
	else if (waiting == PLAN_RETRY || !was_in_call(work))
		work->plan = waiting;
	else
		guard_refuse(work, thread);
}

/* It ran whenever it was looked at. */
static void judge_run(const struct capturer *capturer, struct work *work,
		      struct capture_thread *thread)
{
	struct procfs_habits habits;

	if (procfs_habits(capturer->target, work->proc.tid, &habits) < 0)
		return; /* it is gone, and the stop will say so */
	if (may_be_in_call(work, &habits)) {
		work->plan = PLAN_DONE;
		if (!wants_registers(thread))
			plan_give_up(thread, SS_NO_STACK_IN_CALL);
		return;
	}
	work->sleeps_passed = own_sleeps(work, &habits) + 1;
}

/* Look at each thread that is watched; returns how many of them go on running. */
static size_t watch(const struct capturer *capturer, struct capture *capture, enum plan waiting)
{
	size_t n = 0;

	for (size_t i = 0; i < capturer->work.n; i++) {
		struct work *work = &capturer->work.data[i];
		struct capture_thread *thread = &capture->threads.data[i];
		struct look look = thread->look;

		if (!work->watched)
			continue;
		procfs_call(capturer->target, &look);
		work->watched = look.call == CALL_RUNNING;
		n += work->watched;
		if (look_is_blocked(&look))
			judge_wait(capturer, work, thread, &look, waiting);
	}
	return n;
}

void guard_round(struct capturer *capturer, struct capture *capture, enum plan waiting)
{
	uint64_t end_ns = clock_mono_ns() + WATCH_NS;

	if (capturer->mode != SS_STOP_AUTO)
		return;
	vec_each(work, &capturer->work)
		work->watched = work->plan == PLAN_STOP && !is_known(capturer, work);
	while (watch(capturer, capture, waiting) && clock_mono_ns() < end_ns)
		sched_yield(); /* it may want our CPU */
	for (size_t i = 0; i < capturer->work.n; i++)
		if (capturer->work.data[i].watched)
			judge_run(capturer, &capturer->work.data[i], &capture->threads.data[i]);
}

/*
 * A thread that kept moving is stopped only where no timer may be used, and in a call that goes on
 * after the stop as if nothing had been.
 */
static bool may_stop_restless(struct capturer *capturer, const struct look *look)
{
	return !plan_timer(capturer) && capturer->mode != SS_STOP_NEVER &&
	       look_can_interrupt(look) &&
	       (capturer->mode == SS_STOP_ALL || sweep_may_stop(capturer->target, look));
}

void guard_restless(struct capturer *capturer, struct capture *capture)
{
	for (size_t i = 0; i < capturer->work.n; i++) {
		struct work *work = &capturer->work.data[i];
		struct capture_thread *thread = &capture->threads.data[i];

		if (work->plan != PLAN_RETRY)
			continue;
		if (may_stop_restless(capturer, &thread->look)) {
			work->plan = PLAN_STOP;
			work->window = MAX(work->window, (size_t)WINDOW_STOP);
		} else {
			work->plan = plan_give_up(thread, SS_NO_STACK_UNSTABLE);
		}
	}
}
