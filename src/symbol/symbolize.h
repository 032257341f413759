/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolize.h: from code addresses to functions, source lines and inline chains. Never called while
 * a thread of the target is stopped: opening debug information can take long. Locations, functions
 * and strings live until symbolizer_free, also when the images that they came from are gone (exec,
 * dlclose).
 */
#ifndef SS_SYMBOL_SYMBOLIZE_H
#define SS_SYMBOL_SYMBOLIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/stack.h"

struct image;
struct image_map;
struct symbol_sources;
struct symbolizer;

/* NULL only if memory is out. */
struct symbolizer *symbolizer_new(const struct symbol_sources *sources);
void symbolizer_free(struct symbolizer *symbolizer);

/*
 * The location of pc, which lies in `map` (NULL: in no mapped file). `exact`: see struct location.
 * location->mapping is &map->mapping, so it lives as long as the map does. Cached: the same (pc,
 * exact) gives the same pointer until symbolizer_forget. Equal functions are one pointer. NULL only
 * if memory is out.
 */
const struct location *symbolize(struct symbolizer *symbolizer, uint64_t pc, bool exact,
				 struct image_map *map);

/* Find, or fetch, the debug information of this image now, before time matters. */
void symbolizer_prepare(struct symbolizer *symbolizer, struct image *image);

/* Forget cached addresses: the address space changed. What was handed out stays valid. */
void symbolizer_forget(struct symbolizer *symbolizer);

#endif
