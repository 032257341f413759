/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opts.c: the parser over the table of options (opttable.c) and the names kept for later versions
 * (getopt_long). It assumes nothing about argv but that it is NULL-terminated. It never looks at a
 * file, a process or a terminal: what needs the world is checked by the command.
 */
#include "opts.h"

#include <getopt.h>
#include <string.h>

/* Kept for later versions: known, so that a script learns what is wrong, but not in --help. */
static const char *const later_options[] = { "threadcreate", "trace" };
static const char *const later_commands[] = { "top", "serve" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- from the tables to getopt_long ---- */

/* Values that getopt_long returns for long options; above any letter. */
enum {
	VAL_OPTION = 256,
	VAL_LATER = 512,
	MAX_OPTIONS = 64, /* of both tables together */
};
_Static_assert(OPTS_MAX + COUNT(later_options) < MAX_OPTIONS, "raise MAX_OPTIONS");

struct getopt_table {
	struct option longs[MAX_OPTIONS];
	size_t nlongs;
	char shorts[3 * MAX_OPTIONS + 3];
	size_t nshorts;
};

static void table_add(struct getopt_table *table, const char *name, char letter, int has_arg,
		      int val)
{
	table->longs[table->nlongs++] =
		(struct option){ .name = name, .has_arg = has_arg, .val = val };
	if (!letter)
		return;
	table->shorts[table->nshorts++] = letter;
	if (has_arg == required_argument)
		table->shorts[table->nshorts++] = ':';
}

/* --help takes =options, which --help itself does not tell. */
static int opt_has_arg(const struct opt *opt)
{
	if (strcmp(opt->name, "help") == 0)
		return optional_argument;
	return opt->arg ? required_argument : no_argument;
}

static void table_fill(struct getopt_table *table)
{
	memset(table, 0, sizeof(*table));
	/*
	 * "-": pids come in order with the options, and "--" is then told apart from them; ":": a
	 * missing argument is told apart from an unknown option. getopt(3).
	 */
	table->shorts[table->nshorts++] = '-';
	table->shorts[table->nshorts++] = ':';
	for (size_t i = 0; i < opts_count; i++) {
		const struct opt *opt = &opts_table[i];

		if (opt->name)
			table_add(table, opt->name, opt->letter, opt_has_arg(opt),
				  VAL_OPTION + (int)i);
	}
	/* optional: whatever follows, the name itself is the mistake to report */
	for (size_t i = 0; i < COUNT(later_options); i++)
		table_add(table, later_options[i], 0, optional_argument, VAL_LATER + (int)i);
}

/* The option of a value that getopt_long returned; NULL if it is none of this version. */
static const struct opt *find_opt(int val)
{
	if (val >= VAL_OPTION && val < VAL_OPTION + (int)opts_count)
		return &opts_table[val - VAL_OPTION];
	for (size_t i = 0; i < opts_count; i++)
		if (opts_table[i].letter && opts_table[i].letter == val)
			return &opts_table[i];
	return NULL;
}

static int fail_later(int val, struct ss_error *err)
{
	return parse_fail(err, "--%s: not in this version", later_options[val - VAL_LATER]);
}

/* getopt_long said '?': an unknown letter, an unknown or ambiguous name, or a value not wanted. */
static int fail_unknown(int val, const char *arg, struct ss_error *err)
{
	if (val >= VAL_OPTION)
		return parse_fail(err, "--%s takes no value", opts_table[val - VAL_OPTION].name);
	if (val)
		return parse_fail(err, "unknown option -%c", val);
	return parse_fail(err, "unknown or ambiguous option %.80s", arg);
}

static int set_operand(struct opts *opts, const char *value, struct ss_error *err)
{
	for (size_t i = 0; i < COUNT(later_commands); i++)
		if (strcmp(value, later_commands[i]) == 0)
			return parse_fail(err, "%s: not in this version", value);
	return parse_ids(value, "pid", &opts->pids, err);
}

static int choose_mode(struct opts *opts, enum opts_mode mode, const char *by, struct ss_error *err)
{
	if (opts->mode_by && opts->mode != mode)
		return parse_fail(err, "--%s and --%s are two modes: choose one", opts->mode_by,
				  by);
	opts->mode = mode;
	opts->mode_by = by;
	return 0;
}

static int apply_opt(struct opts *opts, const struct opt *opt, const char *value,
		     struct ss_error *err)
{
	if (opt->timed)
		opts->timed_by = opt->name;
	if (opt->set)
		return opt->set(opts, value, err);
	if (opt->mode)
		return choose_mode(opts, opt->mode, opt->name, err);
	if (opt->flag)
		*(bool *)((char *)opts + opt->flag) = true;
	if (opt->text)
		*(const char **)((char *)opts + opt->text) = value;
	return 0;
}

static int apply(struct opts *opts, int val, char **argv, struct ss_error *err)
{
	const struct opt *opt;

	if (val == 1) /* an operand, because of "-" */
		return set_operand(opts, optarg, err);
	if (val == '?')
		return fail_unknown(optopt, argv[optind - 1], err);
	opt = find_opt(val == ':' ? optopt : val);
	if (val == ':')
		return parse_fail(err, "--%s needs a value: %s", opt->name, opt->arg);
	return opt ? apply_opt(opts, opt, optarg, err) : fail_later(val, err);
}

/* ---- what the options mean together ---- */

/* A name without any suffix (/dev/null, a FIFO) says nothing, and gets the default. */
static bool has_suffix(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strchr(slash ? slash + 1 : path, '.') != NULL;
}

static int format_from_path(struct opts *opts, struct ss_error *err)
{
	opts->format = SS_FORMAT_TEXT;
	if (strcmp(opts->output, "-") == 0 || !has_suffix(opts->output))
		return 0;
	opts->format = ss_format_of_path(opts->output);
	if (opts->format == SS_FORMAT_UNKNOWN)
		return parse_fail(err, "%.120s: no format has this suffix; choose one with -f",
				  opts->output);
	return 0;
}

bool opts_is_capture(const struct opts *opts)
{
	return opts->mode != OPTS_SNAPSHOT && opts->mode != OPTS_STUCK;
}

/* What looks at names is of no use without them. */
static int check_names(const struct opts *opts, struct ss_error *err)
{
	const char *what = NULL;

	if (!opts->no_symbols)
		return 0;
	if (opts->focus)
		what = "--focus";
	else if (opts->ignore)
		what = "--ignore";
	else if (opts->fail_over.n)
		what = "--fail-over";
	return what ? parse_fail(err, "%s needs names: not with --no-symbols", what) : 0;
}

static int finish(struct opts *opts, struct ss_error *err)
{
	int r = opts->format_by ? 0 : format_from_path(opts, err);

	if (r < 0)
		return r;
	if (opts->command && opts->pids.n)
		return parse_fail(err, "either processes or -- COMMAND, not both");
	if (opts->command && !opts_is_capture(opts))
		return parse_fail(err,
				  "-- COMMAND needs a mode: --block, --mutex, --cpu or --wall");
	if (opts->pids.n == 0 && !opts->command)
		return parse_fail(err, "no process given");
	if (opts->subprocesses && opts->tids.n)
		return parse_fail(err, "--tid names threads of the processes given: not with -s");
	if (opts->mode == OPTS_SNAPSHOT && opts->duration_ns)
		return parse_fail(err, "--duration is for a capture, or with --stuck");
	if (!opts_is_capture(opts) && opts->timed_by)
		return parse_fail(err, "--%s is for a capture: --block, --mutex, --cpu or --wall",
				  opts->timed_by);
	if (opts_is_capture(opts) && (opts->chains || opts->fail_on_deadlock))
		return parse_fail(err, "%s is for a snapshot, not for --%s",
				  opts->chains ? "--chains" : "--fail-on-deadlock", opts->mode_by);
	if (opts->chains && (opts->format != SS_FORMAT_TEXT || opts->go))
		return parse_fail(err, "--chains is a form of the text format only");
	if (opts->mode == OPTS_MUTEX && opts->format == SS_FORMAT_SPEEDSCOPE)
		return parse_fail(err, "--mutex has no order of time: speedscope is not for it");
	if (opts_is_capture(opts) && opts->go)
		return parse_fail(err, "--go is for a snapshot, not for --%s", opts->mode_by);
	if (opts->go && opts->format != SS_FORMAT_TEXT)
		return parse_fail(err, "--go is a form of the text format only");
	if (opts->all_labels && opts->format != SS_FORMAT_PPROF)
		return parse_fail(err, "--labels is for the pprof format only");
	r = check_names(opts, err);
	return r < 0 ? r : parse_no_negative(&opts->fail_over, "a capture", err);
}

int opts_parse(int argc, char **argv, struct opts *ret, struct ss_error *err)
{
	struct getopt_table table;
	int val, r;

	memset(ret, 0, sizeof(*ret));
	ret->output = "-";
	ret->level = MSG_NORMAL;
	table_fill(&table);
	optind = 0; /* glibc: start anew, also after a parse that ended early */
	while ((val = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
		r = apply(ret, val, argv, err);
		if (r < 0 || ret->action != OPTS_RUN)
			return r;
	}
	if (optind < argc)
		ret->command = argv + optind;
	return finish(ret, err);
}
