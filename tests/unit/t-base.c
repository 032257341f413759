/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-base.c: the containers (arena, vec, map64, strtab), error values, durations for people and
 * small-file reading. Needs a writable TMPDIR or /tmp; t-buf.c has the byte buffer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fileio.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"

/* Under AddressSanitizer an impossible size is NULL, as without it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* ---- arena ---- */

static void test_arena_aligned_and_zeroed(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t size = 1; size < 300; size += 7) {
		unsigned char *p = arena_alloc(&arena, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_done(&arena);
}

static void test_arena_larger_than_a_block(void **state)
{
	struct arena arena;
	char *small, *big, *after;

	(void)state;
	arena_init(&arena);
	small = arena_strdup(&arena, "small");
	big = arena_alloc(&arena, 1 << 20);
	after = arena_strdup(&arena, "after");
	assert_true(small && big && after);
	memset(big, 'x', 1 << 20);
	assert_string_equal(small, "small");
	assert_string_equal(after, "after");
	arena_done(&arena);
}

static void test_arena_refuses_overflow(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_non_null(arena_alloc(&arena, 1)); /* still usable */
	arena_done(&arena);
}

static void test_arena_text(void **state)
{
	struct arena arena;
	char *s;

	(void)state;
	arena_init(&arena);
	s = arena_printf(&arena, "%s-%d", "thread", 42);
	assert_string_equal(s, "thread-42");
	assert_string_equal(arena_printf(&arena, "%1000d", 1) + 999, "1");
	assert_memory_equal(arena_memdup(&arena, "a\0b", 3), "a\0b", 3);
	assert_string_equal(s, "thread-42");
	arena_done(&arena);
}

/* ---- vec ---- */

static void test_vec_push(void **state)
{
	VEC(int) v = { 0 };
	int sum = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(vec_push(&v, i), 0);
	assert_int_equal(v.n, 1000);
	assert_true(v.cap >= v.n);
	vec_each(p, &v)
		sum += *p;
	assert_int_equal(sum, 499500);
	vec_done(&v);
	assert_null(v.data);
	assert_int_equal(v.n + v.cap, 0);
}

static void test_vec_each_of_none(void **state)
{
	VEC(int) v = { 0 };
	size_t none = 0;

	(void)state;
	vec_each(p, &v)
		fail();
	assert_int_equal(vec_reserve(&v, none), 0);
	assert_null(v.data);
}

static void test_vec_refuses_what_cannot_be(void **state)
{
	VEC(uint64_t) v = { 0 };

	(void)state;
	assert_int_equal(vec_push(&v, 7), 0);
	assert_int_equal(vec_reserve(&v, SIZE_MAX), -ENOMEM);
	assert_int_equal(vec_reserve(&v, SIZE_MAX / 8),
			 -ENOMEM); /* times 8 overflows after rounding */
	assert_int_equal(v.n, 1);
	assert_int_equal(v.data[0], 7);
	vec_done(&v);
}

/* ---- map64 ---- */

static void test_map64_put_and_find(void **state)
{
	struct map64 map;

	(void)state;
	map64_init(&map);
	assert_null(map64_find(&map, 1));
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(map64_put(&map, i * 4096, i), 0);
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(*map64_find(&map, i * 4096), i);
	assert_null(map64_find(&map, 4095));
	assert_int_equal(map.n, 5000);
	assert_true(map.n * 8 <= (map.mask + 1) * 5);
	map64_done(&map);
}

static void test_map64_replaces(void **state)
{
	struct map64 map;

	(void)state;
	map64_init(&map);
	assert_int_equal(map64_put(&map, 0, 1), 0);
	assert_int_equal(map64_put(&map, 0, 2), 0);
	assert_int_equal(map.n, 1);
	assert_int_equal(*map64_find(&map, 0), 2);
	map64_done(&map);
}

static void test_map64_clear_keeps_the_room(void **state)
{
	struct map64 map;
	const struct map64_slot *room;

	(void)state;
	map64_init(&map);
	map64_clear(&map);
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(map64_put(&map, i, i), 0);
	room = map.slots;
	map64_clear(&map);
	assert_ptr_equal(map.slots, room);
	for (uint64_t i = 0; i < 40; i++)
		assert_null(map64_find(&map, i));
	assert_int_equal(map64_put(&map, 3, 4), 0);
	assert_int_equal(map.n, 1);
	map64_done(&map);
}

/* ---- strtab ---- */

static void test_strtab_interns(void **state)
{
	struct strtab tab;
	const char *first, *part;
	char text[] = "main";

	(void)state;
	strtab_init(&tab);
	first = strtab_intern(&tab, text);
	text[0] = 'p';
	assert_string_equal(first, "main");
	assert_ptr_equal(strtab_intern(&tab, "main"), first);
	part = strtab_intern_n(&tab, "main.cold", 4);
	assert_ptr_equal(part, first);
	assert_ptr_not_equal(strtab_intern(&tab, "main.cold"), first);
	assert_string_equal(strtab_intern(&tab, ""), "");
	strtab_done(&tab);
}

static void test_strtab_keeps_pointers_while_growing(void **state)
{
	struct strtab tab;
	const char *seen[2000];
	char text[32];

	(void)state;
	strtab_init(&tab);
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "name%d", i);
		seen[i] = strtab_intern(&tab, text);
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "name%d", i);
		assert_ptr_equal(strtab_intern(&tab, text), seen[i]);
	}
	assert_int_equal(tab.n, 2000);
	strtab_done(&tab);
}

