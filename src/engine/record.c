/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ss_record: a capture of several processes, tick by tick, and of the children that they make. A
 * child has a session of its own; when it ends, its profile is made at once and the session closed,
 * so that a build with thousands of short-lived processes costs no more than what was seen of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/metronome.h"
#include "engine/recorder.h"
#include "engine/throttle.h"
#include "engine/warmup.h"
#include "target/children.h"

#define DEFAULT_RATE_HZ  99.0
#define MAX_RATE_HZ      1000.0
#define DEFAULT_OVERHEAD 0.5              /* of one CPU */
#define CHILDREN_AGE_NS  (20 * NS_PER_MS) /* how old a list of the processes may be */

/* One process of the capture. */
struct observed {
	struct ss_session *session;
	struct recorder *recorder;           /* NULL once profile is made */
	struct ss_profile *profile;          /* of a child that has ended */
	bool ended, child;                   /* child: the session is ours */
	unsigned done_before, missed_before; /* ticks of the capture that it was not there for */
	struct ss_error failure;   /* of the first look, if that was the end of it; else NONE */
	struct ss_coverage warmup; /* what the look before it did */
};

struct recording {
	const struct ss_record_options *options;
	VEC(struct observed) all; /* those that the caller named come first */
	size_t nnamed;
	struct metronome metronome;
	struct throttle throttle;
	uint64_t end_ns;           /* 0: none */
	struct children *children; /* NULL: they are not wanted */
	struct tids newcomers;     /* scratch */
	uint64_t children_ns;      /* when they were last looked for */
	unsigned refused, missed;  /* children that could not be opened; that ended before */
};

static void observed_done(struct observed *observed)
{
	ss_profile_free(observed->profile);
	recorder_free(observed->recorder);
	if (observed->child)
		ss_session_close(observed->session);
}

static void recording_done(struct recording *recording)
{
	vec_each(observed, &recording->all)
		observed_done(observed);
	vec_done(&recording->all);
	vec_done(&recording->newcomers.tid);
	children_free(recording->children);
}

/* How often samples are to be taken now: as often as looks, also after the throttle made them fewer. */
static double sample_rate(const struct recording *recording)
{
	uint64_t period_ns = recording->throttle.period_ns;

	return period_ns ? (double)NS_PER_SEC / (double)period_ns : recording->options->rate_hz;
}

/* Takes the session of a child over, on failure too. */
static int add_process(struct recording *recording, struct ss_session *session, bool child,
		       uint64_t began_ns, struct ss_error *err)
{
	struct ss_record_options options = *recording->options;
	struct observed observed = {
		.session = session,
		.child = child,
		.done_before = recording->metronome.done,
		.missed_before = recording->metronome.missed,
	};
	int r;

	options.began_ns = began_ns;
	r = recorder_new(session, &options, &observed.recorder, err);
	if (r == 0 && vec_push(&recording->all, observed) < 0)
		r = ss_error_oom(err);
	if (r < 0)
		observed_done(&observed);
	else
		recorder_sample(observed.recorder, sample_rate(recording));
	return r;
}

static int follow_children(struct recording *recording, struct ss_error *err)
{
	recording->children = children_new();
	if (!recording->children)
		return ss_error_oom(err);
	for (size_t i = 0; i < recording->nnamed; i++)
		if (children_follow(recording->children,
				    recording->all.data[i].session->target.pid) < 0)
			return ss_error_oom(err);
	return 0;
}

static int recording_init(struct recording *recording, struct ss_session *const *sessions, size_t n,
			  struct ss_error *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = add_process(recording, sessions[i], false, recording->options->began_ns,
				    err);

		if (r < 0)
			return r;
	}
	recording->nnamed = n;
	return recording->options->subprocesses ? follow_children(recording, err) : 0;
}

/* ---- children ---- */

static bool is_named(const struct recording *recording, pid_t pid)
{
	for (size_t i = 0; i < recording->nnamed; i++)
		if (recording->all.data[i].session->target.pid == pid)
			return true;
	return false;
}

/* One that cannot be read is counted: it must not end the capture of the others. */
static int add_child(struct recording *recording, pid_t pid, uint64_t began_ns,
		     struct ss_error *err)
{
	struct ss_session *session;
	int r = session_open_like(recording->all.data[0].session, pid, &session, err);

	if (r == 0)
		return add_process(recording, session, true, began_ns, err);
	if (err->kind == SS_ERR_NO_MEMORY)
		return r;
	if (err->kind == SS_ERR_NO_PROCESS || err->kind == SS_ERR_ZOMBIE ||
	    err->kind == SS_ERR_GONE)
		recording->missed++;
	else
		recording->refused++;
	return 0;
}

