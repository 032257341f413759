/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spans.h: address ranges that may nest or overlap, sorted once, then searched: the innermost range
 * that covers an address is the covering one with the largest start (of those, the largest rank).
 *
 *	spans_add ... spans_add, spans_sort, spans_find / spans_outer ...
 */
#ifndef SS_SYMBOL_SPANS_H
#define SS_SYMBOL_SPANS_H

#include <stdint.h>

#include "base/vec.h"

#define SPAN_NONE UINT32_MAX

struct span {
	uint64_t start, end; /* end is not covered */
	uint64_t rank;       /* at one start: the largest is innermost */
	uint32_t item;       /* the caller's */
	uint32_t up;         /* the next span to look at if this one does not cover, SPAN_NONE */
};

struct spans {
	VEC(struct span) list;
};

void spans_init(struct spans *spans);
void spans_done(struct spans *spans);

/* Empty ranges are left out. 0 or -ENOMEM (also beyond 2^32 - 2 spans). */
int spans_add(struct spans *spans, uint64_t start, uint64_t end, uint64_t rank, uint32_t item);
void spans_sort(struct spans *spans);

/* The innermost span that covers addr, or NULL; spans_outer: the next one further out. */
const struct span *spans_find(const struct spans *spans, uint64_t addr);
const struct span *spans_outer(const struct spans *spans, const struct span *span, uint64_t addr);

#endif
