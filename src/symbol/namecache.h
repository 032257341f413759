/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * namecache.h: what is known of single addresses of one file, as it may be kept on disk: unpacking a
 * file's debug information again for a second snapshot takes a hundred times longer than reading
 * what the first one found in it. Pure: bytes and findings, no files. Bytes are foreign data:
 * checked as a whole before anything of them is used.
 */
#ifndef SS_SYMBOL_NAMECACHE_H
#define SS_SYMBOL_NAMECACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "symbol/index.h"

enum { NAMECACHE_BYTES_MAX = 8 << 20 }; /* of one file's, encoded */

struct namecache;

/* What the findings were made from: with other files they are worth nothing. */
struct namecache_key {
	char build_id[72]; /* of the file: hex, NUL-padded */
	/*
	 * A build id is what a file says of itself. The file, and the separate debug file if there was
	 * one: another user's, made to look like this one, must not give it names.
	 */
	struct file_stamp file, debug;
};

struct namecache *namecache_new(void); /* NULL only if memory is out */
void namecache_free(struct namecache *cache);

/* The strings live as long as the cache, the chain until the next add. */
bool namecache_find(const struct namecache *cache, uint64_t addr, struct index_finding *ret);

/* 0, -ENOMEM, or -ENOSPC: it is full. Everything is copied. addr is not there yet. */
int namecache_add(struct namecache *cache, uint64_t addr, const struct index_finding *finding);

/* True if anything was added since it was made or decoded. */
bool namecache_has_grown(const struct namecache *cache);

/*
 * Fill an empty cache from bytes. 0, -ENOMEM, or -EINVAL: damaged, of another version or another
 * key; then it is still empty.
 */
int namecache_decode(struct namecache *cache, const struct namecache_key *key, const void *bytes,
		     size_t len);

/* Append its bytes to *ret; whether that failed, *ret tells. */
void namecache_encode(const struct namecache *cache, const struct namecache_key *key,
		      struct buf *ret);

#endif