/* Those that are new since the last time began after it; at the first time all of them did before. */
static int add_children(struct recording *recording, struct ss_error *err)
{
	uint64_t now = clock_mono_ns(), before = recording->children_ns;
	int r;

	if (!recording->children || (before && now - before < CHILDREN_AGE_NS))
		return 0;
	recording->children_ns = now;
	r = children_find(recording->children, &recording->newcomers, err);
	for (size_t i = 0; i < recording->newcomers.tid.n && r == 0; i++) {
		pid_t pid = recording->newcomers.tid.data[i];

		if (!is_named(recording, pid))
			r = add_child(recording, pid, before, err);
	}
	return r;
}

static int finish(struct recording *recording, struct observed *observed, struct ss_profile **ret,
		  struct ss_error *err)
{
	const struct metronome *metronome = &recording->metronome;
	int r = recorder_finish(observed->recorder, metronome->done - observed->done_before,
				metronome->missed - observed->missed_before, ret, err);

	if (r < 0)
		return r;
	session_count_files(observed->session, &(*ret)->coverage);
	warmup_count(&(*ret)->coverage, &observed->warmup);
	return 0;
}

/* The profile of a child, which stands without its session; NULL if it was never seen. */
static int finish_child(struct recording *recording, struct observed *observed,
			struct ss_error *err)
{
	struct ss_profile *profile;
	int r = finish(recording, observed, &profile, err);

	if (r == 0)
		r = profile_keep(profile, err);
	if (r < 0)
		return r;
	recorder_free(observed->recorder);
	observed->recorder = NULL;
	ss_session_close(observed->session);
	observed->session = NULL;
	observed->profile = profile;
	return 0;
}

/* ---- ticks ---- */

static int tick_one(struct recording *recording, struct observed *observed, struct ss_error *err)
{
	bool first = recording->metronome.done == 0 && !observed->child;
	int r = recorder_tick(observed->recorder, err);

	if (r > 0 && first && session_check_selection(observed->session, err) < 0)
		r = -err->sys;
	if (r < 0 && first)
		observed->failure = *err;
	/* what was seen of a process that can no longer be read is kept */
	observed->ended = r <= 0;
	if (!observed->ended)
		return 0;
	recorder_end_samples(observed->recorder);
	return observed->child ? finish_child(recording, observed, err) : 0;
}

/* One process whose first look failed does not keep the others from being captured. */
static int tell_failures(const struct recording *recording, struct ss_error *err)
{
	const struct ss_record_options *options = recording->options;
	const struct ss_error *last = NULL;
	size_t left = recording->nnamed;

	for (size_t i = 0; i < recording->nnamed; i++) {
		const struct observed *observed = &recording->all.data[i];

		if (!observed->failure.kind)
			continue;
		last = &observed->failure;
		if (--left && options->failed)
			options->failed(options->failed_arg, observed->session, last);
	}
	if (left)
		return 0;
	*err = *last;
	return -last->sys;
}

/* One tick of every process; 0, or a negative errno if the first look at all of them failed. */
static int tick_all(struct recording *recording, struct ss_error *err)
{
	int r = add_children(recording, err);

	for (size_t i = 0; i < recording->all.n && r == 0; i++)
		if (!recording->all.data[i].ended)
			r = tick_one(recording, &recording->all.data[i], err);
	if (r == 0 && recording->metronome.done == 0)
		r = tell_failures(recording, err);
	recording->metronome.done++;
	return r;
}

/*
 * Without a duration the capture ends with the processes that were named: a daemon which a command
 * left behind would keep it for ever.
 */
static bool is_over(const struct recording *recording)
{
	size_t n = recording->end_ns ? recording->all.n : recording->nnamed;

	for (size_t i = 0; i < n; i++)
		if (!recording->all.data[i].ended)
			return false;
	return true;
}

static bool wants_more(const struct recording *recording)
{
	const struct ss_record_options *options = recording->options;
	const struct metronome *metronome = &recording->metronome;
	struct ss_progress progress = {
		.elapsed_ns = clock_mono_ns() - metronome->start_ns,
		.duration_ns = options->duration_ns,
		.ticks_done = metronome->done,
		.ticks_missed = metronome->missed,
	};

	vec_each(observed, &recording->all) {
		if (observed->ended)
			continue;
		progress.threads += recorder_threads(observed->recorder);
		progress.processes++;
	}
	return !options->progress || !options->progress(options->progress_arg, &progress);
}

/* Of all threads of ours, those that have ended too. */
static uint64_t used_cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return clock_timespec_ns(&used);
}

static void watch_overhead(struct recording *recording)
{
	struct throttle *throttle = &recording->throttle;

	if (!throttle_note(throttle, clock_mono_ns(), used_cpu_ns()))
		return;
	metronome_change(&recording->metronome, throttle->period_ns);
	vec_each(observed, &recording->all)
		if (!observed->ended)
			recorder_sample(observed->recorder, sample_rate(recording));
}

