/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map64.h: a hash map from a 64-bit key to a 64-bit value, for the hot paths (unwind rows,
 * locations, learned frame sizes): open addressing, one cache line a lookup. The key MAP64_NO_KEY
 * is not allowed.
 */
#ifndef SS_BASE_MAP64_H
#define SS_BASE_MAP64_H

#include <stddef.h>
#include <stdint.h>

#define MAP64_NO_KEY UINT64_MAX

struct map64_slot {
	uint64_t key, value;
};

struct map64 {
	struct map64_slot *slots;
	size_t n, mask; /* mask + 1 slots, or none if slots is NULL */
};

void map64_init(struct map64 *map);
void map64_done(struct map64 *map);
void map64_clear(struct map64 *map); /* keeps the room */

/* Add or replace; 0 or -ENOMEM. */
int map64_put(struct map64 *map, uint64_t key, uint64_t value);

static inline uint64_t map64_hash(uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u;
	return key ^ key >> 29;
}

/* The value's place, or NULL; valid until the next put. */
static inline uint64_t *map64_find(const struct map64 *map, uint64_t key)
{
	if (!map->slots)
		return NULL;
	for (size_t i = map64_hash(key) & map->mask;; i = (i + 1) & map->mask) {
		if (map->slots[i].key == key)
			return &map->slots[i].value;
		if (map->slots[i].key == MAP64_NO_KEY)
			return NULL;
	}
}

#endif
