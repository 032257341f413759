/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lookup.h: what is known of addresses of one file: from what an earlier run found and kept, else
 * from the file's index, which is then kept for the next. Nothing is kept of files whose index took
 * no time worth saving, nor of what may be incomplete.
 */
#ifndef SS_SYMBOL_LOOKUP_H
#define SS_SYMBOL_LOOKUP_H

#include "symbol/index.h"

struct lookup;
struct symbol_sources;

/*
 * As symbol_index_open. build_id: lower-case hex, "" if there is none. All strings are borrowed.
 * NULL only if memory is out.
 */
struct lookup *lookup_open(int fd, const char *path, const char *build_id,
			   const struct symbol_sources *sources);
void lookup_close(struct lookup *lookup); /* NULL is fine */

/* The file's index, which lives as long. */
struct symbol_index *lookup_index(struct lookup *lookup);

/* Open the index and its debug information now and not at the first address that needs them. */
void lookup_prepare(struct lookup *lookup);

/* The chain holds until the next call, strings until the lookup is closed. */
struct index_finding lookup_find(struct lookup *lookup, uint64_t addr);

#endif
