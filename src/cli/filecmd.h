/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filecmd.h: what the commands that work with profile files have in common: options, files, output,
 * thresholds, exit status.
 */
#ifndef SS_CLI_FILECMD_H
#define SS_CLI_FILECMD_H

#include "cmd.h"
#include "fileopts.h"

struct filejob;

/* What is done with the files. */
struct filecmd {
	enum fileopts_command command;
	/* Once all files are open; NULL: nothing. The status so far, or what made it fail. */
	int (*prepare)(const struct filejob *job, enum cli_status *ret, struct ss_error *err);
	int (*write)(const struct filejob *job, struct ss_output *output, struct ss_error *err);
	bool binary; /* not for a terminal */
};

struct filejob {
	const struct filecmd *cmd;
	const struct fileopts *opts;
	const struct msg *msg;
	struct ss_file **files; /* opts->nfiles of them */
};

/* All of the command; the exit status. */
int filecmd_run(const struct filecmd *cmd, int argc, char **argv);

#endif
