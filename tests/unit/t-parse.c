/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-parse.c: values of options, and whole command lines. Nothing is executed: no process is looked
 * at and no file is opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/opts.h"
#include "cli/parse.h"

enum { MAX_ARGS = 16 };

static struct opts opts;
static struct ss_error err;

/* Parse "stacksnap" and the words of `line`, which blanks separate. */
static int parse(const char *line)
{
	static char copy[512];
	char *argv[MAX_ARGS + 1] = { (char *)"stacksnap" };
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		assert_true(argc < MAX_ARGS);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	memset(&err, 0, sizeof(err));
	return opts_parse(argc, argv, &opts, &err);
}

static void assert_refused(const char *line, const char *message)
{
	assert_int_equal(parse(line), -EINVAL);
	assert_int_equal(err.kind, SS_ERR_ARGUMENT);
	assert_string_equal(err.message, message);
}

static void test_number(void **state)
{
	unsigned n = 7;

	(void)state;
	assert_int_equal(parse_number("10", "x", 1, 10, &n, &err), 0);
	assert_int_equal(n, 10);
	assert_int_equal(parse_number("0012", "x", 1, 20, &n, &err), 0);
	assert_int_equal(n, 12);
}

static void test_number_refuses(void **state)
{
	static const char *const bad[] = { "",   " 1",  "1 ", "-1", "+1",
					   "1x", "0x1", "0",  "11", "99999999999999999999999" };
	unsigned n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_number(bad[i], "x", 1, 10, &n, &err), -EINVAL);
	assert_int_equal(n, 7);
}

static void test_ids(void **state)
{
	struct id_list list = { .n = 0 };

	(void)state;
	assert_int_equal(parse_ids("12,34,12", "pid", &list, &err), 0);
	assert_int_equal(parse_ids("34", "pid", &list, &err), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.ids[0], 12);
	assert_int_equal(list.ids[1], 34);
}

static void test_ids_refuses(void **state)
{
	static const char *const bad[] = {
		"",    ",",   "1,",  "1,,2", "1 ,2", "-1",         "0",
		"1;2", "0x1", "abc", "1,0",  "1,a",  "2147483648", "1.5"
	};
	struct id_list list = { .n = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_ids(bad[i], "pid", &list, &err), -EINVAL);
	assert_int_equal(parse_ids("2147483647", "pid", &list, &err), 0);
}

static void test_ids_full(void **state)
{
	struct id_list list = { .n = ID_LIST_MAX };

	(void)state;
	list.ids[5] = 77;
	assert_int_equal(parse_ids("77", "pid", &list, &err), 0);
	assert_int_equal(parse_ids("78", "pid", &list, &err), -EINVAL);
	assert_int_equal(list.n, ID_LIST_MAX);
}

static void test_choice(void **state)
{
	static const char *const names[] = { "a", "bc", NULL };
	unsigned i;

	(void)state;
	assert_int_equal(parse_choice("bc", "--x", names, &i, &err), 0);
	assert_int_equal(i, 1);
	assert_int_equal(parse_choice("b", "--x", names, &i, &err), -EINVAL);
	assert_string_equal(err.message, "--x: 'b' is not one of a, bc");
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("12"), 0);
	assert_int_equal(opts.action, OPTS_RUN);
	assert_int_equal(opts.pids.n, 1);
	assert_int_equal(opts.pids.ids[0], 12);
	assert_int_equal(opts.format, SS_FORMAT_TEXT);
	assert_string_equal(opts.output, "-");
	assert_int_equal(opts.stop, SS_STOP_AUTO);
	assert_int_equal(opts.level, MSG_NORMAL);
	assert_null(opts.unwinder);
}

static void test_every_way_to_name_pids(void **state)
{
	static const pid_t want[] = { 1, 2, 3, 4, 5 };

	(void)state;
	assert_int_equal(parse("-p 1,2 3 --pid=4 -p5 --pid 1"), 0);
	assert_int_equal(opts.pids.n, 5);
	assert_memory_equal(opts.pids.ids, want, sizeof(want));
}

static void test_all_options(void **state)
{
	(void)state;
	assert_int_equal(parse("--tid 7,8 --thread ^w --focus f --ignore i --stop=never -n 3 -q "
			       "--go --no-color 12"),
			 0);
	assert_int_equal(opts.tids.n, 2);
	assert_string_equal(opts.thread, "^w");
	assert_string_equal(opts.focus, "f");
	assert_string_equal(opts.ignore, "i");
	assert_int_equal(opts.stop, SS_STOP_NEVER);
	assert_int_equal(opts.frames, 3);
	assert_int_equal(opts.level, MSG_QUIET);
	assert_true(opts.go && opts.no_color);
}

