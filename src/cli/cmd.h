/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd.h: a command is a const table entry in a file of its own; main.c only chooses one.
 */
#ifndef SS_CLI_CMD_H
#define SS_CLI_CMD_H

/* Exit statuses are part of the interface: see the man page before touching one. */
enum cli_status {
	CLI_COMPLETE = 0,
	CLI_PARTIAL = 1,  /* some threads, stacks or processes are missing */
	CLI_NOTHING = 2,  /* nothing was captured, or nothing could be delivered */
	CLI_DEADLOCK = 3, /* one was found, and --fail-on-deadlock was given */
	CLI_OVER = 4,     /* a threshold of --fail-over was exceeded */
	CLI_USAGE = 64,   /* EX_USAGE of sysexits.h */
};

struct cmd {
	const char *name;    /* the word that selects it; "" for the one that needs no word */
	const char *summary; /* one line */
	int (*run)(int argc, char **argv); /* returns the exit status */
};

extern const struct cmd cmd_snapshot, cmd_report, cmd_diff, cmd_merge, cmd_symbolize, cmd_doctor;

#endif
