/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-expr.c: DWARF expressions as libdw hands them over, made by hand: what CFI contains, what it
 * must not contain, and what is malformed. Memory is one made-up stack copy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dwarf.h>
#include <string.h>

#include "base/attr.h"
#include "model/capture.h"
#include "target/image.h"
#include "unwind/expr.h"

enum {
	STACK_ADDR = 0x10000,
	RIP = 16,
	RSP = 7,
};

/* The offset counts only where something branches. */
#define OP(...) OP_(__VA_ARGS__, 0, 0, 0, 0)
#define OP_(a, b, c, d, ...)                                                        \
	{                                                                           \
		.atom = (a), .number = (Dwarf_Word)(b), .number2 = (Dwarf_Word)(c), \
		.offset = (Dwarf_Word)(d)                                           \
	}

struct fixture {
	unsigned char bytes[64];
	struct capture_thread thread;
	struct images *images;
	struct memview view;
	struct regs regs;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .images = images_new() };
	for (unsigned i = 0; i < sizeof(f.bytes); i++)
		f.bytes[i] = (unsigned char)(0xf0 + i);
	f.thread.ncopies = 1;
	f.thread.copies[0] =
		(struct stack_copy){ .addr = STACK_ADDR, .len = sizeof(f.bytes), .bytes = f.bytes };
	f.view = (struct memview){ .thread = &f.thread, .images = f.images };
	regs_set(&f.regs, RSP, STACK_ADDR);
	*state = &f;
	return f.images ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	images_free(f->images);
	return 0;
}

static enum expr_status eval(struct fixture *f, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	return expr_eval(ops, n, &f->regs, false, 0xcfa0, &f->view, ret);
}

#define assert_value(f, ops, want)                                               \
	do {                                                                     \
		uint64_t got_ = 0xdead;                                          \
		assert_int_equal(eval(f, ops, ARRAY_SIZE(ops), &got_), EXPR_OK); \
		assert_int_equal(got_, (uint64_t)(want));                        \
	} while (0)

#define assert_unsupported(f, ops)                                                        \
	do {                                                                              \
		uint64_t got_;                                                            \
		assert_int_equal(eval(f, ops, ARRAY_SIZE(ops), &got_), EXPR_UNSUPPORTED); \
	} while (0)

/*
 * What GNU ld writes for x86-64 PLT entries (elf_x86_64_eh_frame_plt in bfd/elf64-x86-64.c): CFA =
 * rsp + 8 + (((rip & 15) >= 11) << 3).
 */
static const Dwarf_Op plt_ops[] = {
	OP(DW_OP_breg7, 8, 0, 0), OP(DW_OP_breg16, 0, 0, 2), OP(DW_OP_lit15, 0, 0, 4),
	OP(DW_OP_and, 0, 0, 5),   OP(DW_OP_lit11, 0, 0, 6),  OP(DW_OP_ge, 0, 0, 7),
	OP(DW_OP_lit3, 0, 0, 8),  OP(DW_OP_shl, 0, 0, 9),    OP(DW_OP_plus, 0, 0, 10),
};

static void test_plt_stub(void **state)
{
	struct fixture *f = *state;

	regs_set(&f->regs, RIP, 0x401026); /* before the push */
	assert_value(f, plt_ops, STACK_ADDR + 8);
	regs_set(&f->regs, RIP, 0x40102a);
	assert_value(f, plt_ops, STACK_ADDR + 8);
	regs_set(&f->regs, RIP, 0x40102b); /* behind it */
	assert_value(f, plt_ops, STACK_ADDR + 16);
}

static void test_register_needed(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op bregx[] = { OP(DW_OP_bregx, 6, -16) };
	uint64_t got = 0;

	assert_int_equal(eval(f, plt_ops, ARRAY_SIZE(plt_ops), &got), EXPR_NEEDS_REGISTER);
	assert_int_equal(got, RIP);
	assert_int_equal(eval(f, bregx, 1, &got), EXPR_NEEDS_REGISTER);
	assert_int_equal(got, 6);
	regs_set(&f->regs, 6, 0x5000);
	assert_value(f, bregx, 0x4ff0);
}

