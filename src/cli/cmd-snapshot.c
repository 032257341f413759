/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-snapshot.c: the command without a name: one look at every thread of some processes.
 */
#include "cmd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "record.h"
#include "snap.h"

static void print_names(FILE *file, const char *what, const char *const *names, const char *first)
{
	fprintf(file, "%s:", what);
	for (size_t i = 0; names[i]; i++)
		fprintf(file, " %s%s", names[i], i == 0 ? first : "");
	fputc('\n', file);
}

static void print_version(FILE *file)
{
	fprintf(file, "stacksnap %s\n", ss_version());
	print_names(file, "unwinders", ss_unwinder_names(), " (default)");
	print_names(file, "observers", ss_observer_names(), " (if permitted)");
	fputs("Licence: GPL-2.0-or-later. There is no warranty.\n", file);
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
	return snap_run(&opts, &msg);
}

const struct cmd cmd_snapshot = {
	.name = "",
	.summary = "one look at every thread",
	.run = snapshot_run,
};
