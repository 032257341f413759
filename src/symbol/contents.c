/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contents.c: see contents.h. The debug file is found the way that lookups find it, so what is said
 * to be missing is what a snapshot would miss.
 */
#include "symbol/contents.h"

#include <string.h>

#include "symbol/index-internal.h"
#include "target/elfsection.h"

static bool is_unwind_section(const char *name)
{
	return strcmp(name, ".eh_frame") == 0 || strcmp(name, ".debug_frame") == 0 ||
	       strcmp(name, ".zdebug_frame") == 0;
}

static bool has_unwind(Elf *elf)
{
	const char *name;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while (elf && (scn = elfsection_next(elf, scn, &name, &shdr)))
		if (shdr.sh_type != SHT_NOBITS && shdr.sh_size > 4 && is_unwind_section(name))
			return true;
	return false;
}

void contents_find(struct symbol_index *index, struct contents *ret)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = index_dwarf(index, &bias);

	ret->debug_info = dwarf;
	ret->lacks = dwarf && index->lacks;
	ret->unwind = has_unwind(index_elf(index)) || (dwarf && has_unwind(dwarf_getelf(dwarf)));
}
