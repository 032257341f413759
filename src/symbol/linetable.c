/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linetable.c: the header of a line table, looked at before libdw reads it. dwarf_getsrclines (elfutils
 * 0.188) puts the directory before each file's name in memory of its own, so a few kilobytes with one
 * endless directory and thousands of files take gigabytes. What follows the header is linear, but
 * each row takes a hundred bytes of memory, and may take less than one in a file that is packed: so
 * the rows are counted.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <string.h>

#include "base/attr.h"

enum {
	ROWS_MAX = 2 << 20, /* of all units together, and one more for so many bytes of the file: */
	BYTES_A_ROW = 8,
	TEXT_MAX = 1024,      /* of a directory, or of a file's name */
	TEXTS_MAX = 64 << 20, /* of all names with their directories, and */
	TEXTS_TIMES = 16,     /* so many times the section besides */
	FORMATS_MAX = 16,     /* what DWARF 5 tells of each file; there are five */
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

static bool is_bounded(struct table *table, size_t section)
{
	uint64_t directories, files, most = TEXTS_MAX + TEXTS_TIMES * (uint64_t)section;

	if (!skip_prologue(table))
		return false;
	if (table->version >= 5
		    ? !skip_entries(table, &directories) || !skip_entries(table, &files)
		    : !skip_texts(table, 0, &directories) || !skip_texts(table, 3, &files))
		return false;
	return files * table->longest <= most;
}

static bool look(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu->cu);
	struct table table = { 0 };
	struct reader section;
	Dwarf_Attribute attr;
	Dwarf_Word offset = 0; /* also where a .dwo has its only one */
	bool here = dwarf_formudata(dwarf_attr(cu, DW_AT_stmt_list, &attr), &offset) == 0;

	if (!rawsection_find(dwarf, "debug_line", !here, &section)) /* then it is the skeleton's */
		return !here && cu->cu != unit->die.cu &&
		       linetable_is_bounded(index, unit, &unit->die);
	if (!reader_from(&section, offset, &table.header))
		return false;
	rawsection_find(dwarf, "debug_line_str", !here, &table.line_texts);
	rawsection_find(dwarf, "debug_str", !here, &table.texts);
	if (!is_bounded(&table, reader_left(&section)))
		return false;
	index->line_rows += count_rows(&table);
	return index->line_rows <= ROWS_MAX + index->effort.bytes / BYTES_A_ROW;
}

bool linetable_is_bounded(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu)
{
	uint64_t key = (uintptr_t)cu->cu;
	const uint64_t *known = map64_find(&index->line_tables, key);
	bool bounded;

	if (known)
		return *known;
	bounded = look(index, unit, cu);
	return map64_put(&index->line_tables, key, bounded) == 0 && bounded;
}
