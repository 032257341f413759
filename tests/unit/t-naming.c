/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-naming.c: locations of a made-up profile get their names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "file/naming.h"

static const struct function outer = { "ns::outer", "_ZN2ns5outerEi.isra.0", "/src/a.cc", 9 };
static const struct function inner = { "inner", "inner", "/src/a.h", 3 };
static const struct function bare = { "bare", "bare", "", 0 };

/* Two mappings with two locations each; all have no lines. */
static int setup(void **state)
{
	struct pprof *p = pprof_new();

	if (!p)
		return -1;
	for (uint32_t i = 0; i < 2; i++) {
		const struct pprof_mapping mapping = { .file = "/bin/x", .build_id = "" };

		assert_int_equal(vec_push(&p->mappings, mapping), 0);
		for (unsigned k = 0; k < 2; k++) {
			const struct pprof_location location = { .address = 0x1000, .mapping = i };

			assert_int_equal(vec_push(&p->locations, location), 0);
		}
	}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	pprof_free(*state);
	return 0;
}

static const struct pprof_function *function_of(const struct pprof *p, uint32_t location,
						unsigned line)
{
	const struct pprof_location *at = &p->locations.data[location];

	assert_true(line < at->nlines);
	return &p->functions.data[p->lines.data[at->first_line + line].function];
}

static void test_chain(void **state)
{
	struct pprof *p = *state;
	const struct line lines[] = { { &inner, "/src/a.h", 4 }, { &outer, "/src/a.cc", 12 } };
	struct naming naming;

	assert_int_equal(naming_init(&naming, p), 0);
	assert_int_equal(naming_set(&naming, 1, lines, 2), 0);
	naming_done(&naming);
	assert_int_equal(p->locations.data[1].nlines, 2);
	assert_string_equal(function_of(p, 1, 0)->name, "inner");
	assert_string_equal(function_of(p, 1, 1)->name, "ns::outer");
	assert_string_equal(function_of(p, 1, 1)->system_name, "_ZN2ns5outerEi.isra.0");
	assert_string_equal(function_of(p, 1, 1)->file, "/src/a.cc");
	assert_int_equal(function_of(p, 1, 1)->start_line, 9);
	assert_int_equal(p->lines.data[p->locations.data[1].first_line].line, 4);
	assert_int_equal(p->lines.data[p->locations.data[1].first_line + 1].line, 12);
	assert_int_equal(p->locations.data[0].nlines, 0);
}

static void test_mapping_has_names(void **state)
{
	struct pprof *p = *state;
	const struct line line = { &bare, "", 0 };
	struct naming naming;

	assert_int_equal(naming_init(&naming, p), 0);
	assert_int_equal(naming_set(&naming, 2, NULL, 0), 0);
	assert_false(p->mappings.data[1].has_functions);
	assert_int_equal(naming_set(&naming, 2, &line, 1), 0);
	naming_done(&naming);
	assert_true(p->mappings.data[1].has_functions && p->mappings.data[1].has_filenames);
	assert_true(p->mappings.data[1].has_line_numbers && p->mappings.data[1].has_inline_frames);
	assert_false(p->mappings.data[0].has_functions);
}

/* pprof has one file a function: code that is inlined from another file makes it two. */
static void test_equal_functions_are_one(void **state)
{
	struct pprof *p = *state;
	const struct line lines[] = { { &outer, "/src/a.cc", 12 },
				      { &outer, "/src/a.cc", 13 },
				      { &outer, "/src/b.inc", 1 },
				      { &outer, "", 0 } };
	struct naming naming;

	assert_int_equal(naming_init(&naming, p), 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(naming_set(&naming, i, &lines[i], 1), 0);
	naming_done(&naming);
	assert_int_equal(p->functions.n, 2);
	assert_ptr_equal(function_of(p, 0, 0), function_of(p, 1, 0));
	assert_ptr_equal(function_of(p, 0, 0), function_of(p, 3, 0));
	assert_string_equal(function_of(p, 2, 0)->file, "/src/b.inc");
}

static void test_functions_of_the_file_are_used(void **state)
{
	struct pprof *p = *state;
	const struct pprof_function known = {
		.name = strtab_intern(&p->strings, "inner"),
		.system_name = strtab_intern(&p->strings, "inner"),
		.file = strtab_intern(&p->strings, "/src/a.h"),
		.start_line = 3,
	};
	const struct line line = { &inner, "/src/a.h", 5 };
	struct naming naming;

	assert_int_equal(vec_push(&p->functions, known), 0);
	assert_int_equal(naming_init(&naming, p), 0);
	assert_int_equal(naming_set(&naming, 0, &line, 1), 0);
	naming_done(&naming);
	assert_int_equal(p->functions.n, 1);
}

static void test_no_mapping(void **state)
{
	struct pprof *p = *state;
	const struct line line = { &bare, "", 0 };
	struct naming naming;

	p->locations.data[0].mapping = PPROF_NONE;
	assert_int_equal(naming_init(&naming, p), 0);
	assert_int_equal(naming_set(&naming, 0, &line, 1), 0);
	naming_done(&naming);
	assert_string_equal(function_of(p, 0, 0)->name, "bare");
}

#define naming_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		naming_test(test_chain),
		naming_test(test_mapping_has_names),
		naming_test(test_equal_functions_are_one),
		naming_test(test_functions_of_the_file_are_used),
		naming_test(test_no_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
