/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * expr.h: evaluation of the DWARF expressions that occur in call frame information (signal
 * trampolines, PLT stubs, realigned stacks). Pure but for its memory view.
 */
#ifndef SS_UNWIND_EXPR_H
#define SS_UNWIND_EXPR_H

#include <elfutils/libdw.h>

#include "model/regs.h"
#include "unwind/memview.h"

enum expr_status {
	EXPR_OK,
	EXPR_NEEDS_REGISTER, /* *ret is the register's DWARF number */
	EXPR_NEEDS_MEMORY,   /* view->missed is the address */
	EXPR_UNSUPPORTED, /* an operation that does not belong in CFI, or a malformed expression */
};

/*
 * Evaluate ops[0..n). `cfa` is pushed first if push_cfa (as for register rules) and is the value of
 * DW_OP_call_frame_cfa. DW_OP_stack_value ends the expression. The result is the top of the stack.
 */
enum expr_status expr_eval(const Dwarf_Op *ops, size_t n, const struct regs *regs, bool push_cfa,
			   uint64_t cfa, struct memview *view, uint64_t *ret);

#endif
