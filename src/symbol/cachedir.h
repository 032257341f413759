/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cachedir.h: the directory that name caches are kept in, one file for each build id: BASE/stacksnap,
 * where BASE is such as ~/.cache. Used only where nobody but this user can have written: BASE, the
 * directory and the file must belong to us, and be closed to the writing of others; links are not
 * followed. Holds 64 MiB at most, then the longest unused go. Whatever goes wrong, the answer is that
 * nothing is cached.
 */
#ifndef SS_SYMBOL_CACHEDIR_H
#define SS_SYMBOL_CACHEDIR_H

#include <stdbool.h>

#include "symbol/namecache.h"

struct opener;

struct cachedir {
	const char *base;
	struct opener *opener; /* for a directory that is not local; NULL: none is needed */
};

/* Fill the cache, which is empty, from the file for this key. False: it is still empty. */
bool cachedir_load(const struct cachedir *place, const struct namecache_key *key,
		   struct namecache *cache);

/* Replace the file for this key, at once or not at all. 0 or a negative errno. */
int cachedir_store(const struct cachedir *place, const struct namecache_key *key,
		   const struct namecache *cache);

#endif
