/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-perfmap.c: perf maps as text, and as files in a root of the test's own, with this process as
 * their target; and the overlay that they are kept in, held against the plainest way to say the
 * same.
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "symbol/overlay.h"
#include "symbol/perfmap.h"
#include "target/target.h"

/* ---- overlay ---- */

static uint64_t random_state = 42;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static void check_overlay(unsigned nranges)
{
	uint32_t painted[300];
	struct overlay overlay;

	overlay_init(&overlay);
	memset(painted, 0xff, sizeof(painted));
	for (uint32_t i = 0; i < nranges; i++) {
		unsigned start = random_below(250), size = random_below(50);

		assert_int_equal(overlay_add(&overlay, start, start + size), 0);
		for (unsigned at = start; at < start + size; at++)
			painted[at] = i;
	}
	assert_int_equal(overlay_settle(&overlay), 0);
	for (unsigned at = 0; at < ARRAY_SIZE(painted); at++)
		assert_int_equal(overlay_find(&overlay, at), painted[at]);
	overlay_done(&overlay);
}

static void test_overlay_is_the_latest(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 60; n++)
		check_overlay(n);
}

static void test_overlay_empty(void **state)
{
	struct overlay overlay;

	(void)state;
	overlay_init(&overlay);
	assert_int_equal(overlay_find(&overlay, 7), OVERLAY_NONE);
	assert_int_equal(overlay_settle(&overlay), 0);
	assert_int_equal(overlay_find(&overlay, 7), OVERLAY_NONE);
	overlay_done(&overlay);
}

/* ---- text ---- */

static void check_text(const char *text, uint64_t addr, const char *want, uint64_t start)
{
	struct perfmap_names *names = perfmap_parse(text, strlen(text));
	struct perfmap_name found;

	assert_non_null(names);
	if (want) {
		assert_true(perfmap_names_find(names, addr, &found));
		assert_int_equal(found.len, strlen(want));
		assert_memory_equal(found.name, want, found.len);
		assert_int_equal(found.start, start);
	} else {
		assert_false(perfmap_names_find(names, addr, &found));
	}
	perfmap_names_free(names);
}

static void test_lines(void **state)
{
	static const char text[] = "1000 10 first\n"
				   "1010 20 LazyCompile:~work /a/b.js:1:2\n"
				   "0x2000 0x10 with 0x\r\n"
				   "7fFFabcd0000 40   blanks before\n";

	(void)state;
	check_text(text, 0xfff, NULL, 0);
	check_text(text, 0x1000, "first", 0x1000);
	check_text(text, 0x100f, "first", 0x1000);
	check_text(text, 0x1010, "LazyCompile:~work /a/b.js:1:2", 0x1010);
	check_text(text, 0x102f, "LazyCompile:~work /a/b.js:1:2", 0x1010);
	check_text(text, 0x1030, NULL, 0);
	check_text(text, 0x2008, "with 0x", 0x2000);
	check_text(text, 0x7fffabcd003f, "blanks before", 0x7fffabcd0000);
}

static void test_later_lines_win(void **state)
{
	static const char text[] = "1000 100 old\n2000 100 other\n1080 10 new\n1000 10 newer\n";

	(void)state;
	check_text(text, 0x1000, "newer", 0x1000);
	check_text(text, 0x1010, "old", 0x1000);
	check_text(text, 0x1080, "new", 0x1080);
	check_text(text, 0x1090, "old", 0x1000);
	check_text(text, 0x20ff, "other", 0x2000);
}

static void test_lines_without_sense(void **state)
{
	static const char text[] = "\n \nx\n1000\n1000 \n1000 10\n1000 10 \n1000 0 empty\n"
				   "g000 10 x\n-1000 10 x\n 1000 10 x\n1000\t10\tx\n"
				   "11112222333344445 10 long\nffffffffffffffff 10 wraps\n"
				   "0x 10 x\n3000 10 good\n1000 10 without a newline";

	(void)state;
	check_text(text, 0x1000, NULL, 0);
	check_text(text, 0, NULL, 0);
	check_text(text, UINT64_MAX, NULL, 0);
	check_text(text, 0x3000, "good", 0x3000);
	check_text("", 0x1000, NULL, 0);
}

