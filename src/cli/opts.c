/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opts.c: the option table of this version, the names kept for later versions, and the parser over
 * both (getopt_long). It assumes nothing about argv but that it is NULL-terminated. It never looks
 * at a file, a process or a terminal: what needs the world is checked by the command.
 */
#include "opts.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

/* ---- what each option does ---- */

static const char *const stop_names[] = { "auto", "all", "never", NULL }; /* enum ss_stop */
static const char *const debug_names[] = { "0", "1", "2", NULL };
static const char *const yes_no_names[] = { "yes", "no", NULL };
static const char *const labels_names[] = { "all", NULL };

static const char *const *stop_values(void)
{
	return stop_names;
}

static const char *const *debug_values(void)
{
	return debug_names;
}

static const char *const *yes_no_values(void)
{
	return yes_no_names;
}

static const char *const *labels_values(void)
{
	return labels_names;
}

static int set_pid(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_ids(value, "pid", &opts->pids, err);
}

static int set_tid(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_ids(value, "--tid", &opts->tids, err);
}

static int set_thread(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)err;
	opts->thread = value;
	return 0;
}

static int set_focus(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)err;
	opts->focus = value;
	return 0;
}

static int set_ignore(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)err;
	opts->ignore = value;
	return 0;
}

static int set_stop(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--stop", stop_names, &i, err);

	if (r == 0)
		opts->stop = (enum ss_stop)i;
	return r;
}

static int set_unwinder(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--unwinder", ss_unwinder_names(), &i, err);

	if (r == 0)
		opts->unwinder = value;
	return r;
}

static int set_debug_dir(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_dirs(value, "--debug-dir", &opts->debug_dirs, err);
}

static int set_debuginfod(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--debuginfod", yes_no_names, &i, err);

	if (r == 0)
		opts->no_debuginfod = i == 1;
	return r;
}

static int set_observer(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--observer", ss_observer_names(), &i, err);

	if (r == 0)
		opts->observer = value;
	return r;
}

/* The last of one option wins, as everywhere; two options that disagree are a mistake. */
static int choose_format(struct opts *opts, enum ss_format format, const char *by,
			 struct ss_error *err)
{
	if (opts->format_by && strcmp(opts->format_by, by) != 0 && opts->format != format)
		return parse_fail(err, "%s and %s ask for different formats", opts->format_by, by);
	opts->format = format;
	opts->format_by = by;
	return 0;
}

static int set_debug(struct opts *opts, const char *value, struct ss_error *err)
{
	static const enum ss_format formats[] = { SS_FORMAT_PPROF, SS_FORMAT_COUNT,
						  SS_FORMAT_TEXT };
	unsigned i;
	int r = parse_choice(value, "--debug", debug_names, &i, err);

	return r < 0 ? r : choose_format(opts, formats[i], "--debug", err);
}

static int set_format(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--format", ss_format_names(), &i, err);

	return r < 0 ? r : choose_format(opts, (enum ss_format)i, "--format", err);
}

static int set_json(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return choose_format(opts, SS_FORMAT_JSON, "--json", err);
}

static int set_output(struct opts *opts, const char *value, struct ss_error *err)
{
	if (!*value)
		return parse_fail(err, "--output: the name is empty");
	opts->output = value;
	return 0;
}

static int set_frames(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_number(value, "--frames", 1, 100000, &opts->frames, err);
}

static int choose_mode(struct opts *opts, enum opts_mode mode, const char *by, struct ss_error *err)
{
	if (opts->mode_by && opts->mode != mode)
		return parse_fail(err, "%s and %s are two modes: choose one", opts->mode_by, by);
	opts->mode = mode;
	opts->mode_by = by;
	return 0;
}

static int set_chains(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->chains = true;
	return 0;
}

static int set_fail_on_deadlock(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->fail_on_deadlock = true;
	return 0;
}

static int set_stuck(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return choose_mode(opts, OPTS_STUCK, "--stuck", err);
}

static int set_block(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return choose_mode(opts, OPTS_BLOCK, "--block", err);
}

static int set_mutex(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return choose_mode(opts, OPTS_MUTEX, "--mutex", err);
}

static int set_cpu(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return choose_mode(opts, OPTS_CPU, "--cpu", err);
}

static int set_wall(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value;
	return choose_mode(opts, OPTS_WALL, "--wall", err);
}

