/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-profile.c: every format over the sample capture, and what the formats have in common: which
 * accounts a kind shows, what is left out, and that both totals are told. REGEN=1 writes the golden
 * files anew.
 */
#include "write/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sample-profile.h"

static const struct write_options no_options;

static void check_golden(const struct writer *writer, enum profile_kind kind,
			 const struct write_options *options, const char *golden)
{
	char *text = sample_profile_write_one(writer, kind, options, NULL);

	sample_check_golden(golden, text);
	free(text);
}

static void test_text(void **state)
{
	const struct write_options summary = { .summary = true };

	(void)state;
	check_golden(&writer_dump, PROFILE_BLOCK, NULL, "profile-block");
	check_golden(&writer_dump, PROFILE_WALL, &summary, "profile-wall");
}

static void test_count(void **state)
{
	(void)state;
	check_golden(&writer_count, PROFILE_BLOCK, NULL, "profile-count");
}

static void test_folded(void **state)
{
	(void)state;
	check_golden(&writer_folded, PROFILE_WALL, NULL, "profile-folded");
}

static void test_json(void **state)
{
	(void)state;
	check_golden(&writer_json, PROFILE_WALL, NULL, "profile-json");
}

static void test_speedscope(void **state)
{
	(void)state;
	check_golden(&writer_speedscope, PROFILE_WALL, NULL, "profile-speedscope");
}

/* What the page's data element holds; the page around it is the browser test's. */
static char *data_of_page(char *page)
{
	char *start = strstr(page, "id=\"data\">\n"), *end;

	assert_non_null(start);
	start = strchr(start, '\n') + 1;
	end = strstr(start, "</script>");
	assert_non_null(end);
	*end = '\0';
	return start;
}

static void test_html_data(void **state)
{
	char *page = sample_profile_write_one(&writer_html, PROFILE_WALL, NULL, NULL);
	char *data = data_of_page(page);

	(void)state;
	sample_check_golden("profile-html", data);
	assert_null(strchr(data, '<'));
	free(page);
}

static void test_html_of_a_snapshot(void **state)
{
	char *page = sample_write_one(&writer_html, NULL, NULL);
	char *data = data_of_page(page);

	(void)state;
	assert_null(strchr(data, '<'));
	assert_non_null(strstr(data, "\"types\":[{\"label\":\"threads\",\"unit\":\"count\","));
	free(page);
}

/* ---- what is shown ---- */

static void test_values_of_kinds(void **state)
{
	const struct account account = { .state = ACCOUNT_RUNNABLE, .ns = 7, .count = 2 };
	int64_t values[ACCOUNT_MAX_VALUES];

	(void)state;
	account_values(&account, account_view(PROFILE_WALL), values);
	assert_memory_equal(values, ((int64_t[]){ 2, 0, 7, 0, 7 }), sizeof(values));
	account_values(&account, account_view(PROFILE_CPU), values);
	assert_memory_equal(values, ((int64_t[]){ 2, 7 }), 2 * sizeof(*values));
}

/* The main type is the last: it is what readers show at first. */
static void test_main_types(void **state)
{
	(void)state;
	assert_string_equal(account_main_type(account_view(PROFILE_BLOCK))->type, "delay");
	assert_string_equal(account_main_type(account_view(PROFILE_CPU))->type, "cpu");
	assert_string_equal(account_main_type(account_view(PROFILE_WALL))->type, "wall");
}

static struct account_sum sum_of(enum profile_kind kind, const struct write_options *options)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, kind, false);
	struct account_sum sum = account_sum(profile, options);

	sample_profile_free(profile);
	return sum;
}

static void test_a_kind_shows_its_part(void **state)
{
	struct account_sum block = sum_of(PROFILE_BLOCK, &no_options);
	struct account_sum cpu = sum_of(PROFILE_CPU, &no_options);
	struct account_sum wall = sum_of(PROFILE_WALL, &no_options);

	(void)state;
	assert_int_equal(block.total_ns, 33180000000);
	assert_int_equal(cpu.total_ns, 9600000000);
	assert_int_equal(wall.total_ns, 44029000000);
	assert_int_equal(cpu.shown, 3);
	assert_int_equal(wall.shown, wall.all);
}

