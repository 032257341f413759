/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockwords.h: the memory around the futex words that captured threads wait for, read for all of them
 * at once, right after a sweep: what a lock says of its owner is true for as long as nobody unlocks
 * it, and names take much longer to find than that.
 */
#ifndef SS_ENGINE_LOCKWORDS_H
#define SS_ENGINE_LOCKWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map64.h"
#include "base/vec.h"

struct target;

enum {
	LOCKWORD_BEFORE = 16, /* bytes of the lock that lie before the word: of a rwlock */
	LOCKWORD_AFTER = 48,
};

struct lockword {
	size_t thread;   /* the caller's number */
	uint64_t pcount; /* how often it had been switched in when it was seen to wait */
	uint64_t addr;   /* of bytes[0] */
	size_t len;      /* within one page */
	bool valid;      /* they could be read */
	bool stable;     /* a second read, later, gave the same */
	unsigned char bytes[LOCKWORD_BEFORE + LOCKWORD_AFTER];
};

struct lockwords {
	VEC(struct lockword) all;
	struct map64 by_thread; /* -> index in all */
};

void lockwords_init(struct lockwords *words);
void lockwords_done(struct lockwords *words);

void lockwords_clear(struct lockwords *words);
/* Thread number `thread` waits for the word at addr. 0 or -ENOMEM. */
int lockwords_add(struct lockwords *words, size_t thread, uint64_t pcount, uint64_t addr);

/* Read all of them, and then again for `stable`. 0 or -ENOMEM; what cannot be read is not valid. */
int lockwords_read(struct lockwords *words, const struct target *target);

/* The words of this thread, or NULL. */
const struct lockword *lockwords_find(const struct lockwords *words, size_t thread);

/* len bytes at addr, or NULL. */
const unsigned char *lockword_bytes(const struct lockword *word, uint64_t addr, size_t len);

#endif
