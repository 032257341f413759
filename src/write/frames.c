/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frames.c: frames by function, each numbered once: two calls from one function are one frame of
 * it. A stack that does not reach its outermost frame stands on "[truncated]", so that its frames
 * are not taken for roots. It assumes that locations do not change while the list lives. Failure is
 * sticky in `failed`.
 */
#include "write/frames.h"

#include <inttypes.h>
#include <stdlib.h>

void frame_list_init(struct frame_list *list, const struct write_options *options)
{
	*list = (struct frame_list){ .options = options };
	strtab_init(&list->texts);
	map64_init(&list->by_key);
	map64_init(&list->by_location);
	buf_init(&list->scratch);
	buf_init(&list->words);
	map64_init(&list->by_stack);
	buf_init(&list->stack_texts);
}

void frame_list_done(struct frame_list *list)
{
	strtab_done(&list->texts);
	map64_done(&list->by_key);
	map64_done(&list->by_location);
	vec_done(&list->frames);
	vec_done(&list->numbers);
	buf_done(&list->scratch);
	buf_done(&list->words);
	map64_done(&list->by_stack);
	buf_done(&list->stack_texts);
}

/* What is in scratch, interned; "" if memory is out. Scratch is empty afterwards. */
static const char *take_text(struct frame_list *list)
{
	struct buf *buf = &list->scratch;
	const char *text = NULL;

	if (!buf->failed)
		text = strtab_intern_n(&list->texts, buf->len ? buf->data : "", buf->len);
	buf_reset(buf);
	list->failed |= !text;
	return text ? text : "";
}

static uint32_t number_of(struct frame_list *list, const struct frame_name *frame)
{
	const uint64_t *found;
	const char *key;

	buf_printf(&list->scratch, "%s\n%s\n%u", frame->name, frame->file, frame->line);
	key = take_text(list);
	if (list->failed)
		return 0;
	found = map64_find(&list->by_key, (uintptr_t)key);
	if (found)
		return (uint32_t)*found;
	if (map64_put(&list->by_key, (uintptr_t)key, list->frames.n) < 0 ||
	    vec_push(&list->frames, *frame) < 0) {
		list->failed = true;
		return 0;
	}
	return (uint32_t)list->frames.n - 1;
}

uint32_t frame_list_add(struct frame_list *list, const char *name)
{
	struct frame_name frame = { .file = "" };

	buf_puts_escaped(&list->scratch, name);
	frame.name = take_text(list);
	return number_of(list, &frame);
}

uint32_t frame_list_add_state(struct frame_list *list, const struct thread *thread)
{
	buf_reset(&list->words);
	buf_putc(&list->words, '[');
	write_state(&list->words, thread);
	buf_putc(&list->words, ']');
	list->failed |= list->words.failed;
	return list->failed ? 0 : frame_list_add(list, list->words.data);
}

/* The file that a function is in, as far as it is known. */
static const char *file_of(const struct location *location, const struct line *line)
{
	if (line && *line->function->file)
		return line->function->file;
	if (line && *line->file)
		return line->file;
	return location->mapping ? location->mapping->path : "";
}

static void add_number(struct frame_list *list, const struct location *location,
		       const struct line *line)
{
	struct frame_name frame = { .line = line ? line->function->start_line : 0 };
	uint32_t number;

	if (line)
		write_short_name(&list->scratch, line->function->name);
	else
		write_raw_location(&list->scratch, location);
	if (!list->scratch.len)
		buf_puts(&list->scratch, "??");
	frame.name = take_text(list);
	buf_puts_escaped(&list->scratch, file_of(location, line));
	frame.file = take_text(list);
	number = number_of(list, &frame);
	list->failed |= vec_push(&list->numbers, number) < 0;
}

/* The first of the location's numbers, which are as many as it has lines, at least one. */
static size_t find_numbers(struct frame_list *list, const struct location *location, bool keep)
{
	const uint64_t *found = map64_find(&list->by_location, (uintptr_t)location);
	size_t first = list->numbers.n;

	if (found)
		return *found;
	for (unsigned i = location->nlines; i-- > 0;)
		add_number(list, location, &location->lines[i]);
	if (!location->nlines)
		add_number(list, location, NULL);
	if (keep && map64_put(&list->by_location, (uintptr_t)location, first) < 0)
		list->failed = true;
	return first;
}

static void add_frame_text(struct frame_list *list, const struct frame *frame)
{
	struct location room;
	const struct location *location = write_location(frame, &room);
	size_t first = find_numbers(list, location, location == frame->location);

	for (size_t i = 0; i < MAX(location->nlines, 1u) && !list->failed; i++)
		buf_printf(&list->stack_texts, "%" PRIu32 ",", list->numbers.data[first + i]);
}

/* Where the new text begins. */
static size_t add_stack_text(struct frame_list *list, const struct stack *stack)
{
	unsigned n = write_frame_count(stack, list->options);
	struct buf *texts = &list->stack_texts;
	size_t start = texts->len;

	if (n < stack->n || stack->end != SS_END_COMPLETE)
		buf_printf(texts, "%" PRIu32 ",", frame_list_add(list, "[truncated]"));
	for (unsigned i = n; i-- > 0 && !list->failed;)
		add_frame_text(list, &stack->frames[i]);
	buf_putc(texts, '\0');
	list->failed |= texts->failed;
	if (!list->failed && texts->len > start + 1) /* the last comma */
		texts->data[texts->len - 2] = '\0';
	if (map64_put(&list->by_stack, (uintptr_t)stack, start) < 0)
		list->failed = true;
	return start;
}

void frame_list_put_stack(struct frame_list *list, struct buf *buf, const struct stack *stack)
{
	const uint64_t *found = map64_find(&list->by_stack, (uintptr_t)stack);
	size_t start = found ? *found : add_stack_text(list, stack);

	if (!list->failed)
		buf_puts(buf, list->stack_texts.data + start);
}
