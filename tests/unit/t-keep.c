/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-keep.c: a profile outlives the session that its names came from. The invented session's memory is
 * overwritten and freed before the profile is looked at: what was not copied is wrong then, and a
 * sanitizer says where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "engine/recorder.h"

enum { PIECES = 64 };

/* All that the session lends, to be spoilt at once. */
struct lender {
	void *pieces[PIECES];
	size_t sizes[PIECES], n;
};

static void *lend(struct lender *lender, const void *from, size_t size)
{
	void *piece = malloc(size);

	assert_non_null(piece);
	assert_in_range(lender->n, 0, PIECES - 1);
	memcpy(piece, from, size);
	lender->sizes[lender->n] = size;
	lender->pieces[lender->n++] = piece;
	return piece;
}

static const char *lend_text(struct lender *lender, const char *text)
{
	return lend(lender, text, strlen(text) + 1);
}

static void take_back(struct lender *lender)
{
	for (size_t i = 0; i < lender->n; i++) {
		memset(lender->pieces[i], 'X', lender->sizes[i]);
		free(lender->pieces[i]);
	}
}

static const struct function *lend_function(struct lender *lender, const char *name,
					    const char *file)
{
	const struct function function = { lend_text(lender, name), lend_text(lender, "_Z"),
					   lend_text(lender, file), 7 };

	return lend(lender, &function, sizeof(function));
}

static const struct location *lend_location(struct lender *lender, const struct mapping *mapping,
					    const struct function *a, const struct function *b)
{
	const struct line lines[] = { { a, lend_text(lender, "inline.h"), 12 },
				      { b, b->file, 34 } };
	const struct location location = { .pc = 0x1234,
					   .mapping = mapping,
					   .module_offset = 0x34,
					   .nlines = ARRAY_SIZE(lines),
					   .lines = lend(lender, lines, sizeof(lines)) };

	return lend(lender, &location, sizeof(location));
}

/* ---- the profile ---- */

struct sample {
	struct ss_profile profile;
	struct account accounts[2];
	const struct mapping *mappings[1];
};

static const struct frame *frame_of(const struct sample *sample, size_t account, unsigned i)
{
	return &sample->profile.accounts[account].stack->frames[i];
}

/* Two stacks with a location in common, a frame in no file, and one that was never named. */
static void make(struct sample *sample, struct lender *lender)
{
	struct ss_profile *profile = &sample->profile;
	const struct mapping mapping = { .start = 0x1000,
					 .end = 0x2000,
					 .path = lend_text(lender, "/lib/a.so"),
					 .build_id = lend_text(lender, "cafe"),
					 .symbolized = true };
	const struct function *outer = lend_function(lender, "outer", "outer.c");
	const struct location bare = { .pc = 0x77 };
	struct frame frames[] = { { 0x1234, 0, NULL }, { 0x77, 0, NULL }, { 0x99, 0, NULL } };

	memset(sample, 0, sizeof(*sample));
	arena_init(&profile->arena);
	stack_table_init(&profile->stacks);
	sample->mappings[0] = lend(lender, &mapping, sizeof(mapping));
	profile->mappings = sample->mappings;
	profile->nmappings = 1;
	frames[0].location = lend_location(lender, sample->mappings[0],
					   lend_function(lender, "inner", "inline.h"), outer);
	frames[1].location = lend(lender, &bare, sizeof(bare));
	sample->accounts[0].stack = stack_intern(&profile->stacks, frames, 3, SS_END_COMPLETE);
	sample->accounts[1].stack = stack_intern(&profile->stacks, frames, 1, SS_END_COMPLETE);
	sample->accounts[1].waiter = outer->name;
	profile->accounts = sample->accounts;
	profile->naccounts = ARRAY_SIZE(sample->accounts);
}

static void make_kept(struct sample *sample)
{
	struct lender lender = { .n = 0 };
	struct ss_error err;

	make(sample, &lender);
	assert_int_equal(profile_keep(&sample->profile, &err), 0);
	take_back(&lender);
}

static void done(struct sample *sample)
{
	stack_table_done(&sample->profile.stacks);
	arena_done(&sample->profile.arena);
}

static void test_names_and_lines(void **state)
{
	struct sample sample;
	const struct location *location;

	(void)state;
	make_kept(&sample);
	location = frame_of(&sample, 0, 0)->location;
	assert_int_equal(location->pc, 0x1234);
	assert_int_equal(location->module_offset, 0x34);
	assert_int_equal(location->nlines, 2);
	assert_string_equal(location->lines[0].function->name, "inner");
	assert_string_equal(location->lines[0].function->system_name, "_Z");
	assert_string_equal(location->lines[0].file, "inline.h");
	assert_int_equal(location->lines[0].line, 12);
	assert_string_equal(location->lines[1].function->name, "outer");
	assert_string_equal(location->lines[1].function->file, "outer.c");
	assert_int_equal(location->lines[1].function->start_line, 7);
	assert_int_equal(location->lines[1].line, 34);
	done(&sample);
}

static void test_mappings(void **state)
{
	struct sample sample;

	(void)state;
	make_kept(&sample);
	assert_string_equal(sample.profile.mappings[0]->path, "/lib/a.so");
	assert_string_equal(sample.profile.mappings[0]->build_id, "cafe");
	assert_int_equal(sample.profile.mappings[0]->end, 0x2000);
	assert_true(sample.profile.mappings[0]->symbolized);
	done(&sample);
}

/* Writers tell things apart by address: one in the session is one in the copy. */
static void test_each_thing_once(void **state)
{
	struct sample sample;
	const struct location *location;

	(void)state;
	make_kept(&sample);
	location = frame_of(&sample, 0, 0)->location;
	assert_ptr_equal(location, frame_of(&sample, 1, 0)->location);
	assert_ptr_equal(location->mapping, sample.profile.mappings[0]);
	assert_ptr_equal(location->lines[1].file, location->lines[1].function->file);
	assert_ptr_equal(sample.accounts[1].waiter, location->lines[1].function->name);
	done(&sample);
}

static void test_what_is_missing_stays_so(void **state)
{
	struct sample sample;

	(void)state;
	make_kept(&sample);
	assert_int_equal(frame_of(&sample, 0, 1)->location->pc, 0x77);
	assert_null(frame_of(&sample, 0, 1)->location->mapping);
	assert_int_equal(frame_of(&sample, 0, 1)->location->nlines, 0);
	assert_null(frame_of(&sample, 0, 2)->location);
	assert_null(sample.accounts[0].waiter);
	assert_string_equal(sample.accounts[1].waiter, "outer");
	done(&sample);
}

static void test_nothing_to_keep(void **state)
{
	struct ss_profile profile = { .naccounts = 0 };
	struct ss_error err;

	(void)state;
	arena_init(&profile.arena);
	stack_table_init(&profile.stacks);
	assert_int_equal(profile_keep(&profile, &err), 0);
	assert_int_equal(profile.nmappings, 0);
	stack_table_done(&profile.stacks);
	arena_done(&profile.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_lines),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_each_thing_once),
		cmocka_unit_test(test_what_is_missing_stays_so),
		cmocka_unit_test(test_nothing_to_keep),
	};

	return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
