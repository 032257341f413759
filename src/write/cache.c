/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.c: rendered frames by location and flags. It assumes that a location does not change while
 * the cache lives (snapshots are immutable). Frames that were never symbolized are not kept.
 */
#include "write/cache.h"

#include "write/write.h"

enum { FLAG_BITS = FRAME_EXACT | FRAME_SIGNAL | FRAME_INFERRED };

_Static_assert(_Alignof(struct location) > FLAG_BITS, "flags fit below a location's address");

void frame_cache_init(struct frame_cache *cache, frame_render_fn *render, const void *arg)
{
	*cache = (struct frame_cache){ .render = render, .arg = arg };
	map64_init(&cache->offsets);
	buf_init(&cache->texts);
}

void frame_cache_done(struct frame_cache *cache)
{
	map64_done(&cache->offsets);
	buf_done(&cache->texts);
}

/* The offset of the frame's text, rendered now. */
static size_t add(struct frame_cache *cache, const struct frame *frame, uint64_t key)
{
	size_t offset = cache->texts.len;

	cache->render(&cache->texts, frame->location, frame->flags, cache->arg);
	buf_putc(&cache->texts, '\0');
	if (map64_put(&cache->offsets, key, offset) < 0)
		cache->texts.failed = true;
	return offset;
}

void frame_cache_put(struct frame_cache *cache, struct buf *buf, const struct frame *frame)
{
	uint64_t key = (uintptr_t)frame->location | (frame->flags & FLAG_BITS);
	const uint64_t *found;
	struct location bare;
	size_t offset;

	if (!frame->location) {
		cache->render(buf, write_location(frame, &bare), frame->flags, cache->arg);
		return;
	}
	found = map64_find(&cache->offsets, key);
	offset = found ? *found : add(cache, frame, key);
	if (cache->texts.failed)
		buf->failed = true;
	else
		buf_puts(buf, cache->texts.data + offset);
}
