/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index-dwarf.c: from an address to its unit and its inline chain. The table of unit ranges is made
 * from the units themselves: .debug_aranges is missing in what clang writes, and elfutils before
 * 0.191 finds nothing without it. A unit is walked when the first address in it is looked up.
 * Memory running out makes the answer shorter, never wrong.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/attr.h"
#include "target/elfsection.h"
#include "target/plainfile.h"

enum {
	UNITS_MAX = 1 << 22,
	LOOKED_AT_MAX = 16 << 20, /* bytes */
};

void index_units_done(struct symbol_index *index)
{
	vec_each(unit, &index->units)
		scopes_done(&unit->scopes);
	vec_done(&index->units);
	spans_done(&index->unit_spans);
}

/* The .dwo file is opened for the first address in the unit: there may be thousands of them. */
static void find_body(struct symbol_index *index, struct unit *unit)
{
	Dwarf_Die split;

	if (unit->body_asked)
		return;
	unit->body_asked = true;
	split = splitunit_find(index, &unit->die);
	if (split.addr)
		unit->body = split;
}

/* A unit whose own DIE tells no ranges has those of its outermost functions. */
static void add_walked_ranges(struct symbol_index *index, struct unit *unit, uint32_t item)
{
	find_body(index, unit);
	unit_walk(index, unit, WALKED_WHOLE);
	vec_each(span, &unit->scopes.spans.list) {
		if (unit->scopes.list.data[span->item].parent == SPAN_NONE)
			spans_add(&index->unit_spans, span->start, span->end, 0, item);
	}
}

static int add_unit(struct symbol_index *index, Dwarf_Die *die)
{
	struct unit unit = { .die = *die, .body = *die };
	uint32_t item = (uint32_t)index->units.n;

	if (index->units.n >= UNITS_MAX || vec_push(&index->units, unit) < 0)
		return -1;
	/* one whose ranges are all of discarded code has no other */
	if (spans_add_die(index, &index->unit_spans, die, 0, item) == 0 && !die_tells_ranges(die))
		add_walked_ranges(index, &index->units.data[item], item);
	return 0;
}

/* That of the main file, unpacked; NULL if it has none, or none that is packed. */
static Dwarf *plain_dwarf(struct symbol_index *index, Elf *elf)
{
	if (index->plain_fd < 0 && elfsection_has(elf, ".debug_info"))
		index->plain_fd = plainfile_make(elf, plainfile_names);
	if (index->plain_fd < 0)
		return NULL;
	index->plain = dwarf_begin(index->plain_fd, DWARF_C_READ);
	index->directory = index_directory(index, index->plain_fd);
	index_drop_pages(elf);
	return index->plain;
}

Dwarf *index_dwarf(struct symbol_index *index, Dwarf_Addr *ret_bias)
{
	Elf *elf = index_elf(index);

	if (!index_may_unpack(index))
		return NULL;
	*ret_bias = index->bias;
	if (index->plain || plain_dwarf(index, elf))
		return index->plain;
	return dwfl_module_getdwarf(index->module, ret_bias);
}

/*
 * dwarf_get_units also gives type units and dwz's partial units, which have no code. It is not asked
 * for the units of .dwo files: it would open whatever file the debug information names.
 */
static void read_units(struct symbol_index *index)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	Dwarf_Addr bias;
	uint8_t type;
	Dwarf *dwarf = index_dwarf(index, &bias);

	if (!dwarf || !abbrevs_are_bounded(index, dwarf, false) || !altlink_add(index, dwarf))
		return;
	index->dwarf_delta = index->bias - bias;
	while (effort_step(&index->effort) &&
	       dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (!die.addr || (type != DW_UT_compile && type != DW_UT_skeleton))
			continue;
		if (add_unit(index, &die) < 0) {
			index->lacks = true;
			break;
		}
	}
	spans_sort(&index->unit_spans);
	index_drop_pages(dwarf_getelf(dwarf));
}

void symbol_index_prepare(struct symbol_index *index)
{
	if (index->units_read)
		return;
	index->units_read = true;
	effort_begin(&index->effort);
	if (effort_long_step(&index->effort))
		read_units(index);
	effort_end(&index->effort);
}

/* The part of the physical function that covers addr: its code may be in several (".cold"). */
static uint64_t function_start(const struct scopes *scopes, uint32_t scope, uint64_t addr)
{
	const struct span *span = spans_find(&scopes->spans, addr);

	while (span && span->item != scope)
		span = spans_outer(&scopes->spans, span, addr);
	return span ? span->start : 0;
}

/* An assembler source without functions still has lines: one level without names. */
static unsigned line_only(struct symbol_index *index, struct unit *unit, uint64_t addr,
			  struct index_frame *ret)
{
	struct index_frame frame = { .linkage_name = "", .name = "", .decl_file = "", .file = "" };

	index_name_line(index, unit, addr, &frame);
	if (!*frame.file)
		return 0;
	*ret = frame;
	return 1;
}

/* A unit is about to be walked: for how many bytes, its neighbour in the same section tells. */
static void count_unit(struct symbol_index *index, const struct unit *unit)
{
	const struct unit *next = unit + 1;
	const char *start = unit->die.addr;
	Dwarf_Addr bias;
	Dwarf *dwarf;

	if (next < index->units.data + index->units.n && (const char *)next->die.addr > start)
		index->looked_at += (size_t)((const char *)next->die.addr - start);
	if (index->looked_at < LOOKED_AT_MAX)
		return;
	index->looked_at = 0;
	dwarf = index_dwarf(index, &bias);
	index_drop_pages(dwarf_getelf(dwarf));
}

/* Dwarf addresses. */
static unsigned unit_frames(struct symbol_index *index, struct unit *unit, uint64_t addr,
			    struct index_frame *ret, unsigned max)
{
	struct scopes *scopes;
	const struct span *span;
	unsigned n = 0;

	find_body(index, unit);
	if (unit->walked == WALKED_NOT)
		count_unit(index, unit);
	scopes = unit_find_scopes(index, unit, addr);
	span = scopes ? spans_find(&scopes->spans, addr) : NULL;
	if (!span)
		return 0;
	index_name_line(index, unit, addr, &ret[0]);
	for (uint32_t i = span->item;;) {
		struct scope *scope = &scopes->list.data[i];

		if (!effort_long_step(&index->effort))
			return 0;
		index_name_function(index, unit, &scope->die, &ret[n++]);
		if (!scope->inlined || scope->parent == SPAN_NONE || n == max) {
			ret[n - 1].entry = function_start(scopes, i, addr) - index->dwarf_delta;
			return n;
		}
		index_name_call(index, unit, &scope->die, &ret[n]);
		i = scope->parent;
	}
}

unsigned symbol_index_frames(struct symbol_index *index, uint64_t addr, struct index_frame *ret,
			     unsigned max)
{
	const struct span *span;
	unsigned n = 0;

	symbol_index_prepare(index);
	addr += index->dwarf_delta;
	effort_begin(&index->effort);
	for (span = spans_find(&index->unit_spans, addr); span && max > 0 && n == 0;
	     span = spans_outer(&index->unit_spans, span, addr))
		n = unit_frames(index, &index->units.data[span->item], addr, ret, max);
	span = spans_find(&index->unit_spans, addr);
	if (n == 0 && span && max > 0)
		n = line_only(index, &index->units.data[span->item], addr, ret);
	effort_end(&index->effort);
	return n;
}
