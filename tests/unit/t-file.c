/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-file.c: reports, differences, sums and thresholds, through the public interface, over small
 * files that are written to a private directory first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "file/pprof-write.h"
#include "sample-profile.h"

static char dir[64];
static struct ss_error err;

/* ---- files ---- */

/*
 * One sample: functions from the leaf on, "a<b" is a inlined into b, "[x]" is a frame of the mapping
 * without a name; and two values.
 */
struct made_sample {
	const char *stack;
	int64_t count, ns;
	const char *thread; /* label; NULL: none */
};

struct made_file {
	const char *name;
	uint64_t start; /* of the mapping */
	const char *period;
	const struct made_sample *samples;
	size_t n;
};

#define MS *1000000ll

static uint32_t add_function(struct pprof *p, const char *name, size_t len)
{
	struct pprof_function function = { .system_name = "", .file = "x.c" };

	function.name = strtab_intern_n(&p->strings, name, len);
	for (uint32_t i = 0; i < p->functions.n; i++)
		if (p->functions.data[i].name == function.name)
			return i;
	assert_int_equal(vec_push(&p->functions, function), 0);
	return (uint32_t)p->functions.n - 1;
}

/* The address says which function it is: the same one in every file, apart from the start. */
static void add_frame(struct pprof *p, const char *text, size_t len)
{
	struct pprof_location location = { .first_line = (uint32_t)p->lines.n };
	const char *end = text + len;

	location.address = p->mappings.data[0].start + (unsigned char)*text * 16;
	while (text < end && *text != '[') {
		size_t n = strcspn(text, "< ");
		struct pprof_line line = { .function = add_function(p, text, n), .line = 1 };

		assert_int_equal(vec_push(&p->lines, line), 0);
		location.nlines++;
		text += n + 1;
	}
	assert_int_equal(vec_push(&p->locations, location), 0);
	assert_int_equal(vec_push(&p->stacks, (uint32_t)p->locations.n - 1), 0);
}

static void add_sample(struct pprof *p, const struct made_sample *made)
{
	struct pprof_sample sample = { .first_frame = (uint32_t)p->stacks.n,
				       .first_label = (uint32_t)p->labels.n };

	for (const char *at = made->stack; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		add_frame(p, at, len);
		sample.nframes++;
		at += len;
	}
	if (made->thread) {
		struct pprof_label label = { .key = "thread", .str = made->thread, .unit = "" };

		assert_int_equal(vec_push(&p->labels, label), 0);
		sample.nlabels = 1;
	}
	assert_int_equal(vec_push(&p->samples, sample), 0);
	assert_int_equal(vec_push(&p->values, made->count), 0);
	assert_int_equal(vec_push(&p->values, made->ns), 0);
}

static void in_dir(char *path, size_t len, const char *name)
{
	snprintf(path, len, "%s/%s", dir, name);
}

static void save(const struct pprof *p, const char *name)
{
	char path[128];
	struct out *out;

	in_dir(path, sizeof(path), name);
	assert_int_equal(out_open(path, &out, &err), 0);
	assert_int_equal(pprof_write(p, out, &err), 0);
	assert_int_equal(out_commit(out, &err), 0);
}

static struct ss_file *open_file(const char *name)
{
	struct ss_file *file;
	char path[128];

	in_dir(path, sizeof(path), name);
	if (ss_file_open(path, &file, &err) < 0)
		fail_msg("%s", err.message);
	return file;
}

static struct ss_file *make_file(const struct made_file *made)
{
	static const struct pprof_type types[] = { { "contentions", "count" },
						   { "delay", "nanoseconds" } };
	struct pprof_mapping mapping = { .start = made->start,
					 .limit = made->start + 0x4000,
					 .file = "/bin/prog",
					 .build_id = "",
					 .label = "" };
	struct pprof *p = pprof_new();

	assert_non_null(p);
	p->period_type =
		(struct pprof_type){ made->period ? made->period : "contentions", "count" };
	p->duration_ns = 1000 MS;
	p->time_ns = (int64_t)made->start;
	assert_int_equal(vec_push(&p->types, types[0]), 0);
	assert_int_equal(vec_push(&p->types, types[1]), 0);
	assert_int_equal(vec_push(&p->mappings, mapping), 0);
	for (size_t i = 0; i < made->n; i++)
		add_sample(p, &made->samples[i]);
	save(p, made->name);
	pprof_free(p);
	return open_file(made->name);
}

