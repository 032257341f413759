/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/unpack.h"

#include <gelf.h>
#include <string.h>

#include "base/attr.h"

/* Debug sections shrink to a third; an almost empty one may shrink more, but then it is small. */
#define FREE_BYTES (UINT64_C(16) << 20)
enum { RATIO_MAX = 8 };

/* GNU's older form: "ZLIB", then the size, big-endian. 0 if the section has another name. */
static uint64_t gnu_size(Elf *elf, size_t names, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	const char *name = elf_strptr(elf, names, shdr->sh_name);
	const Elf_Data *data;
	uint64_t size = 0;

	if (!name || strncmp(name, ".zdebug", strlen(".zdebug")) != 0)
		return 0;
	data = elf_rawdata(scn, NULL);
	for (size_t i = 4; data && data->d_buf && data->d_size >= 12 && i < 12; i++)
		size = size << 8 | ((const unsigned char *)data->d_buf)[i];
	return size;
}

static uint64_t unpacked_size(Elf *elf, size_t names, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	GElf_Chdr chdr;

	if (shdr->sh_type == SHT_NOBITS)
		return 0;
	if (shdr->sh_flags & SHF_COMPRESSED)
		return gelf_getchdr(scn, &chdr) ? chdr.ch_size : 0;
	return gnu_size(elf, names, scn, shdr);
}

bool unpack_is_bounded(Elf *elf, uint64_t *ret_bytes)
{
	size_t names, file_size = 0;
	uint64_t sum = 0, packed = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	*ret_bytes = 0;
	if (!elf_rawfile(elf, &file_size) || elf_getshdrstrndx(elf, &names) < 0)
		return true; /* then libdw finds no section either */
	while ((scn = elf_nextscn(elf, scn))) {
		uint64_t size = gelf_getshdr(scn, &shdr) ? unpacked_size(elf, names, scn, &shdr)
							 : 0;

		if (size == 0)
			continue;
		if (__builtin_add_overflow(sum, size, &sum))
			return false;
		/* the file may be padded, or its sections lie over one another */
		packed = MIN(packed + shdr.sh_size, (uint64_t)file_size);
	}
	*ret_bytes = sum;
	return sum <= FREE_BYTES || sum / RATIO_MAX <= packed;
}
