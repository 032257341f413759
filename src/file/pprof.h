/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof.h: a profile from a file, valid and compact. Every reference is an index that exists, every
 * text is interned in `strings` (equal text, equal pointer; never NULL). Lists that belong to
 * something (the lines of a location, the stack and labels of a sample) are ranges of one array.
 *
 *	samples -> stacks -> locations -> lines -> functions
 *	        -> labels              -> mappings
 */
#ifndef SS_FILE_PPROF_H
#define SS_FILE_PPROF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strtab.h"
#include "base/vec.h"

#define PPROF_NONE UINT32_MAX /* an index: there is none */

struct pprof_type {
	const char *type, *unit;
};

struct pprof_mapping {
	uint64_t start, limit, offset;
	const char *file, *build_id;
	const char *label; /* of a frame without a function: "[libc.so.6]" */
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
};

struct pprof_function {
	const char *name, *system_name, *file;
	int64_t start_line;
};

struct pprof_line {
	uint32_t function;
	int64_t line;
};

/* Lines: the innermost inlined function first. */
struct pprof_location {
	uint64_t address;
	uint32_t mapping; /* or PPROF_NONE */
	uint32_t first_line, nlines;
	bool folded;
};

/* A text, or a number with a unit if str is NULL. */
struct pprof_label {
	const char *key, *str, *unit;
	int64_t num;
};

/* Its values are values.data[index * types.n], one for each type. */
struct pprof_sample {
	uint32_t first_frame, nframes; /* of `stacks`: the leaf first */
	uint32_t first_label, nlabels;
};

struct pprof {
	struct strtab strings;
	VEC(struct pprof_type) types; /* at least one */
	struct pprof_type period_type;
	int64_t period, time_ns, duration_ns;
	const char *default_type, *drop_frames, *keep_frames; /* "" if none */
	VEC(const char *) comments;
	VEC(struct pprof_mapping) mappings;
	VEC(struct pprof_function) functions;
	VEC(struct pprof_line) lines;
	VEC(struct pprof_location) locations;
	VEC(struct pprof_sample) samples;
	VEC(uint32_t) stacks; /* indexes of locations */
	VEC(struct pprof_label) labels;
	VEC(int64_t) values;
};

struct pprof *pprof_new(void);          /* NULL if memory is out */
void pprof_free(struct pprof *profile); /* NULL is fine */

/* "[base name of file]", or "<unknown>" for "", as Go names what has no function; NULL: no memory */
const char *pprof_mapping_label(struct strtab *strings, const char *file);

/* The name of line i (0 <= i < pprof_name_count) of a location. */
const char *pprof_name(const struct pprof *profile, const struct pprof_location *location,
		       uint32_t i);

/* A location without lines has one name all the same. */
static inline uint32_t pprof_name_count(const struct pprof_location *location)
{
	return location->nlines ? location->nlines : 1;
}

/* Foreign numbers can be anything: sums stick at the ends instead of wrapping. */
static inline int64_t pprof_sum(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

static inline int64_t pprof_negated(int64_t value)
{
	return value == INT64_MIN ? INT64_MAX : -value;
}

static inline int64_t pprof_magnitude(int64_t value)
{
	return value < 0 ? pprof_negated(value) : value;
}

#endif
