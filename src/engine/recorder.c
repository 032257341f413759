/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One tick: list the threads, sweep those that have run, walk and name what is new, and hand every
 * thread's counters to its delta. A thread that has not run costs one read of schedstat.
 */
#include "engine/recorder-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"

enum {
	ROWS_MAX = 1 << 20,     /* of accounts: some 60 MiB */
	SEGMENTS_MAX = 2 << 20, /* of a time line: some 60 MiB, and as much again in the profile */
};

/*
 * In a block profile samples decide no time. They are taken all the same: with the timer nothing that
 * runs is stopped, and a thread that never blocks has a stack.
 */
#define BLOCK_SAMPLES_HZ 10.0

#define MAPS_AGE_NS  (250 * NS_PER_MS) /* new threads bring new stacks: read maps, but not always */
#define NAMES_AGE_NS (500 * NS_PER_MS) /* the oldest maps that stacks are named by */
#define NAMES_SHARE  200               /* of the time at most one part in so many to read them */
#define CLOCK_AGE_NS NS_PER_SEC        /* steal time makes a calibration go stale */

/* ---- life ---- */

static int describe(struct ss_profile *profile, struct ss_session *session)
{
	struct process_description process;

	if (session_describe(session, &profile->arena, &process) < 0)
		return -ENOMEM;
	profile->pid = session->target.pid;
	profile->comm = process.comm;
	profile->exe = process.exe;
	profile->cmdline = process.cmdline;
	profile->stop = process.stop;
	profile->observer = process.observer;
	profile->unwinder = session->unwinder_ops->name;
	profile->timer = process.timer;
	profile->timer_refusal = process.timer_refusal;
	return 0;
}

static struct ss_profile *profile_new(struct ss_session *session,
				      const struct ss_record_options *options)
{
	static const enum profile_kind kinds[] = {
		[SS_PROFILE_BLOCK] = PROFILE_BLOCK,
		[SS_PROFILE_CPU] = PROFILE_CPU,
		[SS_PROFILE_WALL] = PROFILE_WALL,
		[SS_PROFILE_MUTEX] = PROFILE_MUTEX,
	};
	struct ss_profile *profile = calloc(1, sizeof(*profile));

	if (!profile)
		return NULL;
	arena_init(&profile->arena);
	stack_table_init(&profile->stacks);
	profile->kind = kinds[options->kind];
	profile->period_ns = (uint64_t)((double)NS_PER_SEC / options->rate_hz);
	if (describe(profile, session) == 0)
		return profile;
	ss_profile_free(profile);
	return NULL;
}

int recorder_new(struct ss_session *session, const struct ss_record_options *options,
		 struct recorder **ret, struct ss_error *err)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return ss_error_oom(err);
	recorder->session = session;
	recorder->last_ns = options->began_ns;
	recorder->min_block_ns = options->min_block_ns;
	accounts_init(&recorder->accounts, ROWS_MAX, options->timeline ? SEGMENTS_MAX : 0);
	places_init(&recorder->places);
	map64_init(&recorder->alive);
	map64_init(&recorder->stacks);
	recorder->objects = options->objects;
	recorder->profile = profile_new(session, options);
	if (options->kind == SS_PROFILE_MUTEX)
		recorder->holders = holders_new(ROWS_MAX);
	if (options->kind == SS_PROFILE_BLOCK)
		capturer_watch_waits(session->capturer);
	if (!recorder->profile || (options->kind == SS_PROFILE_MUTEX && !recorder->holders)) {
		recorder_free(recorder);
		return ss_error_oom(err);
	}
	*ret = recorder;
	return 0;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	recorder_end_samples(recorder);
	ss_profile_free(recorder->profile);
	accounts_done(&recorder->accounts);
	places_done(&recorder->places);
	holders_free(recorder->holders);
	map64_done(&recorder->stacks);
	recorder_free_threads(recorder);
	free(recorder);
}

void ss_profile_free(struct ss_profile *profile)
{
	if (!profile)
		return;
	stack_table_done(&profile->stacks);
	arena_done(&profile->arena);
	free(profile);
}

void recorder_sample(struct recorder *recorder, double hz)
{
	struct ss_profile *profile = recorder->profile;
	struct capturer *capturer = recorder->session->capturer;
	bool before = recorder->timer;
	const char *refusal;

	if (profile->kind == PROFILE_BLOCK)
		hz = MIN(hz, BLOCK_SAMPLES_HZ);
	recorder->timer = capturer_sample(capturer, hz);
	/* who runs is told by the timer: looks are for what threads wait for */
	if (recorder->timer && !before && !recorder->holders)
		capturer_watch_waits(capturer);
	/* it is opened when it is first needed */
	profile->timer = capturer_timer(capturer, &refusal);
	refusal = arena_strdup(&profile->arena, refusal);
	if (refusal)
		profile->timer_refusal = refusal;
}

void recorder_end_samples(struct recorder *recorder)
{
	if (recorder->timer)
		capturer_end_samples(recorder->session->capturer);
}

unsigned recorder_threads(const struct recorder *recorder)
{
	return recorder->nalive;
}

/* ---- a tick ---- */

