/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index-text.c: strings of files, which need not end. libdw 0.188 checks where a string begins; it
 * may be the last of its section and without a NUL, and behind a mapped file come no bytes, or those
 * of another. So each is looked for in the file that it comes from, and has to end there.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <string.h>

#include "base/attr.h"

static bool lies_in(const char *s, const char *bytes, size_t size, struct reader *ret)
{
	uintptr_t offset = (uintptr_t)s - (uintptr_t)bytes;

	if (!bytes || offset >= size)
		return false;
	*ret = (struct reader){ (const unsigned char *)s, (const unsigned char *)bytes + size };
	return true;
}

/* What was packed, or is not mapped, has its section in memory of its own. */
static bool lies_in_section(struct symbol_index *index, Elf *elf, const char *s, struct reader *ret)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf, scn)) && effort_step(&index->effort)) {
		const Elf_Data *data;

		if (!gelf_getshdr(scn, &shdr) ||
		    (shdr.sh_type != SHT_PROGBITS && shdr.sh_type != SHT_STRTAB))
			continue;
		data = elf_getdata(scn, NULL);
		if (data && lies_in(s, data->d_buf, data->d_size, ret))
			return true;
	}
	return false;
}

bool index_text(struct symbol_index *index, Elf *elf, const char *s, struct reader *ret)
{
	size_t size = 0;
	const char *file = elf ? elf_rawfile(elf, &size) : NULL;

	return elf && (lies_in(s, file, size, ret) || lies_in_section(index, elf, s, ret));
}

size_t index_text_len(const struct reader *text, size_t max)
{
	size_t left = reader_left(text);
	const unsigned char *nul = memchr(text->at, '\0', MIN(left, max));

	return nul ? (size_t)(nul - text->at) : left < max ? 0 : max;
}

/* The file that its string is in. */
static Elf *elf_of(const struct symbol_index *index, Dwarf_Attribute *attr)
{
	switch (dwarf_whatform(attr)) {
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup:
		return index->alt ? dwarf_getelf(index->alt) : NULL;
	default:
		return dwarf_getelf(dwarf_cu_getdwarf(attr->cu));
	}
}

const char *index_string(struct symbol_index *index, Dwarf_Attribute *attr)
{
	const char *s = dwarf_formstring(attr), *interned;
	struct reader text;
	size_t len;

	if (!s || !index_text(index, elf_of(index, attr), s, &text))
		return NULL;
	len = index_text_len(&text, INDEX_STRING_MAX);
	if (len == 0 && *s)
		return NULL;
	interned = index_intern(index, s, len);
	index->lacks |= !interned;
	return interned;
}
