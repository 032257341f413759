/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DWARF 5 section 2.5 less what needs a frame base, objects, TLS or calls: those cannot stand in
 * CFI (section 6.4.2). The stack is small and fixed; branches are bounded by a step count.
 */
#include "unwind/expr.h"

#include <dwarf.h>

enum {
	EXPR_STACK = 64,
	EXPR_STEPS = 1000,
};

struct machine {
	uint64_t stack[EXPR_STACK];
	unsigned depth;
	const struct regs *regs;
	uint64_t cfa;
	struct memview *view;
	uint64_t needed; /* the register for EXPR_NEEDS_REGISTER */
};

static enum expr_status push(struct machine *m, uint64_t value)
{
	if (m->depth == EXPR_STACK)
		return EXPR_UNSUPPORTED;
	m->stack[m->depth++] = value;
	return EXPR_OK;
}

static enum expr_status push_register(struct machine *m, uint64_t reg, uint64_t offset)
{
	if (reg >= REG_COUNT)
		return EXPR_UNSUPPORTED;
	if (!regs_known(m->regs, (unsigned)reg)) {
		m->needed = reg;
		return EXPR_NEEDS_REGISTER;
	}
	return push(m, m->regs->r[reg] + offset);
}

static enum expr_status deref(struct machine *m, size_t size)
{
	uint64_t value = 0;

	/* both architectures are little-endian: a short read fills the low bytes */
	if (m->depth < 1 || size > sizeof(value))
		return EXPR_UNSUPPORTED;
	if (!memview_bytes(m->view, m->stack[m->depth - 1], &value, size))
		return EXPR_NEEDS_MEMORY;
	m->stack[m->depth - 1] = value;
	return EXPR_OK;
}

static enum expr_status unary(struct machine *m, const Dwarf_Op *op)
{
	uint64_t *top;

	if (m->depth < 1)
		return EXPR_UNSUPPORTED;
	top = &m->stack[m->depth - 1];
	switch (op->atom) {
	case DW_OP_neg:
		*top = -*top;
		return EXPR_OK;
	case DW_OP_not:
		*top = ~*top;
		return EXPR_OK;
	case DW_OP_abs:
		*top = (int64_t)*top < 0 ? -*top : *top;
		return EXPR_OK;
	case DW_OP_plus_uconst:
		*top += op->number;
		return EXPR_OK;
	default:
		return EXPR_UNSUPPORTED;
	}
}

/* a is the second entry of the stack, b its top. */
static bool binary_value(unsigned atom, uint64_t a, uint64_t b, uint64_t *ret)
{
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	switch (atom) {
	case DW_OP_and:
		return *ret = a & b, true;
	case DW_OP_or:
		return *ret = a | b, true;
	case DW_OP_xor:
		return *ret = a ^ b, true;
	case DW_OP_plus:
		return *ret = a + b, true;
	case DW_OP_minus:
		return *ret = a - b, true;
	case DW_OP_mul:
		return *ret = a * b, true;
	case DW_OP_div:
		return b && !(sa == INT64_MIN && sb == -1)        ? *ret = (uint64_t)(sa / sb),
							     true : false;
	case DW_OP_mod:
		return b ? *ret = a % b, true : false;
	case DW_OP_shl:
		return *ret = b < 64 ? a << b : 0, true;
	case DW_OP_shr:
		return *ret = b < 64 ? a >> b : 0, true;
	case DW_OP_shra:
		return *ret = (uint64_t)(sa >> (b < 64 ? b : 63)), true;
	case DW_OP_eq:
		return *ret = a == b, true;
	case DW_OP_ne:
		return *ret = a != b, true;
	case DW_OP_lt:
		return *ret = sa < sb, true;
	case DW_OP_le:
		return *ret = sa <= sb, true;
	case DW_OP_gt:
		return *ret = sa > sb, true;
	case DW_OP_ge:
		return *ret = sa >= sb, true;
	default:
		return false;
	}
}

static enum expr_status binary(struct machine *m, unsigned atom)
{
	uint64_t value;

	if (m->depth < 2 ||
	    !binary_value(atom, m->stack[m->depth - 2], m->stack[m->depth - 1], &value))
		return EXPR_UNSUPPORTED;
	m->stack[--m->depth - 1] = value;
	return EXPR_OK;
}

