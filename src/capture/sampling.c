/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The round that sees threads which are on a CPU: the kernel's timer is armed, and samples come while
 * we sleep. A thread that leaves its CPU before it is sampled is looked at anew: it is blocked or
 * waits for a CPU by then, and its stack can be copied. Never uses ptrace.
 */
#include <time.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "capture/sweep.h"
#include "target/maps.h"
#include "target/target.h"

#define PERIOD_NS (50 * NS_PER_US) /* shorter ones take the CPU from the threads, not from us */
#define NAP_NS    (50 * NS_PER_US)
#define NAPS_NS   NS_PER_MS /* later on */

/* Where the observer tells who is on a CPU: it is sampled within that time, or has left. */
#define ROUND_NS (300 * NS_PER_US)
/* Where it does not: a thread that waits for a CPU is sampled when it gets one. */
#define BLIND_ROUND_NS (20 * NS_PER_MS)

/* ---- storing samples ---- */

/* The sample's bytes from `at` up to the hole at `end`, of `absent` bytes (0: there is none). */
static void add_copy(struct capture_thread *thread, const struct timer_sample *sample,
		     const unsigned char *bytes, uint64_t at, uint64_t end, uint64_t absent)
{
	if (thread->ncopies == CAPTURE_COPIES || (at >= end && !absent))
		return;
	thread->copies[thread->ncopies++] = (struct stack_copy){
		.addr = at,
		.len = end - at,
		.bytes = bytes + (at - sample->addr),
		.absent = absent,
	};
}

/*
 * Where the mapping of the stack at sp ends, with those behind it that may be parts of it, such as a
 * range that userfaultfd has split off; as far as a sample may reach, as a process may have thousands of
 * mappings side by side. 0: not known.
 */
static uint64_t find_stack_end(const struct maps *maps, uint64_t sp)
{
	const struct map *map = maps_find(maps, sp);
	uint64_t end = 0;

	while (map && (map->perm & MAP_PERM_W)) {
		end = map->end;
		map = end - sp < TIMER_WINDOW_MAX ? maps_find(maps, end) : NULL;
	}
	return end;
}

/*
 * Between the holes. What was read beyond the stack's end is of something else. Where the sample ends
 * at a page that is not in memory, nothing above it was looked for.
 */
static void add_copies(struct capture_thread *thread, const struct maps *maps,
		       const struct timer_sample *sample, const unsigned char *bytes)
{
	uint64_t stack_end = find_stack_end(maps, sample->regs.r[REG_SP]);
	uint64_t at = sample->addr, end = sample->addr + sample->len;
	bool to_map_end = stack_end && end >= stack_end;

	if (to_map_end)
		end = stack_end;
	for (unsigned i = 0; i < sample->nholes && sample->holes[i].addr < end; i++) {
		const struct timer_hole *hole = &sample->holes[i];

		add_copy(thread, sample, bytes, at, hole->addr, hole->len);
		at = hole->addr + hole->len;
	}
	add_copy(thread, sample, bytes, at, end,
		 stack_end && sample->faulted && !to_map_end ? stack_end - end : 0);
	if (thread->ncopies && at < end)
		thread->copies[thread->ncopies - 1].to_map_end = to_map_end;
}

static void set_call(struct look *look, const struct timer_sample *sample)
{
	static const unsigned char args[] = REGS_CALL_ARGS;

	look->call = CALL_RUNNING;
	look->nr = sample->nr;
	look->sp = sample->regs.r[REG_SP];
	look->pc = sample->regs.r[REG_PC];
	for (unsigned i = 0; sample->nr >= 0 && i < sizeof(args); i++)
		look->args[i] = sample->regs.r[args[i]];
}

/* False if memory is out: then the sample is lost. */
static bool store_sample(struct capturer *capturer, const struct maps *maps,
			 const struct timer_sample *sample, struct capture_thread *thread)
{
	const unsigned char *bytes = arena_memdup(&capturer->samples, sample->bytes, sample->len);

	if (!bytes)
		return false;
	thread->how = CAPTURE_SAMPLED;
	thread->none = SS_NO_STACK_HAS_STACK;
	thread->run = RUN_ON_CPU;
	thread->regs = sample->regs;
	thread->ncopies = 0;
	add_copies(thread, maps, sample, bytes);
	thread->look.queued = false;
	thread->look.cpu = sample->cpu;
	set_call(&thread->look, sample);
	return true;
}

/* ---- a look ---- */

struct sampling {
	struct capturer *capturer;
	const struct maps *maps;
	struct capture *capture;
	size_t left; /* threads that have not been sampled yet */
	uint64_t begin_ns;
};

