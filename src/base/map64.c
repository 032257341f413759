/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/map64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAP64_FIRST = 64 };

void map64_init(struct map64 *map)
{
	*map = (struct map64){ 0 };
}

void map64_done(struct map64 *map)
{
	free(map->slots);
	map64_init(map);
}

void map64_clear(struct map64 *map)
{
	if (map->slots)
		memset(map->slots, 0xff, (map->mask + 1) * sizeof(*map->slots));
	map->n = 0;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct map64_slot *slot_for(struct map64_slot *slots, size_t mask, uint64_t key)
{
	size_t i = map64_hash(key) & mask;

	while (slots[i].key != key && slots[i].key != MAP64_NO_KEY)
		i = (i + 1) & mask;
	return &slots[i];
}

static int grow(struct map64 *map)
{
	size_t room = map->slots ? 2 * (map->mask + 1) : MAP64_FIRST;
	struct map64_slot *slots = reallocarray(NULL, room, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	memset(slots, 0xff, room * sizeof(*slots));
	for (size_t i = 0; map->slots && i <= map->mask; i++)
		if (map->slots[i].key != MAP64_NO_KEY)
			*slot_for(slots, room - 1, map->slots[i].key) = map->slots[i];
	free(map->slots);
	map->slots = slots;
	map->mask = room - 1;
	return 0;
}

int map64_put(struct map64 *map, uint64_t key, uint64_t value)
{
	struct map64_slot *slot;

	/* at most 5/8 full, so that probes stay short */
	if (!map->slots || (map->n + 1) * 8 > (map->mask + 1) * 5) {
		int r = grow(map);

		if (r < 0)
			return r;
	}
	slot = slot_for(map->slots, map->mask, key);
	map->n += slot->key == MAP64_NO_KEY;
	*slot = (struct map64_slot){ .key = key, .value = value };
	return 0;
}
