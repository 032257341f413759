/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/frame-size.h"

#include <stdlib.h>

#include "target/image.h"
#include "unwind/eh-table.h"

enum { FUNCTION_MAX = 1 << 20 }; /* bytes of code to look through */

void frame_sizes_init(struct frame_sizes *sizes)
{
	*sizes = (struct frame_sizes){ 0 };
	map64_init(&sizes->by_pc);
}

void frame_sizes_done(struct frame_sizes *sizes)
{
	map64_done(&sizes->by_pc);
	vec_done(&sizes->sizes);
}

void frame_sizes_forget(struct frame_sizes *sizes)
{
	map64_clear(&sizes->by_pc);
	sizes->sizes.n = 0;
}

void frame_size_learn(struct frame_sizes *sizes, uint64_t pc, uint64_t callee_cfa, int64_t k)
{
	const uint64_t *index = map64_find(&sizes->by_pc, pc);
	struct frame_size first = { .k = k, .first_cfa = callee_cfa };
	struct frame_size *known;

	if (!index) {
		if (vec_push(&sizes->sizes, first) == 0 &&
		    map64_put(&sizes->by_pc, pc, sizes->sizes.n - 1) < 0)
			sizes->sizes.n--;
		return;
	}
	known = &sizes->sizes.data[*index];
	if (known->k != k)
		known->varied = true;
	else if (known->first_cfa != callee_cfa)
		known->confirmed = true;
}

#define REX_B 1
#define REX_R 4

/* mod = 3 and rm = rsp: the instruction's operand is rsp itself */
static bool rm_is_rsp(unsigned char rex, unsigned char modrm)
{
	return !(rex & REX_B) && (modrm & 0xc7) == 0xc4;
}

static bool reg_is_rsp(unsigned char rex, unsigned char modrm)
{
	return !(rex & REX_R) && (modrm & 0x38) == 0x20;
}

/* Opcodes by the Intel SDM, volume 2: those that can have rsp as their destination. */
static bool moves_rsp(const unsigned char *insn)
{
	unsigned char rex = insn[0], modrm = insn[2];

	switch (insn[1]) {
	case 0x01: /* add r/m64, r64 */
	case 0x29: /* sub */
	case 0x21: /* and */
	case 0x89: /* mov */
		return rm_is_rsp(rex, modrm);
	case 0x03: /* add r64, r/m64 */
	case 0x2b: /* sub */
	case 0x23: /* and */
	case 0x8b: /* mov */
	case 0x8d: /* lea */
		return reg_is_rsp(rex, modrm);
	case 0x81: /* and rsp, imm32: realigns */
	case 0x83: /* and rsp, imm8 */
		return !(rex & REX_B) && modrm == 0xe4;
	default:
		return false;
	}
}

bool frame_size_code_varies(const unsigned char *code, size_t len)
{
	for (size_t i = 0; i + 3 <= len; i++)
		if ((code[i] & 0xf8) == 0x48 && moves_rsp(code + i))
			return true;
	return false;
}

/* Where the function's extent or code is not known it is not trusted. */
static bool has_fixed_frame(struct images *images, uint64_t pc)
{
#if defined(__x86_64__)
	const struct image_map *map = images_find(images, pc - 1);
	const unsigned char *code;
	struct eh_table table;
	uint64_t start, end;

	if (!map || !map->image || !eh_table_find(map, &table) ||
	    !eh_table_function(&table, pc - 1, &start, &end) || end - start > FUNCTION_MAX)
		return false;
	code = images_bytes(images, start, end - start);
	return code && !frame_size_code_varies(code, end - start);
#else
	(void)images;
	(void)pc;
	return false;
#endif
}

bool frame_size_find(const struct frame_sizes *sizes, uint64_t pc, int64_t *ret_k)
{
	const uint64_t *index = map64_find(&sizes->by_pc, pc);
	const struct frame_size *size = index ? &sizes->sizes.data[*index] : NULL;

	if (!size || !size->confirmed || size->varied)
		return false;
	*ret_k = size->k;
	return true;
}

bool frame_size_is_fixed(struct frame_sizes *sizes, struct images *images, uint64_t pc)
{
	const uint64_t *index = map64_find(&sizes->by_pc, pc);
	struct frame_size *size = index ? &sizes->sizes.data[*index] : NULL;

	if (!size)
		return false;
	if (!size->examined) {
		size->fixed = has_fixed_frame(images, pc);
		size->examined = true;
	}
	return size->fixed;
}