static void test_no_idle(void **state)
{
	const struct write_options no_idle = { .no_idle = true };
	char *text = sample_profile_write_one(&writer_folded, PROFILE_BLOCK, &no_idle, NULL);

	(void)state;
	assert_int_equal(sum_of(PROFILE_BLOCK, &no_idle).total_ns, 23180000000);
	assert_null(strstr(text, "demo;io_"));
	free(text);
	text = sample_profile_write_one(&writer_dump, PROFILE_BLOCK, &no_idle, NULL);
	assert_non_null(strstr(text, "of 23180ms total\n"));
	assert_non_null(strstr(text, "# blocked: 33.2 s (threads: 6), of it idle: 10.0 s "
				     "(threads: 1), left out\n"));
	free(text);
}

/* As in pprof, 100 % stays the whole. */
static void test_focus_keeps_the_total(void **state)
{
	struct write_options options = { 0 };
	regex_t regex;
	char *text;

	(void)state;
	assert_int_equal(regcomp(&regex, "^pthread_join$", REG_EXTENDED | REG_NOSUB), 0);
	options.focus = &regex;
	text = sample_profile_write_one(&writer_dump, PROFILE_BLOCK, &options, NULL);
	assert_non_null(strstr(text, "accounting for 9.93s, 29.93% of 33.18s total\n"));
	assert_non_null(strstr(text, "# shown: 2 of 6 accounts\n"));
	assert_null(strstr(text, "__lll_lock_wait"));
	free(text);
	regfree(&regex);
}

static void test_rows_and_frames_are_limited(void **state)
{
	const struct write_options options = { .max_rows = 2, .max_frames = 1 };
	char *text = sample_profile_write_one(&writer_dump, PROFILE_BLOCK, &options, NULL);

	(void)state;
	assert_non_null(strstr(text, "Showing top 2 nodes out of 4\n"));
	assert_null(strstr(text, "start_thread"));
	free(text);
}

static void test_only_block_has_a_count_form(void **state)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, PROFILE_CPU, false);
	const struct ss_profile *const profiles[] = { profile };
	struct ss_error err;

	(void)state;
	assert_int_equal(writer_count.profiles(NULL, profiles, 1, &no_options, &err), -EINVAL);
	assert_int_equal(err.kind, SS_ERR_ARGUMENT);
	assert_non_null(strstr(err.message, "cpu profile has no count form"));
	sample_profile_free(profile);
}

/* ---- time lines ---- */

static void test_gaps_are_empty_samples(void **state)
{
	char *text = sample_profile_write_one(&writer_speedscope, PROFILE_CPU, NULL, NULL);

	(void)state;
	assert_non_null(strstr(text, "\"weights\":[4000000000,1000000000,5000000000],"
				     "\"endValue\":10000000000,\"name\":\"holder 3673\""));
	assert_non_null(strstr(text, ",[],"));
	free(text);
}

static void test_without_segments_accounts_stand_side_by_side(void **state)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, PROFILE_WALL, false);
	const struct ss_profile *const profiles[] = { profile };
	char *text = sample_profile_write(&writer_speedscope, profiles, 1, NULL, NULL);

	(void)state;
	assert_non_null(strstr(text, "\"weights\":[9000000000,999000000],\"endValue\":9999000000,"
				     "\"name\":\"holder 3673\""));
	assert_null(strstr(text, "[],"));
	free(text);
	sample_profile_free(profile);
}

static void test_pieces_at_one_place_are_one(void **state)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, PROFILE_CPU, false);
	const struct ss_profile *const profiles[] = { profile };
	const struct stack *stack = profile->accounts[0].stack;
	const struct segment segments[] = {
		{ .thread = 1, .stack = stack, .start_ns = 5, .ns = 10 },
		{ .thread = 1, .stack = stack, .start_ns = 15, .ns = 20 },
		{ .thread = 1, .stack = stack, .start_ns = 40, .ns = 1 },
	};
	char *text;

	(void)state;
	profile->segments = segments;
	profile->nsegments = ARRAY_SIZE(segments);
	text = sample_profile_write(&writer_speedscope, profiles, 1, NULL, NULL);
	assert_non_null(strstr(text, "\"weights\":[5,30,5,1],\"endValue\":41,"));
	free(text);
	sample_profile_free(profile);
}

static void test_dropped_segments_are_told(void **state)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, PROFILE_CPU, false);
	struct buf buf = { 0 };

	(void)state;
	profile->segments_dropped = 9;
	account_coverage(&buf, profile, &no_options, &(struct account_sum){ 0 }, "# ");
	assert_non_null(strstr(buf.data, "# time line cut short: 9 pieces left out"));
	buf_done(&buf);
	sample_profile_free(profile);
}

