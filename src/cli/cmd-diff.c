/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-diff.c: what changed between two profile files. Options, files and exit status are filecmd's; all the work is the library's.
 */
#include "cmd.h"

#include "filecmd.h"

static int write_diff(const struct filejob *job, struct ss_output *output, struct ss_error *err)
{
	return ss_file_diff(output, job->files[0], job->files[1], &job->opts->report, err);
}

static const struct filecmd diff = {
	.command = FILEOPTS_DIFF,
	.write = write_diff,
};

static int diff_run(int argc, char **argv)
{
	return filecmd_run(&diff, argc, argv);
}

const struct cmd cmd_diff = {
	.name = "diff",
	.summary = "what changed between two profile files",
	.run = diff_run,
};
