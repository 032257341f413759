/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opttable.c: the options of this version: names, help, and what each of them sets. Nothing here
 * looks at a file, a process or a terminal.
 */
#include "opts.h"

#include <errno.h>
#include <stddef.h>
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

static int set_symbol_cache(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--symbol-cache", yes_no_names, &i, err);

	if (r == 0)
		opts->no_symbol_cache = i == 1;
	return r;
}

static int set_timer(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--timer", ss_timer_names(), &i, err);

	if (r == 0)
		opts->timer = value;
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

static int set_duration(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--duration", &opts->duration_ns, err);
}

static int set_rate(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned rate;
	int r = parse_number(value, "--rate", 1, 1000, &rate, err);

	opts->rate = rate;
	return r;
}

static int set_max_pause(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--max-pause", &opts->max_pause_ns, err);
}

static int set_file_timeout(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--file-timeout", &opts->file_timeout_ns, err);
}

static int set_files_timeout(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--files-timeout", &opts->files_timeout_ns, err);
}

static int set_overhead(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned percent;
	int r = parse_number(value, "--overhead", 1, 1000, &percent, err);

	opts->overhead = percent / 100.0;
	return r;
}

static int set_min_block(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_duration(value, "--min-block", &opts->min_block_ns, err);
}

static int set_fail_over(struct opts *opts, const char *value, struct ss_error *err)
{
	return parse_threshold(value, &opts->fail_over, err);
}

static int set_labels(struct opts *opts, const char *value, struct ss_error *err)
{
	unsigned i;
	int r = parse_choice(value, "--labels", labels_names, &i, err);

	if (r == 0)
		opts->all_labels = true;
	return r;
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

/* Members of struct opts that an option sets as they are. */
#define FLAG(member) .flag = offsetof(struct opts, member)
#define TEXT(member) .text = offsetof(struct opts, member)

const struct opt opts_table[] = {
	{ .help = "What to look at:" },
	{ .name = "pid",
	  .letter = 'p',
	  .arg = "PID[,PID...]",
	  .help = "these processes; -p may be left out",
	  .set = set_pid },
	{ .name = "subprocesses",
	  .letter = 's',
	  .help = "their children too, and theirs",
	  FLAG(subprocesses) },
	{ .name = "tid", .arg = "TID[,TID...]", .help = "only these threads", .set = set_tid },
	{ .name = "thread",
	  .arg = "REGEX",
	  .help = "only threads whose name matches",
	  TEXT(thread) },
	{ .name = "focus",
	  .arg = "REGEX",
	  .help = "only threads with a function that matches",
	  TEXT(focus) },
	{ .name = "ignore",
	  .arg = "REGEX",
	  .help = "no threads with a function that matches",
	  TEXT(ignore) },
	{ .name = "stuck",
	  .help = "only threads that do not move for -d (2 s)",
	  .mode = OPTS_STUCK },
	{ .name = "chains", .help = "only who waits for whom, most waiters first", FLAG(chains) },
	{ .name = "fail-on-deadlock",
	  .help = "exit with 3 if there is a deadlock",
	  FLAG(fail_on_deadlock) },

	{ .help = "A capture over time, instead of one look:" },
	{ .name = "block", .help = "time blocked, by the stack that waited", .mode = OPTS_BLOCK },
	{ .name = "mutex", .help = "time waited for locks, by the holder", .mode = OPTS_MUTEX },
	{ .name = "cpu", .help = "time on CPU", .mode = OPTS_CPU },
	{ .name = "wall",
	  .help = "both, and time waiting for a CPU, side by side",
	  .mode = OPTS_WALL },
	{ .name = "duration",
	  .letter = 'd',
	  .arg = "TIME",
	  .help = "how long: 10 (s), 500ms, 2m; default 10 s",
	  .set = set_duration },
	{ .name = "rate",
	  .letter = 'r',
	  .arg = "HZ",
	  .help = "looks a second; default 99",
	  .set = set_rate,
	  .timed = true },
	{ .name = "overhead",
	  .arg = "PERCENT",
	  .help = "of one CPU that it may use; default 50",
	  .set = set_overhead,
	  .timed = true },
	{ .name = "min-block",
	  .arg = "TIME",
	  .help = "leave out waits shorter than this",
	  .set = set_min_block,
	  .timed = true },
	{ .name = "no-idle",
	  .help = "leave out threads that only rest",
	  FLAG(no_idle),
	  .timed = true },
	{ .name = "summary", .help = "text: a line a thread, too", FLAG(summary), .timed = true },
	{ .name = "fail-over",
	  .arg = "REGEX=TIME",
	  .help = "exit with 4 if a match has more cum than TIME",
	  .set = set_fail_over,
	  .timed = true },

	{ .help = "How to look:" },
	{ .name = "stop",
	  .arg = "auto|all|never",
	  .help = "stop threads to see them: at need, all, none",
	  .values = stop_values,
	  .set = set_stop },
	{ .name = "max-pause",
	  .arg = "TIME",
	  .help = "stop no thread for longer than this",
	  .set = set_max_pause },
	{ .name = "timer",
	  .arg = "NAME",
	  .help = "bpf or perf: what samples running threads; or no",
	  .values = ss_timer_names,
	  .set = set_timer },
	{ .name = "observer",
	  .arg = "NAME",
	  .help = "bpf (if permitted) or proc",
	  .values = ss_observer_names,
	  .set = set_observer },
	{ .name = "unwinder",
	  .arg = "NAME",
	  .help = "another unwinder: see --version",
	  .values = ss_unwinder_names,
	  .set = set_unwinder },
	{ .name = "no-symbols",
	  .help = "addresses only; names later: stacksnap symbolize",
	  FLAG(no_symbols) },
	{ .name = "debug-dir",
	  .arg = "DIR[,DIR...]",
	  .help = "look for debug files here first",
	  .set = set_debug_dir },
	{ .name = "debuginfod",
	  .arg = "yes|no",
	  .help = "ask the servers of DEBUGINFOD_URLS for them",
	  .values = yes_no_values,
	  .set = set_debuginfod },
	{ .name = "file-timeout",
	  .arg = "TIME",
	  .help = "wait so long for a file of a server; default 2 s",
	  .set = set_file_timeout },
	{ .name = "files-timeout",
	  .arg = "TIME",
	  .help = "and so long for all of them; default 5 s",
	  .set = set_files_timeout },
	{ .name = "symbol-cache",
	  .arg = "yes|no",
	  .help = "keep names that took long in ~/.cache/stacksnap",
	  .values = yes_no_values,
	  .set = set_symbol_cache },

	{ .help = "What to write:" },
	{ .name = "debug",
	  .arg = "0|1|2",
	  .help = "2: every thread; 1: equal stacks counted; 0: pprof",
	  .values = debug_values,
	  .set = set_debug },
	{ .name = "output",
	  .letter = 'o',
	  .arg = "FILE",
	  .help = "to FILE (- is stdout), as its suffix says:\n.txt .pb.gz .folded .json "
		  ".html\n.speedscope.json",
	  .set = set_output },
	{ .name = "format",
	  .letter = 'f',
	  .arg = "FORMAT",
	  .help = "text, count, pprof, folded, json,\nspeedscope or html",
	  .values = ss_format_names,
	  .set = set_format },
	{ .name = "json", .letter = 'j', .help = "the same as --format=json", .set = set_json },
	{ .name = "frames",
	  .letter = 'n',
	  .arg = "N",
	  .help = "at most N frames of a stack, innermost first",
	  .set = set_frames },
	{ .name = "go", .help = "text exactly as Go writes goroutine dumps", FLAG(go) },
	{ .name = "labels",
	  .arg = "all",
	  .help = "pprof: with the labels lock and fd",
	  .values = labels_values,
	  .set = set_labels },
	{ .name = "no-color", .help = "no colours on a terminal", FLAG(no_color) },

	{ .help = "About stacksnap:" },
	{ .name = "quiet", .letter = 'q', .help = "only errors on stderr", .set = set_quiet },
	{ .name = "verbose",
	  .letter = 'v',
	  .help = "say on stderr what was done to the process",
	  .set = set_verbose },
	{ .name = "version", .letter = 'V', .help = "the version", .set = set_version },
	{ .name = "help", .letter = 'h', .help = "this text", .set = set_help },
};
const size_t opts_count = sizeof(opts_table) / sizeof(opts_table[0]);
_Static_assert(sizeof(opts_table) / sizeof(opts_table[0]) <= OPTS_MAX, "raise OPTS_MAX");
