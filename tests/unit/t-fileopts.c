/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-fileopts.c: command lines of report, diff and merge. No file is opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "cli/fileopts.h"

enum { MAX_ARGS = 16 };

static struct fileopts opts;
static struct ss_error err;

/* Parse "stacksnap COMMAND" and the words of `line`, which blanks separate. */
static int parse(enum fileopts_command command, const char *line)
{
	static char copy[512];
	static char *argv[MAX_ARGS + 1];
	int argc = 2;

	argv[0] = (char *)"stacksnap";
	argv[1] = (char *)"command";
	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		assert_true(argc < MAX_ARGS);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	memset(&err, 0, sizeof(err));
	return fileopts_parse(command, argc, argv, &opts, &err);
}

static void assert_refused(enum fileopts_command command, const char *line, const char *message)
{
	assert_int_equal(parse(command, line), -EINVAL);
	assert_int_equal(err.kind, SS_ERR_ARGUMENT);
	assert_string_equal(err.message, message);
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(FILEOPTS_REPORT, "a"), 0);
	assert_int_equal(opts.nfiles, 1);
	assert_string_equal(opts.files[0], "a");
	assert_int_equal(opts.report.kind, SS_REPORT_TOP);
	assert_int_equal(opts.report.rows, 0);
	assert_false(opts.report.small);
	assert_null(opts.output);
}

static void test_files_anywhere(void **state)
{
	(void)state;
	assert_int_equal(parse(FILEOPTS_MERGE, "a -o out - -q b -- -c"), 0);
	assert_int_equal(opts.nfiles, 4);
	assert_string_equal(opts.files[0], "a");
	assert_string_equal(opts.files[1], "-");
	assert_string_equal(opts.files[2], "b");
	assert_string_equal(opts.files[3], "-c");
	assert_string_equal(opts.output, "out");
}

static void test_report_options(void **state)
{
	(void)state;
	assert_int_equal(parse(FILEOPTS_DIFF, "--focus=f --ignore i --sample-index 1 --unit ms "
					      "-n5 --cum a b"),
			 0);
	assert_string_equal(opts.report.focus, "f");
	assert_string_equal(opts.report.ignore, "i");
	assert_string_equal(opts.report.sample_index, "1");
	assert_string_equal(opts.report.unit, "ms");
	assert_int_equal(opts.report.rows, 5);
	assert_true(opts.report.small && opts.report.cum);
	assert_int_equal(parse(FILEOPTS_DIFF, "--unit auto --tree a b"), 0);
	assert_null(opts.report.unit);
	assert_int_equal(opts.report.kind, SS_REPORT_TREE);
}

static void test_thresholds(void **state)
{
	static const struct {
		const char *text, *function;
		int64_t ns;
	} cases[] = {
		{ "--fail-over f=+100ms a b", "f", 100000000 },
		{ "--fail-over f=2.5s a b", "f", 2500000000 },
		{ "--fail-over f=-300us a b", "f", -300000 },
		{ "--fail-over f=1m a b", "f", 60000000000 },
		{ "--fail-over f=3 a b", "f", 3000000000 },
		{ "--fail-over f=+0 a b", "f", 0 },
		{ "--fail-over ^a=b$=1 a b", "^a=b$", 1000000000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(FILEOPTS_DIFF, cases[i].text), 0);
		assert_int_equal(opts.thresholds.n, 1);
		assert_string_equal(opts.thresholds.list[0].function, cases[i].function);
		assert_int_equal(opts.thresholds.list[0].limit_ns, cases[i].ns);
	}
}

static void test_several_thresholds(void **state)
{
	(void)state;
	assert_int_equal(parse(FILEOPTS_REPORT, "--fail-over f=1s a --fail-over gh=2s"), 0);
	assert_int_equal(opts.thresholds.n, 2);
	assert_string_equal(opts.thresholds.list[0].function, "f");
	assert_string_equal(opts.thresholds.list[1].function, "gh");
	assert_string_equal(opts.thresholds.texts[1], "gh=2s");
}