static int set_subprocesses(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->subprocesses = true;
	return 0;
}

static int set_duration(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--duration", &opts->duration_ns, err);
}

static int set_rate(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned rate;
	int r = parse_number(value, "--rate", 1, 1000, &rate, err);

	opts->timed_by = "--rate";
	opts->rate = rate;
	return r;
}

static int set_max_pause(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--max-pause", &opts->max_pause_ns, err);
}

static int set_overhead(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned percent;
	int r = parse_number(value, "--overhead", 1, 1000, &percent, err);

	opts->timed_by = "--overhead";
	opts->overhead = percent / 100.0;
	return r;
}

static int set_min_block(struct opts *opts, const char *value, struct ss_error *err)
{
	opts->timed_by = "--min-block";
	return parse_duration(value, "--min-block", &opts->min_block_ns, err);
}

static int set_no_idle(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->timed_by = "--no-idle";
	opts->no_idle = true;
	return 0;
}

static int set_summary(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->timed_by = "--summary";
	opts->summary = true;
	return 0;
}

static int set_fail_over(struct opts *opts, const char *value, struct ss_error *err)
{
	opts->timed_by = "--fail-over";
	return parse_threshold(value, &opts->fail_over, err);
}

static int set_go(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->go = true;
	return 0;
}

static int set_labels(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--labels", labels_names, &i, err);

	if (r == 0)
		opts->all_labels = true;
	return r;
}

static int set_no_color(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->no_color = true;
	return 0;
}

static int set_quiet(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->level = MSG_QUIET;
	return 0;
}

static int set_verbose(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->level = MSG_VERBOSE;
	return 0;
}

static int set_version(struct opts *opts, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	opts->action = OPTS_VERSION;
	return 0;
}

static int set_help(struct opts *opts, const char *value, struct ss_error *err)
{
	if (value && strcmp(value, "options") != 0)
		return parse_fail(err, "--help takes no value");
	opts->action = value ? OPTS_HELP_OPTIONS : OPTS_HELP;
	return 0;
}

/* ---- the tables ---- */

