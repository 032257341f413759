/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of one sweep (auto):
 *
 *	look      state, counters, place of every thread                     nothing is touched
 *	copy      stacks of threads that are blocked or wait for a CPU       nothing is touched
 *	sample    threads on a CPU: the kernel's timer stores their stacks   nothing is touched
 *	stop      where no timer may be used: registers, stacks, release     some microseconds each
 *	verify    did the copied threads stand still?                        nothing is touched
 *
 * A thread that has not been switched in since its look was where its copy says at the instant of the
 * samples and the stops. Those that did run are looked at again: some are on a CPU by then, others
 * wait for one.
 */
#include "capture/sweep.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "target/maps.h"
#include "target/target.h"

enum {
	RETRIES = 2,
	RETRIES_TIMED = 32, /* however late: opening the timer may have taken all the time */
	FRAME_MARGIN = 512, /* more than a signal frame's registers take */
};

/* for threads that must wait for a CPU before they can stop; a tick cannot wait for them */
#define SWEEP_PATIENCE_NS NS_PER_SEC

#define ATTACH_NS  (50 * NS_PER_MS) /* attaching one thread takes a microsecond */
#define JOINING_NS (20 * NS_PER_MS)

int capturer_new(const struct target *target, enum ss_stop mode, struct capturer **ret,
		 struct ss_error *err)
{
	struct capturer *capturer = calloc(1, sizeof(*capturer));
	int r;

	if (!capturer)
		return ss_error_oom(err);
	capturer->target = target;
	capturer->mode = mode;
	pacing_init(&capturer->pacing, 0);
	arena_init(&capturer->samples);
	r = copier_init(&capturer->copier, target, err);
	if (r == 0)
		r = observer_open(observer_proc.name, target, NULL, &capturer->observer, err);
	if (r < 0) {
		capturer_free(capturer);
		return r;
	}
	*ret = capturer;
	return 0;
}

void capturer_limit_pause(struct capturer *capturer, uint64_t max_ns)
{
	pacing_init(&capturer->pacing, max_ns);
}

void capturer_free(struct capturer *capturer)
{
	if (!capturer)
		return;
	vec_each(work, &capturer->work)
		procfs_thread_close(&work->proc);
	vec_done(&capturer->work);
	vec_done(&capturer->stops);
	vec_done(&capturer->late);
	copier_done(&capturer->copier);
	arena_done(&capturer->samples);
	timer_close(capturer->timer);
	observer_close(capturer->observer);
	free(capturer);
}

int capturer_observe(struct capturer *capturer, const char *name, const struct capturer *like,
		     struct ss_error *err)
{
	struct observer *observer;
	int r = observer_open(name, capturer->target, like ? like->observer : NULL, &observer, err);

	if (r < 0)
		return r;
	observer_close(capturer->observer);
	capturer->observer = observer;
	return 0;
}

const char *capturer_observer(const struct capturer *capturer)
{
	return capturer->observer->ops->name;
}

void capturer_watch_waits(struct capturer *capturer)
{
	ledger_open(&capturer->ledger, capturer->target);
}

int capturer_time(struct capturer *capturer, const char *name, const struct capturer *like,
		  struct ss_error *err)
{
	capturer->timer_wanted = capturer->mode != SS_STOP_ALL;
	capturer->timer_name = name;
	capturer->timer_like = like;
	if (!name || !capturer->timer_wanted || plan_timer(capturer))
		return 0;
	*err = capturer->timer_refusal;
	return -EPERM;
}

const char *capturer_timer(const struct capturer *capturer, const char **ret_refusal)
{
	*ret_refusal = capturer->timer_refusal.kind ? capturer->timer_refusal.message : "";
	if (capturer->timer)
		return capturer->timer->ops->name;
	return capturer->timer_wanted ? "" : "no";
}

