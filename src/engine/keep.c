/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep.c: makes a profile independent of the session that it was made with: what its stacks borrow
 * from there (names, lines, mappings) is copied into its own arena, each thing once.
 */
#include <errno.h>

#include "base/attr.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "engine/recorder.h"

struct keeper {
	struct ss_profile *profile;
	struct map64 copies; /* address in the session -> address in the arena */
	bool failed;         /* memory is out */
};

/* The copy that was made before, or NULL. */
static void *find_copy(const struct keeper *keeper, const void *original)
{
	const uint64_t *copy = map64_find(&keeper->copies, (uintptr_t)original);

	return copy ? (void *)(uintptr_t)*copy : NULL;
}

static void *note_copy(struct keeper *keeper, const void *original, void *copy)
{
	if (!copy || map64_put(&keeper->copies, (uintptr_t)original, (uintptr_t)copy) < 0)
		keeper->failed = true;
	return copy;
}

static void *copy_bytes(struct keeper *keeper, const void *original, size_t size)
{
	return note_copy(keeper, original, arena_memdup(&keeper->profile->arena, original, size));
}

static const char *keep_text(struct keeper *keeper, const char *text)
{
	char *copy = text ? find_copy(keeper, text) : NULL;

	if (!text || copy)
		return copy;
	return note_copy(keeper, text, arena_strdup(&keeper->profile->arena, text));
}

static const struct mapping *keep_mapping(struct keeper *keeper, const struct mapping *mapping)
{
	struct mapping *copy = mapping ? find_copy(keeper, mapping) : NULL;

	if (!mapping || copy)
		return copy;
	copy = copy_bytes(keeper, mapping, sizeof(*mapping));
	if (!copy)
		return NULL;
	copy->path = keep_text(keeper, mapping->path);
	copy->build_id = keep_text(keeper, mapping->build_id);
	return copy;
}

static const struct function *keep_function(struct keeper *keeper, const struct function *function)
{
	struct function *copy = function ? find_copy(keeper, function) : NULL;

	if (!function || copy)
		return copy;
	copy = copy_bytes(keeper, function, sizeof(*function));
	if (!copy)
		return NULL;
	copy->name = keep_text(keeper, function->name);
	copy->system_name = keep_text(keeper, function->system_name);
	copy->file = keep_text(keeper, function->file);
	return copy;
}

static const struct line *keep_lines(struct keeper *keeper, const struct line *lines, unsigned n)
{
	struct line *copy = arena_array(&keeper->profile->arena, n, sizeof(*copy));

	keeper->failed |= !copy;
	for (unsigned i = 0; copy && i < n; i++)
		copy[i] = (struct line){
			.function = keep_function(keeper, lines[i].function),
			.file = keep_text(keeper, lines[i].file),
			.line = lines[i].line,
		};
	return copy;
}

static const struct location *keep_location(struct keeper *keeper, const struct location *location)
{
	struct location *copy = location ? find_copy(keeper, location) : NULL;

	if (!location || copy)
		return copy;
	copy = copy_bytes(keeper, location, sizeof(*location));
	if (!copy)
		return NULL;
	copy->mapping = keep_mapping(keeper, location->mapping);
	copy->lines = keep_lines(keeper, location->lines, location->nlines);
	return copy;
}

static void keep_stack(struct stack *stack, void *arg)
{
	for (unsigned i = 0; i < stack->n; i++)
		stack->frames[i].location = keep_location(arg, stack->frames[i].location);
}

static void keep_waiters(struct keeper *keeper)
{
	const struct ss_profile *profile = keeper->profile;
	struct account *accounts = (struct account *)profile->accounts;

	for (size_t i = 0; i < profile->naccounts; i++)
		accounts[i].waiter = keep_text(keeper, accounts[i].waiter);
}

static void keep_mappings(struct keeper *keeper)
{
	struct ss_profile *profile = keeper->profile;
	const struct mapping **kept =
		arena_array(&profile->arena, profile->nmappings, sizeof(*kept));

	keeper->failed |= !kept;
	for (size_t i = 0; kept && i < profile->nmappings; i++)
		kept[i] = keep_mapping(keeper, profile->mappings[i]);
	profile->mappings = kept;
}

int profile_keep(struct ss_profile *profile, struct ss_error *err)
{
	struct keeper keeper = { .profile = profile };

	map64_init(&keeper.copies);
	stack_table_each(&profile->stacks, keep_stack, &keeper);
	keep_waiters(&keeper);
	keep_mappings(&keeper);
	map64_done(&keeper.copies);
	return keeper.failed ? ss_error_oom(err) : 0;
}
