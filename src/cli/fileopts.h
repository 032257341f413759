/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fileopts.h: the options of the commands that work with profile files. One table; each command
 * has the rows that name it, and gets its parser, --help and completion from them.
 */
#ifndef SS_CLI_FILEOPTS_H
#define SS_CLI_FILEOPTS_H

#include <stdio.h>

#include <stacksnap.h>

#include "msg.h"
#include "opts.h"
#include "parse.h"

/* The commands, as bits. */
enum fileopts_command {
	FILEOPTS_REPORT = 1,
	FILEOPTS_DIFF = 2,
	FILEOPTS_MERGE = 4,
	FILEOPTS_SYMBOLIZE = 8,
};

/* What a command line asks for. Strings point into argv. */
struct fileopts {
	enum opts_action action;
	struct ss_report_options report;
	const char *kind_by; /* option that chose report.kind */
	const char *output;  /* a path or "-"; NULL: not given */
	struct thresholds thresholds;
	struct dir_list debug_dirs;
	const char *sysroot; /* NULL: none */
	bool no_debuginfod;
	char **files; /* argv, rearranged */
	size_t nfiles;
	enum msg_level level;
};

/* Parse argv[2..]; argv[1] is the command's name. As opts_parse. */
int fileopts_parse(enum fileopts_command command, int argc, char **argv, struct fileopts *ret,
		   struct ss_error *err);

void fileopts_print_help(FILE *file, enum fileopts_command command);
void fileopts_print_table(FILE *file, enum fileopts_command command);

#endif
