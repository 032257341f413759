/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpfcode.h: BPF programs made by hand: an assembler of a few functions, and bpf(2). Programs are
 * made at run time, with offsets from the running kernel's BTF, so that nothing is compiled for one
 * kernel and no library is needed to load them.
 */
#ifndef SS_CAPTURE_BPFCODE_H
#define SS_CAPTURE_BPFCODE_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/btf.h"

enum { BPFCODE_MAX = 320 }; /* instructions */

struct bpfcode {
	struct bpf_insn insns[BPFCODE_MAX];
	unsigned n;
	bool overflow; /* more than that were emitted: loading it fails */
};

/* ---- instructions ---- */

void bpfcode_emit(struct bpfcode *code, uint8_t op, uint8_t dst, uint8_t src, int16_t off,
		  int32_t imm);
void bpfcode_call(struct bpfcode *code, int32_t helper);
void bpfcode_move(struct bpfcode *code, uint8_t dst, uint8_t src);
void bpfcode_set(struct bpfcode *code, uint8_t dst, int32_t value);
void bpfcode_add(struct bpfcode *code, uint8_t dst, int32_t value);
/* dst = *(src + off), and *(dst + off) = src, of 1, 2, 4 or 8 bytes */
void bpfcode_load(struct bpfcode *code, unsigned len, uint8_t dst, uint8_t src, int off);
void bpfcode_store(struct bpfcode *code, unsigned len, uint8_t dst, int off, uint8_t src);
/* The map itself, as helpers take it; or the address of the first value of an array map. */
void bpfcode_map(struct bpfcode *code, uint8_t dst, int map);
void bpfcode_map_value(struct bpfcode *code, uint8_t dst, int map);
void bpfcode_exit(struct bpfcode *code);

/*
 * Jumps: bpfcode_jump returns a mark to be landed once, bpfcode_jump_back takes a position
 * (code->n) from before. `op` is BPF_JEQ and the like; against src if `imm` does not count (BPF_X).
 */
unsigned bpfcode_jump(struct bpfcode *code, uint8_t op, uint8_t dst, int32_t imm);
unsigned bpfcode_jump_reg(struct bpfcode *code, uint8_t op, uint8_t dst, uint8_t src);
void bpfcode_land(struct bpfcode *code, unsigned jump);
void bpfcode_jump_back(struct bpfcode *code, unsigned position);

/* ---- words of the kernel's structures ---- */

/* A member of some struct, and where it goes in a record. */
struct bpfcode_word {
	const char *path, *older; /* older: its name in kernels before; NULL */
	uint16_t to, len;         /* in the record; the kernel's own may be narrower */
};

#define BPFCODE_WORD(record, member, path, older)                                                  \
	{                                                                                          \
		path, older, offsetof(struct record, member), sizeof(((struct record *)0)->member) \
	}

/*
 * Copy n words of the `structure` (a BTF pointer) in register `from` to dst + base, by way of r1.
 * SS_ERR_OBSERVER if this kernel has no such member.
 */
int bpfcode_words(struct bpfcode *code, struct btf *btf, const char *structure, uint8_t from,
		  uint8_t dst, int base, const struct bpfcode_word *words, size_t n,
		  struct ss_error *err);

/* The registers of pt_regs as words of a record with members regs[], call and code_segment. */
#define BPFCODE_REGISTERS(record)                                                             \
	BPFCODE_WORD(record, regs[0], "ax", NULL), BPFCODE_WORD(record, regs[1], "dx", NULL), \
		BPFCODE_WORD(record, regs[2], "cx", NULL),                                    \
		BPFCODE_WORD(record, regs[3], "bx", NULL),                                    \
		BPFCODE_WORD(record, regs[4], "si", NULL),                                    \
		BPFCODE_WORD(record, regs[5], "di", NULL),                                    \
		BPFCODE_WORD(record, regs[6], "bp", NULL),                                    \
		BPFCODE_WORD(record, regs[7], "sp", NULL),                                    \
		BPFCODE_WORD(record, regs[8], "r8", NULL),                                    \
		BPFCODE_WORD(record, regs[9], "r9", NULL),                                    \
		BPFCODE_WORD(record, regs[10], "r10", NULL),                                  \
		BPFCODE_WORD(record, regs[11], "r11", NULL),                                  \
		BPFCODE_WORD(record, regs[12], "r12", NULL),                                  \
		BPFCODE_WORD(record, regs[13], "r13", NULL),                                  \
		BPFCODE_WORD(record, regs[14], "r14", NULL),                                  \
		BPFCODE_WORD(record, regs[15], "r15", NULL),                                  \
		BPFCODE_WORD(record, regs[16], "ip", NULL),                                   \
		BPFCODE_WORD(record, call, "orig_ax", NULL),                                  \
		BPFCODE_WORD(record, code_segment, "cs", NULL)

/* ---- bpf(2) ---- */

/* A result that is not negative, or a negative errno. */
int bpf_command(int command, union bpf_attr *attr);

/* SS_ERR_OBSERVER with `what` and the reason; returns it. */
int bpf_failed(struct ss_error *err, int r, const char *what);

/*
 * Ask for permission with an empty program: reading the BTF of a kernel takes a while. Its type
 * needs CAP_BPF and CAP_PERFMON, as ours do. Fails outside the initial pid namespace, too: numbers
 * of threads in BPF programs are that one's.
 */
int bpf_check_permitted(struct ss_error *err);

/* The kernel's own types; bpf_types_close ends their life. */
struct bpf_types {
	struct btf btf;
	void *bytes;
	size_t len;
};
int bpf_types_open(struct bpf_types *ret, struct ss_error *err);
void bpf_types_close(struct bpf_types *types);

/* Load a program of this kind; attr holds what else that kind needs. A descriptor or an error. */
int bpf_load(const struct bpfcode *code, union bpf_attr *attr, struct ss_error *err);

#endif