/* ---- times that are counted samples ---- */

static char *write_counted(const struct writer *writer, bool counted)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, PROFILE_BLOCK, true);
	const struct ss_profile *const profiles[] = { profile };
	char *text;

	profile->counted_samples = counted;
	text = sample_profile_write(writer, profiles, 1, NULL, NULL);
	sample_profile_free(profile);
	return text;
}

/* Every format that has a place for it says so, and only then. */
static void test_counted_samples_are_told(void **state)
{
	static const struct {
		const struct writer *writer;
		const char *words;
	} cases[] = {
		{ &writer_dump, "; without schedstat: times are samples times the period\n" },
		{ &writer_count, "; without schedstat: times are samples times the period\n" },
		{ &writer_html, "; without schedstat: times are samples times the period\"" },
		{ &writer_speedscope, "; without schedstat: times are samples times the period\"" },
		{ &writer_json, "\"counted_samples\":true," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *counted = write_counted(cases[i].writer, true);
		char *exact = write_counted(cases[i].writer, false);

		if (!strstr(counted, cases[i].words))
			fail_msg("%s does not say it", cases[i].writer->name);
		assert_null(strstr(exact, cases[i].words));
		free(counted);
		free(exact);
	}
}

/* ---- several, none ---- */

static char *write_two(const struct writer *writer)
{
	struct ss_profile *a = sample_profile_new(SAMPLE_PID, PROFILE_BLOCK, true);
	struct ss_profile *b = sample_profile_new(77, PROFILE_BLOCK, true);
	const struct ss_profile *const both[] = { a, b };
	char *text = sample_profile_write(writer, both, 2, NULL, NULL);

	sample_profile_free(a);
	sample_profile_free(b);
	return text;
}

static void assert_two(const struct writer *writer, const char *expected)
{
	char *text = write_two(writer);

	if (!strstr(text, expected))
		fail_msg("%s: no '%s' in %s", writer->name, expected, text);
	free(text);
}

static void test_several_processes(void **state)
{
	(void)state;
	assert_two(&writer_dump, "\n\n=== 77 demo ===\nFile: demo\n");
	assert_two(&writer_count, "\n\n=== 77 demo ===\n--- contention:\n");
	assert_two(&writer_folded, "std::map::at;__lll_lock_wait 26000000000\n");
	assert_two(&writer_json, "},\n{\"kind\":\"block\",\"pid\":77,");
	assert_two(&writer_speedscope, "\"name\":\"worker 3674 (pid 77)\"}");
	assert_two(&writer_html, "\"worker 3675 (pid 77)\"");
}

static void test_empty_profiles_are_documents_too(void **state)
{
	const struct ss_profile empty = { .pid = 1,
					  .comm = "",
					  .exe = "",
					  .cmdline = "",
					  .stop = "auto",
					  .observer = "proc",
					  .timer = "",
					  .timer_refusal = "",
					  .unwinder = "cfi" };
	const struct ss_profile *const profiles[] = { &empty };
	const struct write_options summary = { .summary = true };

	(void)state;
	for (size_t i = 0; i < nwriters; i++)
		free(sample_profile_write(writers[i], profiles, 1, &summary, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_speedscope),
		cmocka_unit_test(test_html_data),
		cmocka_unit_test(test_html_of_a_snapshot),
		cmocka_unit_test(test_values_of_kinds),
		cmocka_unit_test(test_main_types),
		cmocka_unit_test(test_a_kind_shows_its_part),
		cmocka_unit_test(test_no_idle),
		cmocka_unit_test(test_focus_keeps_the_total),
		cmocka_unit_test(test_rows_and_frames_are_limited),
		cmocka_unit_test(test_only_block_has_a_count_form),
		cmocka_unit_test(test_gaps_are_empty_samples),
		cmocka_unit_test(test_without_segments_accounts_stand_side_by_side),
		cmocka_unit_test(test_pieces_at_one_place_are_one),
		cmocka_unit_test(test_dropped_segments_are_told),
		cmocka_unit_test(test_counted_samples_are_told),
		cmocka_unit_test(test_several_processes),
		cmocka_unit_test(test_empty_profiles_are_documents_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
