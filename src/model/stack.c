/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/stack.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/map64.h"

void stack_table_init(struct stack_table *table)
{
	*table = (struct stack_table){ 0 };
	arena_init(&table->arena);
}

void stack_table_done(struct stack_table *table)
{
	arena_done(&table->arena);
	free(table->slots);
	stack_table_init(table);
}

static uint64_t hash_frames(const struct frame *frames, unsigned n, enum ss_stack_end end)
{
	uint64_t hash = map64_hash(n * 16u + end);

	for (unsigned i = 0; i < n; i++)
		hash = map64_hash(hash ^ (frames[i].pc + frames[i].flags));
	return hash;
}

/* What is at an address may change: code is unmapped and other code mapped there, or compiled anew. */
static bool same_location(const struct location *a, const struct location *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (a->mapping != b->mapping || a->module_offset != b->module_offset ||
	    a->nlines != b->nlines)
		return false;
	for (unsigned i = 0; i < a->nlines; i++)
		if (a->lines[i].function != b->lines[i].function ||
		    a->lines[i].file != b->lines[i].file || a->lines[i].line != b->lines[i].line)
			return false;
	return true;
}

static bool same_frames(const struct stack *stack, const struct frame *frames, unsigned n,
			enum ss_stack_end end)
{
	if (stack->n != n || stack->end != end)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (stack->frames[i].pc != frames[i].pc ||
		    stack->frames[i].flags != frames[i].flags ||
		    !same_location(stack->frames[i].location, frames[i].location))
			return false;
	return true;
}

static struct stack **slot_for(struct stack **slots, size_t cap, const struct frame *frames,
			       unsigned n, enum ss_stack_end end)
{
	size_t i = hash_frames(frames, n, end) & (cap - 1);

	while (slots[i] && !same_frames(slots[i], frames, n, end))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int grow(struct stack_table *table)
{
	size_t cap = table->cap ? 2 * table->cap : 64;
	struct stack **slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < table->cap; i++) {
		struct stack *old = table->slots[i];

		if (old)
			*slot_for(slots, cap, old->frames, old->n, old->end) = old;
	}
	free(table->slots);
	table->slots = slots;
	table->cap = cap;
	return 0;
}

const struct stack *stack_intern(struct stack_table *table, const struct frame *frames, unsigned n,
				 enum ss_stack_end end)
{
	struct stack **slot;
	struct stack *stack;

	if (2 * (table->n + 1) > table->cap && grow(table) < 0)
		return NULL;
	slot = slot_for(table->slots, table->cap, frames, n, end);
	if (*slot)
		return *slot;
	stack = arena_alloc(&table->arena, sizeof(*stack) + n * sizeof(*frames));
	if (!stack)
		return NULL;
	stack->id = (uint32_t)++table->n;
	stack->end = end;
	stack->n = n;
	if (n)
		memcpy(stack->frames, frames, n * sizeof(*frames));
	return *slot = stack;
}

void stack_table_each(struct stack_table *table, void (*visit)(struct stack *stack, void *arg),
		      void *arg)
{
	for (size_t i = 0; i < table->cap; i++)
		if (table->slots[i])
			visit(table->slots[i], arg);
}

const char *stack_end_words(enum ss_stack_end end)
{
	static const char *const words[] = {
#define X(name, text) [SS_END_##name] = (text),
		SS_STACK_ENDS(X)
#undef X
	};

	return words[end];
}
