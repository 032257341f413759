/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes: struct header; the entries; the frames of all entries one after the other; the strings,
 * each with its NUL. Numbers are the machine's own, little-endian on all that we run on: a cache
 * stays on its host. The checksum covers everything behind it.
 */
#include "symbol/namecache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/attr.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"

enum {
	FORMAT = 3, /* to be raised with every change of the bytes, or of what lookups find */
	ENTRIES_MAX = 1 << 16,
	FRAMES_MAX = 1 << 18,
	CHAIN_MAX = 256,
};

static const char magic[16] = "stacksnap names";

struct header {
	char magic[16];
	uint32_t checksum; /* crc32 of the bytes behind this word */
	uint32_t format;
	struct namecache_key key;
	uint32_t nentries, nframes;
	uint64_t strings_len;
};

/* Strings are offsets into the string part. */
struct packed_entry {
	uint64_t addr;
	uint64_t symbol_start, symbol_size;
	uint32_t symbol_name;
	uint16_t nframes;
	uint16_t has_symbol;
};

struct packed_frame {
	uint64_t entry;
	uint32_t linkage_name, name, decl_file, file;
	uint32_t decl_line, line;
};

struct entry {
	uint64_t addr;
	size_t first_frame;
	struct index_finding finding; /* its chain is not set */
};

struct namecache {
	struct strtab strings;
	struct map64 by_addr; /* -> index of the entry */
	VEC(struct entry) entries;
	VEC(struct index_frame) frames;
	bool grown;
};

struct namecache *namecache_new(void)
{
	struct namecache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	strtab_init(&cache->strings);
	map64_init(&cache->by_addr);
	return cache;
}

void namecache_free(struct namecache *cache)
{
	if (!cache)
		return;
	strtab_done(&cache->strings);
	map64_done(&cache->by_addr);
	vec_done(&cache->entries);
	vec_done(&cache->frames);
	free(cache);
}

bool namecache_has_grown(const struct namecache *cache)
{
	return cache->grown;
}

/* ---- entries ---- */

bool namecache_find(const struct namecache *cache, uint64_t addr, struct index_finding *ret)
{
	const uint64_t *i = addr == MAP64_NO_KEY ? NULL : map64_find(&cache->by_addr, addr);
	const struct entry *entry;

	if (!i)
		return false;
	entry = &cache->entries.data[*i];
	*ret = entry->finding;
	ret->chain = cache->frames.data + entry->first_frame;
	return true;
}

static bool copy_string(struct namecache *cache, const char **s)
{
	*s = strtab_intern(&cache->strings, *s);
	return *s != NULL;
}

static bool copy_frame(struct namecache *cache, const struct index_frame *frame)
{
	struct index_frame copy = *frame;

	return copy_string(cache, &copy.linkage_name) && copy_string(cache, &copy.name) &&
	       copy_string(cache, &copy.decl_file) && copy_string(cache, &copy.file) &&
	       vec_push(&cache->frames, copy) == 0;
}

static int add(struct namecache *cache, uint64_t addr, const struct index_finding *finding)
{
	struct entry entry = { addr, cache->frames.n, *finding };

	entry.finding.chain = NULL;
	if (!finding->has_symbol)
		entry.finding.symbol = (struct index_symbol){ .name = "" };
	if (!copy_string(cache, &entry.finding.symbol.name))
		return -ENOMEM;
	for (unsigned i = 0; i < finding->n; i++)
		if (!copy_frame(cache, &finding->chain[i]))
			return -ENOMEM;
	if (vec_reserve(&cache->entries, cache->entries.n + 1) < 0 ||
	    map64_put(&cache->by_addr, addr, cache->entries.n) < 0)
		return -ENOMEM;
	cache->entries.data[cache->entries.n++] = entry;
	return 0;
}

int namecache_add(struct namecache *cache, uint64_t addr, const struct index_finding *finding)
{
	size_t nframes = cache->frames.n;
	int r;

	if (addr == MAP64_NO_KEY || cache->entries.n >= ENTRIES_MAX ||
	    nframes + finding->n > FRAMES_MAX || finding->n > CHAIN_MAX)
		return -ENOSPC;
	r = add(cache, addr, finding);
	if (r < 0)
		cache->frames.n = nframes;
	else
		cache->grown = true;
	return r;
}

/* ---- writing ---- */

/* The string part while it is made: each string once. */
struct packing {
	struct buf strings;
	struct map64 offsets; /* address of the interned string -> offset */
};

static uint32_t pack_string(struct packing *packing, const char *s)
{
	const uint64_t *known = map64_find(&packing->offsets, (uintptr_t)s);
	uint32_t at = (uint32_t)packing->strings.len;

	if (known)
		return (uint32_t)*known;
	buf_add(&packing->strings, s, strlen(s) + 1);
	if (map64_put(&packing->offsets, (uintptr_t)s, at) < 0)
		packing->strings.failed = true;
	return at;
}

static void pack_entry(struct packing *packing, const struct entry *entry, struct buf *ret)
{
	const struct index_finding *finding = &entry->finding;
	struct packed_entry packed = {
		.addr = entry->addr,
		.symbol_start = finding->symbol.start,
		.symbol_size = finding->symbol.size,
		.symbol_name = pack_string(packing, finding->symbol.name),
		.nframes = (uint16_t)finding->n,
		.has_symbol = finding->has_symbol,
	};

	buf_add(ret, &packed, sizeof(packed));
}

