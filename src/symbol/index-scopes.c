/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index-scopes.c: one walk over the DIEs of a unit, which finds its functions and inlined calls
 * wherever the compiler put them: Rust and C++ put them in namespaces, where dwarf_getscopes of
 * elfutils 0.188 does not look. DIEs are foreign data whose sibling links may go in circles: bounded
 * in depth and effort, and each DIE has to lie behind the one before.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"

enum {
	WALK_DEPTH = 128,
};

struct walk {
	struct symbol_index *index;
	struct unit *unit;
	const void *last; /* the DIE before */
};

static bool in_text(const struct symbol_index *index, uint64_t start, uint64_t end)
{
	return start < end && start >= index->text_start && end <= index->text_end;
}

int spans_add_die(struct symbol_index *index, struct spans *spans, Dwarf_Die *die, uint64_t rank,
		  uint32_t item)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int n = 0;

	while (effort_step(&index->effort) &&
	       (at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		/* ranges of discarded functions begin at 0, 1 or -1, depending on the linker */
		if (start <= 1 ||
		    !in_text(index, start - index->dwarf_delta, end - index->dwarf_delta))
			continue;
		if (!effort_range(&index->effort) || spans_add(spans, start, end, rank, item) < 0)
			return -ENOMEM;
		n++;
	}
	return n;
}

/* Record die if it has code; *parent becomes the scope that its children are in. */
static int add_scope(struct walk *walk, Dwarf_Die *die, bool inlined, unsigned depth,
		     uint32_t *parent)
{
	struct unit *unit = walk->unit;
	struct scope scope = { .die = *die, .parent = *parent, .inlined = inlined };
	uint32_t item = (uint32_t)unit->scopes.n;
	size_t before = unit->spans.list.n;
	int n;

	if (vec_reserve(&unit->scopes, unit->scopes.n + 1) < 0)
		return -ENOMEM;
	n = spans_add_die(walk->index, &unit->spans, die, depth, item);
	if (n <= 0) {
		unit->spans.list.n = before; /* there will be no such item */
		return n;
	}
	unit->scopes.data[unit->scopes.n++] = scope;
	*parent = item;
	return 0;
}

static int walk_children(struct walk *walk, Dwarf_Die *die, uint32_t parent, unsigned depth);

static int walk_die(struct walk *walk, Dwarf_Die *die, uint32_t parent, unsigned depth)
{
	int tag = dwarf_tag(die), r;

	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		r = add_scope(walk, die, tag == DW_TAG_inlined_subroutine, depth, &parent);
		if (r < 0)
			return r;
		break;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: /* Rust: methods of an enum */
		break;
	default:
		return 0;
	}
	return walk_children(walk, die, parent, depth + 1);
}

static int walk_children(struct walk *walk, Dwarf_Die *die, uint32_t parent, unsigned depth)
{
	Dwarf_Die child;

	if (depth >= WALK_DEPTH || !dwarf_haschildren(die) || dwarf_child(die, &child) != 0)
		return 0;
	do {
		int r;

		if (child.addr <= walk->last || !effort_step(&walk->index->effort))
			return -ERANGE;
		walk->last = child.addr;
		r = walk_die(walk, &child, parent, depth);
		if (r < 0)
			return r;
	} while (dwarf_siblingof(&child, &child) == 0);
	return 0;
}

void unit_walk(struct symbol_index *index, struct unit *unit)
{
	struct walk walk = { .index = index, .unit = unit };

	if (unit->walked)
		return;
	unit->walked = true;
	if (!abbrevs_of_unit_are_bounded(index, unit)) {
		index->lacks = true;
		return;
	}
	effort_begin(&index->effort);
	if (walk_children(&walk, &unit->body, SPAN_NONE, 0) < 0)
		index->lacks = true;
	effort_end(&index->effort);
	spans_sort(&unit->spans);
}
