/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fileopts.c: the option table of report, diff, merge and symbolize, its parser over getopt_long, and what is
 * printed of it. It assumes nothing about argv but that it is NULL-terminated. It never looks at a
 * file or a terminal.
 */
#include "fileopts.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what each option does ---- */

static int set_kind(struct fileopts *opts, enum ss_report_kind kind, const char *by,
		    struct ss_error *err)
{
	if (opts->kind_by && strcmp(opts->kind_by, by) != 0)
		return parse_fail(err, "%s and %s are two reports", opts->kind_by, by);
	opts->report.kind = kind;
	opts->kind_by = by;
	return 0;
}

static int set_top(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return set_kind(opts, SS_REPORT_TOP, "--top", err);
}

static int set_traces(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return set_kind(opts, SS_REPORT_TRACES, "--traces", err);
}

static int set_tree(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return set_kind(opts, SS_REPORT_TREE, "--tree", err);
}

static int set_focus(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)err;
	opts->report.focus = value;
	return 0;
}

static int set_ignore(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)err;
	opts->report.ignore = value;
	return 0;
}

static int set_sample_index(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)err;
	opts->report.sample_index = value;
	return 0;
}

static const char *const unit_names[] = { "ns", "us", "ms", "s", "auto", NULL };

static int set_unit(struct fileopts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--unit", unit_names, &i, err);

	if (r == 0)
		opts->report.unit = strcmp(value, "auto") == 0 ? NULL : value;
	return r;
}

/* A number that was asked for is given: the limit of 0.5 % does not count then. */
static int set_rows(struct fileopts *opts, const char *value, struct ss_error *err)
{
	int r = parse_number(value, "--rows", 0, 1000000000, &opts->report.rows, err);

	opts->report.small = r == 0;
	return r;
}

static int set_cum(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->report.cum = true;
	return 0;
}

static int set_output(struct fileopts *opts, const char *value, struct ss_error *err)
{
	if (!*value)
		return parse_fail(err, "--output: the name is empty");
	opts->output = value;
	return 0;
}

static int set_debug_dir(struct fileopts *opts, const char *value, struct ss_error *err)
{
	return parse_dirs(value, "--debug-dir", &opts->debug_dirs, err);
}

static int set_sysroot(struct fileopts *opts, const char *value, struct ss_error *err)
{
	if (!*value)
		return parse_fail(err, "--sysroot: the name is empty");
	opts->sysroot = value;
	return 0;
}

static int set_debuginfod(struct fileopts *opts, const char *value, struct ss_error *err)
{
	static const char *const names[] = { "yes", "no", NULL };
	unsigned i;
	int r = parse_choice(value, "--debuginfod", names, &i, err);

	if (r == 0)
		opts->no_debuginfod = i == 1;
	return r;
}

static int set_fail_over(struct fileopts *opts, const char *value, struct ss_error *err)
{
	return parse_threshold(value, &opts->thresholds, err);
}

static int set_quiet(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->level = MSG_QUIET;
	return 0;
}

static int set_verbose(struct fileopts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->level = MSG_VERBOSE;
	return 0;
}

static int set_help(struct fileopts *opts, const char *value, struct ss_error *err)
{
	if (value && strcmp(value, "options") != 0)
		return parse_fail(err, "--help takes no value");
	opts->action = value ? OPTS_HELP_OPTIONS : OPTS_HELP;
	return 0;
}

/* ---- the table ---- */

enum {
	SHOWS = FILEOPTS_REPORT | FILEOPTS_DIFF,
	MAKES = FILEOPTS_MERGE | FILEOPTS_SYMBOLIZE,
	ALL = SHOWS | MAKES,
};

