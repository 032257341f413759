/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spans.c: the sorted array and its `up` links. A link leads to the nearest earlier span that still
 * reached past the start of this one, so the chain from the last span at or below an address passes
 * every span that covers it, and nearly no other:
 *
 *	a |-----------------------|      up: none
 *	b    |------|                    up: a
 *	c      |--|                      up: b
 *	d               |---|            up: a (b and c had ended)
 */
#include "symbol/spans.h"

#include <errno.h>
#include <stdlib.h>

/* Only damaged files need more: there a name is not worth a long search. */
enum { SPANS_STEPS = 4096 };

void spans_init(struct spans *spans)
{
	*spans = (struct spans){ 0 };
}

void spans_done(struct spans *spans)
{
	vec_done(&spans->list);
}

int spans_add(struct spans *spans, uint64_t start, uint64_t end, uint64_t rank, uint32_t item)
{
	struct span span = { start, end, rank, item, SPAN_NONE };

	if (start >= end)
		return 0;
	if (spans->list.n >= SPAN_NONE - 1)
		return -ENOMEM;
	return vec_push(&spans->list, span);
}

static int compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

void spans_sort(struct spans *spans)
{
	struct span *list = spans->list.data;

	if (spans->list.n == 0)
		return;
	qsort(list, spans->list.n, sizeof(*list), compare);
	list[0].up = SPAN_NONE;
	for (uint32_t i = 1; i < spans->list.n; i++) {
		uint32_t up = i - 1;

		while (up != SPAN_NONE && list[up].end <= list[i].start)
			up = list[up].up;
		list[i].up = up;
	}
}

/* The first span from i upwards that covers addr. */
static const struct span *climb(const struct spans *spans, uint32_t i, uint64_t addr)
{
	for (unsigned steps = 0; i != SPAN_NONE && steps < SPANS_STEPS; steps++) {
		const struct span *span = &spans->list.data[i];

		if (addr < span->end)
			return span;
		i = span->up;
	}
	return NULL;
}

const struct span *spans_find(const struct spans *spans, uint64_t addr)
{
	size_t low = 0, high = spans->list.n; /* low: how many spans start at or below addr */

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (spans->list.data[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? climb(spans, (uint32_t)(low - 1), addr) : NULL;
}

const struct span *spans_outer(const struct spans *spans, const struct span *span, uint64_t addr)
{
	return climb(spans, span->up, addr);
}