static enum expr_status shuffle(struct machine *m, const Dwarf_Op *op)
{
	uint64_t *s = m->stack, n = m->depth, t;

	switch (op->atom) {
	case DW_OP_drop:
		return n >= 1 ? (m->depth--, EXPR_OK) : EXPR_UNSUPPORTED;
	case DW_OP_dup:
		return n >= 1 ? push(m, s[n - 1]) : EXPR_UNSUPPORTED;
	case DW_OP_over:
		return n >= 2 ? push(m, s[n - 2]) : EXPR_UNSUPPORTED;
	case DW_OP_pick:
		return op->number < n ? push(m, s[n - 1 - op->number]) : EXPR_UNSUPPORTED;
	case DW_OP_swap:
		if (n < 2)
			return EXPR_UNSUPPORTED;
		t = s[n - 1], s[n - 1] = s[n - 2], s[n - 2] = t;
		return EXPR_OK;
	case DW_OP_rot:
		if (n < 3)
			return EXPR_UNSUPPORTED;
		t = s[n - 1], s[n - 1] = s[n - 2], s[n - 2] = s[n - 3], s[n - 3] = t;
		return EXPR_OK;
	default:
		return EXPR_UNSUPPORTED;
	}
}

static enum expr_status step(struct machine *m, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_lit0 ... DW_OP_lit31:
		return push(m, op->atom - DW_OP_lit0);
	case DW_OP_breg0 ... DW_OP_breg31:
		return push_register(m, op->atom - DW_OP_breg0, op->number);
	case DW_OP_bregx:
		return push_register(m, op->number, op->number2);
	case DW_OP_addr:
	case DW_OP_const1u ... DW_OP_consts: /* libdw has extended the signed ones */
		return push(m, op->number);
	case DW_OP_call_frame_cfa:
		return push(m, m->cfa);
	case DW_OP_deref:
		return deref(m, sizeof(uint64_t));
	case DW_OP_deref_size:
		return deref(m, op->number);
	case DW_OP_dup ... DW_OP_rot:
		return shuffle(m, op);
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_abs:
	case DW_OP_plus_uconst:
		return unary(m, op);
	case DW_OP_nop:
		return EXPR_OK;
	default:
		return binary(m, op->atom);
	}
}

/* The index of the operation that a branch at ops[i] leads to; n is the end, above n is nowhere. */
static size_t branch_target(const Dwarf_Op *ops, size_t n, size_t i)
{
	/* relative to the end of the 3-byte branch operation */
	Dwarf_Word offset = ops[i].offset + 3 + (Dwarf_Word)(int16_t)ops[i].number;

	for (size_t j = 0; j < n; j++)
		if (ops[j].offset == offset)
			return j;
	/* signed: a branch to before the beginning wraps round */
	return (int64_t)offset > (int64_t)ops[n - 1].offset ? n : n + 1;
}

static enum expr_status run(struct machine *m, const Dwarf_Op *ops, size_t n)
{
	unsigned steps = 0;
	size_t i = 0;

	while (i < n && ops[i].atom != DW_OP_stack_value) {
		enum expr_status status = EXPR_OK;
		bool taken = ops[i].atom == DW_OP_skip;

		if (++steps > EXPR_STEPS)
			return EXPR_UNSUPPORTED;
		if (ops[i].atom == DW_OP_bra) {
			if (m->depth < 1)
				return EXPR_UNSUPPORTED;
			taken = m->stack[--m->depth] != 0;
		} else if (!taken) {
			status = step(m, &ops[i]);
		}
		if (status != EXPR_OK)
			return status;
		i = taken ? branch_target(ops, n, i) : i + 1;
	}
	return i <= n && m->depth ? EXPR_OK : EXPR_UNSUPPORTED;
}

enum expr_status expr_eval(const Dwarf_Op *ops, size_t n, const struct regs *regs, bool push_cfa,
			   uint64_t cfa, struct memview *view, uint64_t *ret)
{
	struct machine m = { .regs = regs, .cfa = cfa, .view = view };
	enum expr_status status;

	if (push_cfa)
		push(&m, cfa);
	status = n ? run(&m, ops, n) : EXPR_UNSUPPORTED;
	if (status == EXPR_OK)
		*ret = m.stack[m.depth - 1];
	else if (status == EXPR_NEEDS_REGISTER)
		*ret = m.needed;
	return status;
}
