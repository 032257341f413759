/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vec.h: growable arrays. A vector is any struct with the members `data`, `n` and `cap`, made by
 *VEC(type).
 *
 *	VEC(int) v = { 0 };
 *	if (vec_push(&v, 7) < 0) ...out of memory, v is as it was...
 *	vec_done(&v);
 */
#ifndef SS_BASE_VEC_H
#define SS_BASE_VEC_H

#include <stddef.h>

#define VEC(type)              \
	struct {               \
		type *data;    \
		size_t n, cap; \
	}

/* Grow *data (elements of `size` bytes) to at least `want` elements; 0 or -ENOMEM. */
int vec_grow(void *data_p, size_t *cap, size_t want, size_t size);

#define vec_reserve(v, want) \
	((want) <= (v)->cap ? 0 : vec_grow(&(v)->data, &(v)->cap, (want), sizeof(*(v)->data)))

#define vec_push(v, value)                             \
	({                                             \
		int r_ = vec_reserve((v), (v)->n + 1); \
		if (r_ == 0)                           \
			(v)->data[(v)->n++] = (value); \
		r_;                                    \
	})

#define vec_done(v)                    \
	do {                           \
		free((v)->data);       \
		(v)->data = NULL;      \
		(v)->n = (v)->cap = 0; \
	} while (0)

#define vec_each(p, v) for (__typeof__((v)->data + 0) p = (v)->data; p < (v)->data + (v)->n; p++)

#endif
