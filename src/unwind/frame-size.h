/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame-size.h: learned frame sizes (K). Where a function keeps its CFA in the frame pointer and
 * nobody below saved that register, rbp = (CFA of the callee) + K for the very return address, if
 * K was the same in at least two complete unwinds with different CFAs and has never varied. That
 * two threads agree is no proof (both may have called alloca with the same size), so the function's
 * code must also be free of instructions that move the stack pointer by anything but a constant.
 */
#ifndef SS_UNWIND_FRAME_SIZE_H
#define SS_UNWIND_FRAME_SIZE_H

#include <stdbool.h>

#include "base/map64.h"
#include "base/vec.h"

struct images;

struct frame_size {
	int64_t k;
	uint64_t first_cfa; /* of the callee, at the first sighting */
	bool confirmed;     /* seen again with another CFA */
	bool varied;        /* alloca or a variable-length array: never usable */
	bool examined;      /* the function's code has been looked at: */
	bool fixed;
};

struct frame_sizes {
	struct map64 by_pc; /* return address -> index */
	VEC(struct frame_size) sizes;
};

void frame_sizes_init(struct frame_sizes *sizes);
void frame_sizes_done(struct frame_sizes *sizes);
void frame_sizes_forget(struct frame_sizes *sizes);

/* One sighting from a complete unwind. Running out of memory loses the sighting, no more. */
void frame_size_learn(struct frame_sizes *sizes, uint64_t pc, uint64_t callee_cfa, int64_t k);

/* True and *ret_k if K is known for this return address. */
bool frame_size_find(const struct frame_sizes *sizes, uint64_t pc, int64_t *ret_k);

/* True if the function of this return address, for which K is known, has a frame of fixed size. */
bool frame_size_is_fixed(struct frame_sizes *sizes, struct images *images, uint64_t pc);

/*
 * True if x86-64 code has an instruction that may move rsp by something else than a constant:
 * alloca, variable-length arrays, realigned stacks. May say so of code that has not (a constant
 * that looks like one), never the other way round for what compilers write.
 */
bool frame_size_code_varies(const unsigned char *code, size_t len);

#endif
