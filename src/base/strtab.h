/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strtab.h: interned strings: equal text, equal pointer, valid until strtab_done.
 */
#ifndef SS_BASE_STRTAB_H
#define SS_BASE_STRTAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct strtab_slot;

struct strtab {
	struct arena arena;
	struct strtab_slot *slots;
	size_t n, cap;   /* cap is a power of two, or 0 */
	uint64_t secret; /* of the hash: strings may be made to fall into one place */
};

void strtab_init(struct strtab *tab);
void strtab_done(struct strtab *tab);

/* NULL only if memory is out. */
const char *strtab_intern(struct strtab *tab, const char *s);
const char *strtab_intern_n(struct strtab *tab, const char *s, size_t len);

#endif
