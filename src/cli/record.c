/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.c: a capture over time (--block, --mutex, --cpu, --wall). Ctrl-C, or another signal that
 * asks to end, ends it early, and what was captured is written; a second one ends stacksnap.
 */
#include "record.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "deliver.h"
#include "job.h"
#include "launch.h"
#include "threshold.h"

#define DEFAULT_DURATION_NS 10000000000ull

/* The one thing a signal handler may do. */
static volatile sig_atomic_t interrupted;

/* The wait status of the command, if the capture has reaped it: the job's arg. */
struct reaped {
	bool known;
	int status;
};

static void note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/*
 * SA_RESETHAND: the second signal does what it always does. But a session that is torn down sends
 * SIGHUP more than once, from the kernel and from the shell.
 */
static const struct {
	int signal, flags;
} ends[] = {
	{ SIGINT, SA_RESETHAND },
	{ SIGTERM, SA_RESETHAND },
	{ SIGQUIT, SA_RESETHAND },
	{ SIGHUP, 0 },
};

enum { NENDS = sizeof(ends) / sizeof(ends[0]) };

/* nohup(1) */
static bool is_ignored(int signal)
{
	struct sigaction now;

	return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/*
 * From before the first process is opened, which can take a while: what comes before the first look
 * ends the capture after that one.
 */
static void catch_interrupts(void)
{
	for (int i = 0; i < NENDS; i++) {
		const struct sigaction action = { .sa_handler = note_interrupt,
						  .sa_flags = ends[i].flags };

		if (ends[i].signal != SIGHUP || !is_ignored(SIGHUP))
			sigaction(ends[i].signal, &action, NULL);
	}
}

/* What was captured is written now, and a SIGHUP that follows the first one does not prevent it. */
static void release_interrupts(void)
{
	for (int i = 0; i < NENDS; i++)
		if (ends[i].signal != SIGHUP)
			signal(ends[i].signal, SIG_DFL);
}

/* All has been written. */
static void release_hangup(void)
{
	if (!is_ignored(SIGHUP))
		signal(SIGHUP, SIG_DFL);
}

/* A line that is written over, twice a second, while stderr is a terminal. */
struct progress {
	const struct msg *msg;
	bool shown;
	uint64_t last_ns;
};

static bool show_progress(void *arg, const struct ss_progress *now)
{
	struct progress *progress = arg;

	if (now->elapsed_ns - progress->last_ns > 500000000) {
		progress->last_ns = now->elapsed_ns;
		progress->shown |= msg_progress(
			progress->msg,
			"%.0f of %.0f s, %u processes, %u threads, %u ticks, %u missed",
			(double)now->elapsed_ns / 1e9, (double)now->duration_ns / 1e9,
			now->processes, now->threads, now->ticks_done, now->ticks_missed);
	}
	return interrupted;
}

static enum ss_profile_kind profile_kind(enum opts_mode mode)
{
	switch (mode) {
	case OPTS_MUTEX:
		return SS_PROFILE_MUTEX;
	case OPTS_CPU:
		return SS_PROFILE_CPU;
	case OPTS_WALL:
		return SS_PROFILE_WALL;
	default:
		return SS_PROFILE_BLOCK;
	}
}

static void tell_failure(void *arg, const struct ss_session *session, const struct ss_error *err)
{
	(void)session;
	job_failed(arg, err);
}

/* Capture the open sessions. */
static int record(struct job *job, struct ss_session **sessions, size_t n, struct ss_profile ***ret,
		  size_t *ret_n, struct ss_error *err)
{
	const struct opts *opts = job->opts;
	struct progress progress = { .msg = job->msg };
	struct reaped *reaped = job->arg;
	const struct ss_record_options options = {
		.kind = profile_kind(opts->mode),
		.duration_ns = opts->duration_ns,
		.rate_hz = opts->rate,
		.began_ns = opts->began_ns,
		.max_overhead = opts->overhead,
		.min_block_ns = opts->min_block_ns,
		.subprocesses = opts->subprocesses,
		.objects = opts->all_labels,
		.timeline = opts->format == SS_FORMAT_SPEEDSCOPE,
		.progress = show_progress,
		.progress_arg = &progress,
		.failed = tell_failure,
		.failed_arg = job,
	};
	int r;

	r = ss_record(sessions, n, &options, ret, ret_n, err);
	for (size_t i = 0; i < n; i++)
		reaped->known |= ss_session_exit_status(sessions[i], &reaped->status);
	if (progress.shown)
		msg_progress_end(job->msg);
	return r;
}

/* Profiles of the open sessions into their looks, those of subprocesses into looks of their own. */
static void give_out(struct job *job, struct ss_profile **profiles, size_t n)
{
	size_t named = job->n, k = 0;

	for (size_t i = 0; i < named; i++)
		if (job->looks[i].session)
			job->looks[i].profile = profiles[k++];
	for (; k < n; k++) {
		struct look *look = job_add_look(job, ss_profile_pid(profiles[k]));

		if (look) {
			look->subprocess = true;
			look->profile = profiles[k];
		} else {
			ss_profile_free(profiles[k]);
		}
	}
}

/* Nobody reads the duration of a capture who does not know that it is too short. */
static void report_ends(const struct job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		const struct look *look = &job->looks[i];
		uint64_t ended_ns = look->profile && !look->subprocess
					    ? ss_profile_coverage(look->profile)->ended_after_ns
					    : 0;

		if (ended_ns && !job->opts->command)
			msg_warn(job->msg, "%d: it ended %.2f s after the capture began",
				 (int)look->pid, (double)ended_ns / 1e9);
	}
}