static struct work *find_work(struct capturer *capturer, pid_t tid)
{
	size_t low = 0, high = capturer->work.n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (capturer->work.data[middle].proc.tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < capturer->work.n && capturer->work.data[low].proc.tid == tid
		       ? &capturer->work.data[low]
		       : NULL;
}

static void note_time(const struct sampling *sampling, uint64_t at_ns)
{
	struct capture *capture = sampling->capture;

	capture->timer_sampled++;
	capture->timer_within_ns =
		MAX(capture->timer_within_ns, at_ns - MIN(at_ns, capture->timer_begin_ns));
}

static void take(void *arg, const struct timer_sample *sample)
{
	struct sampling *sampling = arg;
	struct capturer *capturer = sampling->capturer;
	struct work *work = find_work(capturer, sample->tid);
	struct capture_thread *thread;

	/* armed for other threads; sampled twice; or for another process's look, before this one's */
	if (!work || work->plan != PLAN_SAMPLE || sample->at_ns < sampling->begin_ns)
		return;
	thread = &sampling->capture->threads.data[work - capturer->work.data];
	if (!store_sample(capturer, sampling->maps, sample, thread))
		return;
	work->plan = PLAN_DONE;
	thread->consistent &= !work->late_look;
	sampling->left--;
	sampling->capture->bytes_copied += sample->len;
	note_time(sampling, sample->at_ns);
}

static void release_sampled(struct capturer *capturer)
{
	vec_each(work, &capturer->work)
		if (work->plan != PLAN_SAMPLE)
			capturer->timer->ops->unwant(capturer->timer, work->proc.tid);
}

/* Ask the timer for those that it has room for; the others follow when some have been sampled. */
static void want_all(struct sampling *sampling)
{
	struct capturer *capturer = sampling->capturer;
	bool full = false;

	for (size_t i = 0; i < capturer->work.n; i++) {
		const struct work *work = &capturer->work.data[i];

		if (work->plan == PLAN_SAMPLE)
			full |= !capturer->timer->ops->want(
				capturer->timer, work->proc.tid,
				sampling->capture->threads.data[i].look.cpu);
	}
	if (full)
		release_sampled(capturer);
}

static size_t find_window(const struct capturer *capturer)
{
	size_t window = 0;

	vec_each(work, &capturer->work)
		if (work->plan == PLAN_SAMPLE)
			window = MAX(window, work->window);
	return MIN(window, (size_t)TIMER_WINDOW_MAX);
}

static void nap(uint64_t ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
}

/*
 * How long to sleep until the next drain, so long after the timer was armed. Not at first: two periods
 * pass sooner than a sleep, and a clock that is stopped when it is about to fire again takes twice the
 * time from the thread.
 */
static uint64_t nap_ns(uint64_t armed_ns)
{
	if (armed_ns < 2 * PERIOD_NS)
		return 0;
	return armed_ns < NAPS_NS ? NAP_NS : NAPS_NS;
}

/* Until all are sampled, or for so long. */
static void await_samples(struct sampling *sampling, uint64_t limit_ns)
{
	struct timer *timer = sampling->capturer->timer;
	uint64_t begin_ns = clock_mono_ns(), passed_ns = 0;

	for (; sampling->left && passed_ns < limit_ns; passed_ns = clock_mono_ns() - begin_ns) {
		uint64_t ns = nap_ns(passed_ns);

		if (ns)
			nap(ns);
		timer->ops->drain(timer, take, sampling);
		if (ns == NAPS_NS)
			want_all(sampling);
	}
}

/* Those that are left have left their CPU, as far as that shows, and are looked at anew. */
static void end_round(struct sampling *sampling)
{
	vec_each(work, &sampling->capturer->work)
		if (work->plan == PLAN_SAMPLE)
			work->plan = PLAN_RETRY;
}

void sampling_round(struct capturer *capturer, const struct maps *maps, struct capture *capture)
{
	struct sampling sampling = {
		.capturer = capturer, .maps = maps, .capture = capture, .begin_ns = clock_mono_ns()
	};
	struct timer *timer = capturer->timer;
	struct timer_rate rate = { .period_ns = PERIOD_NS, .once = true };
	size_t bytes;

	sampling.left = plan_count(capturer, PLAN_SAMPLE, &bytes);
	if (sampling.left == 0)
		return;
	if (!capture->timer_begin_ns)
		capture->timer_begin_ns = sampling.begin_ns;
	rate.window = find_window(capturer);
	want_all(&sampling);
	timer->ops->arm(timer, &rate);
	await_samples(&sampling,
		      capturer->observer->ops->tells_who_runs ? ROUND_NS : BLIND_ROUND_NS);
	timer->ops->disarm(timer);
	timer->ops->drain(timer, take, &sampling);
	end_round(&sampling);
}

/* ---- a capture ---- */

struct collecting {
	struct capturer *capturer;
	const struct maps *maps;
	struct capture *capture;
};

static void collect(void *arg, const struct timer_sample *sample)
{
	const struct collecting *collecting = arg;
	struct capture *capture = collecting->capture;
	struct capture_thread thread = {
		.look = { .tid = sample->tid, .at_ns = sample->at_ns, .state = 'R' }
	};

	if (vec_reserve(&capture->samples, capture->samples.n + 1) < 0 ||
	    !store_sample(collecting->capturer, collecting->maps, sample, &thread))
		return;
	capture->samples.data[capture->samples.n++] = thread;
	capture->bytes_copied += sample->len;
	capture->timer_sampled++;
}

void capturer_deepen_samples(struct capturer *capturer)
{
	struct timer *timer = capturer->timer;

	if (!timer || !capturer->sampling_rate.period_ns ||
	    capturer->sampling_rate.window >= WINDOW_SAMPLE_MAX)
		return;
	capturer->sampling_rate.window *= 8;
	timer->ops->arm(timer, &capturer->sampling_rate);
}

static void pass_over(void *arg, const struct timer_sample *sample)
{
	(void)arg, (void)sample;
}

void capturer_end_samples(struct capturer *capturer)
{
	struct timer *timer = capturer->timer;

	if (!timer || !capturer->sampling_rate.period_ns)
		return;
	timer->ops->disarm(timer);
	timer->ops->drain(timer, pass_over, NULL);
	capturer->sampling_rate = (struct timer_rate){ 0 };
}

uint64_t capturer_lost_samples(const struct capturer *capturer)
{
	return capturer->timer ? capturer->timer->ops->lost(capturer->timer) : 0;
}

void sampling_collect(struct capturer *capturer, const struct maps *maps, struct capture *capture)
{
	struct collecting collecting = { capturer, maps, capture };
	struct timer *timer = capturer->timer;

	capture->samples.n = 0;
	if (!timer || !capturer->sampling_rate.period_ns)
		return;
	timer->ops->drain(timer, collect, &collecting);
}
