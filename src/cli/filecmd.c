/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filecmd.c: see filecmd.h. All files are read before the output is opened, so that an output may
 * have the name of an input. It touches no process.
 */
#include "filecmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deliver.h"
#include "threshold.h"

static const char *output_path(const struct filejob *job)
{
	return job->opts->output ? job->opts->output : "-";
}

static int write_output(const void *arg, struct ss_output *output, struct ss_error *err)
{
	const struct filejob *job = arg;

	return job->cmd->write(job, output, err);
}

/* ---- the whole ---- */

static enum cli_status work(const struct filejob *job)
{
	bool diff = job->cmd->command == FILEOPTS_DIFF;
	enum cli_status status = CLI_COMPLETE;
	struct ss_error err;

	for (size_t i = 0; i < job->opts->nfiles; i++)
		if (ss_file_open(job->opts->files[i], &job->files[i], &err) < 0)
			return deliver_failed(job->msg, &err);
	if (job->cmd->prepare && job->cmd->prepare(job, &status, &err) < 0)
		return deliver_failed(job->msg, &err);
	if (deliver(output_path(job), write_output, job, &err) < 0)
		return deliver_failed(job->msg, &err);
	if (status != CLI_COMPLETE)
		return status;
	return threshold_check(&job->opts->thresholds, diff ? job->files[0] : NULL,
			       job->files[diff], &job->opts->report, job->msg);
}

static enum cli_status run(const struct filecmd *cmd, const struct fileopts *opts,
			   const struct msg *msg)
{
	struct filejob job = { .cmd = cmd, .opts = opts, .msg = msg };
	enum cli_status status;

	job.files = calloc(opts->nfiles, sizeof(struct ss_file *));
	if (!job.files) {
		msg_error(msg, "out of memory");
		return CLI_NOTHING;
	}
	status = work(&job);
	for (size_t i = 0; i < opts->nfiles; i++)
		ss_file_close(job.files[i]);
	free(job.files);
	return status;
}

static int print_about(const struct filecmd *cmd, const struct fileopts *opts,
		       const struct msg *msg)
{
	if (opts->action == OPTS_HELP)
		fileopts_print_help(stdout, cmd->command);
	else
		fileopts_print_table(stdout, cmd->command);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_COMPLETE;
	msg_error(msg, "cannot write to standard output: %s", strerror(errno));
	return CLI_NOTHING;
}

int filecmd_run(const struct filecmd *cmd, int argc, char **argv)
{
	struct fileopts opts;
	struct ss_error err;
	struct msg msg;
	int r = fileopts_parse(cmd->command, argc, argv, &opts, &err);

	msg = (struct msg){ .level = opts.level, .color = msg_wants_color(STDERR_FILENO, false) };
	if (r == 0 && opts.action != OPTS_RUN)
		return print_about(cmd, &opts, &msg);
	if (r == 0 && cmd->binary && strcmp(opts.output, "-") == 0 && isatty(STDOUT_FILENO))
		r = parse_fail(&err, "pprof is not for a terminal: use -o FILE.pb.gz");
	if (r == 0)
		return run(cmd, &opts, &msg);
	msg_failure(&msg, &err);
	return CLI_USAGE;
}