/* NUL is a byte like any other to intern_n. */
static void test_strtab_tells_length(void **state)
{
	struct strtab tab;

	(void)state;
	strtab_init(&tab);
	assert_ptr_not_equal(strtab_intern_n(&tab, "a\0b", 3), strtab_intern(&tab, "a"));
	strtab_done(&tab);
}

/* ---- error ---- */

static void test_error_set(void **state)
{
	struct ss_error err;

	(void)state;
	assert_int_equal(ss_error_set(&err, SS_ERR_TRACED, EPERM, "pid %d", 7), -EPERM);
	assert_int_equal(err.kind, SS_ERR_TRACED);
	assert_int_equal(err.sys, EPERM);
	assert_string_equal(err.message, "pid 7");
}

static void test_error_sys_tells_why(void **state)
{
	struct ss_error err;

	(void)state;
	assert_int_equal(ss_error_sys(&err, ENOENT, "cannot open %s", "x"), -ENOENT);
	assert_int_equal(err.kind, SS_ERR_SYSTEM);
	assert_string_equal(err.message, "cannot open x: No such file or directory");
	ss_error_sys(&err, ENOMEM, "x");
	assert_int_equal(err.kind, SS_ERR_NO_MEMORY);
}

static void test_error_wrap(void **state)
{
	struct ss_error err;

	(void)state;
	ss_error_set(&err, SS_ERR_GONE, ESRCH, "it ended");
	assert_int_equal(ss_error_wrap(&err, "process %d", 5), -ESRCH);
	assert_string_equal(err.message, "process 5: it ended");
	assert_int_equal(err.kind, SS_ERR_GONE);
}