/* What began already must not wait. */
static int warm_up(struct recording *recording, struct ss_error *err)
{
	int r = 0;

	for (size_t i = 0; i < recording->nnamed && r == 0; i++) {
		struct observed *observed = &recording->all.data[i];

		if (recording->options->began_ns == 0)
			r = warmup_look(observed->session, recording->options, &observed->warmup,
					err);
	}
	return r;
}

/* The time that was asked for begins with the first look, which may have been late. */
static void settle_end(struct recording *recording)
{
	const struct ss_record_options *options = recording->options;

	if (recording->metronome.done != 1 || !options->duration_ns || options->began_ns)
		return;
	for (size_t i = 0; i < recording->nnamed; i++)
		if (!recording->all.data[i].ended)
			recording->end_ns = recording->all.data[i].session->capture.start_ns +
					    options->duration_ns;
}

static int run(struct recording *recording, struct ss_error *err)
{
	struct metronome *metronome = &recording->metronome;
	int r = warm_up(recording, err);

	if (r < 0)
		return r;
	metronome_init(metronome, recording->options->rate_hz);
	throttle_init(&recording->throttle, recording->options->max_overhead, metronome->period_ns,
		      metronome->start_ns, used_cpu_ns());
	if (recording->options->duration_ns)
		recording->end_ns = metronome->start_ns + recording->options->duration_ns;
	do {
		metronome_wait(metronome, recording->end_ns);
		r = tick_all(recording, err);
		settle_end(recording);
		watch_overhead(recording);
		if (r < 0 || is_over(recording) || !wants_more(recording))
			return r;
		/* two looks make a time; that of a command's start may outlast a short capture */
	} while (recording->end_ns == 0 || clock_mono_ns() < recording->end_ns ||
		 metronome->done < 2);
	return 0;
}

/* ---- the result ---- */

static int finish_all(struct recording *recording, struct ss_error *err)
{
	vec_each(observed, &recording->all) {
		int r = 0;

		if (observed->profile)
			continue;
		if (observed->child)
			r = finish_child(recording, observed, err);
		else
			r = finish(recording, observed, &observed->profile, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whose child it was is not known any more: the first process stands for all that were named. */
static void note_children(const struct recording *recording, struct ss_profile *profile,
			  size_t nchildren)
{
	profile->coverage.children_followed = (unsigned)nchildren;
	profile->coverage.children_refused = recording->refused;
	profile->coverage.children_missed = recording->missed;
}

/* Of those that there are: not all looks have failed. */
static struct ss_profile *first_of(struct ss_profile **profiles)
{
	while (!*profiles)
		profiles++;
	return *profiles;
}

static int collect(struct recording *recording, struct ss_profile ***ret, size_t *ret_n,
		   struct ss_error *err)
{
	struct ss_profile **profiles;
	size_t n = 0;
	int r = finish_all(recording, err);

	if (r < 0)
		return r;
	profiles = calloc(recording->all.n, sizeof(*profiles));
	if (!profiles)
		return ss_error_oom(err);
	vec_each(observed, &recording->all) {
		struct ss_profile *profile = observed->profile;

		if (observed->failure.kind) {
			profiles[n++] = NULL;
			continue;
		}
		/* a child that ended before its first look has nothing to show */
		if (observed->child && profile->nthreads == 0) {
			recording->missed += profile->coverage.threads_filtered == 0;
			continue;
		}
		if (observed->ended)
			profile->coverage.ended_after_ns = MAX(profile->duration_ns, UINT64_C(1));
		profile->coverage.longest_period_ns = recording->throttle.longest_ns;
		profiles[n++] = steal_ptr(observed->profile);
	}
	note_children(recording, first_of(profiles), n - recording->nnamed);
	*ret = profiles;
	*ret_n = n;
	return 0;
}

int ss_record(struct ss_session *const *sessions, size_t n, const struct ss_record_options *options,
	      struct ss_profile ***ret, size_t *ret_n, struct ss_error *err)
{
	struct ss_record_options settled = *options;
	_cleanup_(recording_done) struct recording recording = { .options = &settled };
	int r = 0;

	if (settled.rate_hz == 0)
		settled.rate_hz = DEFAULT_RATE_HZ;
	if (settled.max_overhead == 0)
		settled.max_overhead = DEFAULT_OVERHEAD;
	if (!(settled.rate_hz > 0 && settled.rate_hz <= MAX_RATE_HZ))
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "the rate must be above 0 and at most %.0f Hz", MAX_RATE_HZ);
	/* what began already must not wait */
	for (size_t i = 0; i < n && r == 0; i++)
		r = session_fetch(sessions[i], settled.began_ns == 0, err);
	if (r == 0)
		r = recording_init(&recording, sessions, n, err);
	if (r == 0)
		r = run(&recording, err);
	if (r == 0)
		r = collect(&recording, ret, ret_n, err);
	return r;
}

pid_t ss_profile_pid(const struct ss_profile *profile)
{
	return profile->pid;
}

const struct ss_coverage *ss_profile_coverage(const struct ss_profile *profile)
{
	return &profile->coverage;
}
