/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frames.h: numbers for frames and stacks, for formats that list each frame once and write stacks
 * as lists of numbers, the root first. An inlined function is a frame of its own.
 */
#ifndef SS_WRITE_FRAMES_H
#define SS_WRITE_FRAMES_H

#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "write/write.h"

/* One function. Texts are escaped and interned. */
struct frame_name {
	const char *name;
	const char *file; /* "" if unknown */
	unsigned line;    /* where the function begins; 0 if unknown */
};

struct frame_list {
	const struct write_options *options;
	struct strtab texts;
	struct map64 by_key;      /* interned name, file and line as one -> number */
	struct map64 by_location; /* location -> first of its numbers in `numbers` */
	VEC(struct frame_name) frames;
	VEC(uint32_t) numbers;  /* physical function first */
	struct map64 by_stack;  /* stack -> where its text begins in stack_texts */
	struct buf stack_texts; /* "1,2,3", each ended by a NUL */
	struct buf scratch, words;
	bool failed;
};

void frame_list_init(struct frame_list *list, const struct write_options *options);
void frame_list_done(struct frame_list *list);

/* The number of a frame that is none: a state, a thread. `name` is foreign text. */
uint32_t frame_list_add(struct frame_list *list, const char *name);

/* Append the numbers of the stack's frames, root first, as "1,2,3". */
void frame_list_put_stack(struct frame_list *list, struct buf *buf, const struct stack *stack);

/* "[mutex]", "[on-cpu]": what the thread does, as a frame. */
uint32_t frame_list_add_state(struct frame_list *list, const struct thread *thread);

#endif
