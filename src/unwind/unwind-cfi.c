/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `cfi` unwinder: one row look-up and a few loads a frame (see cfi-rows.h), with full
 * evaluation of DWARF expressions where a row cannot say it.
 *
 *	higher addresses   | caller's frame      |
 *	                   +---------------------+ <- CFA = r[cfa_reg] + cfa_off = caller's sp
 *	                   | return address      |    at CFA + ra_off (x86-64: -8)
 *	                   | saved registers     |    at CFA + off[i]
 *	                   | locals              | <- sp
 *
 * A thread that was read without a stop has only sp and pc. Where a rule asks for the frame
 * pointer that nobody saved, a learned frame size may stand in for it (frame-size.h); if not, the
 * walk ends with NEEDS_REGISTER.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/error.h"
#include "target/image.h"
#include "unwind/cfi-rows.h"
#include "unwind/eh-table.h"
#include "unwind/expr.h"
#include "unwind/frame-size.h"
#include "unwind/unwind.h"
#include "unwind/walker.h"

/* A frame size seen in the walk at hand; learned only if the walk completes. */
struct sighting {
	uint64_t pc, cfa;
	int64_t k;
};

struct unwinder {
	struct images *images;
	struct cfi_rows rows;
	struct frame_sizes sizes;
	VEC(struct sighting) sightings;
};

/* The walk in progress. */
struct state {
	struct unwinder *unwinder;
	struct walker walker;
	struct memview view;
	struct regs regs;
	bool no_inference; /* use no learned size */
	uint32_t flags;    /* of the current frame */
	bool inferred;     /* some caller was found through a learned frame size */
};

static int cfi_open(struct images *images, struct unwinder **ret, struct ss_error *err)
{
	struct unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (!unwinder)
		return ss_error_oom(err);
	unwinder->images = images;
	cfi_rows_init(&unwinder->rows, images);
	frame_sizes_init(&unwinder->sizes);
	*ret = unwinder;
	return 0;
}

static void cfi_forget(struct unwinder *unwinder)
{
	cfi_rows_forget(&unwinder->rows);
	frame_sizes_forget(&unwinder->sizes);
}

static void cfi_close(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	cfi_rows_done(&unwinder->rows);
	frame_sizes_done(&unwinder->sizes);
	vec_done(&unwinder->sightings);
	free(unwinder);
}

static int end_needs_register(struct state *s, unsigned reg)
{
	s->walker.walk->want_reg = reg;
	return walker_end(&s->walker, SS_END_NEEDS_REGISTER);
}

static int end_needs_memory(struct state *s)
{
	s->walker.walk->want_addr = s->view.missed;
	return walker_end(&s->walker, memview_missed_end(&s->view));
}

/* The current frame's pc and flags are in the walk; say that its caller rests on a learned size. */
static void mark_inferred(struct state *s)
{
	struct walk *walk = s->walker.walk;

	walk->frames.data[walk->frames.n - 1].flags |= FRAME_INFERRED;
	s->inferred = true;
}

#if defined(__x86_64__)
/* True if both addresses are known to be in one function, or the callee is entered from elsewhere. */
static bool is_entry_of(struct images *images, uint64_t target, uint64_t pc)
{
	const struct image_map *map = images_find(images, pc);
	struct eh_table table;
	uint64_t start, end;

	/* from another file the call goes through a PLT stub */
	if (map != images_find(images, target))
		return true;
	return map && map->image && eh_table_find(map, &table) &&
	       eh_table_function(&table, pc, &start, &end) && start == target;
}

/*
 * True if the bytes before the return address ra are a call that can have led to the function of
 * callee_pc: e8 rel32 to its very start, or ff /2 with any addressing form. For inferred frames,
 * to reject a wrong K: the stack below is full of old return addresses.
 */
static bool follows_call(struct images *images, uint64_t ra, uint64_t callee_pc)
{
	const unsigned char *p = images_bytes(images, ra - 7, 7);
	int32_t offset;

	if (!p || !images_find(images, ra - 1))
		return false;
	memcpy(&offset, p + 3, sizeof(offset));
	if (p[2] == 0xe8 && is_entry_of(images, ra + (uint64_t)(int64_t)offset, callee_pc))
		return true;
	for (unsigned len = 2; len <= 7; len++)
		if (p[7 - len] == 0xff && (p[7 - len + 1] >> 3 & 7) == 2)
			return true;
	return false;
}
#else
/* Nothing is inferred on this architecture: frame_size_is_fixed knows no code of it. */
static bool follows_call(struct images *images, uint64_t ra, uint64_t callee_pc)
{
	(void)images;
	(void)ra;
	(void)callee_pc;
	return false;
}
#endif

