/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay.h: address ranges of which a later one hides what it covers of the earlier ones, as code
 * that a JIT compiler puts where older code was.
 *
 *	overlay_add ... overlay_add, overlay_settle, overlay_find ...
 */
#ifndef SS_SYMBOL_OVERLAY_H
#define SS_SYMBOL_OVERLAY_H

#include <stdint.h>

#include "base/vec.h"

#define OVERLAY_NONE UINT32_MAX

struct overlay_range {
	uint64_t start, end; /* end is not covered */
};

struct overlay {
	VEC(struct overlay_range) ranges;
	/* once settled: the addresses between edges[i] and edges[i + 1] belong to owners[i] */
	uint64_t *edges;
	uint32_t *owners;
	size_t nedges;
};

void overlay_init(struct overlay *overlay);
void overlay_done(struct overlay *overlay);

/* Ranges are numbered 0, 1, 2... as they are added. 0 or -ENOMEM (also beyond 2^30 ranges). */
int overlay_add(struct overlay *overlay, uint64_t start, uint64_t end);
int overlay_settle(struct overlay *overlay); /* 0 or -ENOMEM, then nothing is found */

/* The number of the latest range that covers addr, or OVERLAY_NONE. */
uint32_t overlay_find(const struct overlay *overlay, uint64_t addr);

#endif
