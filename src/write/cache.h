/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.h: the text of each frame, made once. Thousands of threads share a few thousand code
 * locations; formatting and escaping each frame anew would be most of a writer's time.
 */
#ifndef SS_WRITE_CACHE_H
#define SS_WRITE_CACHE_H

#include "base/buf.h"
#include "base/map64.h"
#include "model/stack.h"

/* Append the frame's text, without NUL bytes; it may depend on location, flags and arg alone. */
typedef void frame_render_fn(struct buf *buf, const struct location *location, uint32_t flags,
			     const void *arg);

struct frame_cache {
	struct map64 offsets; /* location and flags -> offset in texts */
	struct buf texts;     /* each ended by a NUL */
	frame_render_fn *render;
	const void *arg;
};

void frame_cache_init(struct frame_cache *cache, frame_render_fn *render, const void *arg);
void frame_cache_done(struct frame_cache *cache);

/* Append the frame's text to buf, which fails if memory is out. */
void frame_cache_put(struct frame_cache *cache, struct buf *buf, const struct frame *frame);

#endif