bool capturer_sample(struct capturer *capturer, double hz)
{
	struct timer *timer = plan_timer(capturer);

	if (!timer)
		return false;
	if (!capturer->sampling_rate.period_ns)
		capturer->sampling_rate.window = WINDOW_STOP;
	capturer->sampling_rate.period_ns = (uint64_t)((double)NS_PER_SEC / hz);
	timer->ops->want(timer, capturer->target->pid, -1);
	timer->ops->arm(timer, &capturer->sampling_rate);
	return true;
}

int capturer_list(struct capturer *capturer, struct tids *ret, struct ss_error *err)
{
	/* who has come has been made by a thread that ran */
	if (ret->tid.n && ledger_balance(capturer))
		return 0;
	return capturer->observer->ops->list(capturer->observer, ret, err);
}

static int begin(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
		 struct capture *capture, struct ss_error *err)
{
	size_t n = tids->tid.n, before = capture->threads.n;

	if (plan_update_table(capturer, tids, err) < 0 || vec_reserve(&capture->threads, n) < 0)
		return ss_error_oom(err);
	capture->threads.n = n;
	if (n > before)
		memset(&capture->threads.data[before], 0,
		       (n - before) * sizeof(*capture->threads.data));
	capture->start_ns = clock_mono_ns();
	capture->wall_ns = clock_wall_ns();
	capture->pause_ns = 0;
	capture->stops = capture->eintr_avoided = capture->eintr_caused = capture->over_pause = 0;
	capture->longest_stop_ns = capture->total_stop_ns = capture->bytes_copied = 0;
	capture->calls_cut_short = capture->timer_sampled = 0;
	capture->timer_begin_ns = capture->timer_within_ns = 0;
	copier_reset(&capturer->copier);
	arena_done(&capturer->samples);
	arena_init(&capturer->samples);
	sampling_collect(capturer, maps, capture);
	return 0;
}

/*
 * Where the timer may be used, a restless thread is on a CPU or waits for one in turn, and either can
 * be seen: a few rounds more are cheaper than a stop.
 */
static bool may_retry(struct capturer *capturer, unsigned attempt, uint64_t begin_ns)
{
	size_t bytes;

	if (attempt < RETRIES)
		return true;
	return !capturer->reuse && plan_count(capturer, PLAN_RETRY, &bytes) &&
	       plan_timer(capturer) &&
	       (attempt < RETRIES_TIMED || clock_mono_ns() - begin_ns < capturer->patience_ns);
}

/* Copy, sample and verify until everything was seen or the retries are spent. */
static int settle_copies(struct capturer *capturer, const struct maps *maps,
			 struct capture *capture, struct ss_error *err)
{
	uint64_t begin_ns = clock_mono_ns();

	for (unsigned attempt = 0; may_retry(capturer, attempt, begin_ns); attempt++) {
		int r;

		plan_retry(capturer, capture);
		r = copying_round(capturer, maps, capture, err);
		if (r < 0)
			return r;
		copying_verify(capturer, capture);
		sampling_round(capturer, maps, capture);
		/* one that was asked for registers may have come to stand still by now */
		r = late_take_arrived(capturer, maps, capture, err);
		if (r < 0)
			return r;
	}
	guard_restless(capturer, capture);
	return 0;
}

/* Everything that is planned, with samples and stops between look and proof of the copies. */
static int carry_out(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		     struct ss_error *err)
{
	int r;

	guard_round(capturer, capture, PLAN_RETRY);
	r = copying_round(capturer, maps, capture, err);
	if (r == 0)
		sampling_round(capturer, maps, capture);
	if (r == 0)
		r = stopping_round(capturer, maps, capture, err);
	if (r < 0)
		return r;
	copying_verify(capturer, capture);
	r = late_take_arrived(capturer, maps, capture, err);
	if (r == 0)
		r = settle_copies(capturer, maps, capture, err);
	guard_round(capturer, capture, PLAN_STOP);
	if (r == 0)
		r = stopping_round(capturer, maps, capture, err);
	if (r == 0)
		r = late_await(capturer, maps, capture, err);
	capture->end_ns = clock_mono_ns();
	return r;
}

