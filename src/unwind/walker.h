/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walker.h: what both unwinders do alike while they fill a walk: adding frames, and noticing that
 * the walk goes round in circles (musl's __clone, damaged stacks).
 */
#ifndef SS_UNWIND_WALKER_H
#define SS_UNWIND_WALKER_H

#include "unwind/unwind.h"

struct walker {
	struct walk *walk;
	unsigned max_frames;
	uint64_t last_pc, last_sp; /* the frame added last */
	uint64_t mark_pc, mark_sp; /* Brent: a remembered step ... */
	unsigned mark_at, limit;   /* ... of this number, moved ahead at powers of two */
};

void walker_begin(struct walker *walker, struct walk *walk, unsigned max_frames);

/*
 * Add a frame. 1: go on; 0: the walk has ended, walk->end says why; -ENOMEM.
 */
int walker_add(struct walker *walker, uint64_t pc, uint64_t sp, uint32_t flags);

/* End the walk for this reason; returns 0. */
int walker_end(struct walker *walker, enum ss_stack_end end);

#endif
