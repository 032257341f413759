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
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "capture/capturer.h"
#include "capture/sweep.h"
#include "model/eintr.h"
#include "target/procparse.h"
#include "target/target.h"

/* for all stops of a round, and for each of them: stopping takes some 7 us a thread */
#define DEADLINE_NS      (2 * NS_PER_MS)
#define DEADLINE_EACH_NS (10 * NS_PER_US)

#define PATIENCE_NAP_NS (50 * NS_PER_US)

/* for those that would return EINTR if they were let go before they stop: some turns of others */
#define EINTR_PATIENCE_NS (200 * NS_PER_MS)

/* Why a thread could not be attached. EPERM is also what an exiting thread gives. */
static enum ss_no_stack explain_failure(const struct capturer *capturer, const struct stop *stop)
{
	char path[32], text[4096];
	uint64_t tracer;
	struct look look = { .tid = stop->tid };
	struct procfs_thread proc = { .tid = stop->tid, .schedstat_fd = -1 };

	if (stop->sys == ESRCH || procfs_relook_call(capturer->target, &proc, &look) < 0 ||
	    look.state == 0)
		return SS_NO_STACK_VANISHED;
	if (look.state == 'Z' || look.state == 'X')
		return SS_NO_STACK_ZOMBIE;
	snprintf(path, sizeof(path), "%d/status", (int)stop->tid);
	if (file_read_at(capturer->target->task_fd, path, text, sizeof(text)) > 0 &&
	    procparse_status_number(text, "TracerPid", 10, &tracer) == 0 && tracer != 0)
		/* ourselves: it has taken this tid by exec while it was attached under another */
		return tracer == (uint64_t)gettid() ? SS_NO_STACK_UNSTABLE : SS_NO_STACK_TRACED;
	return SS_NO_STACK_REFUSED;
}

/*
 * What the registers at the stop say of the wait. The look stands if the thread is where the look
 * saw it; else the look is of an earlier moment, and its wait and times no longer hold.
 */
static void refresh_look(struct capture_thread *thread, const struct stop *stop)
{
	struct look *look = &thread->look;
	bool eintr;

	if (look_is_blocked(look) && look->sp == thread->regs.r[REG_SP] &&
	    look->pc == thread->regs.r[REG_PC])
		return;
	look->exec_start_ns = 0;
	look->wchan[0] = '\0';
	look->sp = thread->regs.r[REG_SP];
	look->pc = thread->regs.r[REG_PC];
	if (regs_interrupted_call(&stop->raw, &look->nr, look->args, &eintr)) {
		look->call = CALL_NUMBER;
		look->state = 'S';
	} else {
		look->call = CALL_RUNNING;
		look->state = 'R';
	}
}

/*
 * How long it stood still. From the interrupt on it may have waited for a CPU, where its run-queue
 * time goes on: taking that for a stop too made a thread's blocked time 3 % of the wall too short.
 */
static uint64_t stood_ns(const struct stop *stop)
{
	return stop->released_ns - stop->moved_ns;
}

/* The thread's facts from its stop. Called when it runs again. */
static void store_stop(const struct capturer *capturer, struct work *work,
		       struct capture_thread *thread, const struct stop *stop,
		       struct capture *capture)
{
	uint64_t ns = stop->released_ns - stop->asked_ns;
	bool same_instant = !work->late_look && (thread->how != CAPTURE_UNTOUCHED ||
						 work->pcount_asked == thread->look.pcount);

	capture->stops++;
	capture->total_stop_ns += ns;
	capture->longest_stop_ns = MAX(capture->longest_stop_ns, ns);
	if (capturer->pacing.max_ns && ns > capturer->pacing.max_ns)
		capture->over_pause++;
	thread->stops++;
	thread->stopped_ns += stood_ns(stop);
	if (!stop->fetched)
		return;
	thread->how = CAPTURE_STOPPED;
	thread->none = SS_NO_STACK_HAS_STACK;
	thread->ncopies = 0;
	thread->consistent &= same_instant;
	thread->regs.known = 0;
	regs_decode(&stop->raw, &thread->regs);
	refresh_look(thread, stop);
}

/*
 * Whether a stop may turn the EINTR that it causes into a restart. In auto, a thread in such a
 * call entered it after our look, microseconds ago; in all, a finite timeout would start anew.
 */
static bool should_restart(const struct capturer *capturer, int64_t nr, const uint64_t args[6])
{
	return eintr_may_return(nr) &&
	       (capturer->mode == SS_STOP_AUTO || !eintr_has_timeout(nr, args));
}

