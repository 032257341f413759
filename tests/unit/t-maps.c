/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-maps.c: tables of mappings, whole and torn ones, and lookups at their edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "target/maps.h"

static const char three[] = "1000-2000 r--p 00000000 08:01 9 /a\n"
			    "2000-3000 r-xp 00001000 08:01 9 /a\n"
			    "5000-6000 rw-p 00000000 00:00 0 [heap]\n";

static void parse(struct maps *maps, const char *text)
{
	assert_int_equal(maps_parse(maps, text, strlen(text)), 0);
}

static int setup(void **state)
{
	static struct maps maps;

	maps_init(&maps);
	*state = &maps;
	return 0;
}

static int teardown(void **state)
{
	maps_done(*state);
	return 0;
}

static void test_find(void **state)
{
	struct maps *maps = *state;

	parse(maps, three);
	assert_int_equal(maps->entries.n, 3);
	assert_null(maps_find(maps, 0xfff));
	assert_int_equal(maps_find(maps, 0x1000)->start, 0x1000);
	assert_int_equal(maps_find(maps, 0x1fff)->start, 0x1000);
	assert_int_equal(maps_find(maps, 0x2000)->start, 0x2000);
	assert_null(maps_find(maps, 0x3000));
	assert_int_equal(maps_find(maps, 0x5fff)->start, 0x5000);
	assert_null(maps_find(maps, 0x6000));
	assert_null(maps_find(maps, UINT64_MAX));
}

static void test_paths(void **state)
{
	struct maps *maps = *state;

	parse(maps, three);
	assert_string_equal(maps_path(maps, &maps->entries.data[1]), "/a");
	assert_string_equal(maps_path(maps, &maps->entries.data[2]), "[heap]");
}

static void test_parse_replaces(void **state)
{
	struct maps *maps = *state;

	parse(maps, three);
	parse(maps, "7000-8000 r--p 00000000 08:01 9 /b\n");
	assert_int_equal(maps->entries.n, 1);
	assert_string_equal(maps_path(maps, &maps->entries.data[0]), "/b");
	parse(maps, "");
	assert_int_equal(maps->entries.n, 0);
	assert_null(maps_find(maps, 0x7000));
}

static void test_overlaps_and_junk_are_skipped(void **state)
{
	struct maps *maps = *state;

	parse(maps, "junk\n"
		    "1000-3000 r--p 00000000 08:01 9 /a\n"
		    "2000-4000 r--p 00000000 08:01 9 /overlaps\n"
		    "\n"
		    "0-1000 r--p 00000000 08:01 9 /backwards\n"
		    "3000-4000 r--p 00000000 08:01 9 /b");
	assert_int_equal(maps->entries.n, 2);
	assert_string_equal(maps_path(maps, &maps->entries.data[0]), "/a");
	assert_string_equal(maps_path(maps, &maps->entries.data[1]), "/b");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse_replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlaps_and_junk_are_skipped, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
