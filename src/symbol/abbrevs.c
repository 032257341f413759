/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abbrevs.c: what libdw will read of a unit's abbreviations, looked at before it does. It keeps them
 * for each unit apart, in some ten times the room, though units may share a table: thousands of
 * units of a few bytes, all with one large table, take gigabytes (libdw/dwarf_tag.c, elfutils
 * 0.188), and without any table a kilobyte for each. And a DIE is searched for an attribute by going through all of its abbreviation's, which
 * need not take any bytes in the DIE: thousands of them make each of its DIEs expensive.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>

enum {
	TABLES_MAX = 8 << 20, /* bytes of tables, all units together, and */
	TABLES_TIMES = 8,     /* so many times the section besides */
	UNITS_MAX = 1 << 16,  /* of a section, and one more for so many bytes: */
	BYTES_A_UNIT = 128,   /* those of a compiler have kilobytes, dwz's at least what it saves */
	ATTRIBUTES_MAX = 256, /* of one DIE; compilers write some twenty */
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
	uint64_t size = (uint64_t)(abbrevs->end - abbrevs->at);
	struct reader table;

	if (!reader_from(abbrevs, offset, &table))
		return true; /* libdw finds none either */
	if (!skip_table(&table, last))
		return false;
	index->abbrev_bytes += (uint64_t)(table.at - abbrevs->at) - offset;
	return index->abbrev_bytes <= TABLES_MAX + TABLES_TIMES * size;
}

/* All units of one section: each unit's own DIE is read as soon as libdw comes by. */
static bool count_units(struct symbol_index *index, Dwarf *dwarf, const struct reader *abbrevs,
			const struct reader *units, bool types)
{
	uint64_t most = UNITS_MAX + reader_left(units) / BYTES_A_UNIT;
	Dwarf_Off at = 0, next, table;
	struct reader die;
	uint64_t code;
	size_t header;

	while (dwarf_next_unit(dwarf, at, &next, &header, NULL, &table, NULL, NULL,
			       types ? &code : NULL, NULL) == 0) {
		if (reader_from(units, at + header, &die) && reader_uleb(&die, &code) &&
		    !count_table(index, abbrevs, table, code))
			return false;
		if (next <= at || most-- == 0)
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

bool abbrevs_of_unit_are_bounded(struct symbol_index *index, const struct unit *unit)
{
	bool split = unit->body.cu != unit->die.cu;
	struct reader abbrevs;
	Dwarf_Die die;
	Dwarf_Off table;
	Dwarf_Half version;

	return dwarf_cu_die(unit->body.cu, &die, &version, &table, NULL, NULL, NULL, NULL) &&
	       rawsection_find(dwarf_cu_getdwarf(unit->body.cu), "debug_abbrev", split, &abbrevs) &&
	       count_table(index, &abbrevs, table, 0);
}
