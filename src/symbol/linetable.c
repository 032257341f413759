/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linetable.c: a line table, looked at before libdw reads it. dwarf_getsrclines (elfutils 0.188) puts
 * the directory before each file's name in memory of its own, so a few kilobytes with one endless
 * directory and thousands of files take gigabytes. What follows the header is linear, but each row
 * takes a hundred bytes of memory, and may take less than one in a file that is packed: so the rows are
 * counted.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <string.h>

#include "base/attr.h"

enum {
	ROW_BYTES = 128,  /* of memory, while they are sorted */
	FILE_BYTES = 64,  /* besides its name */
	TEXT_MAX = 1024,  /* of a directory, or of a file's name */
	FORMATS_MAX = 16, /* what DWARF 5 tells of each file; there are five */
};

struct table {
	struct reader header;          /* what is left of the unit; past the header: the program */
	const unsigned char *program;  /* where the header says that this begins */
	const unsigned char *operands; /* how many the standard opcodes have, from 1 on */
	uint64_t special;              /* the first opcode that is none of those */
	struct reader line_texts, texts; /* .debug_line_str, .debug_str */
	size_t offset_size;
	uint64_t version;
	size_t longest; /* of the texts read */
};

static bool note_text(struct table *table, size_t len)
{
	table->longest = MAX(table->longest, len);
	return len <= TEXT_MAX;
}

static bool skip_text_at(struct table *table, const struct reader *texts)
{
	struct reader text;
	uint64_t offset;
	size_t len;

	return reader_fixed(&table->header, table->offset_size, &offset) &&
	       reader_from(texts, offset, &text) && reader_text(&text, &len) &&
	       note_text(table, len);
}

/* ---- up to DWARF 4 ---- */

/* Texts up to an empty one, each followed by some numbers. */
static bool skip_texts(struct table *table, unsigned numbers, uint64_t *ret_n)
{
	size_t len;

	for (*ret_n = 0; reader_text(&table->header, &len); ++*ret_n) {
		if (len == 0)
			return true;
		if (!note_text(table, len))
			return false;
		for (unsigned i = 0; i < numbers; i++)
			if (!reader_skip_leb(&table->header))
				return false;
	}
	return false;
}

/* ---- DWARF 5 ---- */

static bool skip_form(struct table *table, uint64_t form)
{
	struct reader *header = &table->header;
	uint64_t len;
	size_t text;

	switch (form) {
	case DW_FORM_string:
		return reader_text(header, &text) && note_text(table, text);
	case DW_FORM_line_strp:
		return skip_text_at(table, &table->line_texts);
	case DW_FORM_strp:
		return skip_text_at(table, &table->texts);
	case DW_FORM_udata:
		return reader_skip_leb(header);
	case DW_FORM_data1:
		return reader_skip(header, 1);
	case DW_FORM_data2:
		return reader_skip(header, 2);
	case DW_FORM_data4:
		return reader_skip(header, 4);
	case DW_FORM_data8:
		return reader_skip(header, 8);
	case DW_FORM_data16:
		return reader_skip(header, 16);
	case DW_FORM_block:
		return reader_uleb(header, &len) && reader_skip(header, len);
	default:
		return false; /* compilers write no other here */
	}
}

/* A list of formats, then entries of them. */
static bool skip_entries(struct table *table, uint64_t *ret_n)
{
	uint64_t forms[FORMATS_MAX], nforms, content;

	if (!reader_fixed(&table->header, 1, &nforms) || nforms > FORMATS_MAX)
		return false;
	for (uint64_t i = 0; i < nforms; i++)
		if (!reader_uleb(&table->header, &content) ||
		    !reader_uleb(&table->header, &forms[i]))
			return false;
	/* each entry takes a byte at the least */
	if (!reader_uleb(&table->header, ret_n) || *ret_n > reader_left(&table->header) ||
	    (nforms == 0 && *ret_n > 0))
		return false;
	for (uint64_t i = 0; i < *ret_n * nforms; i++)
		if (!skip_form(table, forms[i % nforms]))
			return false;
	return true;
}

/* ---- any ---- */

