/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strtab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct strtab_slot {
	uint64_t hash;
	const char *s; /* NULL: free */
	size_t len;
};

/* The finalizer of MurmurHash3 (Austin Appleby, public domain). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static uint64_t hash_bytes(uint64_t secret, const char *s, size_t len)
{
	uint64_t hash = mix(secret ^ len), word;

	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		hash = mix(hash ^ word) + secret;
	}
	word = 0;
	memcpy(&word, s, len);
	return mix(hash ^ word);
}

static struct strtab_slot *slot_for(struct strtab_slot *slots, size_t cap, uint64_t hash,
				    const char *s, size_t len)
{
	for (size_t i = hash & (cap - 1);; i = (i + 1) & (cap - 1)) {
		struct strtab_slot *slot = &slots[i];

		if (!slot->s ||
		    (slot->hash == hash && slot->len == len && memcmp(slot->s, s, len) == 0))
			return slot;
	}
}

static int grow(struct strtab *tab)
{
	size_t cap = tab->cap ? 2 * tab->cap : 256;
	struct strtab_slot *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < tab->cap; i++) {
		const struct strtab_slot *old = &tab->slots[i];

		if (old->s)
			*slot_for(slots, cap, old->hash, old->s, old->len) = *old;
	}
	free(tab->slots);
	tab->slots = slots;
	tab->cap = cap;
	return 0;
}

void strtab_init(struct strtab *tab)
{
	*tab = (struct strtab){ 0 };
	arena_init(&tab->arena);
	/* without it, hostile strings may cost time, no more */
	(void)!getrandom(&tab->secret, sizeof(tab->secret), GRND_NONBLOCK);
}

void strtab_done(struct strtab *tab)
{
	arena_done(&tab->arena);
	free(tab->slots);
	strtab_init(tab);
}

const char *strtab_intern_n(struct strtab *tab, const char *s, size_t len)
{
	uint64_t hash = hash_bytes(tab->secret, s, len);
	struct strtab_slot *slot;
	char *copy;

	if (2 * (tab->n + 1) > tab->cap && grow(tab) < 0)
		return NULL;
	slot = slot_for(tab->slots, tab->cap, hash, s, len);
	if (slot->s)
		return slot->s;
	copy = arena_alloc(&tab->arena, len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	*slot = (struct strtab_slot){ .hash = hash, .s = copy, .len = len };
	tab->n++;
	return copy;
}

const char *strtab_intern(struct strtab *tab, const char *s)
{
	return strtab_intern_n(tab, s, strlen(s));
}