static const struct fileopt {
	const char *name;
	char letter;     /* '\0': none */
	unsigned of;     /* commands */
	const char *arg; /* as --help names it; NULL: takes no argument */
	const char *help;
	int (*set)(struct fileopts *opts, const char *value, struct ss_error *err);
} table[] = {
	{ "top", 0, SHOWS, NULL, "a table of functions, as go tool pprof has it (default)",
	  set_top },
	{ "traces", 0, SHOWS, NULL, "every sample: value, labels, stack", set_traces },
	{ "tree", 0, SHOWS, NULL, "the call tree from the root", set_tree },
	{ "focus", 0, SHOWS, "REGEX", "only samples with a function that matches", set_focus },
	{ "ignore", 0, SHOWS, "REGEX", "no samples with a function that matches", set_ignore },
	{ "sample-index", 0, SHOWS, "NAME|N", "this sample type, not the file's default",
	  set_sample_index },
	{ "unit", 0, SHOWS, "ns|us|ms|s|auto", "of the times shown", set_unit },
	{ "rows", 'n', SHOWS, "N", "the N largest, 0: all (default: from 0.5 % on)", set_rows },
	{ "cum", 0, SHOWS, NULL, "sort by cum, not by flat", set_cum },
	{ "fail-over", 0, FILEOPTS_REPORT, "REGEX=TIME",
	  "exit with 4 if a function that matches has more cum", set_fail_over },
	{ "fail-over", 0, FILEOPTS_DIFF, "REGEX=TIME",
	  "exit with 4 if the cum of a function that matches grew\nby more (-TIME: shrank by more)",
	  set_fail_over },
	{ "output", 'o', SHOWS, "FILE", "to FILE (- is stdout)", set_output },
	{ "debug-dir", 0, FILEOPTS_SYMBOLIZE, "DIR[,DIR...]",
	  "look for files by build id, anywhere in DIR", set_debug_dir },
	{ "sysroot", 0, FILEOPTS_SYMBOLIZE, "DIR", "look for files by their paths below DIR",
	  set_sysroot },
	{ "debuginfod", 0, FILEOPTS_SYMBOLIZE, "yes|no",
	  "ask the servers of DEBUGINFOD_URLS for what is nowhere\n(default: yes)",
	  set_debuginfod },
	{ "output", 'o', MAKES, "FILE", "to FILE, gzipped pprof (- is stdout)", set_output },
	{ "quiet", 'q', ALL, NULL, "only errors on stderr", set_quiet },
	{ "verbose", 'v', ALL, NULL, "more on stderr", set_verbose },
	{ "help", 'h', ALL, NULL, "this text", set_help },
};

static const struct usage {
	enum fileopts_command command;
	size_t min_files, max_files;
	const char *name, *operands, *summary, *note;
} usages[] = {
	{ FILEOPTS_REPORT, 1, 1, "report", "FILE", "Show what is in a pprof file.",
	  "Exit status: 0, 2 unreadable file, 4 --fail-over, 64 usage." },
	{ FILEOPTS_DIFF, 2, 2, "diff", "BASE NEW",
	  "Show what changed from one pprof file to another.",
	  "Shares are of BASE. Exit status: 0, 2 unreadable file, 4 --fail-over, 64 usage." },
	{ FILEOPTS_MERGE, 1, SIZE_MAX, "merge", "FILE... -o OUT",
	  "Add pprof files of one kind up to one.",
	  "Exit status: 0, 2 unreadable file, 64 usage." },
	{ FILEOPTS_SYMBOLIZE, 1, 1, "symbolize", "FILE -o OUT",
	  "Add names to a pprof file that was captured with --no-symbols, here or on another host.",
	  "Exit status: 0, 1 some files were not found, 2 unreadable file, 64 usage." },
};

static const struct usage *find_usage(enum fileopts_command command)
{
	const struct usage *usage = usages;

	while (usage->command != command)
		usage++;
	return usage;
}

/* ---- parsing ---- */

/* Values that getopt_long returns for long options; above any letter. */
enum { VAL_OPTION = 256 };

struct getopt_table {
	struct option longs[COUNT(table) + 1];
	char shorts[2 * COUNT(table) + 3];
};

static void fill(struct getopt_table *to, enum fileopts_command command)
{
	size_t n = 0, k = 0;

	memset(to, 0, sizeof(*to));
	/* "-": operands come in order with the options; ":": a missing argument is told apart */
	to->shorts[k++] = '-';
	to->shorts[k++] = ':';
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct fileopt *opt = &table[i];
		int has_arg = opt->arg ? required_argument : no_argument;

		if (!(opt->of & command))
			continue;
		if (opt->set == set_help)
			has_arg = optional_argument; /* --help=options, for completion */
		to->longs[n++] = (struct option){ .name = opt->name,
						  .has_arg = has_arg,
						  .val = VAL_OPTION + (int)i };
		if (opt->letter)
			to->shorts[k++] = opt->letter;
		if (opt->letter && opt->arg)
			to->shorts[k++] = ':';
	}
}

static const struct fileopt *find(int val, enum fileopts_command command)
{
	if (val >= VAL_OPTION && val < VAL_OPTION + (int)COUNT(table))
		return &table[val - VAL_OPTION];
	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].letter == val && val && table[i].of & command)
			return &table[i];
	return NULL;
}