static void test_format(void **state)
{
	static const struct {
		const char *line;
		enum ss_format format;
	} cases[] = {
		{ "--debug=2 1", SS_FORMAT_TEXT },
		{ "--debug=1 1", SS_FORMAT_COUNT },
		{ "--debug=0 1", SS_FORMAT_PPROF },
		{ "-f folded 1", SS_FORMAT_FOLDED },
		{ "-j 1", SS_FORMAT_JSON },
		{ "-o x.pb.gz 1", SS_FORMAT_PPROF },
		{ "-o a.b/x.txt 1", SS_FORMAT_TEXT },
		{ "-o x.json 1", SS_FORMAT_JSON },
		{ "-o a.b/x 1", SS_FORMAT_TEXT },
		{ "-o /dev/null 1", SS_FORMAT_TEXT },
		{ "--debug=2 -o x.pb.gz 1", SS_FORMAT_TEXT },
		{ "-o x.pb.gz -f folded 1", SS_FORMAT_FOLDED },
		{ "-f json -o x.log 1", SS_FORMAT_JSON },
		{ "--debug=0 -f pprof 1", SS_FORMAT_PPROF },
		{ "--debug=0 --debug=1 1", SS_FORMAT_COUNT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line), 0);
		assert_int_equal(opts.format, cases[i].format);
	}
}

static void test_format_refuses(void **state)
{
	(void)state;
	assert_refused("--debug=1 -j 1", "--debug and --json ask for different formats");
	assert_refused("-f text --debug=0 1", "--format and --debug ask for different formats");
	assert_refused("-o x.log 1", "x.log: no format has this suffix; choose one with -f");
	assert_refused("--go -j 1", "--go is a form of the text format only");
	assert_refused("--labels=all 1", "--labels is for the pprof format only");
	assert_int_equal(parse("-f svg 1"), -EINVAL);
	assert_int_equal(parse("--debug=3 1"), -EINVAL);
}

static void test_debug_files(void **state)
{
	(void)state;
	assert_int_equal(parse("--debug-dir=/a,b --debug-dir c --debuginfod=no 1"), 0);
	assert_int_equal(opts.debug_dirs.n, 3);
	assert_string_equal(opts.debug_dirs.list[0], "/a");
	assert_string_equal(opts.debug_dirs.list[1], "b");
	assert_string_equal(opts.debug_dirs.list[2], "c");
	assert_null(opts.debug_dirs.list[3]);
	assert_true(opts.no_debuginfod);
	assert_int_equal(parse("--debuginfod=no --debuginfod=yes 1"), 0);
	assert_false(opts.no_debuginfod);
	assert_refused("--debug-dir=/a,,b 1", "--debug-dir: the name is empty");
	assert_refused("--debug-dir=/a, 1", "--debug-dir: the name is empty");
	assert_refused("--debuginfod=never 1", "--debuginfod: 'never' is not one of yes, no");
}

static void test_no_symbols(void **state)
{
	(void)state;
	assert_int_equal(parse("--no-symbols 1"), 0);
	assert_true(opts.no_symbols);
	assert_refused("--no-symbols --focus x 1", "--focus needs names: not with --no-symbols");
	assert_refused("--ignore x --no-symbols 1", "--ignore needs names: not with --no-symbols");
	assert_refused("--block --fail-over x=1s --no-symbols 1",
		       "--fail-over needs names: not with --no-symbols");
}

static void test_later_versions(void **state)
{
	(void)state;
	assert_refused("--trace 1", "--trace: not in this version");
	assert_refused("1 --stuck=3", "--stuck takes no value");
	assert_refused("top 1", "top: not in this version");
}

static void test_captures(void **state)
{
	(void)state;
	assert_int_equal(parse("--wall -d 2.5s -r 20 --min-block 5ms --no-idle --summary 1"), 0);
	assert_int_equal(opts.mode, OPTS_WALL);
	assert_true(opts.duration_ns == 2500000000u);
	assert_true(opts.rate == 20);
	assert_true(opts.min_block_ns == 5000000);
	assert_true(opts.no_idle && opts.summary);
	assert_refused("--block --cpu 1", "--block and --cpu are two modes: choose one");
	assert_refused("-d 3 1", "--duration is for a capture, or with --stuck");
	assert_refused("--cpu --go 1", "--go is for a snapshot, not for --cpu");
	assert_refused("--cpu 1 -- ls", "either processes or -- COMMAND, not both");
	assert_refused("-- ls -l", "-- COMMAND needs a mode: --block, --mutex, --cpu or --wall");
}

