/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * altlink.c: the file that dwz(1) moved the common parts of several debug files to. Debug
 * information refers to it by .gnu_debugaltlink: a name and a build id. Owns the shared file's
 * Dwarf, which has to outlive the one that refers to it.
 *
 * If it cannot be found, an empty one takes its place: libdw 0.188 would look for it by name in our
 * file system when the first reference is followed (dwarf_getalt.c), and take it unchecked.
 */
#include "symbol/index-internal.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

/*
 * The least that libdw takes for debug information: an ELF file with one section that says something
 * by itself (valid_p in libdw/dwarf_begin_elf.c, elfutils 0.188: not .debug_str).
 */
struct empty_file {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[sizeof("\0.shstrtab\0.debug_line")];
};

#define EMPTY_AT(member) ((Elf64_Off)offsetof(struct empty_file, member))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_DATA ELFDATA2LSB
#else
#define OUR_DATA ELFDATA2MSB
#endif

static const struct empty_file empty_file = {
	.header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, OUR_DATA, EV_CURRENT },
		.e_type = ET_DYN,
		.e_version = EV_CURRENT,
		.e_shoff = EMPTY_AT(sections),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
		.e_shstrndx = 1,
	},
	.sections = {
		[1] = { .sh_name = 1, .sh_type = SHT_STRTAB, .sh_offset = EMPTY_AT(names),
			.sh_size = sizeof(empty_file.names), .sh_addralign = 1 },
		/* a line table too short to be one: the NUL that begins the names */
		[2] = { .sh_name = 11, .sh_type = SHT_PROGBITS, .sh_offset = EMPTY_AT(names),
			.sh_size = 1, .sh_addralign = 1 },
	},
	.names = "\0.shstrtab\0.debug_line",
};

static Dwarf *open_empty(struct symbol_index *index)
{
	Dwarf *dwarf;
	Elf *elf;

	index->alt_bytes = malloc(sizeof(empty_file));
	if (!index->alt_bytes)
		return NULL;
	memcpy(index->alt_bytes, &empty_file, sizeof(empty_file));
	elf = elf_memory(index->alt_bytes, sizeof(empty_file));
	dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	if (!dwarf)
		elf_end(elf);
	return dwarf;
}

bool altlink_add(struct symbol_index *index, Dwarf *dwarf)
{
	const char *name;
	const void *id;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);

	if (len <= 0)
		return true;
	index->alt_fd = debugfile_find_alt(index, name, id, (size_t)len);
	if (index->alt_fd >= 0)
		index->alt = dwarf_begin(index->alt_fd, DWARF_C_READ);
	if (index->alt && !abbrevs_are_bounded(index, index->alt, false)) {
		dwarf_end(index->alt);
		index->alt = NULL;
	}
	index->lacks |= !index->alt;
	if (!index->alt)
		index->alt = open_empty(index);
	dwarf_setalt(dwarf, index->alt);
	return index->alt;
}

/* dwarf_end leaves an Elf that was given to it alone. */
void altlink_done(struct symbol_index *index)
{
	Elf *elf = index->alt && index->alt_bytes ? dwarf_getelf(index->alt) : NULL;

	if (index->alt)
		dwarf_end(index->alt);
	elf_end(elf);
	free(index->alt_bytes);
	close_p(&index->alt_fd);
}