static void pack_frame(struct packing *packing, const struct index_frame *frame, struct buf *ret)
{
	struct packed_frame packed = {
		.entry = frame->entry,
		.linkage_name = pack_string(packing, frame->linkage_name),
		.name = pack_string(packing, frame->name),
		.decl_file = pack_string(packing, frame->decl_file),
		.file = pack_string(packing, frame->file),
		.decl_line = frame->decl_line,
		.line = frame->line,
	};

	buf_add(ret, &packed, sizeof(packed));
}

/* Everything behind the header. */
static void pack(const struct namecache *cache, struct packing *packing, struct buf *ret)
{
	vec_each(entry, &cache->entries)
		pack_entry(packing, entry, ret);
	vec_each(frame, &cache->frames)
		pack_frame(packing, frame, ret);
	buf_add(ret, packing->strings.data, packing->strings.len);
	if (packing->strings.failed)
		ret->failed = true;
}

static uint32_t checksum(const struct header *header, const void *body, size_t len)
{
	size_t at = offsetof(struct header, format);
	uLong crc = crc32_z(0, (const unsigned char *)header + at, sizeof(*header) - at);

	return (uint32_t)crc32_z(crc, body, len);
}

void namecache_encode(const struct namecache *cache, const struct namecache_key *key,
		      struct buf *ret)
{
	struct header header = { .format = FORMAT, .key = *key };
	_cleanup_(buf_done) struct buf body;
	struct packing packing;

	buf_init(&body);
	buf_init(&packing.strings);
	map64_init(&packing.offsets);
	pack(cache, &packing, &body);
	memcpy(header.magic, magic, sizeof(magic));
	header.nentries = (uint32_t)cache->entries.n;
	header.nframes = (uint32_t)cache->frames.n;
	header.strings_len = packing.strings.len;
	if (!body.failed)
		header.checksum = checksum(&header, body.data, body.len);
	buf_add(ret, &header, sizeof(header));
	buf_add(ret, body.data, body.len);
	ret->failed |= body.failed;
	map64_done(&packing.offsets);
	buf_done(&packing.strings);
}

/* ---- reading ---- */

/* The parts of checked bytes. */
struct parts {
	const unsigned char *entries, *frames;
	const char *strings;
	struct header header;
};

static bool split(const void *bytes, size_t len, const struct namecache_key *key, struct parts *ret)
{
	const unsigned char *body = (const unsigned char *)bytes + sizeof(ret->header);
	struct header *header = &ret->header;
	size_t entries, frames;

	if (len < sizeof(*header) || len > NAMECACHE_BYTES_MAX)
		return false;
	memcpy(header, bytes, sizeof(*header));
	len -= sizeof(*header);
	if (memcmp(header->magic, magic, sizeof(magic)) != 0 || header->format != FORMAT ||
	    memcmp(&header->key, key, sizeof(*key)) != 0 ||
	    header->checksum != checksum(header, body, len) || header->nentries > ENTRIES_MAX ||
	    header->nframes > FRAMES_MAX)
		return false;
	entries = header->nentries * sizeof(struct packed_entry);
	frames = header->nframes * sizeof(struct packed_frame);
	if (len < entries + frames || len - entries - frames != header->strings_len)
		return false;
	ret->entries = body;
	ret->frames = body + entries;
	ret->strings = (const char *)body + entries + frames;
	return header->strings_len > 0 && ret->strings[header->strings_len - 1] == '\0';
}

/* NULL if it is out of bounds. */
static const char *string_at(const struct parts *parts, uint32_t at)
{
	return at < parts->header.strings_len ? parts->strings + at : NULL;
}

static bool unpack_frame(const struct parts *parts, size_t i, struct index_frame *ret)
{
	struct packed_frame packed;

	memcpy(&packed, parts->frames + i * sizeof(packed), sizeof(packed));
	*ret = (struct index_frame){
		.linkage_name = string_at(parts, packed.linkage_name),
		.name = string_at(parts, packed.name),
		.decl_file = string_at(parts, packed.decl_file),
		.file = string_at(parts, packed.file),
		.decl_line = packed.decl_line,
		.line = packed.line,
		.entry = packed.entry,
	};
	return ret->linkage_name && ret->name && ret->decl_file && ret->file;
}

static int unpack_entry(struct namecache *cache, const struct parts *parts, size_t i,
			size_t *first_frame)
{
	struct index_frame chain[CHAIN_MAX];
	struct index_finding finding = { .chain = chain };
	struct packed_entry packed;

	memcpy(&packed, parts->entries + i * sizeof(packed), sizeof(packed));
	finding.n = packed.nframes;
	finding.has_symbol = packed.has_symbol;
	finding.symbol = (struct index_symbol){ packed.symbol_start, packed.symbol_size,
						string_at(parts, packed.symbol_name) };
	if (!finding.symbol.name || finding.n > CHAIN_MAX ||
	    finding.n > parts->header.nframes - *first_frame)
		return -EINVAL;
	for (unsigned k = 0; k < finding.n; k++)
		if (!unpack_frame(parts, *first_frame + k, &chain[k]))
			return -EINVAL;
	*first_frame += finding.n;
	return namecache_add(cache, packed.addr, &finding) < 0 ? -ENOMEM : 0;
}

static void make_empty(struct namecache *cache)
{
	map64_clear(&cache->by_addr);
	cache->entries.n = cache->frames.n = 0;
}

int namecache_decode(struct namecache *cache, const struct namecache_key *key, const void *bytes,
		     size_t len)
{
	struct parts parts;
	size_t first_frame = 0;
	int r = 0;

	if (!split(bytes, len, key, &parts))
		return -EINVAL;
	for (size_t i = 0; i < parts.header.nentries && r == 0; i++)
		r = unpack_entry(cache, &parts, i, &first_frame);
	if (r < 0)
		make_empty(cache);
	cache->grown = false;
	return r;
}
