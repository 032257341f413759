/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/walker.h"

#include <errno.h>

void walker_begin(struct walker *walker, struct walk *walk, unsigned max_frames)
{
	*walker = (struct walker){ .walk = walk, .max_frames = max_frames, .limit = 1 };
	walk->frames.n = 0;
	walk->want_addr = 0;
	walk->want_reg = 0;
	walk->end = SS_END_COMPLETE;
}

int walker_end(struct walker *walker, enum ss_stack_end end)
{
	walker->walk->end = end;
	return 0;
}

int walker_add(struct walker *walker, uint64_t pc, uint64_t sp, uint32_t flags)
{
	struct walk *walk = walker->walk;
	unsigned n = (unsigned)walk->frames.n;

	if (n && pc == walker->mark_pc && sp == walker->mark_sp) {
		walk->frames.n = walker->mark_at + 1;
		return walker_end(walker, SS_END_CYCLE);
	}
	if (n && pc == walker->last_pc && sp == walker->last_sp)
		return walker_end(walker, SS_END_CYCLE);
	if (n == walker->max_frames)
		return walker_end(walker, SS_END_DEPTH);
	if (n == 0 || n == walker->limit) {
		walker->mark_pc = pc;
		walker->mark_sp = sp;
		walker->mark_at = n;
		walker->limit = 2 * n + (n == 0);
	}
	walker->last_pc = pc;
	walker->last_sp = sp;
	if (vec_push(&walk->frames, ((struct frame){ .pc = pc, .flags = flags })) < 0)
		return -ENOMEM;
	return 1;
}
