/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/lookup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/attr.h"
#include "base/clock.h"
#include "symbol/cachedir.h"
#include "symbol/sources.h"

enum { CHAIN_MAX = 256 };

#define SPENT_MIN (10 * NS_PER_MS) /* what is quicker is not worth a file */

struct lookup {
	struct symbol_index *index;
	struct cachedir cache_dir; /* base NULL: nothing is kept */
	struct namecache *cache;   /* NULL until the first address; stays so if nothing is kept */
	struct namecache_key key;
	bool asked;        /* for the cache */
	uint64_t spent_ns; /* by the index */
	struct index_frame chain[CHAIN_MAX];
};

/* But for the debug file, which is not looked for yet. False if the file has no identity. */
static bool make_key(int fd, const char *build_id, struct namecache_key *ret)
{
	if (!*build_id || strlen(build_id) >= sizeof(ret->build_id))
		return false;
	strcpy(ret->build_id, build_id);
	return file_stamp(fd, &ret->file) == 0;
}

struct lookup *lookup_open(int fd, const char *path, const char *build_id,
			   const struct symbol_sources *sources)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return NULL;
	lookup->index = symbol_index_open(fd, path, sources);
	if (!lookup->index) {
		free(lookup);
		return NULL;
	}
	if (make_key(fd, build_id, &lookup->key))
		lookup->cache_dir = (struct cachedir){ sources->cache_dir, sources->opener };
	return lookup;
}

/* libdw does not tell what it left out because memory was out (ulimit -v). */
static bool memory_is_limited(void)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_DATA };
	struct rlimit limit;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (getrlimit(limits[i], &limit) < 0 || limit.rlim_cur != RLIM_INFINITY)
			return true;
	return false;
}

/* Whatever goes wrong: the next run has to look for itself. */
static void keep(const struct lookup *lookup)
{
	if (lookup->cache && namecache_has_grown(lookup->cache) && lookup->spent_ns > SPENT_MIN &&
	    symbol_index_is_whole(lookup->index) && !memory_is_limited())
		(void)cachedir_store(&lookup->cache_dir, &lookup->key, lookup->cache);
}

void lookup_close(struct lookup *lookup)
{
	if (!lookup)
		return;
	keep(lookup);
	namecache_free(lookup->cache);
	symbol_index_close(lookup->index);
	free(lookup);
}

struct symbol_index *lookup_index(struct lookup *lookup)
{
	return lookup->index;
}

void lookup_prepare(struct lookup *lookup)
{
	uint64_t start = clock_mono_ns();

	symbol_index_prepare(lookup->index);
	lookup->spent_ns += clock_mono_ns() - start;
}

/* ---- one address ---- */

static void ask_cache(struct lookup *lookup)
{
	lookup->asked = true;
	if (!lookup->cache_dir.base)
		return;
	symbol_index_debug_file(lookup->index, &lookup->key.debug);
	lookup->cache = namecache_new();
	if (lookup->cache)
		(void)cachedir_load(&lookup->cache_dir, &lookup->key, lookup->cache);
}

static struct index_finding ask_index(struct lookup *lookup, uint64_t addr)
{
	struct index_finding finding = { .chain = lookup->chain };
	uint64_t start = clock_mono_ns();

	finding.has_symbol = symbol_index_find(lookup->index, addr, &finding.symbol);
	finding.n = symbol_index_frames(lookup->index, addr, lookup->chain, CHAIN_MAX);
	lookup->spent_ns += clock_mono_ns() - start;
	return finding;
}

struct index_finding lookup_find(struct lookup *lookup, uint64_t addr)
{
	struct index_finding finding;

	if (!lookup->asked)
		ask_cache(lookup);
	if (lookup->cache && namecache_find(lookup->cache, addr, &finding))
		return finding;
	finding = ask_index(lookup, addr);
	if (lookup->cache)
		(void)namecache_add(lookup->cache, addr, &finding);
	return finding;
}
