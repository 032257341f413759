/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * late.c: threads that have not stopped by their round's deadline, mostly because they wait for a
 * CPU. They stop when they get one, and are captured and let go as soon as that is seen.
 */
#include <time.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "model/stopeffect.h"
#include "target/target.h"

#define PATIENCE_NAP_NS (50 * NS_PER_US)

/* for those whose call is broken off even if they are let go before they stop: some turns of others */
#define EFFECT_PATIENCE_NS (200 * NS_PER_MS)

/* One that was killed while it stood still is LATE again: it must be reaped, or stays a zombie. */
static bool is_over(const struct stop *stop)
{
	return stop->state == STOP_RELEASED || stop->state == STOP_GONE;
}

static void drop_late(struct capturer *capturer, size_t i)
{
	stopped_note_exit(capturer, &capturer->late.data[i]);
	capturer->late.data[i] = capturer->late.data[--capturer->late.n];
}

/* One late thread stands still: capture it alone and let it go. */
static int capture_late(struct capturer *capturer, struct stop *stop, const struct maps *maps,
			struct capture *capture, struct ss_error *err)
{
	struct stopset set = { .stops = stop, .n = 1 };
	struct work *work = &capturer->work.data[stop->thread];
	struct capture_thread *thread = &capture->threads.data[stop->thread];
	int r;

	/* it waited for a CPU: it stands still at most since we last looked */
	stop->asked_ns = stop->moved_ns;
	stopset_fetch(&set);
	if (stop->fetched) {
		stopped_mend_eintr(capturer, stop, capture);
		stopped_add_stack(capturer, maps, stop);
	}
	r = copying_run(capturer);
	stop_release(stop);
	r = copying_settle(capturer, r);
	thread->run = RUN_RUNNABLE;
	work->late_look = true;
	stopped_store(capturer, work, thread, stop, capture);
	capture->pause_ns = MAX(capture->pause_ns, stop->released_ns - stop->asked_ns);
	if (r < 0)
		return copying_failed(capturer, r, err);
	copying_store(capturer, capture);
	return 0;
}

/* See whether a late thread has arrived, and capture it. */
static int take_late(struct capturer *capturer, struct stop *stop, const struct maps *maps,
		     struct capture *capture, struct ss_error *err)
{
	struct capture_thread *thread;
	size_t window;
	int r;

	thread = &capture->threads.data[stop->thread];
	window = capturer->work.data[stop->thread].window + REGS_RED_ZONE;
	r = copier_reserve(&capturer->copier, 2, 2 * window, err);
	if (r < 0)
		return r;
	stop_poll(stop);
	if (stop->state == STOP_STOPPED)
		return capture_late(capturer, stop, maps, capture, err);
	if (stop->state == STOP_GONE && thread->how == CAPTURE_NONE)
		plan_give_up(thread, SS_NO_STACK_VANISHED);
	return 0;
}

/*
 * The interrupt may have woken it from a call that then returns EINTR, which only its stop can turn
 * into a restart, or less than was asked for, which only its stop shows. Not so one that has waited
 * for a CPU all the while.
 */
static unsigned get_effects(const struct capturer *capturer, const struct stop *stop)
{
	const struct work *work = &capturer->work.data[stop->thread];
	uint64_t voluntary;

	if (work->slept_asked)
		return work->effects_asked & ~(unsigned)STOPEFFECT_UNKNOWN;
	/* it went to sleep between note_sleep and the interrupt, nobody knows where */
	return procfs_voluntary(capturer->target, stop->tid, &voluntary) == 0 &&
			       voluntary != work->voluntary_asked
		       ? STOPEFFECT_EINTR
		       : STOPEFFECT_NONE;
}

static unsigned count_affected(const struct capturer *capturer)
{
	unsigned n = 0;

	vec_each(stop, &capturer->late)
		n += get_effects(capturer, stop) != STOPEFFECT_NONE;
	return n;
}

/* Whether to wait on for threads that are late. */
static bool has_patience(const struct capturer *capturer, uint64_t begin_ns)
{
	uint64_t waited_ns = clock_mono_ns() - begin_ns;

	if (!capturer->late.n)
		return false;
	return waited_ns < capturer->patience_ns ||
	       (waited_ns < EFFECT_PATIENCE_NS && count_affected(capturer));
}

/* It is let go without having been seen to stop. */
static void note_effects(unsigned effects, struct capture *capture)
{
	if (effects & STOPEFFECT_EINTR)
		capture->eintr_caused++;
	else if (effects)
		capture->calls_cut_short++;
}

/*
 * Look once at each thread that is late, and capture those that have arrived. `last`: note what the
 * interrupt may have done to the others. That is asked before the look: a thread that has just
 * reached its stop was switched by us alone.
 */
static int look_at_late(struct capturer *capturer, const struct maps *maps, struct capture *capture,
			bool last, struct ss_error *err)
{
	for (size_t i = capturer->late.n; i-- > 0;) {
		struct stop *stop = &capturer->late.data[i];
		unsigned effects = last ? get_effects(capturer, stop) : STOPEFFECT_NONE;
		int r = take_late(capturer, stop, maps, capture, err);

		if (r < 0)
			return r;
		if (is_over(stop))
			drop_late(capturer, i);
		else
			note_effects(effects, capture);
	}
	return 0;
}

int late_take_arrived(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		      struct ss_error *err)
{
	return look_at_late(capturer, maps, capture, false, err);
}

/*
 * Threads that wait for a CPU stop when they get one: where many are runnable that takes longer
 * than a round may. Each is captured at that moment, and so is not of the sweep's instant. Those
 * that are left when this returns are let go by the end of their tracer.
 */
int late_await(struct capturer *capturer, const struct maps *maps, struct capture *capture,
	       struct ss_error *err)
{
	uint64_t begin_ns = clock_mono_ns();

	while (has_patience(capturer, begin_ns)) {
		int r = late_take_arrived(capturer, maps, capture, err);

		if (r < 0)
			return r;
		nanosleep(&(struct timespec){ .tv_nsec = PATIENCE_NAP_NS }, NULL);
	}
	return look_at_late(capturer, maps, capture, true, err);
}
