/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-ehframe.c: both unwinders over an ELF file that may be anything, mapped the way its program
 * headers say. The stack is full of addresses all over its code. Nothing may crash or take long, and
 * no walk may be longer than asked for. In a long campaign name one in FUZZ_UNWINDER: an address
 * space of libunwind 1.6 leaves its caches behind, 300 KB each time.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "target/elffile.h"
#include "target/image.h"
#include "target/maps.h"
#include "unwind/unwind.h"

enum {
	SEGMENTS_MAX = 8,
	SEGMENT_SIZE_MAX = 1 << 20,
	PCS = 24,
	FRAMES_MAX = 40,
	PAGE = 4096,
};

static const uint64_t bias = 0x7f0000000000, stack = 0x7ffff0000000;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* ---- the process that has it mapped ---- */

struct process {
	char path[64];
	struct maps maps;
	uint64_t pcs[PCS];
	size_t npcs;
	struct images *images;
};

static void add_pcs(struct process *process, const Elf64_Phdr *segment)
{
	uint64_t step = segment->p_memsz / (PCS / 2) + 1;

	for (uint64_t i = 0; i < PCS / 2 && process->npcs < PCS; i++)
		if (i * step < segment->p_memsz)
			process->pcs[process->npcs++] = bias + segment->p_vaddr + i * step;
}

static void map_segments(struct process *process, const uint8_t *data, size_t size,
			 const struct stat *st)
{
	char text[SEGMENTS_MAX * 256];
	Elf64_Phdr segment;
	int len = 0;

	for (unsigned i = 0; i < SEGMENTS_MAX && elffile_segment(data, size, i, &segment); i++) {
		uint64_t start = segment.p_vaddr & -(uint64_t)PAGE;
		uint64_t end = (segment.p_vaddr + segment.p_memsz + PAGE) & -(uint64_t)PAGE;

		if (segment.p_type != PT_LOAD || segment.p_vaddr >= bias ||
		    segment.p_memsz > SEGMENT_SIZE_MAX)
			continue;
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				"%" PRIx64 "-%" PRIx64 " r-%cp %" PRIx64 " %02x:%02x %ju %s\n",
				bias + start, bias + end, segment.p_flags & PF_X ? 'x' : '-',
				segment.p_offset & -(uint64_t)PAGE, major(st->st_dev),
				minor(st->st_dev), (uintmax_t)st->st_ino, process->path);
		if (segment.p_flags & PF_X)
			add_pcs(process, &segment);
	}
	check(maps_parse(&process->maps, text, (size_t)len) == 0);
}

static void process_init(struct process *process, const uint8_t *data, size_t size)
{
	const struct target nobody = TARGET_NONE;
	struct ss_error err;
	struct stat st;
	bool changed;
	int fd;

	*process = (struct process){ .path = "/tmp/fuzz-ehframe-XXXXXX" };
	fd = mkstemp(process->path);
	check(fd >= 0 && write(fd, data, size) == (ssize_t)size && fstat(fd, &st) == 0);
	close(fd);
	maps_init(&process->maps);
	map_segments(process, data, size, &st);
	process->images = images_new();
	check(process->images &&
	      images_update(process->images, &nobody, &process->maps, &changed, &err) == 0);
	unlink(process->path);
}

static void process_done(struct process *process)
{
	images_free(process->images);
	maps_done(&process->maps);
}

/* ---- its threads ---- */

static void walk_all(const struct process *process, const struct unwinder_ops *ops)
{
	uint64_t words[256];
	struct capture_thread thread = { .how = CAPTURE_STOPPED, .ncopies = 1 };
	struct unwinder *unwinder;
	struct ss_error err;
	struct walk walk = { 0 };

	for (size_t i = 0; i < 256; i++)
		words[i] = i % 4 == 3 ? stack + i * 8 + 16 : process->pcs[i % process->npcs];
	thread.copies[0] = (struct stack_copy){ .addr = stack,
						.len = sizeof(words),
						.bytes = (unsigned char *)words };
	thread.regs.known = (UINT64_C(1) << REG_COUNT) - 1;
	for (unsigned i = 0; i < REG_COUNT; i++)
		thread.regs.r[i] = stack + i * 8;
	check(ops->open(process->images, &unwinder, &err) == 0);
	for (size_t i = 0; i < process->npcs; i++) {
		thread.regs.r[REG_PC] = process->pcs[i];
		check(ops->walk(unwinder, &thread, FRAMES_MAX, &walk) == 0);
		check(walk.frames.n <= FRAMES_MAX);
	}
	vec_done(&walk.frames);
	ops->close(unwinder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *only = getenv("FUZZ_UNWINDER");
	struct process process;

	process_init(&process, data, size);
	for (size_t i = 0; unwinders[i] && process.npcs; i++)
		if (!only || strcmp(only, unwinders[i]->name) == 0)
			walk_all(&process, unwinders[i]);
	process_done(&process);
	return 0;
}
