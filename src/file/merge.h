/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.h: sums and differences of profiles: what is the same in two files becomes one.
 *
 *	mappings    same build id (else file), offset and size in pages
 *	functions   same names, file and first line
 *	locations   same mapping, distance from its start, and lines
 *	samples     same stack and labels
 *
 * This is how pprof merges (profile/merge.go of go1.19), so that neither load addresses nor the
 * order in a file matter.
 */
#ifndef SS_FILE_MERGE_H
#define SS_FILE_MERGE_H

#include "base/error.h"
#include "file/pprof.h"

struct merge;

struct merge *merge_new(void); /* NULL if memory is out */
void merge_free(struct merge *merge);

/*
 * Add all values of one profile, negated or not, with its labels or without. The first one decides
 * the types. `name` is the file's, for the message that two are of different types (MISMATCH).
 * `profile` is not referred to afterwards, `name` is.
 */
struct merge_part {
	const struct pprof *profile;
	const char *name;
	bool negate, without_labels;
};
int merge_add(struct merge *merge, const struct merge_part *part, struct ss_error *err);

/*
 * The sum, which is the caller's: duration added, time the earliest, comments once each. Samples
 * that came to nothing are left out.
 */
int merge_finish(struct merge *merge, struct pprof **ret, struct ss_error *err);

#endif