static int sweep(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
		 struct capture *capture, struct ss_error *err)
{
	int r = begin(capturer, tids, maps, capture, err);

	if (r < 0)
		return r;
	plan_look(capturer, capture);
	r = carry_out(capturer, maps, capture, err);
	plan_remember(capturer, capture);
	return r;
}

/* ---- the tracer ---- */

/*
 * One call of this folder, run in a thread of its own. A tracee belongs to the thread that attached
 * it, and the kernel lets all of them go when that thread exits (exit_ptrace, kernel/ptrace.c): so
 * when the call returns nothing is attached, neither a thread that would have stopped later nor one
 * that has taken another tid by exec. The deadline of a stop is that of its tracer's life.
 */
struct errand {
	struct capturer *capturer;
	const struct tids *tids;
	const struct sweep_request *requests;
	size_t nrequests;
	const struct maps *maps;
	struct capture *capture;
	struct ss_error *err;
	int (*run)(const struct errand *errand);
	int result;
};

static void *run_errand(void *arg)
{
	struct errand *errand = arg;

	prctl(PR_SET_TIMERSLACK, 1ul); /* or its naps would last for 50 us longer */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	errand->result = errand->run(errand);
	return NULL;
}

/* A stop signal (Ctrl-Z) in the middle of a round would stop us, and with us what stands still. */
static void block_stop_signals(sigset_t *ret_before)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGTTIN);
	sigaddset(&stops, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &stops, ret_before);
}

enum tracer_end {
	TRACER_ENDED,
	TRACER_CANCELLED, /* it could not attach a thread: exec goes on, too */
	TRACER_LEFT,      /* behind: it waits for the target's memory, and holds no tracee */
};

static enum tracer_end await(pthread_t tracer, struct capturer *capturer)
{
	struct timespec until;
	void *result;
	uint64_t ns;

	for (;;) {
		ns = clock_mono_ns() + JOINING_NS;
		until = (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SEC),
					   .tv_nsec = (long)(ns % NS_PER_SEC) };
		if (pthread_clockjoin_np(tracer, &result, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
			return result == PTHREAD_CANCELED ? TRACER_CANCELLED : TRACER_ENDED;
		ns = capturer->attaching_ns;
		if (ns && clock_mono_ns() - ns > ATTACH_NS)
			pthread_cancel(tracer);
		if (copier_abandon(&capturer->copier, tracer))
			return TRACER_LEFT;
	}
}

/* What a tracer has not cleaned up that did not come to its end. */
static int clean_up(struct capturer *capturer, enum tracer_end end, struct ss_error *err)
{
	capturer->attaching_ns = 0;
	if (!capturer->observer->ops->keeps_files)
		vec_each(work, &capturer->work)
			procfs_thread_close(&work->proc);
	if (end == TRACER_LEFT)
		return ss_error_sys(err, ETIMEDOUT, "a page of process %d's memory does not come",
				    (int)capturer->target->pid);
	return ss_error_set(err, SS_ERR_GONE, ESRCH, "process %d is in the middle of exec",
			    (int)capturer->target->pid);
}

static int await_result(pthread_t tracer, const struct errand *errand)
{
	enum tracer_end end = await(tracer, errand->capturer);

	return end == TRACER_ENDED ? errand->result : clean_up(errand->capturer, end, errand->err);
}

static int send_out(struct errand *errand)
{
	struct capturer *capturer = errand->capturer;
	pthread_t tracer;
	sigset_t before;
	int r;

	block_stop_signals(&before);
	r = pthread_create(&tracer, NULL, run_errand, errand);
	if (r)
		r = ss_error_sys(errand->err, r, "cannot start a thread");
	else
		r = await_result(tracer, errand);
	aside_end(steal_ptr(capturer->aside));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	capturer->realtime = false;
	capturer->late.n = 0;
	return r;
}

/* The page that it waited for was there when it began, and is known to be absent now. */
static int send_out_again(struct errand *errand)
{
	int r = send_out(errand);

	return r == -ETIMEDOUT ? send_out(errand) : r;
}

static int run_sweep(const struct errand *errand)
{
	return sweep(errand->capturer, errand->tids, errand->maps, errand->capture, errand->err);
}

static int send_sweep(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
		      struct capture *capture, struct ss_error *err)
{
	struct errand errand = { .capturer = capturer,
				 .tids = tids,
				 .maps = maps,
				 .capture = capture,
				 .err = err,
				 .run = run_sweep };

