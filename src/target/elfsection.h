/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elfsection.h: the sections of an open ELF file, by name. What has no name, or none that can be
 * read, is passed over.
 */
#ifndef SS_TARGET_ELFSECTION_H
#define SS_TARGET_ELFSECTION_H

#include <gelf.h>
#include <stdbool.h>

/* The next one, NULL after the last; scn NULL: the first. The name lives as long as the file. */
Elf_Scn *elfsection_next(Elf *elf, Elf_Scn *scn, const char **ret_name, GElf_Shdr *ret);

/* The first of this name; NULL: there is none. */
Elf_Scn *elfsection_find(Elf *elf, const char *name, GElf_Shdr *ret);

/* True if the bytes of one are in this file: a debug file has the headers of the others only. */
bool elfsection_has(Elf *elf, const char *name);

#endif