static bool skip_prologue(struct table *table)
{
	struct reader *header = &table->header;
	uint64_t len;

	table->offset_size = 4;
	if (!reader_fixed(header, 4, &len))
		return false;
	if (len == UINT32_MAX && !reader_fixed(header, table->offset_size = 8, &len))
		return false;
	if (len < reader_left(header))
		header->end = header->at + len;
	if (!reader_fixed(header, 2, &table->version))
		return false;
	/* DWARF 5: sizes of an address and of a segment selector */
	if (table->version >= 5 && !reader_skip(header, 2))
		return false;
	if (!reader_fixed(header, table->offset_size, &len) || len > reader_left(header))
		return false;
	table->program = header->at + len;
	/* the numbers that say how opcodes become rows */
	if (!reader_skip(header, 4 + (table->version >= 4)) ||
	    !reader_fixed(header, 1, &table->special))
		return false;
	table->operands = header->at;
	return reader_skip(header, table->special ? table->special - 1 : 0);
}

/* ---- the program ---- */

/* One opcode that is not special, and what belongs to it. */
static bool skip_opcode(const struct table *table, struct reader *program, unsigned char opcode,
			uint64_t *rows)
{
	uint64_t len;

	switch (opcode) {
	case 0: /* extended */
		if (!reader_uleb(program, &len))
			return false;
		*rows += len > 0 && program->at < program->end &&
			 *program->at == DW_LNE_end_sequence;
		return reader_skip(program, len);
	case DW_LNS_copy:
		++*rows;
		return true;
	case DW_LNS_fixed_advance_pc:
		return reader_skip(program, 2);
	default:
		for (unsigned n = table->operands[opcode - 1]; n > 0; n--)
			if (!reader_skip_leb(program))
				return false;
		return true;
	}
}

/* How many rows it makes, up to where it breaks off. */
static uint64_t count_rows(const struct table *table)
{
	struct reader program = { table->program, table->header.end };
	uint64_t rows = 0;

	while (program.at < program.end) {
		unsigned char opcode = *program.at++;

		if (opcode >= table->special)
			rows++;
		else if (!skip_opcode(table, &program, opcode, &rows))
			break;
	}
	return rows;
}

/* Each name of a file may have the longest directory before it. */
static bool is_bounded(struct symbol_index *index, struct table *table)
{
	uint64_t directories, files;

	if (!skip_prologue(table))
		return false;
	if (table->version >= 5
		    ? !skip_entries(table, &directories) || !skip_entries(table, &files)
		    : !skip_texts(table, 0, &directories) || !skip_texts(table, 3, &files))
		return false;
	return effort_memory(&index->effort, (directories + files) * FILE_BYTES +
						     files * 2 * table->longest +
						     count_rows(table) * ROW_BYTES);
}

/* libdw puts the directory of the compilation before names, too, and looks for its end anywhere. */
static bool directory_is_bounded(struct symbol_index *index, Dwarf_Die *cu)
{
	Dwarf_Attribute attr;
	const char *directory;

	if (!dwarf_attr(cu, DW_AT_comp_dir, &attr))
		return true;
	directory = index_string(index, &attr);
	return directory && strnlen(directory, TEXT_MAX + 1) <= TEXT_MAX;
}

/* The table at `offset` of the section. */
static bool look_at(struct symbol_index *index, Dwarf *dwarf, const struct reader *section,
		    uint64_t offset, bool split)
{
	struct table table = { 0 };
	const uint64_t *known;
	uint64_t key;
	bool bounded;

	if (!reader_from(section, offset, &table.header))
		return false;
	key = (uintptr_t)table.header.at;
	known = map64_find(&index->line_tables, key);
	if (known)
		return *known;
	rawsection_find(dwarf, "debug_line_str", split, &table.line_texts);
	rawsection_find(dwarf, "debug_str", split, &table.texts);
	bounded = effort_long_step(&index->effort) && is_bounded(index, &table);
	return map64_put(&index->line_tables, key, bounded) == 0 && bounded;
}

/* Units may share one. */
static bool look(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu->cu);
	struct reader section;
	Dwarf_Attribute attr;
	Dwarf_Word offset = 0; /* also where a .dwo has its only one */
	bool here = dwarf_formudata(dwarf_attr(cu, DW_AT_stmt_list, &attr), &offset) == 0;

	if (!rawsection_find(dwarf, "debug_line", !here, &section)) /* then it is the skeleton's */
		return !here && cu->cu != unit->die.cu &&
		       linetable_is_bounded(index, unit, &unit->die);
	return look_at(index, dwarf, &section, offset, !here);
}

bool linetable_is_bounded(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu)
{
	uint64_t key = (uintptr_t)cu->cu;
	const uint64_t *known = map64_find(&index->line_tables, key);
	bool bounded;

	if (known)
		return *known;
	bounded = directory_is_bounded(index, cu) && look(index, unit, cu);
	return map64_put(&index->line_tables, key, bounded) == 0 && bounded;
}