static void test_register_that_is_none(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op xmm[] = { OP(DW_OP_bregx, REG_COUNT, 0) };
	const Dwarf_Op huge[] = { OP(DW_OP_bregx, UINT64_MAX, 0) };

	assert_unsupported(f, xmm);
	assert_unsupported(f, huge);
}

/* __restore_rt in glibc: the CFA is the saved rsp. */
static void test_deref(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op ops[] = { OP(DW_OP_breg7, 8), OP(DW_OP_deref) };
	uint64_t want;

	memcpy(&want, f->bytes + 8, sizeof(want));
	assert_value(f, ops, want);
}

static void test_deref_size(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op two[] = { OP(DW_OP_breg7, 4), OP(DW_OP_deref_size, 2) };
	const Dwarf_Op nine[] = { OP(DW_OP_breg7, 4), OP(DW_OP_deref_size, 9) };

	assert_value(f, two, 0xf5f4);
	assert_unsupported(f, nine);
}

static void test_memory_needed(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op ops[] = { OP(DW_OP_breg7, 60), OP(DW_OP_deref) };
	uint64_t got;

	assert_int_equal(eval(f, ops, 2, &got), EXPR_NEEDS_MEMORY);
	assert_int_equal(f->view.missed, STACK_ADDR + 60);
}

static void test_cfa(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op call_frame[] = { OP(DW_OP_call_frame_cfa), OP(DW_OP_plus_uconst, 16) };
	const Dwarf_Op pushed[] = { OP(DW_OP_const1s, -8), OP(DW_OP_plus) };
	uint64_t got = 0;

	assert_value(f, call_frame, 0xcfb0);
	assert_int_equal(expr_eval(pushed, 2, &f->regs, true, 0xcfa0, &f->view, &got), EXPR_OK);
	assert_int_equal(got, 0xcf98);
	assert_unsupported(f, pushed); /* nothing under the constant */
}

static void test_stack_value_ends(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op ops[] = { OP(DW_OP_lit7), OP(DW_OP_stack_value), OP(DW_OP_lit9) };

	assert_value(f, ops, 7);
}

struct binary_case {
	uint8_t op;
	uint64_t a, b, want;
};

static const struct binary_case binaries[] = {
	{ DW_OP_and, 12, 10, 8 },
	{ DW_OP_or, 12, 10, 14 },
	{ DW_OP_xor, 12, 10, 6 },
	{ DW_OP_plus, UINT64_MAX, 3, 2 },
	{ DW_OP_minus, 3, 5, (uint64_t)-2 },
	{ DW_OP_mul, 7, (uint64_t)-1, (uint64_t)-7 },
	{ DW_OP_div, (uint64_t)-9, 2, (uint64_t)-4 },
	{ DW_OP_mod, 9, 4, 1 },
	{ DW_OP_shl, 1, 63, 1ull << 63 },
	{ DW_OP_shl, 1, 64, 0 },
	{ DW_OP_shr, UINT64_MAX, 60, 15 },
	{ DW_OP_shr, UINT64_MAX, 1000, 0 },
	{ DW_OP_shra, (uint64_t)-16, 2, (uint64_t)-4 },
	{ DW_OP_shra, (uint64_t)-16, 99, (uint64_t)-1 },
	{ DW_OP_eq, 4, 4, 1 },
	{ DW_OP_ne, 4, 4, 0 },
	{ DW_OP_lt, (uint64_t)-1, 1, 1 }, /* comparisons are signed */
	{ DW_OP_gt, (uint64_t)-1, 1, 0 },
	{ DW_OP_le, 5, 5, 1 },
	{ DW_OP_ge, 4, 5, 0 },
};

