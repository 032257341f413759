/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi-rows.h: call frame information, compiled once per code address into a small row that says
 * how to find the caller. Rows come from libdw (.eh_frame, else .debug_frame of the same file).
 */
#ifndef SS_UNWIND_CFI_ROWS_H
#define SS_UNWIND_CFI_ROWS_H

#include <elfutils/libdw.h>

#include "base/map64.h"
#include "base/vec.h"
#include "model/regs.h"

struct images;

enum cfi_kind {
	CFI_NONE,      /* no information covers the address */
	CFI_OUTERMOST, /* the return address is undefined: there is no caller */
	CFI_SIMPLE,    /* the fields below say it all */
	CFI_COMPLEX,   /* evaluate `frame` */
};

enum {
	CFI_SAVED_MAX = 12
}; /* callee-saved registers of either architecture, with the link register */

struct cfi_row {
	uint8_t kind;    /* enum cfi_kind */
	uint8_t signal;  /* a signal trampoline: the caller's pc is exact */
	uint8_t cfa_reg; /* CFA = r[cfa_reg] + cfa_off */
	uint8_t nsaved;  /* saved[], off[]: registers at CFA + off */
	int32_t cfa_off;
	int32_t ra_off;    /* return address at CFA + ra_off ... */
	uint8_t ra_in_reg; /* ... or, if not 0, in this register */
	uint8_t saved[CFI_SAVED_MAX];
	int32_t off[CFI_SAVED_MAX];
	uint64_t same;      /* registers that the caller has unchanged */
	Dwarf_Frame *frame; /* CFI_COMPLEX; owned */
	unsigned ra_column;
};

struct cfi_rows {
	struct images *images;
	struct map64 by_pc; /* pc * 2 + exact -> index in rows */
	VEC(struct cfi_row) rows;
	VEC(struct cfi_file *) files;
};

void cfi_rows_init(struct cfi_rows *rows, struct images *images);
void cfi_rows_done(struct cfi_rows *rows);

/* The address space changed: forget every row and every file. */
void cfi_rows_forget(struct cfi_rows *rows);

/*
 * The row for pc, a return address or (exact) an instruction. NULL only if memory is out. Valid
 * until the next call.
 */
const struct cfi_row *cfi_row_find(struct cfi_rows *rows, uint64_t pc, bool exact);

#endif