/* In the stop: keep the target from seeing an EINTR that it would not have seen without us. */
static void mend_eintr(const struct capturer *capturer, struct stop *stop, struct capture *capture)
{
	uint64_t args[6];
	int64_t nr;
	bool eintr;

	if (!regs_interrupted_call(&stop->raw, &nr, args, &eintr) || !eintr)
		return;
	/* a thread in a group stop (SIGSTOP) has its EINTR from that, not from us */
	if (capture->threads.data[stop->thread].look.state == 'T')
		return;
	if (should_restart(capturer, nr, args) && regs_restart_call(stop->tid, &stop->raw) == 0)
		capture->eintr_avoided++;
	else
		capture->eintr_caused++;
}

/* In the stop: ask for this thread's stack. */
static void add_stack(struct capturer *capturer, const struct maps *maps, const struct stop *stop)
{
	const struct work *work = &capturer->work.data[stop->thread];

	copier_add_stack(&capturer->copier, maps, stop->thread, regs_sp(&stop->raw), work->window);
	if (work->extra_addr)
		copier_add(&capturer->copier, maps, stop->thread, work->extra_addr, work->window);
}

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

/* Of all threads on this host, ourselves among them; 0: not known. */
static size_t count_runnable(void)
{
	char text[128];
	unsigned runnable;

	if (file_read_at(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*s %*s %*s %u/", &runnable) != 1)
		return 0;
	return runnable;
}

/* More threads want a CPU than there are: the target's, or others and we. */
static bool is_crowded(const struct capture *capture)
{
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN), running = 0;

	vec_each(thread, &capture->threads)
		running += thread->look.state == 'R';
	return running > cpus || count_runnable() > cpus;
}

/*
 * While others stand still for us we should not have to queue for a CPU behind the rest of them:
 * with 50 spinning threads on 2 CPUs the pause was 25 ms without, 2.7 ms with real-time priority.
 * Not where CPUs are free: there sched_yield lets a thread that has to run on ours do so at once.
 * Where it is not permitted (CAP_SYS_NICE, RLIMIT_RTPRIO) nothing changes. It holds for this thread
 * only.
 */
static bool begin_realtime(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0;
}

static void end_realtime(const bool *realtime)
{
	const struct sched_param none = { .sched_priority = 0 };

	if (*realtime)
		sched_setscheduler(0, SCHED_OTHER, &none);
}

/*
 * Just before the interrupt: does it sleep, and in a call that may return EINTR? The number of its
 * sleeps comes first: then one that the state does not show is one that this number did not count.
 */
static void note_sleep(const struct capturer *capturer, const struct stop *stop,
		       const struct capture *capture)
{
	struct work *work = &capturer->work.data[stop->thread];
	struct look look = capture->threads.data[stop->thread].look;

	work->voluntary_asked = 0;
	if (!look_is_blocked(&look)) {
		procfs_voluntary(capturer->target, stop->tid, &work->voluntary_asked);
		procfs_relook_call(capturer->target, &work->proc, &look);
	}
	work->slept_asked = look_is_blocked(&look);
	work->eintr_asked = work->slept_asked && look.call == CALL_NUMBER &&
			    eintr_may_return(look.nr);
}

/* Stop, read, release. Nothing between the interrupt and the release allocates or opens. */
static int stop_and_copy(struct capturer *capturer, const struct maps *maps,
			 struct capture *capture)
{
	_cleanup_(release_guard) struct stopset set = { .stops = capturer->stops.data,
							.n = capturer->stops.n,
							.attaching_ns = &capturer->attaching_ns };
	_cleanup_(end_realtime) bool realtime = false;
	uint64_t begin_ns, deadline_ns;
	int r;

	capturer->crowded = is_crowded(capture);
	vec_each(stop, &capturer->stops) {
		struct work *work = &capturer->work.data[stop->thread];

		if (procfs_pcount(capturer->target, &work->proc, &work->pcount_asked) < 0)
			work->pcount_asked = 0;
		note_sleep(capturer, stop, capture);
	}
	realtime = capturer->crowded && begin_realtime();
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
		mend_eintr(capturer, stop, capture);
		add_stack(capturer, maps, stop);
	}
	r = copier_run(&capturer->copier);
	stopset_release(&set);
	capture->pause_ns = MAX(capture->pause_ns, clock_mono_ns() - begin_ns);
	return r;
}

/* The target may be a child of our own process, which then has no other way to learn this. */
static void note_exit(struct capturer *capturer, const struct stop *stop)
{
	if (!stop->exited || stop->tid != capturer->target->pid)
		return;
	capturer->leader_exited = true;
	capturer->leader_status = stop->exit_status;
}

