/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawsection.c: the bytes of the debug sections as libdw has them, for what is looked at before libdw
 * reads it. Chosen as check_section in libdw/dwarf_begin_elf.c does it (elfutils 0.188).
 */
#include "symbol/index-internal.h"

#include <string.h>

#include "target/elfsection.h"

/* ".debug_NAME", ".zdebug_NAME", and ".debug_NAME.dwo" in a split file: as libdw knows them. */
static bool is_section(const char *s, const char *name, bool split)
{
	size_t len = strlen(name);

	s += strncmp(s, ".z", 2) == 0 ? 2 : 1;
	return strncmp(s, name, len) == 0 && strcmp(s + len, split ? ".dwo" : "") == 0;
}

/* The first with anything in it, unpacked by now. */
bool rawsection_find(Dwarf *dwarf, const char *wanted, bool split, struct reader *ret)
{
	Elf *elf = dwarf_getelf(dwarf);
	const char *name;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while (elf && (scn = elfsection_next(elf, scn, &name, &shdr))) {
		const Elf_Data *data;

		if (shdr.sh_type == SHT_NOBITS || (shdr.sh_flags & SHF_GROUP) ||
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
