/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena.h: memory that is freed all at once. Every function returns NULL when memory is out; what
 * was given before stays valid. Memory from arena_alloc is zeroed and aligned for any type.
 */
#ifndef SS_BASE_ARENA_H
#define SS_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used; /* in head */
};

void arena_init(struct arena *arena);
void arena_done(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t n, size_t size); /* NULL on overflow too */
void *arena_memdup(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