const struct opt opts_table[] = {
	{ NULL, 0, NULL, "What to look at:", NULL, NULL },
	{ "pid", 'p', "PID[,PID...]", "these processes; -p may be left out", NULL, set_pid },
	{ "subprocesses", 's', NULL, "their children too, and theirs", NULL, set_subprocesses },
	{ "tid", 0, "TID[,TID...]", "only these threads", NULL, set_tid },
	{ "thread", 0, "REGEX", "only threads whose name matches", NULL, set_thread },
	{ "focus", 0, "REGEX", "only threads with a function that matches", NULL, set_focus },
	{ "ignore", 0, "REGEX", "no threads with a function that matches", NULL, set_ignore },
	{ "stuck", 0, NULL, "only threads that do not move for -d (2 s)", NULL, set_stuck },
	{ "chains", 0, NULL, "only who waits for whom, most waiters first", NULL, set_chains },
	{ "fail-on-deadlock", 0, NULL, "exit with 3 if there is a deadlock", NULL,
	  set_fail_on_deadlock },

	{ NULL, 0, NULL, "A capture over time, instead of one look:", NULL, NULL },
	{ "block", 0, NULL, "time blocked, by the stack that waited", NULL, set_block },
	{ "mutex", 0, NULL, "time waited for locks, by the holder", NULL, set_mutex },
	{ "cpu", 0, NULL, "time on CPU", NULL, set_cpu },
	{ "wall", 0, NULL, "both, and time waiting for a CPU, side by side", NULL, set_wall },
	{ "duration", 'd', "TIME", "how long: 10 (s), 500ms, 2m; default 10 s", NULL,
	  set_duration },
	{ "rate", 'r', "HZ", "looks a second; default 99", NULL, set_rate },
	{ "overhead", 0, "PERCENT", "of one CPU that it may use; default 50", NULL, set_overhead },
	{ "min-block", 0, "TIME", "leave out waits shorter than this", NULL, set_min_block },
	{ "no-idle", 0, NULL, "leave out threads that only rest", NULL, set_no_idle },
	{ "summary", 0, NULL, "text: a line a thread, too", NULL, set_summary },
	{ "fail-over", 0, "REGEX=TIME", "exit with 4 if a match has more cum than TIME", NULL,
	  set_fail_over },

	{ NULL, 0, NULL, "How to look:", NULL, NULL },
	{ "stop", 0, "auto|all|never", "what may be stopped (auto: threads that run)", stop_values,
	  set_stop },
	{ "max-pause", 0, "TIME", "stop no thread for longer than this", NULL, set_max_pause },
	{ "observer", 0, "NAME", "bpf (if permitted) or proc", ss_observer_names, set_observer },
	{ "unwinder", 0, "NAME", "another unwinder: see --version", ss_unwinder_names,
	  set_unwinder },
	{ "debug-dir", 0, "DIR[,DIR...]", "look for debug files here first", NULL, set_debug_dir },
	{ "debuginfod", 0, "yes|no", "ask the servers of DEBUGINFOD_URLS for them", yes_no_values,
	  set_debuginfod },

	{ NULL, 0, NULL, "What to write:", NULL, NULL },
	{ "debug", 0, "0|1|2", "2: every thread; 1: equal stacks counted; 0: pprof", debug_values,
	  set_debug },
	{ "output", 'o', "FILE",
	  "to FILE (- is stdout), as its suffix says:\n.txt .pb.gz .folded .json "
	  ".html\n.speedscope.json",
	  NULL, set_output },
	{ "format", 'f', "FORMAT", "text, count, pprof, folded, json,\nspeedscope or html",
	  ss_format_names, set_format },
	{ "json", 'j', NULL, "the same as --format=json", NULL, set_json },
	{ "frames", 'n', "N", "at most N frames of a stack, innermost first", NULL, set_frames },
	{ "go", 0, NULL, "text exactly as Go writes goroutine dumps", NULL, set_go },
	{ "labels", 0, "all", "pprof: with the labels lock and fd", labels_values, set_labels },
	{ "no-color", 0, NULL, "no colours on a terminal", NULL, set_no_color },

	{ NULL, 0, NULL, "About stacksnap:", NULL, NULL },
	{ "quiet", 'q', NULL, "only errors on stderr", NULL, set_quiet },
	{ "verbose", 'v', NULL, "say on stderr what was done to the process", NULL, set_verbose },
	{ "version", 'V', NULL, "the version", NULL, set_version },
	{ "help", 'h', NULL, "this text", NULL, set_help },
};
const size_t opts_count = sizeof(opts_table) / sizeof(opts_table[0]);

/* Kept for later versions: known, so that a script learns what is wrong, but not in --help. */
static const char *const later_options[] = { "threadcreate", "trace", "no-symbols" };
static const char *const later_commands[] = { "top", "serve", "symbolize" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- from the tables to getopt_long ---- */

/* Values that getopt_long returns for long options; above any letter. */
enum {
	VAL_OPTION = 256,
	VAL_LATER = 512,
	MAX_OPTIONS = 64, /* of both tables together */
};
_Static_assert(COUNT(opts_table) + COUNT(later_options) < MAX_OPTIONS, "raise MAX_OPTIONS");

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
	if (opt->set == set_help)
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
	return set_pid(opts, value, err);
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
	return opt ? opt->set(opts, optarg, err) : fail_later(val, err);
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
		return parse_fail(err, "%s is for a capture: --block, --mutex, --cpu or --wall",
				  opts->timed_by);
	if (opts_is_capture(opts) && (opts->chains || opts->fail_on_deadlock))
		return parse_fail(err, "%s is for a snapshot, not for %s",
				  opts->chains ? "--chains" : "--fail-on-deadlock", opts->mode_by);
	if (opts->chains && (opts->format != SS_FORMAT_TEXT || opts->go))
		return parse_fail(err, "--chains is a form of the text format only");
	if (opts->mode == OPTS_MUTEX && opts->format == SS_FORMAT_SPEEDSCOPE)
		return parse_fail(err, "--mutex has no order of time: speedscope is not for it");
	if (opts_is_capture(opts) && opts->go)
		return parse_fail(err, "--go is for a snapshot, not for %s", opts->mode_by);
	if (opts->go && opts->format != SS_FORMAT_TEXT)
		return parse_fail(err, "--go is a form of the text format only");
	if (opts->all_labels && opts->format != SS_FORMAT_PPROF)
		return parse_fail(err, "--labels is for the pprof format only");
	return parse_no_negative(&opts->fail_over, "a capture", err);
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
