/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libdw interprets a function's CFI program up to one address (dwarf_cfi_addrframe) and gives the
 * rule of every register as a DWARF expression. What compilers write fits the small row; all else
 * (PLT stubs, signal trampolines, realigned stacks) keeps the Dwarf_Frame for full evaluation.
 */
#include "unwind/cfi-rows.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "target/elfsection.h"
#include "target/image.h"
#include "target/plainfile.h"
#include "target/unpack.h"
#include "unwind/cfi-check.h"

/* One image's CFI, opened at the first look-up in it. */
struct cfi_file {
	const struct image *image;
	Dwarf_CFI *eh, *debug; /* NULL: has none */
	Dwarf *dwarf;          /* owns `debug` */
	int plain_fd;          /* what it reads, if that was packed; -1 */
	struct cfi_check eh_check, debug_check;
};

void cfi_rows_init(struct cfi_rows *rows, struct images *images)
{
	*rows = (struct cfi_rows){ .images = images };
	map64_init(&rows->by_pc);
}

static void file_free(struct cfi_file *file)
{
	if (file->eh)
		dwarf_cfi_end(file->eh);
	if (file->dwarf)
		dwarf_end(file->dwarf);
	close_p(&file->plain_fd);
	free(file);
}

void cfi_rows_forget(struct cfi_rows *rows)
{
	vec_each(row, &rows->rows)
		free(row->frame);
	vec_each(file, &rows->files)
		file_free(*file);
	rows->rows.n = 0;
	rows->files.n = 0;
	map64_clear(&rows->by_pc);
}

void cfi_rows_done(struct cfi_rows *rows)
{
	cfi_rows_forget(rows);
	vec_done(&rows->rows);
	vec_done(&rows->files);
	map64_done(&rows->by_pc);
}

/* Go has .debug_frame only, mostly packed; libdw would unpack all that is packed beside it. */
static Dwarf *open_debug_frame(struct cfi_file *file)
{
	Elf *elf = file->image->elf;
	uint64_t bytes;

	if ((!elfsection_has(elf, ".debug_frame") && !elfsection_has(elf, ".zdebug_frame")) ||
	    !file_is_filled(file->image->fd) || !unpack_is_bounded(elf, &bytes))
		return NULL;
	file->plain_fd = plainfile_make(elf, plainfile_frames);
	return file->plain_fd >= 0 ? dwarf_begin(file->plain_fd, DWARF_C_READ)
				   : dwarf_begin_elf(elf, DWARF_C_READ, NULL);
}

static struct cfi_file *file_open(const struct image *image)
{
	struct cfi_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->image = image;
	file->plain_fd = -1;
	file->eh_check = cfi_check_eh_frame(image->elf);
	file->eh = file->eh_check.frames ? dwarf_getcfi_elf(image->elf) : NULL;
	file->dwarf = open_debug_frame(file);
	if (file->dwarf)
		file->debug_check = cfi_check_debug_frame(dwarf_getelf(file->dwarf));
	if (file->debug_check.frames)
		file->debug = dwarf_getcfi(file->dwarf);
	return file;
}

static struct cfi_file *file_get(struct cfi_rows *rows, const struct image *image)
{
	struct cfi_file *file;

	vec_each(known, &rows->files)
		if ((*known)->image == image)
			return *known;
	file = file_open(image);
	if (file && vec_push(&rows->files, file) < 0) {
		file_free(file);
		return NULL;
	}
	return file;
}

static int file_frame(const struct cfi_file *file, Dwarf_Addr addr, Dwarf_Frame **ret)
{
	if (file->eh && cfi_check_address(&file->eh_check, addr) &&
	    dwarf_cfi_addrframe(file->eh, addr, ret) == 0)
		return 0;
	if (file->debug && cfi_check_address(&file->debug_check, addr) &&
	    dwarf_cfi_addrframe(file->debug, addr, ret) == 0)
		return 0;
	return -ENOENT;
}

/* ---- from a frame to a row ---- */

/* CFA = register + offset, as libdw writes it: one DW_OP_bregx or DW_OP_breg0..31. */
static bool compile_cfa(struct cfi_row *row, Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t n;
	Dwarf_Word reg, off;

	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || n != 1)
		return false;
	if (ops->atom == DW_OP_bregx)
		reg = ops->number, off = ops->number2;
	else if (ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31)
		reg = ops->atom - DW_OP_breg0, off = ops->number;
	else
		return false;
	if (reg >= REG_COUNT || (int64_t)off != (int32_t)off)
		return false;
	row->cfa_reg = (uint8_t)reg;
	row->cfa_off = (int32_t)off;
	return true;
}

enum rule {
	RULE_UNDEFINED,
	RULE_SAME,
	RULE_AT_CFA,   /* at CFA + *off */
	RULE_REGISTER, /* in register *off */
	RULE_OTHER,
};

