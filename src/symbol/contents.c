/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contents.c: see contents.h. The debug file is found the way that lookups find it, so what is said
 * to be missing is what a snapshot would miss.
 */
#include "symbol/contents.h"

#include <gelf.h>
#include <string.h>

#include "symbol/index-internal.h"

static bool is_unwind_section(const char *name)
{
	return strcmp(name, ".eh_frame") == 0 || strcmp(name, ".debug_frame") == 0 ||
	       strcmp(name, ".zdebug_frame") == 0;
}

/* A debug file keeps the header of a section that stayed in the file, as SHT_NOBITS. */
static bool has_unwind(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names) < 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name)
							    : NULL;

		if (name && shdr.sh_type != SHT_NOBITS && shdr.sh_size > 4 &&
		    is_unwind_section(name))
			return true;
	}
	return false;
}

void contents_find(struct symbol_index *index, struct contents *ret)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = index_dwarf(index, &bias);

	ret->debug_info = dwarf;
	ret->unwind = has_unwind(index_elf(index)) || (dwarf && has_unwind(dwarf_getelf(dwarf)));
}
