/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/places.h"

#include <stdlib.h>

void places_init(struct places *places)
{
	*places = (struct places){ 0 };
	map64_init(&places->by_hash);
}

void places_done(struct places *places)
{
	vec_done(&places->all);
	map64_done(&places->by_hash);
}

/* Stacks are numbered from 1, call names are static: both identify by themselves. */
static uint64_t hash_place(const struct place *place)
{
	uint64_t hash = map64_hash((uint64_t)place->stack->id << 8 | place->wait);

	hash = map64_hash(hash ^ place->object ^ (uint64_t)(unsigned)place->fd << 48);
	return map64_hash(hash ^ (uintptr_t)place->call_name) >> 1;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->stack == b->stack && a->wait == b->wait && a->call_name == b->call_name &&
	       a->object == b->object && a->fd == b->fd;
}

uint32_t places_intern(struct places *places, const struct place *place)
{
	uint64_t hash = hash_place(place);
	const uint64_t *number;

	for (; (number = map64_find(&places->by_hash, hash)); hash++)
		if (same_place(&places->all.data[*number - 1], place))
			return (uint32_t)*number;
	if (vec_push(&places->all, *place) < 0)
		return 0;
	if (map64_put(&places->by_hash, hash, places->all.n) < 0) {
		places->all.n--;
		return 0;
	}
	return (uint32_t)places->all.n;
}

const struct place *places_get(const struct places *places, uint32_t number)
{
	return number ? &places->all.data[number - 1] : NULL;
}
