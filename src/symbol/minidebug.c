/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * minidebug.c: MiniDebugInfo, the symbol table that Fedora and others leave in a stripped file:
 * .gnu_debugdata, an ELF file packed with xz. libdwfl 0.188 finds and reads it, but unpacks whatever
 * it becomes (libdwfl/lzma.c): a few kilobytes of a hostile file become gigabytes. So it is unpacked
 * here first, into nothing, and counted. Fedora's largest are a few megabytes.
 */
#include <lzma.h>
#include <string.h>

#include "symbol/index-internal.h"
#include "target/elfsection.h"

enum {
	UNPACKED_MAX = 32 << 20,
	MEMORY_MAX = 128 << 20, /* of the unpacker */
	CHUNK = 1 << 16,
};

/* True if it ends, well or ill, before it has become too large. */
static bool count(lzma_stream *stream, const uint8_t *data, size_t len)
{
	uint8_t chunk[CHUNK];
	lzma_ret r;

	stream->next_in = data;
	stream->avail_in = len;
	do {
		stream->next_out = chunk;
		stream->avail_out = sizeof(chunk);
		r = lzma_code(stream, LZMA_FINISH);
	} while (r == LZMA_OK && stream->total_out <= UNPACKED_MAX);
	return r != LZMA_MEMLIMIT_ERROR && stream->total_out <= UNPACKED_MAX;
}

bool minidebug_is_bounded(struct symbol_index *index, Elf *elf)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	const char *file;
	GElf_Shdr section;
	size_t size;
	bool bounded;

	if (!elfsection_find(elf, ".gnu_debugdata", &section) || section.sh_type == SHT_NOBITS)
		return true;
	file = elf_rawfile(elf, &size);
	if (!file || section.sh_offset > size || section.sh_size > size - section.sh_offset)
		return true; /* libelf will not read it either */
	if (lzma_stream_decoder(&stream, MEMORY_MAX, 0) != LZMA_OK)
		return false;
	bounded = count(&stream, (const uint8_t *)file + section.sh_offset, section.sh_size) &&
		  effort_memory(&index->effort, stream.total_out);
	lzma_end(&stream);
	return bounded;
}
