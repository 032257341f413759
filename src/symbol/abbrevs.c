/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abbrevs.c: what libdw will read of a unit's abbreviations, looked at before it does. It keeps them
 * for each unit apart, in some ten times the room, though units may share a table: thousands of
 * units of a few bytes, all with one large table, take gigabytes (libdw/dwarf_tag.c, elfutils
 * 0.188). And a DIE is searched for an attribute by going through all of its abbreviation's, which
 * need not take any bytes in the DIE: thousands of them make each of its DIEs expensive.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <string.h>

enum {
	TABLES_MAX = 8 << 20, /* bytes of tables, all units together, and */
	TABLES_TIMES = 8,     /* so many times the section besides */
	ATTRIBUTES_MAX = 256, /* of one DIE; compilers write some twenty */
};

struct reader {
	const unsigned char *at, *end;
};

static bool read_uleb(struct reader *reader, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; reader->at < reader->end; shift += 7) {
		unsigned char byte = *reader->at++;

		if (shift < 64)
			*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The pairs of attribute and form up to 0, 0. */
static bool skip_attributes(struct reader *reader)
{
	uint64_t name, form, value;

	for (unsigned n = 0; n < ATTRIBUTES_MAX; n++) {
		if (!read_uleb(reader, &name) || !read_uleb(reader, &form))
			return false;
		if (name == 0 && form == 0)
			return true;
		if (form == DW_FORM_implicit_const && !read_uleb(reader, &value))
			return false;
	}
	return false;
}

/* Up to the end of the table or to the abbreviation `last`, as libdw does. */
static bool skip_table(struct reader *reader, uint64_t last)
{
	uint64_t code, tag;

	while (reader->at < reader->end) {
		if (!read_uleb(reader, &code))
			return false;
		if (code == 0)
			return true;
		if (!read_uleb(reader, &tag) || reader->at++ >= reader->end ||
		    !skip_attributes(reader))
			return false;
		if (code == last)
			return true;
	}
	return true;
}

/* ---- sections ---- */

/* ".debug_NAME", ".zdebug_NAME", and ".debug_NAME.dwo" in a split file: as libdw knows them. */
static bool is_section(const char *s, const char *name, bool split)
{
	size_t len = strlen(name);

	s += strncmp(s, ".z", 2) == 0 ? 2 : 1;
	return strncmp(s, name, len) == 0 && strcmp(s + len, split ? ".dwo" : "") == 0;
}

/* The first with anything in it, unpacked by now. */
static bool find_section(Dwarf *dwarf, const char *wanted, bool split, struct reader *ret)
{
	Elf *elf = dwarf_getelf(dwarf);
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names) < 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name)
							    : NULL;
		const Elf_Data *data;

		if (!name || !*name || shdr.sh_type == SHT_NOBITS || (shdr.sh_flags & SHF_GROUP) ||
		    !is_section(name, wanted, split))
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !data->d_buf || data->d_size == 0)
			continue;
		ret->at = data->d_buf;
		ret->end = ret->at + data->d_size;
		return true;
	}
	return false;
}

/* A reader of the rest from `offset` on. */
static bool from_offset(const struct reader *section, uint64_t offset, struct reader *ret)
{
	if (offset >= (uint64_t)(section->end - section->at))
		return false;
	*ret = (struct reader){ section->at + offset, section->end };
	return true;
}

/* ---- tables ---- */

/* Count the table at `offset`, up to the abbreviation `last`. */
static bool count_table(struct symbol_index *index, const struct reader *abbrevs, uint64_t offset,
			uint64_t last)
{
	uint64_t size = (uint64_t)(abbrevs->end - abbrevs->at);
	struct reader table;

	if (!from_offset(abbrevs, offset, &table))
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
	Dwarf_Off at = 0, next, table;
	struct reader die;
	uint64_t code;
	size_t header;

	while (dwarf_next_unit(dwarf, at, &next, &header, NULL, &table, NULL, NULL,
			       types ? &code : NULL, NULL) == 0) {
		if (from_offset(units, at + header, &die) && read_uleb(&die, &code) &&
		    !count_table(index, abbrevs, table, code))
			return false;
		if (next <= at)
			return false;
		at = next;
	}
	return true;
}

bool abbrevs_are_bounded(struct symbol_index *index, Dwarf *dwarf)
{
	struct reader abbrevs, units;

	if (!find_section(dwarf, "debug_abbrev", false, &abbrevs))
		return true;
	return (!find_section(dwarf, "debug_info", false, &units) ||
		count_units(index, dwarf, &abbrevs, &units, false)) &&
	       (!find_section(dwarf, "debug_types", false, &units) ||
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
	       find_section(dwarf_cu_getdwarf(unit->body.cu), "debug_abbrev", split, &abbrevs) &&
	       count_table(index, &abbrevs, table, 0);
}