	return send_out_again(&errand);
}

int sweep_threads(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
		  struct capture *capture, struct ss_error *err)
{
	capturer->reuse = false;
	capturer->patience_ns = SWEEP_PATIENCE_NS;
	return send_sweep(capturer, tids, maps, capture, err);
}

int sweep_tick(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
	       struct capture *capture, struct ss_error *err)
{
	capturer->reuse = true;
	capturer->patience_ns = 0;
	return send_sweep(capturer, tids, maps, capture, err);
}

void capturer_forget(struct capturer *capturer)
{
	vec_each(work, &capturer->work) {
		work->settled = false;
		work->stops = 0;
	}
	ledger_forget(&capturer->ledger);
}

/* ---- what unwinding lacked ---- */

/* True for a thread that was never stopped and lacks memory only. */
static bool can_extend(const struct sweep_request *request, const struct capture *capture)
{
	const struct capture_thread *thread = &capture->threads.data[request->thread];

	return !request->registers && thread->how == CAPTURE_UNTOUCHED &&
	       thread->ncopies < CAPTURE_COPIES;
}

/* No more than the mapping has: a thousand threads may ask for megabytes each. */
static size_t cut_window(const struct maps *maps, uint64_t addr, size_t window)
{
	const struct map *map = maps_find(maps, addr);

	return map ? MIN(window, map->end - addr) : window;
}

/*
 * Registers that the same frame saved lie a little below the word that was missing, perhaps in a
 * gap above what is copied already.
 */
static uint64_t margin_below(const struct maps *maps, uint64_t addr)
{
	const struct map *map = maps_find(maps, addr);

	return addr - (map ? MIN(addr - map->start, (uint64_t)FRAME_MARGIN) : 0);
}

/* Where to go on, with nothing copied twice. */
static uint64_t extension_start(const struct maps *maps, const struct capture_thread *thread,
				uint64_t addr)
{
	uint64_t start = margin_below(maps, addr);

	for (unsigned i = 0; i < thread->ncopies; i++) {
		uint64_t end = thread->copies[i].addr + thread->copies[i].len;

		if (end <= addr)
			start = MAX(start, end);
	}
	return start;
}

static void add_extension(struct capturer *capturer, const struct sweep_request *request,
			  const struct maps *maps, const struct capture *capture)
{
	uint64_t start =
		extension_start(maps, &capture->threads.data[request->thread], request->memory);

	copier_add(&capturer->copier, maps, request->thread, start, request->memory,
		   request->memory - start + request->window);
}

/* A blocked thread whose stack goes on above the copy: add to it if it still stands still. */
static int extend_copies(struct capturer *capturer, const struct sweep_request *requests, size_t n,
			 const struct maps *maps, struct capture *capture, struct ss_error *err)
{
	size_t bytes = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		if (can_extend(&requests[i], capture))
			bytes += FRAME_MARGIN +
				 cut_window(maps, requests[i].memory, requests[i].window);
	r = copier_reserve(&capturer->copier, n, bytes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (can_extend(&requests[i], capture))
			add_extension(capturer, &requests[i], maps, capture);
	r = copying_settle(capturer, copying_run(capturer));
	if (r < 0)
		return copying_failed(capturer, r, err);
	capturer->observer->ops->begin_proof(capturer->observer, capturer->copier.jobs.n);
	vec_each(job, &capturer->copier.jobs) {
		struct work *work = &capturer->work.data[job->thread];
		struct capture_thread *thread = &capture->threads.data[job->thread];

		if (copying_stood_still(capturer, work, thread)) {
			copy_job_store(job, thread);
			capture->bytes_copied += job->got;
		} else {
			thread->ncopies = 0;
			thread->how = CAPTURE_NONE;
			work->plan = PLAN_RETRY;
		}
	}
	return 0;
}

/* A deeper one: the thread has run on. */
static void plan_sample_again(struct work *work, const struct capture_thread *thread,
			      const struct sweep_request *request)
{
	uint64_t sp = thread->regs.r[REG_SP];

	if (request->memory < sp || request->memory - sp + request->window > TIMER_WINDOW_MAX)
		return;
	work->plan = PLAN_SAMPLE;
	work->late_look = true;
	work->window = request->memory - sp + request->window;
}

/* Stops for registers, and for deep stacks of threads that were stopped in the first place. */
static void plan_stops(struct capturer *capturer, const struct sweep_request *requests, size_t n,
		       const struct maps *maps, const struct capture *capture)
{
	for (size_t i = 0; i < n; i++) {
		const struct sweep_request *request = &requests[i];
		const struct capture_thread *thread = &capture->threads.data[request->thread];
		struct work *work = &capturer->work.data[request->thread];
		uint64_t sp = thread->regs.r[REG_SP];

		if (thread->how == CAPTURE_SAMPLED) {
			plan_sample_again(work, thread, request);
			continue;
		}
		if (!request->registers && thread->how != CAPTURE_STOPPED)
			continue;
		if (capturer->mode == SS_STOP_NEVER || !look_can_interrupt(&thread->look))
			continue;
		work->plan = PLAN_STOP;
		work->late_look = !request->registers;
		work->extra_addr = 0;
		work->window = MAX(work->window, MAX(request->window, (size_t)WINDOW_STOP));
		if (request->registers)
			continue;
		/* further up the same stack, or on another one (sigaltstack)? */
		if (request->memory >= sp &&
		    maps_find(maps, sp) == maps_find(maps, request->memory))
			work->window = request->memory - sp +
				       cut_window(maps, request->memory, request->window);
		else
			work->extra_addr = margin_below(maps, request->memory);
	}
}

static int fetch(struct capturer *capturer, const struct sweep_request *requests, size_t n,
		 const struct maps *maps, struct capture *capture, struct ss_error *err)
{
	int r = extend_copies(capturer, requests, n, maps, capture, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct work *work = &capturer->work.data[requests[i].thread];

		if (work->plan == PLAN_RETRY)
			work->window = MAX(work->window, requests[i].window);
	}
	plan_stops(capturer, requests, n, maps, capture);
	r = carry_out(capturer, maps, capture, err);
	plan_remember(capturer, capture);
	return r;
}

static int run_fetch(const struct errand *errand)
{
	return fetch(errand->capturer, errand->requests, errand->nrequests, errand->maps,
		     errand->capture, errand->err);
}

int sweep_again(struct capturer *capturer, const struct sweep_request *requests, size_t n,
		const struct maps *maps, struct capture *capture, struct ss_error *err)
{
	struct errand errand = { .capturer = capturer,
				 .requests = requests,
				 .nrequests = n,
				 .maps = maps,
				 .capture = capture,
				 .err = err,
				 .run = run_fetch };

	return send_out_again(&errand);
}

int sweep_pcount(const struct capturer *capturer, size_t i, uint64_t *ret)
{
	return procfs_pcount(capturer->target, &capturer->work.data[i].proc, ret);
}

bool sweep_still_waits(const struct capturer *capturer, const struct capture *capture, size_t i)
{
	const struct look *then = &capture->threads.data[i].look;
	struct look now = *then;

	return procfs_relook_call(capturer->target, &capturer->work.data[i].proc, &now) == 0 &&
	       now.call == then->call && now.sp == then->sp && now.pc == then->pc &&
	       memcmp(now.args, then->args, sizeof(now.args)) == 0;
}

bool capturer_leader_status(const struct capturer *capturer, int *ret_status)
{
	if (capturer->leader_exited)
		*ret_status = capturer->leader_status;
	return capturer->leader_exited;
}
