/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opts.h: the option table, and what a command line asks for. The table gives parsing, --help, the
 * man page check and the shell completion.
 */
#ifndef SS_CLI_OPTS_H
#define SS_CLI_OPTS_H

#include <stdbool.h>
#include <stdio.h>

#include <stacksnap.h>

#include "msg.h"
#include "parse.h"

enum opts_action {
	OPTS_RUN,
	OPTS_HELP,
	OPTS_HELP_OPTIONS, /* --help=options: the table for programs */
	OPTS_VERSION,
};

/* A snapshot, or a capture over time. */
enum opts_mode {
	OPTS_SNAPSHOT,
	OPTS_STUCK, /* a snapshot of what did not move for a time */
	OPTS_BLOCK,
	OPTS_MUTEX,
	OPTS_CPU,
	OPTS_WALL,
};

/* What the command line asks for. Strings point into argv. */
struct opts {
	enum opts_action action;
	enum opts_mode mode;
	const char *mode_by;  /* the option that chose it; NULL: none did */
	uint64_t duration_ns; /* 0: not given */
	double rate;          /* 0: not given */
	double overhead;      /* share of one CPU; 0: not given */
	uint64_t min_block_ns;
	const char *timed_by; /* an option that makes sense for a capture only; NULL: none */
	bool no_idle, summary;
	bool subprocesses;
	uint64_t max_pause_ns;                      /* 0: not given */
	uint64_t file_timeout_ns, files_timeout_ns; /* 0: not given */
	bool chains, fail_on_deadlock;
	struct thresholds fail_over;
	char **command;    /* of `-- COMMAND`, NULL-terminated; NULL: none */
	uint64_t began_ns; /* of the command, once it runs */
	struct id_list pids, tids;
	const char *thread, *focus, *ignore; /* regular expressions, not checked yet; NULL: none */
	enum ss_stop stop;
	const char *unwinder; /* NULL: the default */
	const char *observer; /* the same */
	const char *timer;    /* the same */
	bool no_symbols;
	struct dir_list debug_dirs;
	bool no_debuginfod, no_symbol_cache;
	const char *output;    /* a path or "-" */
	enum ss_format format; /* resolved from -f, -j, --debug, the suffix of -o, the default */
	const char *format_by; /* the option that chose it; NULL: none did */
	unsigned frames;       /* 0: all */
	bool go, all_labels, no_color;
	enum msg_level level;
};

/* True for the modes that look many times. */
bool opts_is_capture(const struct opts *opts);

/* One option, or a heading of --help if name is NULL. */
struct opt {
	const char *name;
	char letter;                        /* '\0': none */
	const char *arg;                    /* as --help names it; NULL: takes no argument */
	const char *help;                   /* one line */
	const char *const *(*values)(void); /* all that arg can be; NULL: anything */
	int (*set)(struct opts *opts, const char *value, struct ss_error *err); /* NULL: one of */
	enum opts_mode mode; /* the mode that it chooses; OPTS_SNAPSHOT: none */
	size_t flag;         /* offset in struct opts of a bool that it sets; 0: none */
	size_t text;         /* of a const char * that gets the value; 0: none */
	bool timed;          /* it makes sense for a capture only */
};

enum { OPTS_MAX = 56 }; /* rows of the table, at most */
extern const struct opt opts_table[];
extern const size_t opts_count;

/*
 * Parse argv[1..argc-1]. Pure but for getopt's own state: looks at no file, process or terminal.
 * 0, or -EINVAL with *err filled; *ret then holds what came before the mistake. Stops at --help and
 * --version, whatever follows.
 */
int opts_parse(int argc, char **argv, struct opts *ret, struct ss_error *err);

void opts_print_help(FILE *file);

/* A line an option: name, letter, argument and help, separated by tabs, "-" for none. */
void opts_print_table(FILE *file);

#endif
