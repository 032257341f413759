/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/eh-table.h"

#include <string.h>

#include "base/attr.h"
#include "target/image.h"

enum {
	/* pcrel|sdata4 pointer, udata4 count, datarel|sdata4 table */
	PTR_ENC = 0x1b,
	COUNT_ENC = 0x03,
	TABLE_ENC = 0x3b,
	COUNT_OFFSET = 8,
	ENTRY_SIZE = 8,
};

/* The bytes of PT_GNU_EH_FRAME, its address in the target and its size. */
static const unsigned char *find_header(const struct image_map *map, uint64_t *ret_addr,
					uint64_t *ret_size)
{
	const struct image *image = map->image;
	size_t n;

	if (elf_getphdrnum(image->elf, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(image->elf, (int)i, &phdr) || phdr.p_type != PT_GNU_EH_FRAME)
			continue;
		if (phdr.p_filesz < EH_TABLE_OFFSET || phdr.p_offset > image->size ||
		    image->size - phdr.p_offset < phdr.p_filesz)
			return NULL;
		*ret_addr = map->bias + phdr.p_vaddr;
		*ret_size = phdr.p_filesz;
		return image->bytes + phdr.p_offset;
	}
	return NULL;
}

bool eh_table_find(const struct image_map *map, struct eh_table *ret)
{
	uint64_t addr, size;
	const unsigned char *header = find_header(map, &addr, &size);
	uint32_t count;

	if (!header || header[0] != 1 || header[1] != PTR_ENC || header[2] != COUNT_ENC ||
	    header[3] != TABLE_ENC)
		return false;
	memcpy(&count, header + COUNT_OFFSET, sizeof(count));
	*ret = (struct eh_table){
		.addr = addr,
		.entries = header + EH_TABLE_OFFSET,
		.count = (uint32_t)MIN((uint64_t)count, (size - EH_TABLE_OFFSET) / ENTRY_SIZE),
	};
	return true;
}

static uint64_t function_at(const struct eh_table *table, uint32_t i)
{
	int32_t offset;

	memcpy(&offset, table->entries + (size_t)i * ENTRY_SIZE, sizeof(offset));
	return table->addr + (uint64_t)(int64_t)offset;
}

bool eh_table_function(const struct eh_table *table, uint64_t pc, uint64_t *ret_start,
		       uint64_t *ret_end)
{
	uint32_t low = 0, high = table->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (function_at(table, middle) <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || low == table->count)
		return false;
	*ret_start = function_at(table, low - 1);
	*ret_end = function_at(table, low);
	return true;
}