static void test_bad_thresholds(void **state)
{
	static const char *const bad[] = { "f", "=1s", "f=", "f=+", "f=++1s", "f=1x" };
	char line[64] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(line, "--fail-over ");
		strcat(line, bad[i]);
		strcat(line, " a");
		assert_int_equal(parse(FILEOPTS_REPORT, line), -EINVAL);
	}
	assert_refused(FILEOPTS_REPORT, "--fail-over f=-1s a",
		       "--fail-over: 'f=-1s': a time of one file is not negative");
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_refused(FILEOPTS_REPORT, "", "0 files given, usage: stacksnap report FILE");
	assert_refused(FILEOPTS_REPORT, "a b", "2 files given, usage: stacksnap report FILE");
	assert_refused(FILEOPTS_DIFF, "a", "1 files given, usage: stacksnap diff BASE NEW");
	assert_refused(FILEOPTS_MERGE, "a", "merge needs -o FILE");
	assert_refused(FILEOPTS_MERGE, "-o", "--output needs a value: FILE");
	assert_refused(FILEOPTS_MERGE, "--cum a -o b", "unknown or ambiguous option --cum");
	assert_refused(FILEOPTS_MERGE, "-n 1 a -o b", "unknown option -n");
	assert_refused(FILEOPTS_REPORT, "--cum=1 a", "--cum takes no value");
	assert_refused(FILEOPTS_REPORT, "--t a", "unknown or ambiguous option --t");
	assert_refused(FILEOPTS_REPORT, "--tree --cum a", "--cum is for --top only");
	assert_refused(FILEOPTS_REPORT, "--tree --traces a", "--tree and --traces are two reports");
}

static void test_symbolize(void **state)
{
	(void)state;
	assert_int_equal(parse(FILEOPTS_SYMBOLIZE, "a -o b --debug-dir /x,/y --sysroot=/r"), 0);
	assert_int_equal(opts.debug_dirs.n, 2);
	assert_string_equal(opts.debug_dirs.list[1], "/y");
	assert_string_equal(opts.sysroot, "/r");
	assert_false(opts.no_debuginfod);
	assert_int_equal(parse(FILEOPTS_SYMBOLIZE, "a -o b --debuginfod=no"), 0);
	assert_true(opts.no_debuginfod);
	assert_int_equal(parse(FILEOPTS_SYMBOLIZE, "a -o b --debuginfod=no --debuginfod yes"), 0);
	assert_false(opts.no_debuginfod);
	assert_refused(FILEOPTS_SYMBOLIZE, "a -o b --debuginfod=maybe",
		       "--debuginfod: 'maybe' is not one of yes, no");
	assert_refused(FILEOPTS_SYMBOLIZE, "a", "symbolize needs -o FILE");
	assert_refused(FILEOPTS_SYMBOLIZE, "a b -o c",
		       "2 files given, usage: stacksnap symbolize FILE -o OUT");
	assert_refused(FILEOPTS_SYMBOLIZE, "a -o b --sysroot=", "--sysroot: the name is empty");
	assert_refused(FILEOPTS_REPORT, "a --sysroot /r", "unknown or ambiguous option --sysroot");
}

static void test_help_stops_there(void **state)
{
	(void)state;
	assert_int_equal(parse(FILEOPTS_DIFF, "-h --nope"), 0);
	assert_int_equal(opts.action, OPTS_HELP);
	assert_int_equal(parse(FILEOPTS_DIFF, "--help=options"), 0);
	assert_int_equal(opts.action, OPTS_HELP_OPTIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),           cmocka_unit_test(test_files_anywhere),
		cmocka_unit_test(test_report_options),     cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_several_thresholds), cmocka_unit_test(test_bad_thresholds),
		cmocka_unit_test(test_mistakes),           cmocka_unit_test(test_symbolize),
		cmocka_unit_test(test_help_stops_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