static void test_error_is_cut_not_overrun(void **state)
{
	struct ss_error err;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ss_error_sys(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	ss_error_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void test_error_may_be_null(void **state)
{
	(void)state;
	assert_int_equal(ss_error_set(NULL, SS_ERR_UID, EPERM, "x"), -EPERM);
	assert_int_equal(ss_error_sys(NULL, EIO, "x"), -EIO);
	assert_int_equal(ss_error_oom(NULL), -ENOMEM);
	assert_true(ss_error_wrap(NULL, "x") < 0);
}

static void test_error_hints(void **state)
{
	(void)state;
	assert_null(ss_error_hint(SS_ERR_NONE));
	assert_non_null(ss_error_hint(SS_ERR_YAMA));
	assert_null(ss_error_hint((enum ss_error_kind)10000));
}

/* ---- clock ---- */

static const struct {
	uint64_t ns;
	const char *text;
} durations[] = {
	{ 0, "0 ns" },
	{ 999, "999 ns" },
	{ 1000, "1.00 us" },
	{ 9994, "9.99 us" },
	{ 9996, "10.0 us" },
	{ 99949, "99.9 us" },
	{ 99951, "100 us" },
	{ 999499, "999 us" },
	{ 999500, "1.00 ms" },
	{ 12345678, "12.3 ms" },
	{ 999499999, "999 ms" },
	{ 999500000, "1.00 s" },
	{ 12300000000, "12.3 s" },
	{ 59949999999, "59.9 s" },
	{ 59950000000, "1 min 0 s" },
	{ 60000000000, "1 min 0 s" },
	{ 302000000000, "5 min 2 s" },
	{ 3599999999999, "59 min 59 s" },
	{ 3600000000000, "1 h 0 min" },
	{ 86399999999999, "23 h 59 min" },
	{ 86400000000000, "1 d 0 h" },
	{ 187200000000000, "2 d 4 h" },
};

static void test_clock_format(void **state)
{
	char text[CLOCK_FORMAT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		clock_format(text, sizeof(text), durations[i].ns);
		assert_string_equal(text, durations[i].text);
	}
}

static void test_clock_format_bounds(void **state)
{
	char text[CLOCK_FORMAT_MAX], small[8] = "1234567";

	(void)state;
	assert_ptr_equal(clock_format(text, sizeof(text), UINT64_MAX), text);
	assert_string_equal(text, "213503 d 23 h");
	clock_format(small, 4, 123456);
	assert_string_equal(small, "123");
	assert_string_equal(small + 4, "567");
}

static void test_clocks_advance(void **state)
{
	uint64_t mono = clock_mono_ns();

	(void)state;
	assert_true(clock_mono_ns() >= mono);
	assert_true(clock_wall_ns() > 1700000000 * NS_PER_SEC);
}

/* ---- fileio ---- */

/* An unlinked file with this content; its path works as long as it is open. */
static int make_file(const void *data, size_t len)
{
	char path[] = "/tmp/t-base-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(file_write_all(fd, data, len), 0);
	return fd;
}

static const char *fd_path(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static void test_file_pread(void **state)
{
	_cleanup_close_ int fd = make_file("0123456789", 10);
	char text[8];

	(void)state;
	assert_int_equal(file_pread(fd, text, sizeof(text)), 7);
	assert_string_equal(text, "0123456");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 10);
	assert_int_equal(file_read_at(AT_FDCWD, fd_path(fd), text, 4), 3);
	assert_string_equal(text, "012");
}

static void test_file_read_errors(void **state)
{
	char text[8];

	(void)state;
	assert_int_equal(file_read_at(AT_FDCWD, "/nonexistent", text, sizeof(text)), -ENOENT);
	assert_int_equal(file_pread(-1, text, sizeof(text)), -EBADF);
	assert_int_equal(file_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(file_write_all(-1, "", 0), 0);
}

static void test_file_read_whole(void **state)
{
	char data[40000];
	struct buf buf;
	int fd;

	(void)state;
	memset(data, 'y', sizeof(data));
	fd = make_file(data, sizeof(data));
	buf_init(&buf);
	buf_puts(&buf, "x");
	assert_int_equal(file_read_whole_at(AT_FDCWD, fd_path(fd), sizeof(data), &buf), 0);
	assert_int_equal(buf.len, sizeof(data) + 1);
	assert_memory_equal(buf.data + 1, data, sizeof(data));
	assert_int_equal(file_read_whole_at(AT_FDCWD, fd_path(fd), sizeof(data) - 1, &buf), -EFBIG);
	assert_int_equal(file_read_whole_at(AT_FDCWD, "/nonexistent", 9, &buf), -ENOENT);
	buf_done(&buf);
	close(fd);
}

static void test_file_pread_exact(void **state)
{
	_cleanup_close_ int fd = make_file("0123456789", 10);
	char data[8];

	(void)state;
	assert_int_equal(file_pread_exact(fd, data, 8, 2), 0);
	assert_memory_equal(data, "23456789", 8);
	assert_int_equal(file_pread_exact(fd, data, 8, 3), -ENODATA);
	assert_int_equal(file_pread_exact(-1, data, 8, 0), -EBADF);
}

/* More than a pipe holds: the write comes back short, and a reader drains it. */
static void test_file_write_all_short(void **state)
{
	char data[4096];
	int fds[2], flags;

	(void)state;
	memset(data, 'z', sizeof(data));
	assert_int_equal(pipe(fds), 0);
	flags = fcntl(fds[1], F_GETFL);
	assert_int_equal(fcntl(fds[1], F_SETFL, flags | O_NONBLOCK), 0);
	while (file_write_all(fds[1], data, sizeof(data)) == 0)
		continue;
	assert_int_equal(file_write_all(fds[1], data, sizeof(data)), -EAGAIN);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_aligned_and_zeroed),
		cmocka_unit_test(test_arena_larger_than_a_block),
		cmocka_unit_test(test_arena_refuses_overflow),
		cmocka_unit_test(test_arena_text),
		cmocka_unit_test(test_vec_push),
		cmocka_unit_test(test_vec_each_of_none),
		cmocka_unit_test(test_vec_refuses_what_cannot_be),
		cmocka_unit_test(test_map64_put_and_find),
		cmocka_unit_test(test_map64_replaces),
		cmocka_unit_test(test_map64_clear_keeps_the_room),
		cmocka_unit_test(test_strtab_interns),
		cmocka_unit_test(test_strtab_keeps_pointers_while_growing),
		cmocka_unit_test(test_strtab_tells_length),
		cmocka_unit_test(test_error_set),
		cmocka_unit_test(test_error_sys_tells_why),
		cmocka_unit_test(test_error_wrap),
		cmocka_unit_test(test_error_is_cut_not_overrun),
		cmocka_unit_test(test_error_may_be_null),
		cmocka_unit_test(test_error_hints),
		cmocka_unit_test(test_clock_format),
		cmocka_unit_test(test_clock_format_bounds),
		cmocka_unit_test(test_clocks_advance),
		cmocka_unit_test(test_file_pread),
		cmocka_unit_test(test_file_read_errors),
		cmocka_unit_test(test_file_read_whole),
		cmocka_unit_test(test_file_pread_exact),
		cmocka_unit_test(test_file_write_all_short),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
