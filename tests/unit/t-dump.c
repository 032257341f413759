/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-dump.c: the text dump and its strict form, whose grammar is checked here as strictly as
 * goroutine dump parsers do. REGEN=1 writes the golden files anew.
 */
#include "write/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sample.h"

static const struct write_options go = { .go = true };

static void test_dump(void **state)
{
	char *text = sample_write_one(&writer_dump, NULL, NULL);

	(void)state;
	sample_check_golden("dump", text);
	free(text);
}

static void test_dump_go(void **state)
{
	char *text = sample_write_one(&writer_dump, &go, NULL);

	(void)state;
	sample_check_golden("dump-go", text);
	free(text);
}

static bool matches(const char *pattern, const char *line)
{
	regex_t regex;
	bool match;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	match = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

/*
 * A function line needs a name, and pairs of parentheses without nesting; it must not look like a
 * "created by" line.
 */
static bool is_function_line(const char *line)
{
	return matches("^[^()]*(\\([^()]*\\)[^()]*)*\\(\\.\\.\\.\\)$", line) && line[0] != '\t' &&
	       strcmp(line, "(...)") != 0 && strncmp(line, "created by ", 11) != 0;
}

static void check_strict_line(char **lines, size_t i, unsigned *goroutines)
{
	static const char header[] = "^goroutine [0-9]+ \\[[^],]+(, [0-9]+ minutes)?\\]:$";
	static const char file[] = "^\t[^: ]+:[0-9]+( \\+0x[0-9a-f]+)?$";
	const char *line = lines[i];

	if (matches(header, line)) {
		++*goroutines;
		assert_string_equal(i ? lines[i - 1] : "", "");
		assert_true(is_function_line(lines[i + 1]));
	} else if (is_function_line(line)) {
		if (!matches(file, lines[i + 1]))
			fail_msg("not a file line: %s", lines[i + 1]);
	} else if (strcmp(line, "...additional frames elided...") == 0) {
		assert_string_equal(lines[i + 1], "");
	} else if (*line && !matches(file, line) && !(line[0] == '#' && !*goroutines)) {
		fail_msg("neither header, function nor file: %s", line);
	}
}

static unsigned check_strict(char *text)
{
	char *lines[512] = { 0 };
	unsigned goroutines = 0;
	size_t n = 0;

	while (text && n < ARRAY_SIZE(lines) - 1)
		lines[n++] = strsep(&text, "\n");
	for (size_t i = 0; i + 1 < n; i++)
		check_strict_line(lines, i, &goroutines);
	return goroutines;
}

static void test_strict_form_parses(void **state)
{
	char *text = sample_write_one(&writer_dump, &go, NULL);

	(void)state;
	assert_int_equal(check_strict(text), SAMPLE_THREADS);
	free(text);
}

static void test_strict_form_of_hostile_names(void **state)
{
	static const char *const names[] = {
		"created by me", "f((x))", ")(", "a)b", "", "(x)", "f("
	};
	struct function function = { .system_name = "", .file = "a b:c" };
	struct line line = { &function, "a b:c", 1 };
	struct location location = { .pc = 9, .nlines = 1, .lines = &line };
	struct frame frame = { 9, 0, &location };
	struct thread thread = { .tid = 1, .name = "" };
	struct ss_snapshot snapshot = { .pid = 1,
					.comm = "",
					.stop = "",
					.observer = "",
					.timer = "",
					.timer_refusal = "",
					.unwinder = "",
					.nthreads = 1,
					.threads = &thread };
	const struct ss_snapshot *const snapshots[] = { &snapshot };

	(void)state;
	stack_table_init(&snapshot.stacks);
	thread.stack = stack_intern(&snapshot.stacks, &frame, 1, SS_END_COMPLETE);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *text;

		function.name = names[i];
		text = sample_write(&writer_dump, snapshots, 1, &go, NULL);
		assert_int_equal(check_strict(text), 1);
		free(text);
	}
	stack_table_done(&snapshot.stacks);
}

static void test_minutes_only_from_the_first_on(void **state)
{
	struct ss_snapshot *snapshot = sample_new(SAMPLE_PID);
	const struct ss_snapshot *const snapshots[] = { snapshot };
	char *text;

	(void)state;
	snapshot->threads[2].wait.since_ns = 60000000000 - 1;
	snapshot->threads[4].wait.since_ns = 60000000000;
	text = sample_write(&writer_dump, snapshots, 1, &go, NULL);
	assert_non_null(strstr(text, "\ngoroutine 3674 [sync.Mutex.Lock]:\n"));
	assert_non_null(strstr(text, "\ngoroutine 3676 [IO wait, 1 minutes]:\n"));
	free(text);
	sample_free(snapshot);
}

static void test_frame_limit_is_told(void **state)
{
	struct write_options options = { .max_frames = 2 };
	char *text = sample_write_one(&writer_dump, &options, NULL);

	(void)state;
	assert_non_null(strstr(text, "# more frames follow, left out by -n\n"));
	assert_null(strstr(text, "start_thread"));
	free(text);
}

static void test_filtered_threads_are_counted(void **state)
{
	struct write_options options = { 0 };
	regex_t regex;
	char *text;

	(void)state;
	assert_int_equal(regcomp(&regex, "on_signal", REG_NOSUB), 0);
	options.focus = &regex;
	text = sample_write_one(&writer_dump, &options, NULL);
	assert_int_equal(strncmp(text, "thread 3673 \"holder\" [on-cpu]:\n", 31), 0);
	assert_non_null(strstr(text, "\n# shown: 1 of 6 threads\n"));
	free(text);
	regfree(&regex);
}

static void test_color_never_reaches_the_strict_form(void **state)
{
	struct write_options options = { .color = true };
	char *text = sample_write_one(&writer_dump, &options, NULL);

	(void)state;
	assert_non_null(strstr(text, "\033[1mthread 3673"));
	free(text);
	options.go = true;
	text = sample_write_one(&writer_dump, &options, NULL);
	assert_null(strchr(text, '\033'));
	free(text);
}

static void test_several_processes(void **state)
{
	struct ss_snapshot *a = sample_new(SAMPLE_PID), *b = sample_new(77);
	const struct ss_snapshot *const both[] = { a, b };
	char *text = sample_write(&writer_dump, both, 2, NULL, NULL);

	(void)state;
	assert_int_equal(strncmp(text, "=== 3671 demo ===\n# command: demo ", 34), 0);
	assert_non_null(strstr(text, "\n\n=== 77 demo ===\n# command: demo "));
	assert_non_null(strstr(text, "\nthread 3671 "));
	free(text);
	sample_free(a);
	sample_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_dump_go),
		cmocka_unit_test(test_strict_form_parses),
		cmocka_unit_test(test_strict_form_of_hostile_names),
		cmocka_unit_test(test_minutes_only_from_the_first_on),
		cmocka_unit_test(test_frame_limit_is_told),
		cmocka_unit_test(test_filtered_threads_are_counted),
		cmocka_unit_test(test_color_never_reaches_the_strict_form),
		cmocka_unit_test(test_several_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
