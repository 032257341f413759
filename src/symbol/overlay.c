/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overlay.c: all starts and ends, sorted, cut the addresses into slots. The ranges are painted onto
 * the slots, the latest first, and what is painted stays so. `next` leads over painted slots to one
 * that is free, and is shortened on the way (a union-find), so that painting takes hardly more
 * steps than there are slots, however many ranges lie over one another. Pure.
 */
#include "symbol/overlay.h"

#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"

enum { RANGES_MAX = 1 << 30 };

void overlay_init(struct overlay *overlay)
{
	*overlay = (struct overlay){ 0 };
}

static void unsettle(struct overlay *overlay)
{
	free(overlay->edges);
	free(overlay->owners);
	overlay->edges = NULL;
	overlay->owners = NULL;
	overlay->nedges = 0;
}

void overlay_done(struct overlay *overlay)
{
	unsettle(overlay);
	vec_done(&overlay->ranges);
}

int overlay_add(struct overlay *overlay, uint64_t start, uint64_t end)
{
	struct overlay_range range = { start, end };

	return overlay->ranges.n < RANGES_MAX ? vec_push(&overlay->ranges, range) : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_edges(struct overlay *overlay)
{
	size_t n = 0, kept = 0;

	vec_each(range, &overlay->ranges) {
		overlay->edges[n++] = range->start;
		overlay->edges[n++] = range->end;
	}
	qsort(overlay->edges, n, sizeof(*overlay->edges), compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || overlay->edges[kept - 1] != overlay->edges[i])
			overlay->edges[kept++] = overlay->edges[i];
	overlay->nedges = kept;
}

/* How many edges are at or below addr. */
static size_t count_below(const struct overlay *overlay, uint64_t addr)
{
	size_t low = 0, high = overlay->nedges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (overlay->edges[middle] <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first free slot from i on. */
static uint32_t find_free(uint32_t *next, uint32_t i)
{
	while (next[i] != i) {
		next[i] = next[next[i]];
		i = next[i];
	}
	return i;
}

static void paint(struct overlay *overlay, uint32_t *next, uint32_t item)
{
	const struct overlay_range *range = &overlay->ranges.data[item];
	size_t end;

	if (range->start >= range->end)
		return;
	end = count_below(overlay, range->end) - 1;
	for (uint32_t i = find_free(next, (uint32_t)count_below(overlay, range->start) - 1);
	     i < end; i = find_free(next, i)) {
		overlay->owners[i] = item;
		next[i] = i + 1;
	}
}

int overlay_settle(struct overlay *overlay)
{
	size_t n = overlay->ranges.n;
	_cleanup_free_ uint32_t *next = NULL;

	unsettle(overlay);
	if (n == 0)
		return 0;
	overlay->edges = malloc(2 * n * sizeof(*overlay->edges));
	overlay->owners = malloc(2 * n * sizeof(*overlay->owners));
	next = malloc(2 * n * sizeof(*next));
	if (!overlay->edges || !overlay->owners || !next) {
		unsettle(overlay);
		return -ENOMEM;
	}
	sort_edges(overlay);
	for (uint32_t i = 0; i < overlay->nedges; i++) {
		overlay->owners[i] = OVERLAY_NONE;
		next[i] = i;
	}
	for (size_t i = n; i-- > 0;)
		paint(overlay, next, (uint32_t)i);
	return 0;
}

uint32_t overlay_find(const struct overlay *overlay, uint64_t addr)
{
	size_t below = count_below(overlay, addr);

	return below ? overlay->owners[below - 1] : OVERLAY_NONE;
}