static int fail_unknown(int val, const char *arg, enum fileopts_command command,
			struct ss_error *err)
{
	const struct fileopt *opt = find(val, command);

	if (opt)
		return parse_fail(err, "--%s takes no value", opt->name);
	if (val)
		return parse_fail(err, "unknown option -%c", val);
	return parse_fail(err, "unknown or ambiguous option %.80s", arg);
}

static int apply(struct fileopts *opts, int val, char **argv, enum fileopts_command command,
		 struct ss_error *err)
{
	const struct fileopt *opt;

	if (val == 1) { /* an operand, because of "-" */
		opts->files[opts->nfiles++] = optarg;
		return 0;
	}
	if (val == '?')
		return fail_unknown(optopt, argv[optind - 1], command, err);
	opt = find(val == ':' ? optopt : val, command);
	if (val == ':')
		return parse_fail(err, "--%s needs a value: %s", opt->name, opt->arg);
	return opt->set(opts, optarg, err);
}

/* ---- what the options mean together ---- */

static int finish(const struct fileopts *opts, const struct usage *usage, struct ss_error *err)
{
	if (opts->nfiles < usage->min_files || opts->nfiles > usage->max_files)
		return parse_fail(err, "%zu files given, usage: stacksnap %s %s", opts->nfiles,
				  usage->name, usage->operands);
	if ((usage->command & MAKES) && !opts->output)
		return parse_fail(err, "%s needs -o FILE", usage->name);
	if (opts->report.cum && opts->report.kind != SS_REPORT_TOP)
		return parse_fail(err, "--cum is for --top only");
	if (usage->command == FILEOPTS_REPORT)
		return parse_no_negative(&opts->thresholds, "one file", err);
	return 0;
}

int fileopts_parse(enum fileopts_command command, int argc, char **argv, struct fileopts *ret,
		   struct ss_error *err)
{
	struct getopt_table options;
	int val, r;

	memset(ret, 0, sizeof(*ret));
	ret->level = MSG_NORMAL;
	ret->files = argv + 1; /* filled behind what is parsed: never ahead of it */
	fill(&options, command);
	optind = 0; /* glibc: start anew, also after a parse that ended early */
	argc--, argv++;
	while ((val = getopt_long(argc, argv, options.shorts, options.longs, NULL)) != -1) {
		r = apply(ret, val, argv, command, err);
		if (r < 0 || ret->action != OPTS_RUN)
			return r;
	}
	while (optind < argc) /* after "--" */
		ret->files[ret->nfiles++] = argv[optind++];
	return finish(ret, find_usage(command), err);
}

/* ---- printing ---- */

/* "  -o, --output FILE"; returns its width. */
static int print_name(FILE *file, const struct fileopt *opt)
{
	char letter[] = "    ";

	if (opt->letter) {
		letter[0] = '-';
		letter[1] = opt->letter;
		letter[2] = ',';
	}
	return fprintf(file, "  %s--%s%s%s", letter, opt->name, opt->arg ? " " : "",
		       opt->arg ? opt->arg : "");
}

static void print_option(FILE *file, const struct fileopt *opt)
{
	enum { HELP_COLUMN = 30 };
	int width = print_name(file, opt);
	const char *text = opt->help;

	for (;;) {
		int len = (int)strcspn(text, "\n");

		fprintf(file, "%*s%.*s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", len,
			text);
		if (!text[len])
			return;
		text += len + 1;
		width = 0;
	}
}

void fileopts_print_help(FILE *file, enum fileopts_command command)
{
	const struct usage *usage = find_usage(command);

	fprintf(file, "usage: stacksnap %s [OPTION...] %s\n%s\n\n", usage->name, usage->operands,
		usage->summary);
	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].of & command)
			print_option(file, &table[i]);
	fprintf(file, "\n%s\nA FILE of - is standard input.%s\n", usage->note,
		command & MAKES ? "" : " TIME: 100ms, 2.5s, 1m; seconds if bare.");
}

void fileopts_print_table(FILE *file, enum fileopts_command command)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct fileopt *opt = &table[i];

		if (!(opt->of & command))
			continue;
		fprintf(file, "%s\t%c\t%s\t", opt->name, opt->letter ? opt->letter : '-',
			opt->arg ? opt->arg : "-");
		for (const char *p = opt->help; *p; p++)
			fputc(*p == '\n' ? ' ' : *p, file);
		fputc('\n', file);
	}
}
