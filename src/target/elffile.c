/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elffile.c: ELF headers and notes, bounded. Owns nothing. Written out instead of using libelf's
 * gelf, because the same code reads headers from the memory of the target, where there is no file.
 */
#include "target/elffile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"

enum { NOTES_MAX = 1 << 16 }; /* bytes of notes that are looked through; linkers write hundreds */

const char *elffile_check(const unsigned char *bytes, size_t size)
{
	Elf64_Ehdr header;

	if (size < sizeof(header) || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return "not an ELF file";
	memcpy(&header, bytes, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != ELFFILE_MACHINE)
		return "an ELF file for another machine";
	return NULL;
}

bool elffile_segment(const unsigned char *bytes, size_t size, unsigned i, Elf64_Phdr *ret)
{
	Elf64_Ehdr header;
	uint64_t offset;

	if (size < sizeof(header))
		return false;
	memcpy(&header, bytes, sizeof(header));
	if (i >= header.e_phnum || header.e_phentsize != sizeof(*ret) ||
	    __builtin_add_overflow(header.e_phoff, (uint64_t)i * sizeof(*ret), &offset) ||
	    offset > size || size - offset < sizeof(*ret))
		return false;
	memcpy(ret, bytes + offset, sizeof(*ret));
	return true;
}

/* ---- build id ---- */

static void format_hex(char *ret, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

bool elffile_note_build_id(const unsigned char *notes, size_t size, uint64_t align,
			   char ret[ELFFILE_BUILD_ID_MAX])
{
	uint64_t at = 0, unit = align == 8 ? 8 : 4;
	Elf64_Nhdr note;

	while (at < size && size - at >= sizeof(note)) {
		uint64_t name = at + sizeof(note), desc, end;

		memcpy(&note, notes + at, sizeof(note));
		desc = round_up(name + note.n_namesz, unit);
		end = desc + note.n_descsz;
		if (end > size)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz > 0 &&
		    note.n_descsz <= (ELFFILE_BUILD_ID_MAX - 1) / 2) {
			format_hex(ret, notes + desc, note.n_descsz);
			return true;
		}
		at = round_up(end, unit);
	}
	return false;
}

void elffile_build_id(const unsigned char *bytes, size_t size, char ret[ELFFILE_BUILD_ID_MAX])
{
	uint64_t left = NOTES_MAX;
	Elf64_Phdr segment;

	ret[0] = '\0';
	for (unsigned i = 0; elffile_segment(bytes, size, i, &segment) && left; i++) {
		uint64_t len;

		if (segment.p_type != PT_NOTE || segment.p_offset > size)
			continue;
		len = MIN(MIN(segment.p_filesz, size - segment.p_offset), left);
		left -= len;
		if (elffile_note_build_id(bytes + segment.p_offset, len, segment.p_align, ret))
			return;
	}
}

/* ---- where it is loaded ---- */

static uint64_t page_down(uint64_t value)
{
	return value & ~((uint64_t)getpagesize() - 1);
}

/*
 * A segment is mapped with the whole first page of it. Segments may share a page of the file (lld
 * and mold pack them so): then both fit, and elffile_bias takes the later one, as a mapping begins
 * in that page because a segment does.
 */
static bool segment_fits(const Elf64_Phdr *segment, uint64_t offset, uint32_t flags)
{
	return segment->p_type == PT_LOAD && (segment->p_flags & flags) == flags &&
	       page_down(segment->p_offset) <= offset &&
	       (offset < segment->p_offset || offset - segment->p_offset < segment->p_filesz);
}

bool elffile_bias(const unsigned char *bytes, size_t size, uint64_t start, uint64_t offset,
		  uint32_t flags, uint64_t *ret)
{
	Elf64_Phdr segment;
	bool found = false;

	for (unsigned i = 0; elffile_segment(bytes, size, i, &segment); i++) {
		if (!segment_fits(&segment, offset, flags))
			continue;
		*ret = start - (segment.p_vaddr + (offset - segment.p_offset));
		found = true;
	}
	return found;
}

static uint64_t page_up(uint64_t value)
{
	return page_down(value + (uint64_t)getpagesize() - 1);
}

bool elffile_bias_by_size(const unsigned char *bytes, size_t size, uint64_t start, uint64_t end,
			  uint64_t *ret)
{
	Elf64_Phdr segment;
	unsigned found = 0;

	for (unsigned i = 0; elffile_segment(bytes, size, i, &segment); i++) {
		uint64_t first = page_down(segment.p_vaddr);

		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) ||
		    page_up(segment.p_vaddr + segment.p_memsz) - first != end - start)
			continue;
		*ret = start - first;
		found++;
	}
	return found == 1;
}

bool elffile_is_constant(const unsigned char *bytes, size_t size, uint64_t start, uint64_t offset,
			 uint64_t bias)
{
	uint64_t addr = start - bias;
	Elf64_Phdr segment;

	for (unsigned i = 0; elffile_segment(bytes, size, i, &segment); i++) {
		if (segment.p_type == PT_LOAD && !(segment.p_flags & PF_W) &&
		    segment.p_vaddr - segment.p_offset == addr - offset &&
		    segment_fits(&segment, offset, 0))
			return true;
	}
	return false;
}
