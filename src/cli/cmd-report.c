/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-report.c: what is in one profile file. Options, files and exit status are filecmd's; all the work is the library's.
 */
#include "cmd.h"

#include "filecmd.h"

static int write_report(const struct filejob *job, struct ss_output *output, struct ss_error *err)
{
	return ss_file_report(output, job->files[0], &job->opts->report, err);
}

static const struct filecmd report = {
	.command = FILEOPTS_REPORT,
	.write = write_report,
};

static int report_run(int argc, char **argv)
{
	return filecmd_run(&report, argc, argv);
}

const struct cmd cmd_report = {
	.name = "report",
	.summary = "what is in one profile file",
	.run = report_run,
};
