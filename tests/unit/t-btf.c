/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-btf.c: offsets from BTF: a small made-up one with every turn that a path can take, the same cut
 * short at every byte and damaged, and the running kernel's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fileio.h"
#include "capture/btf.h"

/* ---- a made-up kernel ---- */

/*
 *	2  struct inner { int a; int b; };                      8 bytes
 *	7  struct outer {
 *		int first;                                      0
 *		struct { word_t deep; } (anonymous);            8, of 4 at 4
 *		const struct inner in;                          16
 *		char name[3][4];                                24
 *		void *pointer;                                  40
 *		int bits : 3;                                   48
 *	};
 */
enum { INT = 1, INNER, TYPEDEF, CONST, ARRAY, ANONYMOUS, OUTER, POINTER, ARRAY2, LOOP, FUNCTION };

static const char strings[] = "\0int\0inner\0a\0b\0word_t\0outer\0first\0deep\0in\0name\0pointer\0"
			      "bits\0loop\0bpf_iter_task";

static uint32_t name(const char *wanted)
{
	for (size_t at = 0; at < sizeof(strings); at += strlen(strings + at) + 1)
		if (strcmp(strings + at, wanted) == 0)
			return (uint32_t)at;
	fail();
	return 0;
}

static void put(struct buf *buf, uint32_t word)
{
	buf_add(buf, &word, sizeof(word));
}

static void put_type(struct buf *buf, const char *its, unsigned kind, unsigned n, bool widths,
		     uint32_t size_or_type)
{
	put(buf, name(its));
	put(buf, (uint32_t)widths << 31 | kind << 24 | n);
	put(buf, size_or_type);
}

static void put_member(struct buf *buf, const char *its, uint32_t type, uint32_t bits)
{
	put(buf, name(its));
	put(buf, type);
	put(buf, bits);
}

static void put_array(struct buf *buf, uint32_t type, uint32_t n)
{
	put_type(buf, "", 3, 0, false, 0);
	put(buf, type);
	put(buf, INT);
	put(buf, n);
}

static void put_types(struct buf *buf)
{
	put_type(buf, "int", 1, 0, false, 4);
	put(buf, 32);
	put_type(buf, "inner", BTF_STRUCT, 2, false, 8);
	put_member(buf, "a", INT, 0);
	put_member(buf, "b", INT, 32);
	put_type(buf, "word_t", 8, 0, false, INT);
	put_type(buf, "", 10, 0, false, INNER);
	put_array(buf, INT, 3);
	put_type(buf, "", BTF_STRUCT, 1, false, 8);
	put_member(buf, "deep", TYPEDEF, 32);
	put_type(buf, "outer", BTF_STRUCT, 6, true, 56);
	put_member(buf, "first", INT, 0);
	put_member(buf, "", ANONYMOUS, 64);
	put_member(buf, "in", CONST, 128);
	put_member(buf, "name", ARRAY2, 192);
	put_member(buf, "pointer", POINTER, 320);
	put_member(buf, "bits", INT, 3u << 24 | 384);
	put_type(buf, "", 2, 0, false, 0);
	put_array(buf, ARRAY, 2);
	put_type(buf, "loop", 8, 0, false, LOOP);
	put_type(buf, "bpf_iter_task", BTF_FUNCTION, 0, false, 0);
}

static void make(struct buf *buf)
{
	struct buf types;

	buf_init(&types);
	put_types(&types);
	buf_init(buf);
	put(buf, 0x0001eb9f); /* magic, version, flags */
	put(buf, 24);
	put(buf, 0);
	put(buf, (uint32_t)types.len);
	put(buf, (uint32_t)types.len);
	put(buf, sizeof(strings));
	buf_add(buf, types.data, types.len);
	buf_add(buf, strings, sizeof(strings));
	assert_false(buf->failed);
	buf_done(&types);
}

/* ---- tests ---- */

static void assert_field(const struct btf *btf, const char *path, uint32_t offset, uint32_t size)
{
	struct btf_field field;

	assert_int_equal(btf_find_field(btf, OUTER, path, &field), 0);
	assert_int_equal(field.offset, offset);
	assert_int_equal(field.size, size);
}