static void test_nul_ends_a_name(void **state)
{
	static const char text[] = "1000 10 a\0b\n2000 10 c\n";
	struct perfmap_names *names = perfmap_parse(text, sizeof(text) - 1);
	struct perfmap_name found;

	(void)state;
	assert_non_null(names);
	assert_true(perfmap_names_find(names, 0x1000, &found));
	assert_int_equal(found.len, 1);
	assert_true(perfmap_names_find(names, 0x2000, &found));
	perfmap_names_free(names);
}

/* ---- files ---- */

struct fixture {
	char root[64], path[128];
	int root_fd;
	struct target target;
	struct perfmap *perfmap;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char tmp[80];
	struct ss_error err;

	if (!f)
		return -1;
	strcpy(f->root, "/tmp/t-perfmap-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	snprintf(tmp, sizeof(tmp), "%s/tmp", f->root);
	snprintf(f->path, sizeof(f->path), "%s/perf-%d.map", tmp, (int)getpid());
	f->root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	if (mkdir(tmp, 0755) < 0 || target_open(getpid(), &f->target, &err) < 0)
		return -1;
	f->perfmap = perfmap_new(&f->target, f->root_fd);
	return f->perfmap ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	perfmap_free(f->perfmap);
	target_close(&f->target);
	close(f->root_fd);
	snprintf(command, sizeof(command), "rm -r %s", f->root);
	free(f);
	return system(command);
}

static void write_map(const struct fixture *f, const char *mode, const char *text)
{
	FILE *file = fopen(f->path, mode);

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* It takes a rest after each look. */
static bool look_again(struct fixture *f)
{
	usleep(120000);
	return perfmap_update(f->perfmap);
}

static bool finds(const struct fixture *f, uint64_t addr, const char *want)
{
	struct perfmap_name found;

	return perfmap_find(f->perfmap, addr, &found) && found.len == strlen(want) &&
	       memcmp(found.name, want, found.len) == 0;
}

static void test_file(void **state)
{
	struct fixture *f = *state;
	struct perfmap_name found;

	assert_false(perfmap_update(f->perfmap));
	assert_false(perfmap_find(f->perfmap, 0x1000, &found));
	write_map(f, "w", "1000 10 one\n");
	assert_false(perfmap_update(f->perfmap)); /* too soon */
	assert_true(look_again(f));
	assert_true(finds(f, 0x1000, "one"));
	assert_false(look_again(f));
	write_map(f, "a", "1000 8 two\n");
	assert_true(look_again(f));
	assert_true(finds(f, 0x1000, "two"));
	assert_true(finds(f, 0x1008, "one"));
	unlink(f->path);
	assert_true(look_again(f));
	assert_false(perfmap_find(f->perfmap, 0x1000, &found));
}

static void check_refused(struct fixture *f)
{
	struct perfmap_name found;

	assert_false(perfmap_update(f->perfmap));
	assert_false(perfmap_find(f->perfmap, 0x1000, &found));
}

static void test_link_is_refused(void **state)
{
	struct fixture *f = *state;
	char other[160];

	write_map(f, "w", "1000 10 one\n");
	snprintf(other, sizeof(other), "%s.other", f->path);
	assert_int_equal(rename(f->path, other), 0);
	assert_int_equal(symlink(strrchr(other, '/') + 1, f->path), 0);
	check_refused(f);
}

/* Opening it would wait for a writer. */
static void test_fifo_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo(f->path, 0644), 0);
	check_refused(f);
}

static void test_other_owner_is_refused(void **state)
{
	struct fixture *f = *state;

	write_map(f, "w", "1000 10 one\n");
	if (chown(f->path, 65534, (gid_t)-1) < 0)
		skip();
	check_refused(f);
}

/* A process of the same number left it behind. */
static void test_older_than_the_process_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct timespec long_ago[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };

	write_map(f, "w", "1000 10 one\n");
	assert_int_equal(utimensat(AT_FDCWD, f->path, long_ago, 0), 0);
	check_refused(f);
}

#define file_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlay_is_the_latest),
		cmocka_unit_test(test_overlay_empty),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_later_lines_win),
		cmocka_unit_test(test_lines_without_sense),
		cmocka_unit_test(test_nul_ends_a_name),
		file_test(test_file),
		file_test(test_link_is_refused),
		file_test(test_fifo_is_refused),
		file_test(test_other_owner_is_refused),
		file_test(test_older_than_the_process_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
