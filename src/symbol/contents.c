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

static bool names_functions(Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && shdr->sh_entsize ? data->d_size / shdr->sh_entsize : 0;
	GElf_Sym sym;

	for (size_t i = 0; i < n && gelf_getsym(data, (int)i, &sym); i++)
		if (sym.st_shndx != SHN_UNDEF && (GELF_ST_TYPE(sym.st_info) == STT_FUNC ||
						  GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC))
			return true;
	return false;
}

static enum contents_names find_names(Elf *elf)
{
	enum contents_names names = CONTENTS_NO_NAMES;
	const char *name;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while (elf && (scn = elfsection_next(elf, scn, &name, &shdr))) {
		if (strcmp(name, ".gnu_debugdata") == 0)
			return CONTENTS_ALL;
		if (shdr.sh_type == SHT_SYMTAB && names_functions(scn, &shdr))
			return CONTENTS_ALL;
		if (shdr.sh_type == SHT_DYNSYM && names_functions(scn, &shdr))
			names = CONTENTS_EXPORTED;
	}
	return names;
}

static bool has_debug_info(Elf *elf)
{
	return elf && (elfsection_has(elf, ".debug_info") || elfsection_has(elf, ".zdebug_info"));
}

void contents_find(struct symbol_index *index, struct contents *ret)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = index_dwarf(index, &bias);

	ret->debug_info = dwarf;
	ret->lacks = dwarf && index->lacks;
	ret->unreadable = !dwarf && has_debug_info(index_elf(index));
	ret->unwind = has_unwind(index_elf(index)) || (dwarf && has_unwind(dwarf_getelf(dwarf)));
	/* a debug file without DWARF has a symbol table, or it would have nothing */
	ret->names = index->debug_path ? CONTENTS_ALL : find_names(index_elf(index));
}