static void test_fields(void **state)
{
	struct btf_field field;
	struct btf btf;
	struct buf buf;

	(void)state;
	make(&buf);
	assert_int_equal(btf_parse(&btf, buf.data, buf.len), 0);
	assert_int_equal(btf_find(&btf, BTF_STRUCT, "outer"), OUTER);
	assert_int_equal(btf_find(&btf, BTF_FUNCTION, "bpf_iter_task"), FUNCTION);
	assert_int_equal(btf_find(&btf, BTF_FUNCTION, "outer"), 0);
	assert_field(&btf, "first", 0, 4);
	assert_field(&btf, "deep", 12, 4);
	assert_field(&btf, "in", 16, 8);
	assert_field(&btf, "in.b", 20, 4);
	assert_field(&btf, "name", 24, 24);
	assert_field(&btf, "pointer", 40, 8);
	assert_int_equal(btf_find_field(&btf, OUTER, "bits", &field), -EINVAL);
	assert_int_equal(btf_find_field(&btf, OUTER, "fir", &field), -ENOENT);
	assert_int_equal(btf_find_field(&btf, OUTER, "firsts", &field), -ENOENT);
	assert_int_equal(btf_find_field(&btf, OUTER, "in.c", &field), -ENOENT);
	assert_int_equal(btf_find_field(&btf, OUTER, "first.x", &field), -ENOENT);
	assert_int_equal(btf_find_field(&btf, LOOP, "first", &field), -ENOENT);
	assert_int_equal(btf_find_field(&btf, 0, "first", &field), -ENOENT);
	assert_int_equal(btf_find_field(&btf, 99, "first", &field), -ENOENT);
	btf_done(&btf);
	buf_done(&buf);
}

/* A copy of the exact size, for AddressSanitizer; whatever it says, every question ends. */
static int ask(const char *data, size_t len)
{
	static const char *const paths[] = { "first", "deep", "in.b", "name", "bits", "nothing" };
	_cleanup_free_ char *copy = malloc(len ? len : 1);
	struct btf_field field;
	struct btf btf;
	int r;

	memcpy(copy, data, len);
	r = btf_parse(&btf, copy, len);
	if (r < 0)
		return r;
	(void)btf_find(&btf, BTF_STRUCT, "outer");
	for (uint32_t id = 0; id <= FUNCTION + 1; id++)
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			(void)btf_find_field(&btf, id, paths[i], &field);
	btf_done(&btf);
	return 0;
}

static void test_cut_short(void **state)
{
	struct buf buf;

	(void)state;
	make(&buf);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(ask(buf.data, len), -EINVAL);
	assert_int_equal(ask(buf.data, buf.len), 0);
	buf_done(&buf);
}

static void test_damaged(void **state)
{
	static const unsigned char wrong[] = { 0, 1, 7, 0x7f, 0x84, 0xff };
	struct buf buf;

	(void)state;
	make(&buf);
	for (size_t at = 0; at < buf.len; at++) {
		char was = buf.data[at];

		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
			buf.data[at] = (char)wrong[i];
			(void)ask(buf.data, buf.len);
		}
		buf.data[at] = was;
	}
	buf_done(&buf);
}

static void test_this_kernel(void **state)
{
	struct btf_field field;
	struct btf btf;
	struct buf buf;
	uint32_t task;

	(void)state;
	buf_init(&buf);
	if (file_read_whole_at(AT_FDCWD, "/sys/kernel/btf/vmlinux", 64 << 20, &buf) < 0) {
		buf_done(&buf);
		skip();
	}
	assert_int_equal(btf_parse(&btf, buf.data, buf.len), 0);
	task = btf_find(&btf, BTF_STRUCT, "task_struct");
	assert_int_not_equal(task, 0);
	assert_int_equal(btf_find_field(&btf, task, "comm", &field), 0);
	assert_int_equal(field.size, 16);
	assert_int_equal(btf_find_field(&btf, task, "se.exec_start", &field), 0);
	assert_int_equal(field.size, 8);
	assert_int_equal(btf_find_field(&btf, task, "pid", &field), 0);
	assert_int_equal(field.size, 4);
#if defined(__x86_64__)
	/* the frame that entry_64.S pushes */
	assert_int_equal(
		btf_find_field(&btf, btf_find(&btf, BTF_STRUCT, "pt_regs"), "orig_ax", &field), 0);
	assert_int_equal(field.offset, 15 * 8);
#endif
	btf_done(&btf);
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_this_kernel),
	};

	return cmocka_run_group_tests_name("btf", tests, NULL, NULL);
}
