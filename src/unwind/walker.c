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

/*
 * The walk has come back to where it was `length` steps ago, but it may have gone round several
 * times before the mark lay on the circle: take the repetitions back.
 */
static int end_cycle(struct walker *walker, size_t length)
{
	struct walk *walk = walker->walk;
	const struct frame *frames = walk->frames.data;

	while (walk->frames.n > length &&
	       frames[walk->frames.n - 1].pc == frames[walk->frames.n - 1 - length].pc)
		walk->frames.n--;
	return walker_end(walker, SS_END_CYCLE);
}

int walker_add(struct walker *walker, uint64_t pc, uint64_t sp, uint32_t flags)
{
	struct walk *walk = walker->walk;
	unsigned n = (unsigned)walk->frames.n;

	if (n && pc == walker->mark_pc && sp == walker->mark_sp)
		return end_cycle(walker, n - walker->mark_at);
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