static void test_binary(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(binaries); i++) {
		const struct binary_case *c = &binaries[i];
		const Dwarf_Op ops[] = { OP(DW_OP_constu, c->a), OP(DW_OP_constu, c->b),
					 OP(c->op) };

		assert_value(f, ops, c->want);
	}
}

static void test_division_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op by_zero[] = { OP(DW_OP_lit5), OP(DW_OP_lit0), OP(DW_OP_div) };
	const Dwarf_Op mod_zero[] = { OP(DW_OP_lit5), OP(DW_OP_lit0), OP(DW_OP_mod) };
	const Dwarf_Op overflow[] = { OP(DW_OP_constu, 1ull << 63), OP(DW_OP_consts, -1),
				      OP(DW_OP_div) };

	assert_unsupported(f, by_zero);
	assert_unsupported(f, mod_zero);
	assert_unsupported(f, overflow);
}

static void test_unary(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op neg[] = { OP(DW_OP_lit5), OP(DW_OP_neg) };
	const Dwarf_Op not [] = { OP(DW_OP_lit5), OP(DW_OP_not) };
	const Dwarf_Op abs[] = { OP(DW_OP_consts, -5), OP(DW_OP_abs) };
	const Dwarf_Op alone[] = { OP(DW_OP_neg) };

	assert_value(f, neg, -5);
	assert_value(f, not, ~5ull);
	assert_value(f, abs, 5);
	assert_unsupported(f, alone);
}

