/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-out.c: an output appears whole or not at all, and the first failure is the one that is told.
 * Each test has a directory of its own.
 */
#include "write/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"

struct place {
	char dir[32], path[64];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->dir, "/tmp/stacksnap-out-XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/file", place->dir);
	*state = place;
	return 0;
}

static unsigned count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static int remove_place(void **state)
{
	struct place *place = *state;
	DIR *d = opendir(place->dir);

	for (struct dirent *e = readdir(d); e; e = readdir(d))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(place->dir);
	free(place);
	return 0;
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void assert_content(const char *path, const char *text)
{
	char content[256];

	assert_true(file_read_at(AT_FDCWD, path, content, sizeof(content)) >= 0);
	assert_string_equal(content, text);
}

static struct out *open_ok(const char *path)
{
	struct ss_error err = { 0 };
	struct out *out = NULL;

	assert_int_equal(out_open(path, &out, &err), 0);
	return out;
}

static void test_appears_on_commit(void **state)
{
	const struct place *place = *state;
	struct out *out = open_ok(place->path);
	struct ss_error err;
	struct stat st;

	out_write(out, "abc", 3);
	assert_int_equal(access(place->path, F_OK), -1);
	assert_int_equal(out_commit(out, &err), 0);
	assert_content(place->path, "abc");
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_entries(place->dir), 1);
}

static void test_discard_keeps_the_old_file(void **state)
{
	const struct place *place = *state;
	struct out *out;

	put_file(place->path, "old");
	out = open_ok(place->path);
	out_write(out, "new", 3);
	out_discard(out);
	assert_content(place->path, "old");
	assert_int_equal(count_entries(place->dir), 1);
	out_discard(NULL);
}

static void test_commit_replaces(void **state)
{
	const struct place *place = *state;
	struct out *out;

	put_file(place->path, "a longer old text");
	out = open_ok(place->path);
	out_write(out, "new", 3);
	assert_int_equal(out_commit(out, NULL), 0);
	assert_content(place->path, "new");
}

