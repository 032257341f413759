/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snap.c: one look at every thread of some processes, and who waits for whom in it. With --stuck,
 * a look at those that did not move for a time.
 */
#include "snap.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "job.h"

#define STUCK_DEFAULT_NS 2000000000ull

static void sleep_ns(uint64_t ns)
{
	struct timespec left = { .tv_sec = (time_t)(ns / 1000000000),
				 .tv_nsec = (long)(ns % 1000000000) };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* What --stuck shows has not moved from now until the snapshot. */
static void mark_and_wait(struct job *job)
{
	uint64_t ns = job->opts->duration_ns;
	struct ss_error err;

	if (!ns) {
		ns = STUCK_DEFAULT_NS;
		msg_warn(job->msg, "watching for 2 s (-d TIME: longer or shorter)");
	}

	for (size_t i = 0; i < job->n; i++) {
		struct look *look = &job->looks[i];

		if (look->session && ss_session_mark(look->session, &err) < 0) {
			job_failed(job, &err);
			ss_session_close(look->session);
			look->session = NULL;
		}
	}
	sleep_ns(ns);
}

/* Not for formats that have no place for it: asking who has the other end of a pipe takes time. */
static bool wants_links(const struct opts *opts)
{
	bool shows = (opts->format == SS_FORMAT_TEXT && !opts->go) ||
		     opts->format == SS_FORMAT_JSON;

	return shows || opts->fail_on_deadlock;
}

/* Who waits for whom, over all processes together. Without it the snapshots still stand. */
static void link_snapshots(struct job *job)
{
	struct ss_session **sessions = calloc(job->n, sizeof(*sessions));
	struct ss_snapshot **snapshots = calloc(job->n, sizeof(*snapshots));
	struct ss_error err;
	size_t n = 0;
	int r = sessions && snapshots ? 0 : job_oom(&err);

	for (size_t i = 0; i < job->n && r == 0; i++) {
		if (!job->looks[i].snapshot)
			continue;
		sessions[n] = job->looks[i].session;
		snapshots[n++] = job->looks[i].snapshot;
	}
	if (r == 0 && n)
		r = ss_snapshots_link(sessions, snapshots, n, &err);
	if (r < 0)
		job_failed(job, &err);
	free(sessions);
	free(snapshots);
}

/* Right after one another, so that the processes are seen at nearly the same time. */
static void take_snapshots(struct job *job)
{
	struct ss_error err;

	if (job->opts->mode == OPTS_STUCK)
		mark_and_wait(job);
	for (size_t i = 0; i < job->n; i++) {
		struct look *look = &job->looks[i];

		if (look->session && ss_session_snapshot(look->session, &look->snapshot, &err) < 0)
			job_failed(job, &err);
	}
	if (wants_links(job->opts))
		link_snapshots(job);
}

static const struct ss_coverage *snapshot_coverage(const struct look *look)
{
	return look->snapshot ? ss_snapshot_coverage(look->snapshot) : NULL;
}

static int write_snapshots(const struct job *job, struct ss_output *output,
			   const struct ss_write_options *options, struct ss_error *err)
{
	const struct ss_snapshot **snapshots = calloc(job->n, sizeof(*snapshots));
	size_t n = 0;
	int r;

	if (!snapshots)
		return job_oom(err);
	for (size_t i = 0; i < job->n; i++)
		if (job->looks[i].snapshot)
			snapshots[n++] = job->looks[i].snapshot;
	r = ss_output_snapshots(output, snapshots, n, options, err);
	free(snapshots);
	return r;
}

static size_t count_deadlocks(const struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		if (job->looks[i].snapshot)
			return ss_snapshot_deadlocks(job->looks[i].snapshot);
	return 0;
}

static enum cli_status check_deadlocks(const struct job *job,
				       const struct ss_write_options *options)
{
	size_t n = count_deadlocks(job);

	(void)options;
	if (n)
		msg_warn(job->msg, "found %zu deadlock%s", n, n == 1 ? "" : "s");
	return n && job->opts->fail_on_deadlock ? CLI_DEADLOCK : CLI_COMPLETE;
}

static const struct job_kind snapshot_kind = {
	.take = take_snapshots,
	.coverage = snapshot_coverage,
	.write = write_snapshots,
	.check = check_deadlocks,
};

int snap_run(struct opts *opts, const struct msg *msg)
{
	return job_run(opts, msg, &snapshot_kind, NULL);
}
