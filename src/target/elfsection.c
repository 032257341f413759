/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/elfsection.h"

#include <string.h>

Elf_Scn *elfsection_next(Elf *elf, Elf_Scn *scn, const char **ret_name, GElf_Shdr *ret)
{
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, ret))
			continue;
		*ret_name = elf_strptr(elf, names, ret->sh_name);
		if (*ret_name && **ret_name)
			return scn;
	}
	return NULL;
}

Elf_Scn *elfsection_find(Elf *elf, const char *name, GElf_Shdr *ret)
{
	const char *its;
	Elf_Scn *scn = NULL;

	while ((scn = elfsection_next(elf, scn, &its, ret)))
		if (strcmp(its, name) == 0)
			return scn;
	return NULL;
}

bool elfsection_has(Elf *elf, const char *name)
{
	GElf_Shdr shdr;

	return elfsection_find(elf, name, &shdr) && shdr.sh_type != SHT_NOBITS;
}
