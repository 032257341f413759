/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mutate-elf.c: for libFuzzer only, a mutator that knows where an ELF file keeps what: it changes
 * bytes inside one section, in the program headers or in the section headers, and leaves all else
 * where it is, so that most of its files still get as far as the debug information.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct slice {
	uint64_t offset, size;
};

static int clip(struct slice *slice, size_t size)
{
	if (slice->offset >= size)
		return 0;
	if (slice->size > size - slice->offset)
		slice->size = size - slice->offset;
	return slice->size > 0;
}

/* Sections that say nothing to us, but are large. */
static int is_dull(const Elf64_Shdr *section)
{
	return section->sh_type == SHT_NOBITS || section->sh_type == SHT_NULL ||
	       (section->sh_flags & (SHF_WRITE | SHF_EXECINSTR));
}

static int pick(const uint8_t *data, size_t size, struct slice *ret)
{
	Elf64_Ehdr header;
	Elf64_Shdr section;
	unsigned which;

	if (size < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	which = (unsigned)rand() % (header.e_shnum + 3u);
	if (which == 0)
		*ret = (struct slice){ 16, sizeof(header) - 16 };
	else if (which == 1)
		*ret = (struct slice){ header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr) };
	else if (which == 2)
		*ret = (struct slice){ header.e_shoff, header.e_shnum * sizeof(section) };
	else
		*ret = (struct slice){ header.e_shoff + (which - 3) * sizeof(section),
				       sizeof(section) };
	if (!clip(ret, size))
		return 0;
	if (which < 3)
		return rand() % 4 == 0;
	if (ret->size < sizeof(section))
		return 0;
	memcpy(&section, data + ret->offset, sizeof(section));
	*ret = (struct slice){ section.sh_offset, section.sh_size };
	return !is_dull(&section) && clip(ret, size);
}

/* Values at which lengths, offsets and LEB128 numbers go wrong. */
static void put_number(uint8_t *at, size_t room)
{
	static const uint64_t numbers[] = {
		0,
		1,
		0x7f,
		0x80,
		0xff,
		0xffff,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		UINT64_MAX,
		INT64_MAX,
		UINT64_MAX / 2 + 1,
		0x8080808080808080,
		0xfffffff0,
	};
	uint64_t number = numbers[(size_t)rand() % (sizeof(numbers) / sizeof(numbers[0]))];
	size_t len = (size_t)1 << rand() % 4;

	memcpy(at, &number, len < room ? len : room);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct slice slice;

	srand(seed);
	if (rand() % 16 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	for (int tries = 0; tries < 20; tries++) {
		if (!pick(data, size, &slice))
			continue;
		if (rand() % 2) {
			uint64_t at = (uint64_t)rand() % slice.size;

			put_number(data + slice.offset + at, slice.size - at);
		} else {
			LLVMFuzzerMutate(data + slice.offset, slice.size, slice.size);
		}
		return size;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