#define SAMPLES(list) .samples = (list), .n = sizeof(list) / sizeof((list)[0])

static const struct made_sample old_samples[] = {
	{ "lock work main", 3, 60 MS, "w1" },
	{ "read<wrap main", 1, 30 MS, "w2" },
	{ "[prog] main", 1, 10 MS, NULL },
};
static const struct made_sample new_samples[] = {
	{ "lock work main", 5, 100 MS, "other" },
	{ "read<wrap main", 1, 30 MS, "names" },
	{ "idle main", 1, 5 MS, NULL },
};
static const struct made_file old_file = { "old.pb.gz", 0x10000, NULL, SAMPLES(old_samples) };
static const struct made_file new_file = { "new.pb.gz", 0x70000, NULL, SAMPLES(new_samples) };

static struct ss_file *old, *new;

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/t-file.XXXXXX");
	assert_non_null(mkdtemp(dir));
	old = make_file(&old_file);
	new = make_file(&new_file);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "old.pb.gz", "new.pb.gz", "other.pb.gz", "out" };
	char path[128];

	(void)state;
	ss_file_close(old);
	ss_file_close(new);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		in_dir(path, sizeof(path), names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* ---- texts ---- */

static struct ss_output *open_output(void)
{
	struct ss_output *output;
	char path[128];

	in_dir(path, sizeof(path), "out");
	assert_int_equal(ss_output_open(path, &output, &err), 0);
	return output;
}

/* What came out, without the time, whose text is the table's affair. */
static void assert_output(struct ss_output *output, const char *want)
{
	struct buf got = { 0 };
	char path[128];
	char *time, *rest;

	assert_int_equal(ss_output_commit(output, &err), 0);
	in_dir(path, sizeof(path), "out");
	assert_int_equal(file_read_whole_at(AT_FDCWD, path, 1 << 20, &got), 0);
	time = strstr(got.data, "Time: ");
	if (time) {
		rest = strchr(time, '\n') + 1;
		memmove(time, rest, strlen(rest) + 1);
	}
	assert_string_equal(got.data, want);
	buf_done(&got);
}

static void assert_report(const struct ss_report_options *options, const char *want)
{
	struct ss_output *output = open_output();

	if (ss_file_report(output, old, options, &err) < 0)
		fail_msg("%s", err.message);
	assert_output(output, want);
}

static void assert_diff(const struct ss_report_options *options, const char *want)
{
	struct ss_output *output = open_output();
	char text[2048];

	if (ss_file_diff(output, old, new, options, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(text, sizeof(text), "Base: %s/old.pb.gz\nNew: %s/new.pb.gz\n%s", dir, dir, want);
	assert_output(output, text);
}

static void assert_refused(const struct ss_report_options *options, const char *message)
{
	struct ss_output *output = open_output();

	assert_true(ss_file_report(output, old, options, &err) < 0);
	assert_int_equal(err.kind, SS_ERR_ARGUMENT);
	assert_string_equal(err.message, message);
	ss_output_discard(output);
}

#define COLUMNS "      flat  flat%   sum%        cum   cum%\n"
#define HEAD    "File: prog\nType: delay\nDuration: 1s, Total samples = 100ms (10.00%)\n"

static void test_top(void **state)
{
	(void)state;
	assert_report(&(struct ss_report_options){ 0 },
		      HEAD "Showing nodes accounting for 100ms, 100% of 100ms total\n" COLUMNS
			   "      60ms 60.00% 60.00%       60ms 60.00%  lock\n"
			   "      30ms 30.00% 90.00%       30ms 30.00%  read\n"
			   "      10ms 10.00%   100%       10ms 10.00%  [prog]\n"
			   "         0     0%   100%      100ms   100%  main\n"
			   "         0     0%   100%       60ms 60.00%  work\n"
			   "         0     0%   100%       30ms 30.00%  wrap\n");
}

static void test_top_focus(void **state)
{
	(void)state;
	/* read is inlined; shares are of everything all the same */
	assert_report(&(struct ss_report_options){ .focus = "^read$", .cum = true, .rows = 2 },
		      HEAD "Showing nodes accounting for 30ms, 30.00% of 100ms total\n"
			   "Showing top 2 nodes out of 3\n" COLUMNS
			   "         0     0%     0%       30ms 30.00%  main\n"
			   "      30ms 30.00% 30.00%       30ms 30.00%  read\n");
}

static void test_top_ignore(void **state)
{
	(void)state;
	assert_report(&(struct ss_report_options){ .ignore = "lock|wrap", .unit = "us" },
		      "File: prog\nType: delay\n"
		      "Duration: 1s, Total samples = 100000us (10.00%)\n"
		      "Showing nodes accounting for 10000us, 10.00% of 100000us total\n" COLUMNS
		      "   10000us 10.00% 10.00%    10000us 10.00%  [prog]\n"
		      "         0     0% 10.00%    10000us 10.00%  main\n");
}

static void test_sample_index(void **state)
{
	static const char *const names[] = { "contentions", "0" };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_report(
			&(struct ss_report_options){ .sample_index = names[i], .focus = "lock" },
			"File: prog\nType: contentions\nDuration: 1s, Total samples = 5 \n"
			"Showing nodes accounting for 3, 60.00% of 5 total\n" COLUMNS
			"         3 60.00% 60.00%          3 60.00%  lock\n"
			"         0     0% 60.00%          3 60.00%  main\n"
			"         0     0% 60.00%          3 60.00%  work\n");
}

static void test_bad_options(void **state)
{
	(void)state;
	assert_refused(&(struct ss_report_options){ .sample_index = "cpu" },
		       "the profile has no sample type 'cpu'; it has: contentions, delay");
	assert_refused(&(struct ss_report_options){ .sample_index = "2" },
		       "the profile has no sample type '2'; it has: contentions, delay");
	assert_refused(&(struct ss_report_options){ .sample_index = "" },
		       "the profile has no sample type ''; it has: contentions, delay");
	assert_true(ss_file_report(NULL, old, &(struct ss_report_options){ .focus = "(" }, &err) <
		    0);
	assert_int_equal(err.kind, SS_ERR_ARGUMENT);
}

#define LINE "-----------+-------------------------------------------------------\n"

static void test_traces(void **state)
{
	(void)state;
	assert_report(&(struct ss_report_options){ .kind = SS_REPORT_TRACES, .rows = 2 },
		      HEAD LINE "    thread:  w1\n"
				"      60ms   lock\n"
				"             work\n"
				"             main\n" LINE "    thread:  w2\n"
				"      30ms   read (inline)\n"
				"             wrap\n"
				"             main\n" LINE);
}

static void test_tree(void **state)
{
	(void)state;
	assert_report(&(struct ss_report_options){ .kind = SS_REPORT_TREE },
		      HEAD "       cum   cum%       flat  flat%  function\n"
			   "     100ms   100%          0     0%  main\n"
			   "      60ms 60.00%          0     0%    work\n"
			   "      60ms 60.00%       60ms 60.00%      lock\n"
			   "      30ms 30.00%          0     0%    wrap\n"
			   "      30ms 30.00%       30ms 30.00%      read\n"
			   "      10ms 10.00%       10ms 10.00%    [prog]\n");
}

static void test_tree_rows(void **state)
{
	(void)state;
	assert_report(&(struct ss_report_options){ .kind = SS_REPORT_TREE, .rows = 2 },
		      HEAD "       cum   cum%       flat  flat%  function\n"
			   "     100ms   100%          0     0%  main\n"
			   "      60ms 60.00%          0     0%    work\n"
			   "# left out: 3 smaller subtrees\n");
}

/* Other load addresses and labels make no difference; what stayed the same is not shown. */
static void test_diff(void **state)
{
	(void)state;
	assert_diff(&(struct ss_report_options){ 0 },
		    "File: prog\nType: delay\n"
		    "Showing nodes accounting for 35ms, 35.00% of 100ms total\n" COLUMNS
		    "      40ms 40.00% 40.00%       40ms 40.00%  lock\n"
		    "     -10ms 10.00% 30.00%      -10ms 10.00%  [prog]\n"
		    "       5ms  5.00% 35.00%        5ms  5.00%  idle\n"
		    "         0     0% 35.00%       35ms 35.00%  main\n"
		    "         0     0% 35.00%       40ms 40.00%  work\n");
}

static void test_diff_tree(void **state)
{
	(void)state;
	assert_diff(&(struct ss_report_options){ .kind = SS_REPORT_TREE, .rows = 3 },
		    "File: prog\nType: delay\n"
		    "       cum   cum%       flat  flat%  function\n"
		    "      35ms 35.00%          0     0%  main\n"
		    "      40ms 40.00%          0     0%    work\n"
		    "      40ms 40.00%       40ms 40.00%      lock\n"
		    "# left out: 2 smaller subtrees\n");
}

static void test_different_types(void **state)
{
	struct made_file made = old_file;
	struct ss_file *other;
	char want[512];

	(void)state;
	made.name = "other.pb.gz";
	made.period = "cycles";
	other = make_file(&made);
	assert_true(ss_file_diff(NULL, old, other, &(struct ss_report_options){ 0 }, &err) < 0);
	assert_int_equal(err.kind, SS_ERR_MISMATCH);
	snprintf(want, sizeof(want), "%s/old.pb.gz has", dir);
	assert_non_null(strstr(err.message, want));
	snprintf(want, sizeof(want), "%s/other.pb.gz has", dir);
	assert_non_null(strstr(err.message, want));
	ss_file_close(other);
}

/* ---- sums ---- */

static struct ss_file *merge(const struct ss_file *a, const struct ss_file *b)
{
	const struct ss_file *files[] = { a, b };
	struct ss_output *output = open_output();

	assert_int_equal(ss_file_merge(output, files, 2, &err), 0);
	assert_int_equal(ss_output_commit(output, &err), 0);
	return open_file("out");
}

static void test_merge(void **state)
{
	const struct ss_report_options options = { .rows = 3 };
	struct ss_file *sum = merge(old, new);
	struct ss_output *output = open_output();

	(void)state;
	assert_int_equal(ss_file_report(output, sum, &options, &err), 0);
	assert_output(output, "File: prog\nType: delay\n"
			      "Duration: 2s, Total samples = 235ms (11.75%)\n"
			      "Showing nodes accounting for 230ms, 97.87% of 235ms total\n"
			      "Showing top 3 nodes out of 7\n" COLUMNS
			      "     160ms 68.09% 68.09%      160ms 68.09%  lock\n"
			      "      60ms 25.53% 93.62%       60ms 25.53%  read\n"
			      "      10ms  4.26% 97.87%       10ms  4.26%  [prog]\n");
	ss_file_close(sum);
}

/* Labels keep samples apart; equal ones become one, with both values added. */
static void test_merge_samples(void **state)
{
	struct ss_file *sum = merge(old, old);
	struct ss_output *output = open_output();
	const struct ss_report_options options = {
		.kind = SS_REPORT_TRACES,
		.sample_index = "contentions",
		.focus = "lock|read",
	};

	(void)state;
	assert_int_equal(ss_file_report(output, sum, &options, &err), 0);
	assert_output(output, "File: prog\nType: contentions\n"
			      "Duration: 2s, Total samples = 10\n" LINE "    thread:  w1\n"
			      "         6   lock\n"
			      "             work\n"
			      "             main\n" LINE "    thread:  w2\n"
			      "         2   read (inline)\n"
			      "             wrap\n"
			      "             main\n" LINE);
	ss_file_close(sum);
}

/* ---- thresholds ---- */

static void check(const struct ss_file *base, const struct ss_file *file, const char *function,
		  int64_t limit_ns, struct ss_over *ret)
{
	const struct ss_report_options options = { 0 };
	const struct ss_threshold threshold = { .function = function, .limit_ns = limit_ns };

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(ss_file_check(base, file, &options, &threshold, ret, &err), 0);
}

static void test_threshold(void **state)
{
	struct ss_over over;

	(void)state;
	check(NULL, old, "^lock$", 60 MS, &over);
	assert_int_equal(over.matched, 1);
	assert_int_equal(over.exceeded, 0);
	check(NULL, old, "^lock$", 60 MS - 1, &over);
	assert_int_equal(over.exceeded, 1);
	assert_string_equal(over.function, "lock");
	assert_string_equal(over.value, "60ms");
	check(NULL, old, "nobody", 0, &over);
	assert_int_equal(over.matched, 0);
}

static void test_threshold_of_change(void **state)
{
	struct ss_over over;

	(void)state;
	check(old, new, "lock|idle|prog", 1 MS, &over);
	assert_int_equal(over.matched, 3);
	assert_int_equal(over.exceeded, 2);
	assert_string_equal(over.function, "lock");
	assert_int_equal(over.cum_ns, 40 MS);
	check(old, new, "lock|idle|prog", -9 MS, &over);
	assert_int_equal(over.exceeded, 1);
	assert_string_equal(over.value, "-10ms");
	check(old, new, "lock|idle|prog", -10 MS, &over);
	assert_int_equal(over.exceeded, 0);
}

static void test_threshold_needs_time(void **state)
{
	const struct ss_report_options options = { .sample_index = "contentions" };
	const struct ss_threshold threshold = { .function = "x" };
	struct ss_over over;

	(void)state;
	assert_true(ss_file_check(NULL, old, &options, &threshold, &over, &err) < 0);
	assert_string_equal(err.message, "a threshold is a time, and 'contentions' is in 'count'");
}

/* ---- opening ---- */

static void test_no_file(void **state)
{
	struct ss_file *file;

	(void)state;
	assert_true(ss_file_open("/nonexistent", &file, &err) < 0);
	assert_string_equal(err.message, "cannot read /nonexistent: No such file or directory");
	assert_true(ss_file_open("/dev/null", &file, &err) < 0);
	assert_int_equal(err.kind, SS_ERR_FORMAT);
	assert_string_equal(err.message, "/dev/null: it is empty");
}

/* ---- captures ---- */

/* How much of the time is in functions that match, and what `limit_ns` makes of it. */
static struct ss_over capture_over(enum profile_kind kind, const struct ss_write_options *options,
				   const char *function, int64_t limit_ns)
{
	const struct ss_report_options report = { 0 };
	const struct ss_threshold threshold = { .function = function, .limit_ns = limit_ns };
	struct ss_profile *profile = sample_profile_new(1, kind, false);
	const struct ss_profile *const profiles[] = { profile };
	struct ss_file *file;
	struct ss_over over;

	assert_int_equal(ss_file_of_profiles(profiles, 1, options, &file, &err), 0);
	assert_int_equal(ss_file_check(NULL, file, &report, &threshold, &over, &err), 0);
	ss_file_close(file);
	sample_profile_free(profile);
	return over;
}

static void test_thresholds_of_a_capture(void **state)
{
	const struct ss_write_options plain = { .format = SS_FORMAT_TEXT };
	struct ss_over over = capture_over(PROFILE_BLOCK, &plain, "lll_lock", 12999999999);

	(void)state;
	assert_int_equal(over.matched, 1);
	assert_int_equal(over.exceeded, 1);
	assert_string_equal(over.function, "__lll_lock_wait");
	assert_true(over.cum_ns == 13000000000);
	assert_int_equal(capture_over(PROFILE_BLOCK, &plain, "lll_lock", 13000000000).exceeded, 0);
	assert_int_equal(capture_over(PROFILE_CPU, &plain, "lll_lock", 0).cum_ns, 500000000);
	assert_int_equal(capture_over(PROFILE_BLOCK, &plain, "nobody", 0).matched, 0);
}

static void test_captures_are_checked_as_shown(void **state)
{
	const struct ss_write_options all = { 0 }, no_idle = { .no_idle = true };
	const struct ss_write_options joins = { .focus = "^pthread_join$" };
	const struct ss_write_options no_joins = { .ignore = "^pthread_join$" };

	(void)state;
	assert_int_equal(capture_over(PROFILE_BLOCK, &all, "LazyCompile", 0).exceeded, 1);
	assert_int_equal(capture_over(PROFILE_BLOCK, &no_idle, "LazyCompile", 0).matched, 0);
	assert_int_equal(capture_over(PROFILE_BLOCK, &joins, "lll_lock", 0).matched, 0);
	assert_int_equal(capture_over(PROFILE_BLOCK, &joins, "pthread_join", 0).matched, 1);
	assert_int_equal(capture_over(PROFILE_BLOCK, &no_joins, "pthread_join", 0).matched, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_top_focus),
		cmocka_unit_test(test_top_ignore),
		cmocka_unit_test(test_sample_index),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_rows),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_tree),
		cmocka_unit_test(test_different_types),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_samples),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_threshold_of_change),
		cmocka_unit_test(test_threshold_needs_time),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_thresholds_of_a_capture),
		cmocka_unit_test(test_captures_are_checked_as_shown),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
