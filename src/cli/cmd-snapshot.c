/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-snapshot.c: the command without a name: one look at every thread of some processes.
 */
#include "cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "job.h"
#include "record.h"

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

static const struct job_kind snapshot_kind = {
	.take = take_snapshots,
	.coverage = snapshot_coverage,
	.write = write_snapshots,
};

/* ---- the command ---- */

static void print_version(FILE *file)
{
	const char *const *names = ss_unwinder_names();

	fprintf(file, "stacksnap %s\nunwinders:", ss_version());
	for (size_t i = 0; names[i]; i++)
		fprintf(file, " %s%s", names[i], i == 0 ? " (default)" : "");
	fputs("\nLicence: GPL-2.0-or-later. There is no warranty.\n", file);
}

static int print_about(const struct opts *opts, const struct msg *msg)
{
	if (opts->action == OPTS_HELP)
		opts_print_help(stdout);
	else if (opts->action == OPTS_HELP_OPTIONS)
		opts_print_table(stdout);
	else
		print_version(stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_COMPLETE;
	msg_error(msg, "cannot write to standard output: %s", strerror(errno));
	return CLI_NOTHING;
}

static int snapshot_run(int argc, char **argv)
{
	struct opts opts;
	struct ss_error err;
	struct msg msg;
	int r;

	if (argc < 2) {
		msg_usage();
		return CLI_USAGE;
	}
	r = opts_parse(argc, argv, &opts, &err);
	msg.level = opts.level;
	msg.color = msg_wants_color(STDERR_FILENO, opts.no_color);
	if (r == 0 && opts.action != OPTS_RUN)
		return print_about(&opts, &msg);
	if (r == 0)
		r = job_check(&opts, &err);
	if (r < 0) {
		msg_failure(&msg, &err);
		return CLI_USAGE;
	}
	if (opts_is_capture(&opts))
		return record_run(&opts, &msg);
	return job_run(&opts, &msg, &snapshot_kind, NULL);
}

const struct cmd cmd_snapshot = {
	.name = "",
	.summary = "one look at every thread",
	.run = snapshot_run,
};