static void test_link_stays_a_link(void **state)
{
	const struct place *place = *state;
	char target[64];
	struct out *out;
	struct stat st;

	snprintf(target, sizeof(target), "%s/target", place->dir);
	put_file(target, "old");
	assert_int_equal(symlink("target", place->path), 0);
	out = open_ok(place->path);
	out_write(out, "new", 3);
	assert_int_equal(out_commit(out, NULL), 0);
	assert_int_equal(lstat(place->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_content(target, "new");
}

static void test_link_to_nothing_is_refused(void **state)
{
	const struct place *place = *state;
	struct ss_error err = { 0 };
	struct out *out = NULL;

	assert_int_equal(symlink("nothing", place->path), 0);
	assert_int_equal(out_open(place->path, &out, &err), -ENOENT);
	assert_int_equal(err.kind, SS_ERR_OUTPUT);
	assert_non_null(strstr(err.message, "symbolic link to nothing"));
	assert_null(out);
}

static void test_missing_directory_is_named(void **state)
{
	const struct place *place = *state;
	struct ss_error err = { 0 };
	struct out *out = NULL;
	char path[96];

	snprintf(path, sizeof(path), "%s/no/such", place->dir);
	assert_int_equal(out_open(path, &out, &err), -ENOENT);
	assert_int_equal(err.kind, SS_ERR_OUTPUT);
	assert_non_null(strstr(err.message, path));
	assert_non_null(strstr(err.message, "No such file or directory"));
	assert_int_equal(out_open("", &out, &err), -ENOENT);
	assert_int_equal(out_open(place->dir, &out, &err), -EISDIR);
}

static void test_full_device_is_reported_once(void **state)
{
	struct out *out = open_ok("/dev/full");
	struct ss_error err = { 0 };

	(void)state;
	out_write(out, "abc", 3);
	assert_int_equal(out_error(out), 0);
	assert_int_equal(out_commit(out, &err), -ENOSPC);
	assert_int_equal(err.kind, SS_ERR_OUTPUT);
	assert_string_equal(err.message, "cannot write /dev/full: No space left on device");
}

static void test_error_is_sticky(void **state)
{
	struct out *out = open_ok("/dev/full");
	static char big[100000];
	struct ss_error err = { 0 };

	(void)state;
	out_write(out, big, sizeof(big));
	assert_int_equal(out_error(out), -ENOSPC);
	assert_int_equal(out_check(out, &err), -ENOSPC);
	out_write(out, big, sizeof(big));
	assert_int_equal(out_commit(out, NULL), -ENOSPC);
}

static void test_failed_buffer_fails_the_output(void **state)
{
	const struct place *place = *state;
	struct out *out = open_ok(place->path);
	struct buf buf = { .failed = true };
	struct ss_error err = { 0 };

	out_buf(out, &buf);
	assert_false(buf.failed);
	assert_int_equal(out_commit(out, &err), -ENOMEM);
	assert_int_equal(err.kind, SS_ERR_NO_MEMORY);
	assert_int_equal(count_entries(place->dir), 0);
}

/* Pieces around the buffer's size come out in order. */
static void test_big_output(void **state)
{
	const struct place *place = *state;
	const size_t sizes[] = { 1, 65535, 2, 65536, 200000, 0, 3 };
	static char piece[200000];
	struct out *out = open_ok(place->path);
	struct buf got = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(piece, 'a' + (int)i, sizes[i]);
		out_write(out, piece, sizes[i]);
	}
	assert_int_equal(out_commit(out, NULL), 0);
	assert_int_equal(file_read_whole_at(AT_FDCWD, place->path, 1 << 20, &got), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t j = 0; j < sizes[i]; j++)
			if (got.data[at++] != 'a' + (int)i)
				fail_msg("byte %zu is of another piece", at - 1);
	assert_int_equal(at, got.len);
	buf_done(&got);
}

static void test_fifo_is_written_as_it_is(void **state)
{
	const struct place *place = *state;
	struct out *out;
	struct stat st;
	char got[8];
	int reader;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	reader = open(place->path, O_RDONLY | O_NONBLOCK);
	out = open_ok(place->path);
	out_write(out, "abc", 3);
	assert_int_equal(out_commit(out, NULL), 0);
	assert_int_equal(read(reader, got, sizeof(got)), 3);
	close(reader);
	assert_int_equal(stat(place->path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

static void test_reader_gone(void **state)
{
	const struct place *place = *state;
	struct ss_error err = { 0 };
	struct out *out;
	int reader;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	reader = open(place->path, O_RDONLY | O_NONBLOCK);
	out = open_ok(place->path);
	close(reader);
	out_write(out, "abc", 3);
	assert_int_equal(out_commit(out, &err), -EPIPE);
	assert_int_equal(err.kind, SS_ERR_OUTPUT);
}

/* Runs f with descriptor 1 on path. */
static void with_stdout(const char *path, void (*f)(const char *arg), const char *arg)
{
	int saved, fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	f(arg);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

static void write_more(const char *path)
{
	struct out *out = open_ok(path);

	out_write(out, "more", 4);
	assert_int_equal(out_commit(out, NULL), 0);
	assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
}

static void test_stdout_is_not_closed(void **state)
{
	const struct place *place = *state;

	put_file(place->path, "old ");
	with_stdout(place->path, write_more, "-");
	assert_content(place->path, "old more");
}

/* Nobody who appends to a log wants it replaced. */
static void test_dev_stdout_is_standard_output(void **state)
{
	const struct place *place = *state;

	put_file(place->path, "old ");
	with_stdout(place->path, write_more, "/dev/stdout");
	assert_content(place->path, "old more");
}

/* Both the buffered pieces and those that are larger than the buffer, in order. */
static void test_memory(void **state)
{
	static char large[100 * 1000];
	struct buf memory = { 0 };
	struct ss_error err;
	struct out *out;

	(void)state;
	memset(large, 'x', sizeof(large));
	buf_puts(&memory, "before ");
	assert_int_equal(out_open_memory(&memory, &out, &err), 0);
	out_write(out, "small ", 6);
	out_write(out, large, sizeof(large));
	out_write(out, " end", 4);
	assert_int_equal(out_commit(out, &err), 0);
	assert_int_equal(memory.len, 7 + 6 + sizeof(large) + 4);
	assert_memory_equal(memory.data, "before small xxx", 16);
	assert_string_equal(memory.data + memory.len - 6, "xx end");
	buf_done(&memory);
}

static void test_memory_that_is_out(void **state)
{
	struct buf memory = { .failed = true };
	struct ss_error err;
	struct out *out;

	(void)state;
	assert_int_equal(out_open_memory(&memory, &out, &err), 0);
	out_write(out, "x", 1);
	assert_int_equal(out_commit(out, &err), -ENOMEM);
	assert_int_equal(err.kind, SS_ERR_NO_MEMORY);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		T(test_appears_on_commit),
		T(test_discard_keeps_the_old_file),
		T(test_commit_replaces),
		T(test_link_stays_a_link),
		T(test_link_to_nothing_is_refused),
		T(test_missing_directory_is_named),
		T(test_full_device_is_reported_once),
		T(test_error_is_sticky),
		T(test_failed_buffer_fails_the_output),
		T(test_big_output),
		T(test_fifo_is_written_as_it_is),
		T(test_reader_gone),
		T(test_stdout_is_not_closed),
		T(test_dev_stdout_is_standard_output),
		T(test_memory),
		T(test_memory_that_is_out),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
