/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-index.c: the names of an ELF file that may be anything. Asked for are addresses all over its
 * executable segments, the ends of each function that is found there, and some where nothing is.
 * Nothing may crash or take long; what is found must lie round the address, and be readable text.
 * No debug directories are given, and the file stands in a directory that does not exist,
 * unless FUZZ_DIRECTORY names one.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/index.h"
#include "symbol/sources.h"
#include "target/elffile.h"

enum {
	SEGMENTS_MAX = 4,
	PER_SEGMENT = 48,
	CHAIN = 8,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_frame(const struct index_frame *frame)
{
	const char *texts[] = { frame->linkage_name, frame->name, frame->decl_file, frame->file };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(strlen(texts[i]) < 1 << 20);
}

static void ask_frames(struct symbol_index *index, uint64_t addr)
{
	struct index_frame frames[CHAIN];
	unsigned n = symbol_index_frames(index, addr, frames, CHAIN);

	check(n <= CHAIN);
	for (unsigned i = 0; i < n; i++)
		check_frame(&frames[i]);
}

static void ask(struct symbol_index *index, uint64_t addr)
{
	struct index_symbol symbol;

	if (symbol_index_find(index, addr, &symbol)) {
		check(addr - symbol.start < symbol.size && *symbol.name);
		ask_frames(index, symbol.start);
		ask_frames(index, symbol.start + symbol.size - 1);
	}
	ask_frames(index, addr);
}

static void ask_segments(struct symbol_index *index, const uint8_t *data, size_t size)
{
	Elf64_Phdr segment;

	for (unsigned i = 0; i < SEGMENTS_MAX && elffile_segment(data, size, i, &segment); i++) {
		uint64_t step = segment.p_memsz / PER_SEGMENT + 1;

		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
			continue;
		for (uint64_t j = 0; j < PER_SEGMENT && j * step < segment.p_memsz; j++)
			ask(index, segment.p_vaddr + j * step);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct symbol_sources sources = { .root_fd = -1 };
	const char *directory = getenv("FUZZ_DIRECTORY");
	char path[4096];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct symbol_index *index;

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "%s/fuzz", directory ? directory : "/nonexistent");
	index = symbol_index_open(fd, path, &sources);
	check(index);
	ask_segments(index, data, size);
	ask(index, 0);
	ask(index, 0x401000);
	ask(index, UINT64_MAX);
	symbol_index_close(index);
	close(fd);
	return 0;
}