static void settle_stop(struct capturer *capturer, struct stop *stop, struct capture *capture)
{
	struct work *work = &capturer->work.data[stop->thread];
	struct capture_thread *thread = &capture->threads.data[stop->thread];
	bool has_stack = thread->how != CAPTURE_NONE;

	work->plan = PLAN_DONE;
	if (!capturer->observer->ops->keeps_files)
		procfs_thread_close(&work->proc);
	note_exit(capturer, stop);
	switch (stop->state) {
	case STOP_RELEASED:
		store_stop(capturer, work, thread, stop, capture);
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
			plan_give_up(thread, explain_failure(capturer, stop));
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
	r = stop_and_copy(capturer, maps, capture);
	vec_each(stop, &capturer->stops)
		settle_stop(capturer, stop, capture);
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
		r = stopping_arrived(capturer, maps, capture, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- threads that stop late ---- */

/* One that was killed while it stood still is LATE again: it must be reaped, or stays a zombie. */
static bool is_over(const struct stop *stop)
{
	return stop->state == STOP_RELEASED || stop->state == STOP_GONE;
}

static void drop_late(struct capturer *capturer, size_t i)
{
	note_exit(capturer, &capturer->late.data[i]);
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
		mend_eintr(capturer, stop, capture);
		add_stack(capturer, maps, stop);
	}
	r = copier_run(&capturer->copier);
	stop_release(stop);
	thread->run = RUN_RUNNABLE;
	work->late_look = true;
	store_stop(capturer, work, thread, stop, capture);
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
 * into a restart. Not so one that has waited for a CPU all the while.
 */
static bool may_see_eintr(const struct capturer *capturer, const struct stop *stop)
{
	const struct work *work = &capturer->work.data[stop->thread];
	uint64_t voluntary;

	if (work->slept_asked)
		return work->eintr_asked;
	/* it went to sleep between note_sleep and the interrupt, nobody knows where */
	return procfs_voluntary(capturer->target, stop->tid, &voluntary) == 0 &&
	       voluntary != work->voluntary_asked;
}

static unsigned count_eintr(const struct capturer *capturer)
{
	unsigned n = 0;

	vec_each(stop, &capturer->late)
		n += may_see_eintr(capturer, stop);
	return n;
}

/* Whether to wait on for threads that are late. */
static bool has_patience(const struct capturer *capturer, uint64_t begin_ns)
{
	uint64_t waited_ns = clock_mono_ns() - begin_ns;

	if (!capturer->late.n)
		return false;
	return waited_ns < capturer->patience_ns ||
	       (waited_ns < EINTR_PATIENCE_NS && count_eintr(capturer));
}

/*
 * Look once at each thread that is late, and capture those that have arrived. *ret_eintr (NULL: not
 * wanted): how many of the others may see EINTR. That is asked before the look: a thread that has
 * just reached its stop was switched by us alone.
 */
static int look_at_late(struct capturer *capturer, const struct maps *maps, struct capture *capture,
			unsigned *ret_eintr, struct ss_error *err)
{
	for (size_t i = capturer->late.n; i-- > 0;) {
		struct stop *stop = &capturer->late.data[i];
		bool eintr = ret_eintr && may_see_eintr(capturer, stop);
		int r = take_late(capturer, stop, maps, capture, err);

		if (r < 0)
			return r;
		if (is_over(stop))
			drop_late(capturer, i);
		else if (eintr)
			++*ret_eintr;
	}
	return 0;
}

int stopping_arrived(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		     struct ss_error *err)
{
	return look_at_late(capturer, maps, capture, NULL, err);
}

/*
 * Threads that wait for a CPU stop when they get one: where many are runnable that takes longer
 * than a round may. Each is captured at that moment, and so is not of the sweep's instant. Those
 * that are left when this returns are let go by the end of their tracer.
 */
int stopping_late(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		  struct ss_error *err)
{
	_cleanup_(end_realtime) bool realtime = capturer->late.n && capturer->crowded &&
						begin_realtime();
	uint64_t begin_ns = clock_mono_ns();

	while (has_patience(capturer, begin_ns)) {
		int r = stopping_arrived(capturer, maps, capture, err);

		if (r < 0)
			return r;
		nanosleep(&(struct timespec){ .tv_nsec = PATIENCE_NAP_NS }, NULL);
	}
	return look_at_late(capturer, maps, capture, &capture->eintr_caused, err);
}
