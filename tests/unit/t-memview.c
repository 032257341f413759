/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-memview.c: which bytes an unwinder may read, and what a missing one means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/capture.h"
#include "target/image.h"
#include "unwind/memview.h"

static void test_memview(void **state)
{
	const unsigned char low[] = "0123456789abcdef", high[] = "ABCDEFGHIJKLMNOP";
	unsigned char got[8];
	struct capture_thread thread = {
		.ncopies = 2,
		.copies = { { .addr = 0x1000, .len = 16, .bytes = low },
			    { .addr = 0x1010, .len = 16, .bytes = high, .to_map_end = true } },
	};
	struct images *images = images_new();
	struct memview view = { .thread = &thread, .images = images };

	(void)state;
	assert_true(memview_bytes(&view, 0x1008, got, 8));
	assert_memory_equal(got, "89abcdef", 8);
	assert_true(memview_bytes(&view, 0x1010, got, 8));
	assert_memory_equal(got, "ABCDEFGH", 8);
	assert_false(memview_bytes(&view, 0xfff, got, 8));
	assert_int_equal(view.missed, 0xfff);
	assert_int_equal(memview_missed_end(&view), SS_END_UNREADABLE); /* below everything */
	assert_false(memview_bytes(&view, 0x1019, got, 8));
	assert_int_equal(memview_missed_end(&view), SS_END_UNREADABLE); /* above its mapping */
	assert_false(memview_bytes(&view, UINT64_MAX - 3, got, 8));
	thread.copies[1].to_map_end = false;
	assert_false(memview_bytes(&view, 0x1020, got, 1));
	assert_int_equal(memview_missed_end(&view), SS_END_WINDOW);
	images_free(images);
}

/* What is known to be absent is told from what lies beyond, where more may be asked for. */
static void test_memview_of_a_gap(void **state)
{
	const unsigned char bytes[16] = { 0 };
	struct capture_thread thread = {
		.ncopies = 2,
		.copies = { { .addr = 0x1000, .len = 16, .bytes = bytes, .absent = 0x2000 },
			    { .addr = 0x5000, .len = 0, .bytes = bytes, .absent = 0x1000 } },
	};
	struct images *images = images_new();
	struct memview view = { .thread = &thread, .images = images };
	uint64_t word;

	(void)state;
	assert_true(memview_word(&view, 0x1008, &word));
	assert_false(memview_word(&view, 0x100c, &word)); /* half of it */
	assert_int_equal(memview_missed_end(&view), SS_END_ABSENT);
	assert_false(memview_word(&view, 0x300f, &word));
	assert_int_equal(memview_missed_end(&view), SS_END_ABSENT);
	assert_false(memview_word(&view, 0x3010, &word));
	assert_int_equal(memview_missed_end(&view), SS_END_WINDOW);
	assert_false(memview_word(&view, 0x5000, &word));
	assert_int_equal(memview_missed_end(&view), SS_END_ABSENT);
	images_free(images);
}

/* Two stacks (sigaltstack): each tells for itself whether there is more of it. */
static void test_memview_of_two_stacks(void **state)
{
	const unsigned char bytes[16] = { 0 };
	struct capture_thread thread = {
		.ncopies = 2,
		.copies = { { .addr = 0x9000, .len = 16, .bytes = bytes, .to_map_end = true },
			    { .addr = 0x1000, .len = 16, .bytes = bytes } },
	};
	struct images *images = images_new();
	struct memview view = { .thread = &thread, .images = images };
	uint64_t word;

	(void)state;
	assert_false(memview_word(&view, 0x1010, &word));
	assert_int_equal(memview_missed_end(&view), SS_END_WINDOW);
	assert_false(memview_word(&view, 0x9010, &word));
	assert_int_equal(memview_missed_end(&view), SS_END_UNREADABLE);
	images_free(images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memview),
		cmocka_unit_test(test_memview_of_a_gap),
		cmocka_unit_test(test_memview_of_two_stacks),
	};

	return cmocka_run_group_tests_name("memview", tests, NULL, NULL);
}