/* The frame pointer by a learned frame size. Only a return address has one. */
static bool infer_fp(struct state *s, bool *ret_inferred)
{
	uint64_t pc = s->regs.r[REG_PC];
	int64_t k;

	if ((s->flags & FRAME_EXACT) || s->no_inference ||
	    !frame_size_find(&s->unwinder->sizes, pc, &k) ||
	    !frame_size_is_fixed(&s->unwinder->sizes, s->unwinder->images, pc))
		return false;
	regs_set(&s->regs, REG_FP, s->regs.r[REG_SP] + (uint64_t)k);
	*ret_inferred = true;
	return true;
}

static void note_frame_size(struct state *s)
{
	struct sighting sighting = {
		.pc = s->regs.r[REG_PC],
		.cfa = s->regs.r[REG_SP],
		.k = (int64_t)(s->regs.r[REG_FP] - s->regs.r[REG_SP]),
	};

	if (!(s->flags & FRAME_EXACT))
		(void)vec_push(&s->unwinder->sightings, sighting);
}

/* Return addresses on aarch64 may carry a pointer authentication code above the 48 address bits. */
static uint64_t clean_return_address(uint64_t addr)
{
#if defined(__aarch64__)
	return addr & 0xffffffffffffull;
#else
	return addr;
#endif
}

/*
 * 1: s->regs are the caller's; 0: the walk has ended. In place: registers that are the same stay, and
 * no rule of a row asks for another than those of the CFA and the return address, which come first.
 */
static int step_simple(struct state *s, const struct cfi_row *row)
{
	bool inferred = false;
	uint64_t cfa, ra;

	if (!regs_known(&s->regs, row->cfa_reg) &&
	    !(row->cfa_reg == REG_FP && infer_fp(s, &inferred)))
		return end_needs_register(s, row->cfa_reg);
	if (row->cfa_reg == REG_FP && !inferred)
		note_frame_size(s);
	cfa = s->regs.r[row->cfa_reg] + (uint64_t)(int64_t)row->cfa_off;
	if (!row->ra_in_reg) {
		if (!memview_word(&s->view, cfa + (uint64_t)(int64_t)row->ra_off, &ra))
			return end_needs_memory(s);
	} else if (!regs_known(&s->regs, row->ra_in_reg)) {
		return end_needs_register(s, row->ra_in_reg);
	} else {
		ra = s->regs.r[row->ra_in_reg];
	}
	ra = clean_return_address(ra);
	if (inferred && !follows_call(s->unwinder->images, ra, s->regs.r[REG_PC] - 1))
		return end_needs_register(s, REG_FP);
	if (inferred)
		mark_inferred(s);
	s->regs.known &= row->same;
	for (unsigned i = 0; i < row->nsaved; i++) {
		uint64_t value;

		if (!memview_word(&s->view, cfa + (uint64_t)(int64_t)row->off[i], &value))
			return end_needs_memory(s);
		regs_set(&s->regs, row->saved[i], value);
	}
	regs_set(&s->regs, REG_SP, cfa);
	regs_set(&s->regs, REG_PC, ra);
	return 1;
}

static int end_expression(struct state *s, enum expr_status status, uint64_t value)
{
	switch (status) {
	case EXPR_NEEDS_REGISTER:
		return end_needs_register(s, (unsigned)value);
	case EXPR_NEEDS_MEMORY:
		return end_needs_memory(s);
	default:
		return walker_end(&s->walker, SS_END_NO_CFI);
	}
}

/*
 * The caller's value of one register. EXPR_OK with *ret_known false: the register is not saved, or
 * is the same as one that is not known.
 */
static enum expr_status eval_register(struct state *s, Dwarf_Frame *frame, unsigned reg,
				      uint64_t cfa, uint64_t *ret, bool *ret_known)
{
	Dwarf_Op mem[3], *ops;
	size_t n;
	enum expr_status status;

	*ret_known = false;
	if (dwarf_frame_register(frame, (int)reg, mem, &ops, &n) != 0)
		return EXPR_UNSUPPORTED;
	if (n == 0) {
		bool same = ops != mem && regs_known(&s->regs, reg);

		*ret_known = same;
		*ret = same ? s->regs.r[reg] : 0;
		return EXPR_OK;
	}
	if (n == 1 && ops[0].atom == DW_OP_regx) {
		*ret_known = ops[0].number < REG_COUNT &&
			     regs_known(&s->regs, (unsigned)ops[0].number);
		*ret = *ret_known ? s->regs.r[ops[0].number] : 0;
		return EXPR_OK;
	}
	/* the rules of DW_CFA_expression begin with the CFA pushed; libdw's own say call_frame_cfa */
	status = expr_eval(ops, n, &s->regs, ops[0].atom != DW_OP_call_frame_cfa, cfa, &s->view,
			   ret);
	if (status != EXPR_OK)
		return status;
	if (ops[n - 1].atom != DW_OP_stack_value && !memview_word(&s->view, *ret, ret))
		return EXPR_NEEDS_MEMORY;
	*ret_known = true;
	return EXPR_OK;
}

