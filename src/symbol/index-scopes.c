/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index-scopes.c: the walks over the DIEs of a unit, which find its functions and inlined calls
 * wherever the compiler put them: Rust and C++ put them in namespaces, where dwarf_getscopes of
 * elfutils 0.188 does not look. Most of a unit is types from its headers, and most of its functions
 * nobody asks for: the first walk looks into neither, and what a function inlines is found when an
 * address in it is. DIEs are foreign data whose sibling links may go in circles: bounded in depth and
 * effort, and each DIE has to lie behind the one before.
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
	struct scopes *scopes;
	bool types, functions; /* look into them */
	const void *last;      /* the DIE before */
};

void scopes_done(struct scopes *scopes)
{
	vec_each(scope, &scopes->list) {
		if (scope->inner) {
			scopes_done(scope->inner);
			free(scope->inner);
		}
	}
	vec_done(&scopes->list);
	spans_done(&scopes->spans);
	*scopes = (struct scopes){ 0 };
}

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

bool die_tells_ranges(Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;

	return dwarf_ranges(die, 0, &base, &start, &end) > 0;
}

/*
 * Record die if it has code; *parent becomes the scope that its children are in. 1 if its code was
 * discarded, and what is in it with it: gold makes addresses from 0 on of that.
 */
static int add_scope(struct walk *walk, Dwarf_Die *die, bool inlined, unsigned depth,
		     uint32_t *parent)
{
	struct scopes *scopes = walk->scopes;
	struct scope scope = { .die = *die, .parent = *parent, .inlined = inlined };
	uint32_t item = (uint32_t)scopes->list.n;
	size_t before = scopes->spans.list.n;
	int n;

	if (vec_reserve(&scopes->list, scopes->list.n + 1) < 0)
		return -ENOMEM;
	n = spans_add_die(walk->index, &scopes->spans, die, depth, item);
	if (n <= 0) {
		scopes->spans.list.n = before; /* there will be no such item */
		return n < 0 ? n : die_tells_ranges(die);
	}
	scopes->list.data[scopes->list.n++] = scope;
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
		if (r != 0 || !walk->functions)
			return MIN(r, 0);
		break;
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: /* Rust: methods of an enum */
		if (!walk->types)
			return 0;
		break;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
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

/* Rust has functions in its types; compilers of C++ have only their declarations there. */
static bool types_have_functions(struct unit *unit)
{
	switch (dwarf_srclang(&unit->body)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return false;
	default:
		return true;
	}
}

/* What was found before memory or effort ran out is kept. */
static void run(struct walk *walk, int (*step)(struct walk *, Dwarf_Die *, uint32_t, unsigned),
		Dwarf_Die *die)
{
	effort_begin(&walk->index->effort);
	if (step(walk, die, SPAN_NONE, 0) < 0)
		walk->index->lacks = true;
	effort_end(&walk->index->effort);
	spans_sort(&walk->scopes->spans);
}

void unit_walk(struct symbol_index *index, struct unit *unit, enum walked want)
{
	bool whole = want == WALKED_WHOLE;
	struct walk walk = { .index = index, .scopes = &unit->scopes, .functions = whole };

	if (unit->walked >= want)
		return;
	if (unit->walked == WALKED_NOT && !abbrevs_of_unit_are_bounded(index, unit->body.cu)) {
		index->lacks = true;
		unit->walked = WALKED_WHOLE;
		return;
	}
	unit->walked = want;
	scopes_done(&unit->scopes);
	walk.types = whole || types_have_functions(unit);
	run(&walk, walk_children, &unit->body);
}

/* What is in a function that the first walk did not look into, and itself; NULL: out of memory. */
static struct scopes *look_into(struct symbol_index *index, struct scope *function)
{
	struct walk walk = { .index = index, .types = true, .functions = true };

	if (function->inner)
		return function->inner;
	walk.scopes = function->inner = calloc(1, sizeof(*function->inner));
	if (!function->inner)
		return NULL;
	run(&walk, walk_die, &function->die);
	return function->inner;
}

/*
 * Where the first walk found no function there may still be one in another function: a lambda's, a
 * nested one's.
 */
struct scopes *unit_find_scopes(struct symbol_index *index, struct unit *unit, uint64_t addr)
{
	const struct span *span;

	unit_walk(index, unit, WALKED_OUTER);
	if (unit->walked == WALKED_WHOLE)
		return &unit->scopes;
	span = spans_find(&unit->scopes.spans, addr);
	if (span)
		return look_into(index, &unit->scopes.list.data[span->item]);
	unit_walk(index, unit, WALKED_WHOLE);
	return &unit->scopes;
}