static int read_maps(struct recorder *recorder, struct ss_error *err)
{
	int r;

	recorder->maps_ns = clock_mono_ns();
	r = session_update_maps(recorder->session, err);
	recorder->maps_cost_ns = clock_mono_ns() - recorder->maps_ns;
	return r;
}

/* Before a sweep, which has to know where stacks end. */
static int update_maps(struct recorder *recorder, uint64_t now_ns, struct ss_error *err)
{
	bool new_threads = recorder->session->tids.tid.n > recorder->nalive;

	if (recorder->ticks && !(new_threads && now_ns - recorder->maps_ns > MAPS_AGE_NS))
		return 0;
	return read_maps(recorder, err);
}

static bool captured_anew(const struct capture *capture)
{
	vec_each(thread, &capture->threads)
		if (thread->how != CAPTURE_SAME)
			return true;
	return capture->samples.n > 0;
}

/*
 * After a sweep: what ran may have unmapped code and mapped other code there, and the stacks just
 * captured are named by the maps of now. If the process has ended meanwhile, the old ones will do.
 */
static int renew_maps(struct recorder *recorder, struct ss_error *err)
{
	uint64_t age_ns = clock_mono_ns() - recorder->maps_ns;
	int r;

	if (age_ns < MIN(NAMES_SHARE * recorder->maps_cost_ns, NAMES_AGE_NS) ||
	    !captured_anew(&recorder->session->capture))
		return 0;
	r = read_maps(recorder, err);
	return r == -ESRCH ? 0 : r;
}

static void count_sweep(struct recorder *recorder)
{
	const struct capture *capture = &recorder->session->capture;
	struct ss_coverage *coverage = &recorder->profile->coverage;

	coverage->stops += capture->stops;
	coverage->over_pause += capture->over_pause;
	coverage->eintr_avoided += capture->eintr_avoided;
	coverage->eintr_caused += capture->eintr_caused;
	coverage->calls_cut_short += capture->calls_cut_short;
	coverage->total_stop_ns += capture->total_stop_ns;
	coverage->bytes_copied += capture->bytes_copied;
	coverage->longest_stop_ns = MAX(coverage->longest_stop_ns, capture->longest_stop_ns);
	coverage->pause_ns = MAX(coverage->pause_ns, capture->pause_ns);
	coverage->threads_filtered = recorder->session->filtered;
}

/*
 * After exec nothing that was known of the threads holds, not even what the tick before has seen of
 * the new program. The main thread may also end before the others: then another one is what memory
 * is read through.
 */
static int keep_up(struct recorder *recorder, struct ss_error *err)
{
	struct ss_session *session = recorder->session;
	enum target_change change = target_changed(&session->target);
	int r;

	if (change == TARGET_SAME)
		return 0;
	if (change == TARGET_EXECED) {
		capturer_forget(session->capturer);
		recorder_note_exec(recorder);
	}
	r = target_refresh(&session->target, err);
	return r == 0 ? read_maps(recorder, err) : r;
}

/* In the middle of an exec there are threads, and none of them can be read. */
static int check_sweep(const struct ss_session *session, struct ss_error *err)
{
	if (session->tids.tid.n == 0 || !session_saw_nothing(session))
		return 0;
	return ss_error_set(err, SS_ERR_GONE, ESRCH, "the threads of process %d have ended",
			    (int)session->target.pid);
}

static int look_and_record(struct recorder *recorder, uint64_t now_ns, struct ss_error *err)
{
	struct ss_session *session = recorder->session;
	int r = session_list_threads(session, err);

	if (r == 0)
		r = keep_up(recorder, err);
	if (r == 0)
		r = update_maps(recorder, now_ns, err);
	if (r == 0)
		r = sweep_tick(session->capturer, &session->tids, &session->maps, &session->capture,
			       err);
	if (r == 0)
		r = check_sweep(session, err);
	if (r == 0 && recorder->holders && holders_read_locks(recorder->holders, session) < 0)
		r = ss_error_oom(err);
	if (r == 0)
		r = renew_maps(recorder, err);
	if (r == 0)
		r = session_unwind(session, err);
	if (r == 0)
		r = recorder_note_threads(recorder, err);
	return r;
}

/* What was about to be read had just ended, but the process lives: the next tick is another chance. */
static int skip(struct recorder *recorder, int r)
{
	if (r != -ESRCH)
		return r;
	recorder->skipped++;
	capturer_forget(recorder->session->capturer);
	return 1;
}

int recorder_tick(struct recorder *recorder, struct ss_error *err)
{
	struct ss_session *session = recorder->session;
	uint64_t now_ns = clock_mono_ns();
	int r;

	if (now_ns - recorder->clock_ns > CLOCK_AGE_NS) {
		schedclock_begin(&session->schedclock);
		recorder->clock_ns = now_ns;
	}
	r = look_and_record(recorder, now_ns, err);
	if (r < 0)
		return target_alive(&session->target) ? skip(recorder, r) : 0;
	/* a zombie: its parent, perhaps ourselves, has yet to wait */
	if (recorder->nalive == 0 && !target_alive(&session->target))
		return 0;
	count_sweep(recorder);
	if (recorder->ticks++ == 0) {
		recorder->start_ns = session->capture.start_ns;
		recorder->profile->wall_ns = session->capture.wall_ns;
	}
	recorder->last_ns = session->capture.start_ns;
	return 1;
}
