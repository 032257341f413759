/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-merge.c: the sum of profile files. Options, files and exit status are filecmd's; all the work is the library's.
 */
#include "cmd.h"

#include "filecmd.h"

static int write_merge(const struct filejob *job, struct ss_output *output, struct ss_error *err)
{
	return ss_file_merge(output, (const struct ss_file *const *)job->files, job->opts->nfiles,
			     err);
}

static const struct filecmd merge = {
	.command = FILEOPTS_MERGE,
	.write = write_merge,
	.binary = true,
};

static int merge_run(int argc, char **argv)
{
	return filecmd_run(&merge, argc, argv);
}

const struct cmd cmd_merge = {
	.name = "merge",
	.summary = "the sum of profile files",
	.run = merge_run,
};
