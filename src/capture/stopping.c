/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only round that stops threads:
 *
 *	prepare    everything that allocates, opens or may fail
 *	stop       interrupt all, wait, fetch registers, copy stacks in one batch, release all
 *	settle     what each stop says of its thread
 *
 * Whatever way the middle part is left, its guard releases every thread.
 */
#include "base/attr.h"
#include "capture/capturer.h"
#include "target/target.h"

/* for all stops of a round, and for each of them: stopping takes some 7 us a thread */
#define DEADLINE_NS      (2 * NS_PER_MS)
#define DEADLINE_EACH_NS (10 * NS_PER_US)

/*
 * In the stop: on CPU if it was not switched in between our interrupt and its stop. Not known
 * where that would take opening a file.
 */
static void note_run(struct capturer *capturer, const struct stop *stop, struct capture *capture)
{
	const struct work *work = &capturer->work.data[stop->thread];
	struct capture_thread *thread = &capture->threads.data[stop->thread];
	uint64_t pcount;

	if (look_is_blocked(&thread->look) || !work->pcount_asked || work->proc.schedstat_fd < 0 ||
	    procfs_pcount(capturer->target, &work->proc, &pcount) < 0)
		return;
	thread->run = pcount == work->pcount_asked ? RUN_ON_CPU : RUN_RUNNABLE;
}

static void release_guard(struct stopset *set)
{
	stopset_release(set);
}

/*
 * Just before the interrupt: does it sleep, and in which call? The number of its sleeps comes first:
 * then one that the state does not show is one that this number did not count. False if that wait is
 * not to be broken off.
 */
static bool note_sleep(const struct capturer *capturer, const struct stop *stop,
		       const struct capture *capture)
{
	struct work *work = &capturer->work.data[stop->thread];
	struct look look = capture->threads.data[stop->thread].look;

	work->voluntary_asked = 0;
	if (!look_is_blocked(&look)) {
		procfs_voluntary(capturer->target, stop->tid, &work->voluntary_asked);
		procfs_call(capturer->target, &look);
	}
	work->slept_asked = look_is_blocked(&look);
	work->call_asked = look.call == CALL_NUMBER ? look.nr : -1;
	work->effects_asked = guard_effects(capturer->target, &look);
	return capturer->mode != SS_STOP_AUTO || sweep_may_stop(capturer->target, &look);
}

/* Just before the interrupts: what the threads do. Those that a stop would harm are left out. */
static void note_threads(struct capturer *capturer, struct capture *capture)
{
	size_t n = 0;

	vec_each(stop, &capturer->stops) {
		struct work *work = &capturer->work.data[stop->thread];

		if (procfs_pcount(capturer->target, &work->proc, &work->pcount_asked) < 0)
			work->pcount_asked = 0;
		if (note_sleep(capturer, stop, capture)) {
			capturer->stops.data[n++] = *stop;
			continue;
		}
		guard_refuse(work, &capture->threads.data[stop->thread]);
		if (!capturer->observer->ops->keeps_files)
			procfs_thread_close(&work->proc);
	}
	capturer->stops.n = n;
}

/* Stop, read, release. Nothing between the interrupt and the release allocates or opens. */
static int stop_and_copy(struct capturer *capturer, const struct maps *maps,
			 struct capture *capture)
{
	_cleanup_(release_guard) struct stopset set = { .stops = capturer->stops.data,
							.n = capturer->stops.n,
							.attaching_ns = &capturer->attaching_ns };
	uint64_t begin_ns, deadline_ns;
	int r;

	capturer->crowded = realtime_is_needed(capture);
	realtime_begin(capturer);
	/* from here on a signal makes a thread stand still for us, too */
	stopset_seize(&set);
	begin_ns = clock_mono_ns();
	stopset_interrupt(&set);
	deadline_ns = clock_mono_ns() + DEADLINE_NS + set.n * DEADLINE_EACH_NS;
	stopset_wait(&set, deadline_ns);
	stopset_fetch(&set);
	vec_each(stop, &capturer->stops) {
		if (!stop->fetched)
			continue;
		note_run(capturer, stop, capture);
		stopped_mend_eintr(capturer, stop, capture);
		stopped_add_stack(capturer, maps, stop);
	}
	r = copying_run(capturer);
	stopset_release(&set);
	capture->pause_ns = MAX(capture->pause_ns, clock_mono_ns() - begin_ns);
	return copying_settle(capturer, r);
}

static void settle_stop(struct capturer *capturer, struct stop *stop, struct capture *capture)
{
	struct work *work = &capturer->work.data[stop->thread];
	struct capture_thread *thread = &capture->threads.data[stop->thread];
	bool has_stack = thread->how != CAPTURE_NONE;

	work->plan = PLAN_DONE;
	if (!capturer->observer->ops->keeps_files)
		procfs_thread_close(&work->proc);
	stopped_note_exit(capturer, stop);
	switch (stop->state) {
	case STOP_RELEASED:
		stopped_store(capturer, work, thread, stop, capture);
		break;
	case STOP_LATE:
		if (!has_stack)
			plan_give_up(thread, SS_NO_STACK_PENDING);
		(void)vec_push(&capturer->late, *stop); /* room was reserved */
		break;
	case STOP_GONE:
		if (!has_stack)
			plan_give_up(thread, SS_NO_STACK_VANISHED);
		break;
	default:
		if (!has_stack)
			plan_give_up(thread, stopped_explain_failure(capturer, stop));
		break;
	}
}