static void test_thresholds(void **state)
{
	(void)state;
	assert_int_equal(parse("--cpu --fail-over f=100ms --fail-over ^g=h$=2 1"), 0);
	assert_int_equal(opts.fail_over.n, 2);
	assert_string_equal(opts.fail_over.list[0].function, "f");
	assert_true(opts.fail_over.list[0].limit_ns == 100000000);
	assert_string_equal(opts.fail_over.list[1].function, "^g=h$");
	assert_string_equal(opts.fail_over.texts[1], "^g=h$=2");
	assert_refused("--fail-over f=1 1",
		       "--fail-over is for a capture: --block, --mutex, --cpu or --wall");
	assert_refused("--cpu --fail-over f 1", "--fail-over: 'f' is not REGEX=TIME");
	assert_refused("--cpu --fail-over f=-1s 1",
		       "--fail-over: 'f=-1s': a time of a capture is not negative");
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "1", 1000000000 },     { "500ms", 500000000 }, { "2m", 120000000000 },
		{ "0.25", 250000000 },   { "300us", 300000 },    { "7ns", 7 },
		{ "1h", 3600000000000 },
	};
	static const char *const bad[] = { "",     "0",   "-1",  "+1",     " 1",
					   "1 s",  "1x",  ".5",  "1.",     "1e3",
					   "0x10", "inf", "nan", "99999h", "0.1ns" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_duration(good[i].text, "-d", &ns, &err), 0);
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(parse_duration(bad[i], "-d", &ns, &err) < 0);
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_refused("", "no process given");
	assert_refused("-q", "no process given");
	assert_refused("-x 1", "unknown option -x");
	assert_refused("--nope 1", "unknown or ambiguous option --nope");
	assert_refused("--t 1", "unknown or ambiguous option --t");
	assert_refused("--go=1 1", "--go takes no value");
	assert_refused("1 --tid", "--tid needs a value: TID[,TID...]");
	assert_refused("1 -o", "--output needs a value: FILE");
	assert_refused("--help=me", "--help takes no value");
}

static void test_help_stops_there(void **state)
{
	(void)state;
	assert_int_equal(parse("-h --nope"), 0);
	assert_int_equal(opts.action, OPTS_HELP);
	assert_int_equal(parse("--help=options"), 0);
	assert_int_equal(opts.action, OPTS_HELP_OPTIONS);
	assert_int_equal(parse("12 -V"), 0);
	assert_int_equal(opts.action, OPTS_VERSION);
}

static void test_unwinder(void **state)
{
	(void)state;
	assert_int_equal(parse("--unwinder=libunwind 1"), 0);
	assert_string_equal(opts.unwinder, "libunwind");
	assert_int_equal(parse("--unwinder=guess 1"), -EINVAL);
}

static void test_observer(void **state)
{
	(void)state;
	assert_int_equal(parse("1"), 0);
	assert_null(opts.observer);
	assert_int_equal(parse("--observer=proc 1"), 0);
	assert_string_equal(opts.observer, "proc");
	assert_int_equal(parse("--observer=bpf 1"), 0);
	assert_int_equal(parse("--observer=eyes 1"), -EINVAL);
}

/* A parse that ended early must leave nothing behind in getopt. */
static void test_parse_again(void **state)
{
	(void)state;
	assert_int_equal(parse("-qx 1"), -EINVAL);
	assert_int_equal(parse("12 -v"), 0);
	assert_int_equal(opts.pids.ids[0], 12);
	assert_int_equal(opts.level, MSG_VERBOSE);
}

static void test_help_fits_a_screen(void **state)
{
	char *text = NULL, *line;
	size_t len = 0, lines = 0;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	opts_print_help(file);
	fclose(file);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		assert_true(strlen(line) <= 80);
		lines++;
	}
	assert_true(lines > 20 && lines <= 64);
	free(text);
}

static void test_table_has_four_columns(void **state)
{
	char *text = NULL;
	size_t len = 0, tabs = 0, lines = 0, options = 0;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	opts_print_table(file);
	fclose(file);
	for (size_t i = 0; i < len; i++) {
		tabs += text[i] == '\t';
		lines += text[i] == '\n';
	}
	for (size_t i = 0; i < opts_count; i++)
		options += opts_table[i].name != NULL;
	assert_int_equal(lines, options);
	assert_int_equal(tabs, 3 * options);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_number_refuses),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_refuses),
		cmocka_unit_test(test_ids_full),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_way_to_name_pids),
		cmocka_unit_test(test_all_options),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_refuses),
		cmocka_unit_test(test_debug_files),
		cmocka_unit_test(test_no_symbols),
		cmocka_unit_test(test_later_versions),
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_help_stops_there),
		cmocka_unit_test(test_unwinder),
		cmocka_unit_test(test_observer),
		cmocka_unit_test(test_parse_again),
		cmocka_unit_test(test_help_fits_a_screen),
		cmocka_unit_test(test_table_has_four_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