static int step_complex(struct state *s, const struct cfi_row *row)
{
	struct regs next = { 0 };
	enum expr_status status;
	Dwarf_Op *ops;
	uint64_t cfa, ra;
	bool known;
	size_t n;

	if (dwarf_frame_cfa(row->frame, &ops, &n) != 0 || n == 0)
		return walker_end(&s->walker, SS_END_NO_CFI);
	status = expr_eval(ops, n, &s->regs, false, 0, &s->view, &cfa);
	if (status != EXPR_OK)
		return end_expression(s, status, cfa);
	status = eval_register(s, row->frame, row->ra_column, cfa, &ra, &known);
	if (status != EXPR_OK)
		return end_expression(s, status, ra);
	if (!known)
		return walker_end(&s->walker, SS_END_COMPLETE);
	for (unsigned reg = 0; reg < REG_COUNT; reg++) {
		uint64_t value;

		/* a register whose rule cannot be evaluated is unknown, and may never be asked for */
		if (reg != REG_SP && reg != REG_PC &&
		    (row->signal || (REGS_CALLEE_SAVED >> reg & 1)) &&
		    eval_register(s, row->frame, reg, cfa, &value, &known) == EXPR_OK && known)
			regs_set(&next, reg, value);
	}
	/* sp is the CFA unless the frame says otherwise, as signal trampolines do */
	if (!row->signal || eval_register(s, row->frame, REG_SP, cfa, &next.r[REG_SP], &known) ||
	    !known)
		next.r[REG_SP] = cfa;
	regs_set(&next, REG_SP, next.r[REG_SP]);
	regs_set(&next, REG_PC, clean_return_address(ra));
	s->regs = next;
	return 1;
}

/* From the frame in s->regs to its caller's. */
static int step(struct state *s)
{
	const struct cfi_row *row =
		cfi_row_find(&s->unwinder->rows, s->regs.r[REG_PC], s->flags & FRAME_EXACT);
	struct walk *walk = s->walker.walk;
	int r;

	if (!row)
		return -ENOMEM;
	switch ((enum cfi_kind)row->kind) {
	case CFI_NONE:
		return walker_end(&s->walker, SS_END_NO_CFI);
	case CFI_OUTERMOST:
		return walker_end(&s->walker, SS_END_COMPLETE);
	case CFI_SIMPLE:
		r = step_simple(s, row);
		break;
	default:
		r = step_complex(s, row);
		break;
	}
	if (row->signal)
		walk->frames.data[walk->frames.n - 1].flags |= FRAME_SIGNAL;
	s->flags = row->signal ? FRAME_EXACT : 0;
	/* a thread's first function may be entered with 0 as its return address (makecontext, Go) */
	if (r > 0 && s->regs.r[REG_PC] == 0)
		return walker_end(&s->walker, SS_END_COMPLETE);
	return r;
}

static int walk_once(struct state *s, const struct capture_thread *thread, unsigned max_frames,
		     struct walk *walk)
{
	int r;

	s->unwinder->sightings.n = 0;
	s->regs = thread->regs;
	s->flags = FRAME_EXACT;
	s->inferred = false;
	walker_begin(&s->walker, walk, max_frames);
	do {
		/* all that lies above a learned size rests on it */
		uint32_t inferred = s->inferred ? FRAME_INFERRED : 0;

		r = walker_add(&s->walker, s->regs.r[REG_PC], s->regs.r[REG_SP],
			       s->flags | inferred);
		if (r > 0)
			r = step(s);
	} while (r > 0);
	return r;
}

/* A wrong size leads astray; what reaches the thread's root has not been led astray. */
static bool is_credible(const struct state *s, const struct walk *walk)
{
	return !s->inferred || walk->end == SS_END_COMPLETE || walk->end == SS_END_WINDOW;
}

static int cfi_walk(struct unwinder *unwinder, const struct capture_thread *thread,
		    unsigned max_frames, struct walk *walk)
{
	struct state s = {
		.unwinder = unwinder,
		.view = { .thread = thread, .images = unwinder->images },
	};
	int r = walk_once(&s, thread, max_frames, walk);

	if (r == 0 && !is_credible(&s, walk)) {
		s.no_inference = true;
		r = walk_once(&s, thread, max_frames, walk);
	}
	/* what rests on a learned size must not teach others */
	if (r == 0 && walk->end == SS_END_COMPLETE && !s.inferred)
		vec_each(sighting, &unwinder->sightings)
			frame_size_learn(&unwinder->sizes, sighting->pc, sighting->cfa,
					 sighting->k);
	return r;
}

const struct unwinder_ops unwinder_cfi = {
	.name = "cfi",
	.open = cfi_open,
	.walk = cfi_walk,
	.forget = cfi_forget,
	.close = cfi_close,
};
