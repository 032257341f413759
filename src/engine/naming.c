/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbolize stage: walks become stacks with names, hash-consed in the caller's table.
 */
#include "engine/session.h"

const struct stack *session_name_stack(struct ss_session *session, struct stack_table *table,
				       const struct thread_walk *walk)
{
	session->walk.frames.n = 0;
	for (unsigned i = 0; i < walk->n; i++) {
		struct frame frame = session->frames.data[walk->first + i];
		bool exact = frame.flags & FRAME_EXACT;

		frame.location = symbolize(session->symbolizer, frame.pc, exact,
					   images_find(session->images, frame.pc - !exact));
		if (!frame.location || vec_push(&session->walk.frames, frame) < 0)
			return NULL;
	}
	return stack_intern(table, session->walk.frames.data, walk->n, walk->end);
}

void session_count_stack(struct ss_coverage *coverage, const struct stack *stack)
{
	coverage->threads_sampled++;
	coverage->stack_end[stack->end]++;
	coverage->frames += stack->n;
	for (unsigned i = 0; i < stack->n; i++) {
		coverage->frames_unnamed += stack->frames[i].location->nlines == 0;
		coverage->frames_inferred += (stack->frames[i].flags & FRAME_INFERRED) != 0;
	}
}