/* Classify what dwarf_frame_register says; its encodings are those of elfutils' frame-cache. */
static enum rule register_rule(Dwarf_Frame *frame, unsigned reg, int32_t *off)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, (int)reg, mem, &ops, &n) != 0)
		return RULE_OTHER;
	if (n == 0)
		return ops == mem ? RULE_UNDEFINED : RULE_SAME;
	if (ops[0].atom == DW_OP_call_frame_cfa && n == 1) {
		*off = 0;
		return RULE_AT_CFA;
	}
	if (ops[0].atom == DW_OP_call_frame_cfa && n == 2 && ops[1].atom == DW_OP_plus_uconst &&
	    (int64_t)ops[1].number == (int32_t)ops[1].number) {
		*off = (int32_t)ops[1].number;
		return RULE_AT_CFA;
	}
	if (n == 1 && ops[0].atom == DW_OP_regx && ops[0].number < REG_COUNT) {
		*off = (int32_t)ops[0].number;
		return RULE_REGISTER;
	}
	return RULE_OTHER;
}

static bool compile_return_address(struct cfi_row *row, Dwarf_Frame *frame)
{
	int32_t off;

	switch (register_rule(frame, row->ra_column, &off)) {
	case RULE_UNDEFINED:
		row->kind = CFI_OUTERMOST;
		return true;
	case RULE_AT_CFA:
		row->ra_off = off;
		return true;
	case RULE_SAME: /* aarch64: the link register has not been saved yet */
		row->ra_in_reg = (uint8_t)row->ra_column;
		return row->ra_column < REG_COUNT && row->ra_column != REG_PC;
	case RULE_REGISTER:
		row->ra_in_reg = (uint8_t)off;
		return off != 0; /* 0 says "in memory" */
	default:
		return false;
	}
}

static bool compile_saved(struct cfi_row *row, Dwarf_Frame *frame)
{
	for (unsigned reg = 0; reg < REG_COUNT; reg++) {
		int32_t off;

		if (!(REGS_CALLEE_SAVED >> reg & 1))
			continue;
		switch (register_rule(frame, reg, &off)) {
		case RULE_UNDEFINED:
			break;
		case RULE_SAME:
			row->same |= 1ull << reg;
			break;
		case RULE_AT_CFA:
			if (row->nsaved == CFI_SAVED_MAX)
				return false;
			row->saved[row->nsaved] = (uint8_t)reg;
			row->off[row->nsaved++] = off;
			break;
		default:
			return false;
		}
	}
	return true;
}

static struct cfi_row compile(Dwarf_Frame *frame)
{
	struct cfi_row row = { .kind = CFI_SIMPLE };
	bool signal = false;
	Dwarf_Addr start, end;
	int ra = dwarf_frame_info(frame, &start, &end, &signal);

	if (ra < 0)
		return (struct cfi_row){ .kind = CFI_NONE };
	row.signal = signal;
	row.ra_column = (unsigned)ra;
	if (!signal && compile_return_address(&row, frame) &&
	    (row.kind == CFI_OUTERMOST || (compile_cfa(&row, frame) && compile_saved(&row, frame))))
		return row;
	return (struct cfi_row){
		.kind = CFI_COMPLEX, .signal = signal, .ra_column = (unsigned)ra, .frame = frame
	};
}

static int row_make(struct cfi_rows *rows, uint64_t pc, bool exact, struct cfi_row *ret)
{
	uint64_t addr = exact ? pc : pc - 1;
	struct image_map *map = images_find(rows->images, addr);
	Dwarf_Frame *frame = NULL;
	struct cfi_file *file;

	*ret = (struct cfi_row){ .kind = CFI_NONE };
	if (!map || !map->image)
		return 0;
	file = file_get(rows, map->image);
	if (!file)
		return -ENOMEM;
	if (file_frame(file, addr - map->bias, &frame) < 0)
		return 0;
	*ret = compile(frame);
	if (ret->frame != frame)
		free(frame);
	return 0;
}

const struct cfi_row *cfi_row_find(struct cfi_rows *rows, uint64_t pc, bool exact)
{
	static const struct cfi_row none = { .kind = CFI_NONE };
	uint64_t key = pc << 1 | exact;
	const uint64_t *index;
	struct cfi_row row;

	/* user space ends below; the key would lose a bit, and might be MAP64_NO_KEY */
	if (unlikely(pc >> 63))
		return &none;
	index = map64_find(&rows->by_pc, key);
	if (likely(index != NULL))
		return &rows->rows.data[*index];
	if (row_make(rows, pc, exact, &row) < 0)
		return NULL;
	if (vec_push(&rows->rows, row) < 0 || map64_put(&rows->by_pc, key, rows->rows.n - 1) < 0) {
		free(row.frame);
		return NULL;
	}
	return &rows->rows.data[rows->rows.n - 1];
}
