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

struct symbolizer;
struct image;

/* NULL only if memory is out. */
struct symbolizer *symbolizer_new(void);
void symbolizer_free(struct symbolizer *symbolizer);

/*
 * The location of pc, which lies in `mapping` of `image` (both NULL if pc is in no mapped ELF file;
 * image NULL alone if its file could not be opened). `exact`: see struct location. Cached: the same
 * (pc, exact) gives the same pointer until symbolizer_forget. NULL only if memory is out.
 */
const struct location *symbolize(struct symbolizer *symbolizer, uint64_t pc, bool exact,
				 struct image *image, struct mapping *mapping);

/* Forget cached addresses: the address space changed. What was handed out stays valid. */
void symbolizer_forget(struct symbolizer *symbolizer);

#endif
