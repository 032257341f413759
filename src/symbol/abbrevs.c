/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abbrevs.c: what libdw will read of a unit's abbreviations, looked at before it does. It keeps them
 * for each unit apart, in some ten times the room, though units may share a table: thousands of
 * units of a few bytes, all with one large table, take gigabytes (libdw/dwarf_tag.c, elfutils
 * 0.188), and without any table a kilobyte for each. And a DIE is searched for an attribute by going
 * through all of its abbreviation's, which need not take any bytes in the DIE: thousands of them make
 * each of its DIEs expensive.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>

#include "base/attr.h"

enum {
	TABLE_TIMES = 16,     /* memory for a byte of a table */
	UNIT_BYTES = 1536,    /* memory for a unit, libdw's and ours */
	ATTRIBUTES_MAX = 256, /* of one DIE; compilers write some twenty */
	ORIGINS_MAX = 16,     /* as many as libdw follows (dwarf_attr_integrate) */
};

/* The pairs of attribute and form up to 0, 0. */
static bool skip_attributes(struct reader *reader)
{
	uint64_t name, form, value;

	for (unsigned n = 0; n < ATTRIBUTES_MAX; n++) {
		if (!reader_uleb(reader, &name) || !reader_uleb(reader, &form))
			return false;
		if (name == 0 && form == 0)
			return true;
		if (form == DW_FORM_implicit_const && !reader_uleb(reader, &value))
			return false;
	}
	return false;
}

/* Up to the end of the table or to the abbreviation `last`, as libdw does. */
static bool skip_table(struct reader *reader, uint64_t last)
{
	uint64_t code, tag;

	while (reader->at < reader->end) {
		if (!reader_uleb(reader, &code))
			return false;
		if (code == 0)
			return true;
		if (!reader_uleb(reader, &tag) || reader->at++ >= reader->end ||
		    !skip_attributes(reader))
			return false;
		if (code == last)
			return true;
	}
	return true;
}

/* Count the table at `offset`, up to the abbreviation `last`. */
static bool count_table(struct symbol_index *index, const struct reader *abbrevs, uint64_t offset,
			uint64_t last)
{
	struct reader table;

	if (!reader_from(abbrevs, offset, &table))
		return true; /* libdw finds none either */
	return skip_table(&table, last) &&
	       effort_memory(&index->effort,
			     TABLE_TIMES * ((uint64_t)(table.at - abbrevs->at) - offset));
}

/* All units of one section: each unit's own DIE is read as soon as libdw comes by. */
static bool count_units(struct symbol_index *index, Dwarf *dwarf, const struct reader *abbrevs,
			const struct reader *units, bool types)
{
	Dwarf_Off at = 0, next, table;
	struct reader die;
	uint64_t code;
	size_t header;

	while (dwarf_next_unit(dwarf, at, &next, &header, NULL, &table, NULL, NULL,
			       types ? &code : NULL, NULL) == 0) {
		if (!effort_step(&index->effort) || !effort_memory(&index->effort, UNIT_BYTES))
			return false;
		if (reader_from(units, at + header, &die) && reader_uleb(&die, &code) &&
		    !count_table(index, abbrevs, table, code))
			return false;
		if (next <= at)
			return false;
		at = next;
	}
	return true;
}

bool abbrevs_are_bounded(struct symbol_index *index, Dwarf *dwarf, bool split)
{
	struct reader abbrevs, units;

	if (!rawsection_find(dwarf, "debug_abbrev", split, &abbrevs))
		return true;
	return (!rawsection_find(dwarf, "debug_info", split, &units) ||
		count_units(index, dwarf, &abbrevs, &units, false)) &&
	       (!rawsection_find(dwarf, "debug_types", split, &units) ||
		count_units(index, dwarf, &abbrevs, &units, true));
}

static bool count_unit(struct symbol_index *index, Dwarf_CU *cu)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu);
	struct reader abbrevs;
	Dwarf_Die die;
	Dwarf_Off table;
	Dwarf_Half version;

	return effort_long_step(&index->effort) &&
	       dwarf_cu_die(cu, &die, &version, &table, NULL, NULL, NULL, NULL) &&
	       /* libdw 0.188 takes .dwo sections only if the file has no others */
	       (rawsection_find(dwarf, "debug_abbrev", false, &abbrevs) ||
		rawsection_find(dwarf, "debug_abbrev", true, &abbrevs)) &&
	       count_table(index, &abbrevs, table, 0);
}

bool abbrevs_of_unit_are_bounded(struct symbol_index *index, Dwarf_CU *cu)
{
	uint64_t key = (uintptr_t)cu;
	const uint64_t *known = map64_find(&index->abbrevs, key);
	bool bounded;

	if (known)
		return *known;
	bounded = count_unit(index, cu);
	return map64_put(&index->abbrevs, key, bounded) == 0 && bounded;
}

/* The DIE that `at` refers to; false if to none. */
static bool follow(Dwarf_Die *at)
{
	static const unsigned links[] = { DW_AT_abstract_origin, DW_AT_specification };
	Dwarf_Attribute attr;
	Dwarf_Die next;

	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (dwarf_attr(at, links[i], &attr))
			return dwarf_formref_die(&attr, &next) && (*at = next, true);
	return false;
}

bool abbrevs_of_origins_are_bounded(struct symbol_index *index, const Dwarf_Die *die)
{
	Dwarf_Die at = *die;

	for (unsigned n = 0; n < ORIGINS_MAX && follow(&at); n++)
		if (!abbrevs_of_unit_are_bounded(index, at.cu))
			return false;
	return true;
}