/* Each leaves 1 2 3 (3 on top) shuffled; the digits are then read off as a number. */
static void test_shuffle(void **state)
{
	struct fixture *f = *state;
	static const struct {
		Dwarf_Op op;
		unsigned left; /* depth afterwards */
		uint64_t top[4];
	} cases[] = {
		{ OP(DW_OP_dup), 4, { 3, 3, 2, 1 } },  { OP(DW_OP_drop), 2, { 2, 1 } },
		{ OP(DW_OP_over), 4, { 2, 3, 2, 1 } }, { OP(DW_OP_pick, 2), 4, { 1, 3, 2, 1 } },
		{ OP(DW_OP_swap), 3, { 2, 3, 1 } },    { OP(DW_OP_rot), 3, { 2, 1, 3 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned drop = 0; drop < cases[i].left; drop++) {
			Dwarf_Op ops[8] = { OP(DW_OP_lit1), OP(DW_OP_lit2), OP(DW_OP_lit3),
					    cases[i].op };
			uint64_t got = 0;

			for (unsigned k = 0; k < drop; k++)
				ops[4 + k] = (Dwarf_Op)OP(DW_OP_drop);
			assert_int_equal(eval(f, ops, 4 + drop, &got), EXPR_OK);
			assert_int_equal(got, cases[i].top[drop]);
		}
	}
}

static void test_shuffle_of_too_few(void **state)
{
	struct fixture *f = *state;
	static const struct {
		unsigned have;
		Dwarf_Op op;
	} cases[] = {
		{ 0, OP(DW_OP_dup) },     { 0, OP(DW_OP_drop) },  { 1, OP(DW_OP_over) },
		{ 1, OP(DW_OP_pick, 1) }, { 1, OP(DW_OP_swap) },  { 2, OP(DW_OP_rot) },
		{ 1, OP(DW_OP_plus) },    { 0, OP(DW_OP_deref) }, { 0, OP(DW_OP_bra) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Dwarf_Op ops[3] = { OP(DW_OP_lit1), OP(DW_OP_lit1), OP(DW_OP_lit1) };
		uint64_t got;

		ops[cases[i].have] = cases[i].op;
		assert_int_equal(eval(f, ops, cases[i].have + 1, &got), EXPR_UNSUPPORTED);
	}
}

/* if (condition) 9 else 7: the bra leads from 4 to 8, the skip from 8 to the end, 9. */
static void branch(Dwarf_Op ops[5], uint8_t condition)
{
	const Dwarf_Op made[5] = {
		OP(condition, 0, 0, 0),  OP(DW_OP_bra, 4, 0, 1),  OP(DW_OP_lit7, 0, 0, 4),
		OP(DW_OP_skip, 1, 0, 5), OP(DW_OP_lit9, 0, 0, 8),
	};

	memcpy(ops, made, sizeof(made));
}

static void test_branches(void **state)
{
	struct fixture *f = *state;
	Dwarf_Op ops[5];

	branch(ops, DW_OP_lit1);
	assert_value(f, ops, 9);
	branch(ops, DW_OP_lit0); /* then the skip leads to the very end */
	assert_value(f, ops, 7);
}

static void test_branch_to_nowhere(void **state)
{
	struct fixture *f = *state;
	/* into the middle of the bra itself, and to before the beginning */
	const Dwarf_Op middle[] = { OP(DW_OP_lit7, 0, 0, 0), OP(DW_OP_skip, -1, 0, 1),
				    OP(DW_OP_nop, 0, 0, 4) };
	const Dwarf_Op before[] = { OP(DW_OP_lit7, 0, 0, 0), OP(DW_OP_skip, -9, 0, 1),
				    OP(DW_OP_nop, 0, 0, 4) };

	assert_unsupported(f, middle);
	assert_unsupported(f, before);
}

/* A loop that counts to 100 is fine, one that never ends is not. */
static void test_steps_are_bounded(void **state)
{
	struct fixture *f = *state;
	const Dwarf_Op counting[] = {
		OP(DW_OP_lit0, 0, 0, 0), OP(DW_OP_plus_uconst, 1, 0, 1),
		OP(DW_OP_dup, 0, 0, 3),  OP(DW_OP_constu, 100, 0, 4),
		OP(DW_OP_ne, 0, 0, 6),   OP(DW_OP_bra, -9, 0, 7),
	};
	const Dwarf_Op endless[] = { OP(DW_OP_lit0, 0, 0, 0), OP(DW_OP_skip, -3, 0, 1) };

	assert_value(f, counting, 100);
	assert_unsupported(f, endless);
}

static void test_stack_overflow(void **state)
{
	struct fixture *f = *state;
	Dwarf_Op ops[65];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = (Dwarf_Op)OP(DW_OP_lit1);
	assert_unsupported(f, ops);
	ops[64] = (Dwarf_Op)OP(DW_OP_nop);
	assert_value(f, ops, 1);
}

static void test_what_cfi_cannot_hold(void **state)
{
	struct fixture *f = *state;
	const uint8_t atoms[] = { DW_OP_fbreg,
				  DW_OP_reg3,
				  DW_OP_piece,
				  DW_OP_call4,
				  DW_OP_xderef,
				  DW_OP_entry_value,
				  DW_OP_push_object_address,
				  0,
				  0xff };
	uint64_t got;

	for (size_t i = 0; i < ARRAY_SIZE(atoms); i++) {
		const Dwarf_Op ops[] = { OP(DW_OP_lit1), OP(DW_OP_lit1), OP(atoms[i]) };

		assert_int_equal(eval(f, ops, 3, &got), EXPR_UNSUPPORTED);
	}
	assert_int_equal(eval(f, NULL, 0, &got), EXPR_UNSUPPORTED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		T(plt_stub),
		T(register_needed),
		T(deref),
		T(deref_size),
		T(memory_needed),
#endif
		T(register_that_is_none),
		T(cfa),
		T(stack_value_ends),
		T(binary),
		T(division_that_cannot_be),
		T(unary),
		T(shuffle),
		T(shuffle_of_too_few),
		T(branches),
		T(branch_to_nowhere),
		T(steps_are_bounded),
		T(stack_overflow),
		T(what_cfi_cannot_hold),
	};

	return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