static void take_profiles(struct job *job)
{
	struct ss_session **sessions = calloc(job->n, sizeof(*sessions));
	struct ss_profile **profiles;
	struct ss_error err;
	size_t n = 0, nprofiles;

	for (size_t i = 0; sessions && i < job->n; i++)
		if (job->looks[i].session)
			sessions[n++] = job->looks[i].session;
	if (!sessions) {
		job_oom(&err);
		job_failed(job, &err);
	} else if (n) {
		if (record(job, sessions, n, &profiles, &nprofiles, &err) < 0) {
			job_failed(job, &err);
		} else {
			give_out(job, profiles, nprofiles);
			free(profiles);
			report_ends(job);
		}
	}
	release_interrupts();
	free(sessions);
}

static const struct ss_coverage *profile_coverage(const struct look *look)
{
	return look->profile ? ss_profile_coverage(look->profile) : NULL;
}

/* Those that there are, for the caller to free; NULL if memory is out. */
static const struct ss_profile **list_profiles(const struct job *job, size_t *ret_n)
{
	const struct ss_profile **profiles = calloc(job->n, sizeof(*profiles));
	size_t n = 0;

	for (size_t i = 0; profiles && i < job->n; i++)
		if (job->looks[i].profile)
			profiles[n++] = job->looks[i].profile;
	*ret_n = n;
	return profiles;
}

static int write_profiles(const struct job *job, struct ss_output *output,
			  const struct ss_write_options *options, struct ss_error *err)
{
	size_t n;
	const struct ss_profile **profiles = list_profiles(job, &n);
	int r = profiles ? ss_output_profiles(output, profiles, n, options, err) : job_oom(err);

	free(profiles);
	return r;
}

static int open_captured(const struct job *job, const struct ss_write_options *options,
			 struct ss_file **ret, struct ss_error *err)
{
	struct ss_write_options whole = *options;
	size_t n;
	const struct ss_profile **profiles = list_profiles(job, &n);
	int r;

	whole.max_frames = 0; /* -n is about what is shown */
	r = profiles ? ss_file_of_profiles(profiles, n, &whole, ret, err) : job_oom(err);
	free(profiles);
	return r;
}

static enum cli_status check_profiles(const struct job *job, const struct ss_write_options *options)
{
	static const struct ss_report_options main_value = { 0 };
	struct ss_file *file;
	enum cli_status status;
	struct ss_error err;

	if (job->opts->fail_over.n == 0)
		return CLI_COMPLETE;
	if (open_captured(job, options, &file, &err) < 0)
		return deliver_failed(job->msg, &err);
	status = threshold_check(&job->opts->fail_over, NULL, file, &main_value, job->msg);
	ss_file_close(file);
	return status;
}

static const struct job_kind record_kind = {
	.take = take_profiles,
	.coverage = profile_coverage,
	.write = write_profiles,
	.check = check_profiles,
	.interrupted = &interrupted,
};

/* A silent default confuses: it is said. With a command, the capture ends when the command does. */
static void settle_duration(struct opts *opts, const struct msg *msg)
{
	if (opts->duration_ns || opts->command)
		return;
	opts->duration_ns = DEFAULT_DURATION_NS;
	msg_warn(msg, "capturing for 10 s (-d TIME: longer or shorter; Ctrl-C: until now)");
}

/* The command's exit status is passed on; what we have to say has gone to stderr. */
static int run_command(struct opts *opts, const struct msg *msg)
{
	struct reaped reaped = { 0 };
	struct launch launch;
	int status = launch_start(opts->command, &launch, msg), wait_status;
	bool too_short;

	if (status)
		return status;
	opts->pids.ids[0] = launch.pid;
	opts->pids.n = 1;
	opts->began_ns = launch.began_ns;
	catch_interrupts();
	status = job_run(opts, msg, &record_kind, &reaped);
	release_hangup();
	too_short = status == CLI_NOTHING && launch_has_ended(&launch);
	if (too_short)
		msg_error(msg, "%s: it ended before it could be looked at", opts->command[0]);
	if (!launch_wait(&launch, &wait_status)) {
		if (!reaped.known)
			return LAUNCH_FAILED;
		wait_status = reaped.status;
	}
	if (launch_exit_status(wait_status) == 0 && status == CLI_NOTHING && !too_short)
		return LAUNCH_FAILED;
	return launch_exit_status(wait_status);
}

int record_run(struct opts *opts, const struct msg *msg)
{
	struct reaped none = { 0 };

	settle_duration(opts, msg);
	if (opts->command)
		return run_command(opts, msg);
	catch_interrupts();
	return job_run(opts, msg, &record_kind, &none);
}
