/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naming.c: functions and lines, added to a profile. What is equal is written once, so a profile
 * that is named afterwards has the functions of one that was captured with names. It assumes a valid
 * profile; no location, sample or index moves.
 */
#include "file/naming.h"

#include <errno.h>

#include "base/attr.h"

/* Texts are interned, so their addresses identify them. */
static uint64_t function_hash(const struct pprof_function *f)
{
	uint64_t hash = map64_hash((uintptr_t)f->name) + (uintptr_t)f->system_name;

	hash = map64_hash(hash) + (uintptr_t)f->file;
	return map64_hash(hash ^ (uint64_t)f->start_line) >> 1;
}

static bool function_equal(const struct pprof_function *a, const struct pprof_function *b)
{
	return a->name == b->name && a->system_name == b->system_name && a->file == b->file &&
	       a->start_line == b->start_line;
}

/* Where the function is or belongs: *ret_hash is its key; true if it is there. */
static bool find_function(const struct naming *naming, const struct pprof_function *function,
			  uint64_t *ret_hash, uint32_t *ret)
{
	uint64_t hash = function_hash(function);
	const uint64_t *index;

	for (; (index = map64_find(&naming->functions, hash)); hash++)
		if (function_equal(&naming->profile->functions.data[*index], function))
			break;
	*ret_hash = hash;
	*ret = index ? (uint32_t)*index : PPROF_NONE;
	return index;
}

int naming_init(struct naming *naming, struct pprof *profile)
{
	*naming = (struct naming){ .profile = profile };
	map64_init(&naming->functions);
	for (size_t i = 0; i < profile->functions.n; i++) {
		uint64_t hash;
		uint32_t known;

		if (!find_function(naming, &profile->functions.data[i], &hash, &known) &&
		    map64_put(&naming->functions, hash, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

void naming_done(struct naming *naming)
{
	map64_done(&naming->functions);
}

static int add_function(struct naming *naming, const struct pprof_function *function, uint32_t *ret)
{
	struct pprof *profile = naming->profile;
	uint64_t hash;

	if (find_function(naming, function, &hash, ret))
		return 0;
	if (profile->functions.n >= PPROF_NONE || vec_push(&profile->functions, *function) < 0)
		return -ENOMEM;
	*ret = (uint32_t)profile->functions.n - 1;
	return map64_put(&naming->functions, hash, *ret);
}

/* pprof knows one file for a function and its lines: that of the line, as in pprof-build.c. */
static int make_line(struct naming *naming, const struct line *line, struct pprof_line *ret)
{
	struct strtab *strings = &naming->profile->strings;
	const char *file = *line->file ? line->file : line->function->file;
	struct pprof_function function = {
		.name = strtab_intern(strings, line->function->name),
		.system_name = strtab_intern(strings, line->function->system_name),
		.file = strtab_intern(strings, file),
		.start_line = line->function->start_line,
	};

	if (!function.name || !function.system_name || !function.file)
		return -ENOMEM;
	ret->line = line->line;
	return add_function(naming, &function, &ret->function);
}

static void mark_mapping(struct pprof *profile, uint32_t index)
{
	struct pprof_mapping *mapping;

	if (index == PPROF_NONE)
		return;
	mapping = &profile->mappings.data[index];
	mapping->has_functions = mapping->has_filenames = true;
	mapping->has_line_numbers = mapping->has_inline_frames = true;
}

int naming_set(struct naming *naming, uint32_t index, const struct line *lines, unsigned n)
{
	struct pprof *profile = naming->profile;
	struct pprof_location *location = &profile->locations.data[index];
	size_t first = profile->lines.n;

	if (first + n >= PPROF_NONE || vec_reserve(&profile->lines, first + n) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		if (make_line(naming, &lines[i], &profile->lines.data[first + i]) < 0)
			return -ENOMEM;
	profile->lines.n += n;
	location->first_line = (uint32_t)first;
	location->nlines = n;
	if (n)
		mark_mapping(profile, location->mapping);
	return 0;
}