/* A thread that is still to reach an earlier stop cannot be attached again. */
static bool is_late(const struct capturer *capturer, pid_t tid)
{
	vec_each(stop, &capturer->late)
		if (stop->tid == tid)
			return true;
	return false;
}

static void add_stop(struct capturer *capturer, size_t i, struct capture *capture)
{
	struct stop stop = { .tid = capturer->work.data[i].proc.tid, .thread = i };
	struct capture_thread *thread = &capture->threads.data[i];

	if (!is_late(capturer, stop.tid)) {
		/* for pcount beside the stop, where nothing may be opened */
		if (!capturer->observer->ops->keeps_files)
			(void)procfs_thread_open(capturer->target, stop.tid,
						 &capturer->work.data[i].proc);
		(void)vec_push(&capturer->stops, stop); /* room was reserved */
		return;
	}
	capturer->work.data[i].plan = PLAN_DONE;
	if (thread->how == CAPTURE_NONE)
		plan_give_up(thread, SS_NO_STACK_PENDING);
}

static int prepare_stops(struct capturer *capturer, struct capture *capture, size_t n, size_t bytes,
			 struct ss_error *err)
{
	capturer->stops.n = 0;
	if (vec_reserve(&capturer->stops, n) < 0 ||
	    vec_reserve(&capturer->late, capturer->late.n + n) < 0)
		return ss_error_oom(err);
	/* all have their turn: those of one batch are not always the same */
	for (size_t k = 0; k < capturer->work.n && capturer->stops.n < n; k++) {
		size_t i = (capturer->turn + k) % capturer->work.n;

		if (capturer->work.data[i].plan == PLAN_STOP)
			add_stop(capturer, i, capture);
	}
	if (capturer->pacing.max_ns && capturer->stops.n)
		capturer->turn = capturer->stops.data[capturer->stops.n - 1].thread + 1;
	if (!capturer->aside) {
		int r = aside_start(&capturer->copier, &capturer->aside, err);

		if (r < 0)
			return r;
	}
	/* a thread may need a second piece of memory */
	return copier_reserve(&capturer->copier, 2 * n, bytes, err);
}

/* What the stops of this batch say of the size of the next one. */
static void note_pauses(struct capturer *capturer)
{
	uint64_t longest = 0;
	unsigned over = 0;

	vec_each(stop, &capturer->stops) {
		uint64_t ns = stop->released_ns - stop->asked_ns;

		if (stop->state != STOP_RELEASED)
			continue;
		longest = MAX(longest, ns);
		over += ns > capturer->pacing.max_ns;
	}
	pacing_note(&capturer->pacing, capturer->stops.n, longest, over);
}

/* Stop, capture and release n of the threads with PLAN_STOP. */
static int stop_batch(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		      size_t n, size_t bytes, struct ss_error *err)
{
	int r;

	r = prepare_stops(capturer, capture, n, bytes, err);
	if (r < 0)
		return r;
	note_threads(capturer, capture);
	if (capturer->stops.n == 0)
		return 0;
	r = stop_and_copy(capturer, maps, capture);
	vec_each(stop, &capturer->stops)
		settle_stop(capturer, stop, capture);
	realtime_end(capturer);
	note_pauses(capturer);
	if (r < 0)
		return copying_failed(capturer, r, err);
	copying_store(capturer, capture);
	return 0;
}

/* Those that are left over: for later ticks, or not of the instant of the first batch. */
static void put_off(struct capturer *capturer, struct capture *capture)
{
	bool later = capturer->reuse && capturer->mode == SS_STOP_AUTO;

	for (size_t i = 0; i < capturer->work.n; i++) {
		struct work *work = &capturer->work.data[i];
		struct capture_thread *thread = &capture->threads.data[i];

		if (work->plan != PLAN_STOP)
			continue;
		work->late_look = true;
		if (!later)
			continue;
		work->plan = PLAN_DONE;
		if (thread->how == CAPTURE_NONE)
			plan_give_up(thread, SS_NO_STACK_SPARED);
	}
}

/* Stop, capture and release all threads with PLAN_STOP, as many at once as --max-pause allows. */
int stopping_round(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		   struct ss_error *err)
{
	size_t bytes, n;

	while ((n = plan_count(capturer, PLAN_STOP, &bytes))) {
		int r = stop_batch(capturer, maps, capture, MIN(n, capturer->pacing.batch), bytes,
				   err);

		if (r < 0)
			return r;
		if (n > capturer->stops.n)
			put_off(capturer, capture);
		r = late_take_arrived(capturer, maps, capture, err);
		if (r < 0)
			return r;
	}
	return 0;
}
