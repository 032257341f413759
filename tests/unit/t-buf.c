/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-buf.c: the byte buffer: growth, sticky failure, and foreign text made printable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

static void test_empty(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_null(buf.data);
	buf_reset(&buf);
	buf_add(&buf, "", 0);
	assert_int_equal(buf.len, 0);
	assert_false(buf.failed);
	buf_done(&buf);
}

static void test_add(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	buf_puts(&buf, "ab");
	buf_putc(&buf, 'c');
	buf_add(&buf, "\0d", 2);
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.data, "abc\0d", 6);
	buf_reset(&buf);
	assert_string_equal(buf.data, "");
	buf_puts(&buf, "x");
	assert_string_equal(buf.data, "x");
	buf_done(&buf);
}

static void test_cut(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	buf_cut(&buf, 0);
	buf_cut(&buf, 5);
	assert_null(buf.data);
	buf_puts(&buf, "abcdef");
	buf_cut(&buf, 7);
	buf_cut(&buf, 6);
	assert_string_equal(buf.data, "abcdef");
	buf_cut(&buf, 2);
	assert_int_equal(buf.len, 2);
	assert_string_equal(buf.data, "ab");
	buf_puts(&buf, "x");
	assert_string_equal(buf.data, "abx");
	buf_cut(&buf, 0);
	assert_string_equal(buf.data, "");
	buf_done(&buf);
}

static void test_cut_leaves_a_failure(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	buf_puts(&buf, "abc");
	buf_add(&buf, "", SIZE_MAX - 3);
	assert_true(buf.failed);
	buf_cut(&buf, 1);
	assert_true(buf.failed);
	assert_string_equal(buf.data, "abc");
	buf_done(&buf);
}

/* Around the length at which the text no longer fits the small array on the stack. */
static void test_printf_lengths(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	for (int len = 250; len < 260; len++) {
		buf_reset(&buf);
		buf_puts(&buf, "<");
		buf_printf(&buf, "%*d", len, 7);
		buf_puts(&buf, ">");
		assert_int_equal(buf.len, len + 2);
		assert_int_equal(strlen(buf.data), buf.len);
		assert_string_equal(buf.data + len - 1, " 7>");
	}
	buf_done(&buf);
}

static void test_failure_is_sticky(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	buf_puts(&buf, "kept");
	buf_add(&buf, "x", SIZE_MAX); /* fails before it reads */
	assert_true(buf.failed);
	buf_puts(&buf, "more");
	buf_printf(&buf, "%500d", 1);
	assert_string_equal(buf.data, "kept");
	buf_reset(&buf);
	assert_false(buf.failed);
	buf_done(&buf);
}

static const struct {
	const char *raw, *text;
} escapes[] = {
	{ "", "" },
	{ "plain ~ text", "plain ~ text" },
	{ "a\nb\tc", "a\\x0ab\\x09c" },
	{ "\x1b[31m\x7f", "\\x1b[31m\\x7f" },
	{ "caf\xc3\xa9", "caf\xc3\xa9" },
	{ "\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7" },
	{ "\xc2\x80", "\\xc2\\x80" }, /* C1 controls: a terminal would obey */
	{ "\xc2\x9f", "\\xc2\\x9f" },
	{ "\xc2\xa0", "\xc2\xa0" },
	{ "\x80", "\\x80" },
	{ "\xc3", "\\xc3" }, /* cut at the end of the string */
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xc3z", "\\xc3z" },
	{ "\xc0\xaf", "\\xc0\\xaf" }, /* too long for what they say */
	{ "\xe0\x82\xaf", "\\xe0\\x82\\xaf" },
	{ "\xf0\x82\x82\xac", "\\xf0\\x82\\x82\\xac" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* a surrogate */
	{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
	{ "\xff\xfe", "\\xff\\xfe" },
};

static void test_escapes(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		buf_reset(&buf);
		buf_puts_escaped(&buf, escapes[i].raw);
		assert_string_equal(buf.data ? buf.data : "", escapes[i].text);
	}
	buf_done(&buf);
}

/* A backslash of the text itself would read as one of ours. */
static void test_escaping_leaves_backslash(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	buf_puts_escaped(&buf, "\\x41");
	assert_string_equal(buf.data, "\\x41");
	buf_done(&buf);
}

/* No byte behind the NUL is looked at: the copy has none there. */
static void test_escape_stays_inside(void **state)
{
	char *raw = strdup("ab\xf0\x9f");
	struct buf buf;

	(void)state;
	buf_init(&buf);
	buf_puts_escaped(&buf, raw);
	assert_string_equal(buf.data, "ab\\xf0\\x9f");
	buf_done(&buf);
	free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_leaves_a_failure),
		cmocka_unit_test(test_printf_lengths),
		cmocka_unit_test(test_failure_is_sticky),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_escaping_leaves_backslash),
		cmocka_unit_test(test_escape_stays_inside),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
