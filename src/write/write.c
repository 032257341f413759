/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write.c: the table of writers, and the choice of threads and frames that all of them share. It
 * only reads snapshots and profiles. A new format is one file with a const struct writer, one line
 * in the table below and one value in enum ss_format.
 */
#include "write/write.h"

const struct writer *const writers[] = {
	[SS_FORMAT_TEXT] = &writer_dump,   [SS_FORMAT_COUNT] = &writer_count,
	[SS_FORMAT_PPROF] = &writer_pprof, [SS_FORMAT_FOLDED] = &writer_folded,
	[SS_FORMAT_JSON] = &writer_json,   [SS_FORMAT_SPEEDSCOPE] = &writer_speedscope,
	[SS_FORMAT_HTML] = &writer_html,
};
const size_t nwriters = ARRAY_SIZE(writers);

static bool location_matches(const struct location *location, const regex_t *regex)
{
	for (unsigned i = 0; location && i < location->nlines; i++)
		if (write_name_matches(regex, location->lines[i].function->name))
			return true;
	return false;
}

static bool stack_matches(const struct stack *stack, const regex_t *regex)
{
	for (unsigned i = 0; stack && i < stack->n; i++)
		if (location_matches(stack->frames[i].location, regex))
			return true;
	return false;
}

bool write_wants_stack(const struct stack *stack, const struct write_options *options)
{
	if (options->focus && !stack_matches(stack, options->focus))
		return false;
	return !options->ignore || !stack_matches(stack, options->ignore);
}

bool write_wants_thread(const struct thread *thread, const struct write_options *options)
{
	return !thread->moved && write_wants_stack(thread->stack, options);
}

unsigned write_frame_count(const struct stack *stack, const struct write_options *options)
{
	return options->max_frames ? MIN(stack->n, options->max_frames) : stack->n;
}

const struct location *write_location(const struct frame *frame, struct location *room)
{
	if (frame->location)
		return frame->location;
	*room = (struct location){ .pc = frame->pc, .exact = frame->flags & FRAME_EXACT };
	return room;
}
