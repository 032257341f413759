/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbolize stage: walks become stacks with names, hash-consed in the caller's table.
 */
#include "engine/session.h"

#include <string.h>

/*
 * Where the Go runtime changes to the stack of the thread itself, that stack begins: what lies above
 * is left from another time, though call frame information leads there. Go's own tracebacks end here
 * too (topofstack in runtime/traceback.go).
 */
static bool is_top_of_stack(const struct location *location)
{
	const char *name =
		location->nlines ? location->lines[location->nlines - 1].function->system_name : "";

	return strcmp(name, "runtime.mcall") == 0 || strcmp(name, "runtime.morestack") == 0;
}

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
		if (i > 0 && is_top_of_stack(frame.location))
			return stack_intern(table, session->walk.frames.data, i + 1,
					    SS_END_COMPLETE);
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
