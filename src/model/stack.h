/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h: code locations, frames and stacks. A stack is immutable and hash-consed: in one stack
 *table, equal frames and equal end mean the same pointer.
 *
 *	stack -> frame -> location -> line (innermost inline first, the physical function last) ->
 *function
 *	                           -> mapping
 */
#ifndef SS_MODEL_STACK_H
#define SS_MODEL_STACK_H

#include <stacksnap.h>

#include "base/arena.h"

/* One executable mapping of the target that some location lies in. */
struct mapping {
	uint64_t start, end;  /* addresses in the target */
	uint64_t offset;      /* file offset of start */
	const char *path;     /* raw foreign bytes, without " (deleted)"; "[vdso]" as is; "" for
				 anonymous memory */
	const char *build_id; /* lower-case hex; "" if none */
	bool symbolized;      /* a name was found for some location in it */
};

struct function {
	const char *name;        /* demangled, with template arguments, without parameters */
	const char *system_name; /* as in the symbol table or DW_AT_linkage_name */
	const char *file;        /* full path of its source file; "" if unknown */
	unsigned start_line;     /* 0 if unknown */
};

struct line {
	const struct function *function;
	const char
		*file; /* of this line: an inlined call may come from another file; "" if unknown */
	unsigned line; /* 0 if unknown */
};

/* What is known of one code address. */
struct location {
	uint64_t pc; /* as found: a return address, or the very instruction if `exact` */
	bool exact;  /* names are those of pc itself, else of pc - 1 */
	const struct mapping *mapping; /* NULL: pc is in no mapped file (JIT code, a wild jump) */
	uint64_t module_offset;   /* pc as an address of its ELF file (pc - load bias); 0 without
				     mapping */
	uint64_t function_offset; /* pc - start of the physical function; 0 if nlines is 0 */
	unsigned nlines;          /* 0: no symbol covers the pc */
	const struct line *lines; /* [0] innermost inlined, [nlines - 1] the physical function */
};

/* The address that names and source lines belong to. */
static inline uint64_t location_address(const struct location *location)
{
	return location->exact ? location->pc : location->pc - 1;
}

enum frame_flags {
	FRAME_EXACT = 1,    /* pc is an interrupted instruction, not a return address */
	FRAME_SIGNAL = 2,   /* the frame is a signal trampoline */
	FRAME_INFERRED = 4, /* its caller was found through a learned frame size (K) */
};

struct frame {
	uint64_t pc;
	uint32_t flags;
	const struct location *location; /* NULL until symbolized */
};

struct stack {
	uint32_t id; /* 1, 2, 3... in the order of first sight */
	enum ss_stack_end end;
	unsigned n;
	struct frame frames[]; /* [0] is the leaf */
};

struct stack_table {
	struct arena arena;
	struct stack **slots;
	size_t n, cap;
};

void stack_table_init(struct stack_table *table);
void stack_table_done(struct stack_table *table);

/*
 * The stack with these frames and this end; of locations that say the same those of the first caller
 * are taken. NULL only if memory is out. Lives as long as the table.
 */
const struct stack *stack_intern(struct stack_table *table, const struct frame *frames, unsigned n,
				 enum ss_stack_end end);

/* For the table's owner: every stack, in any order; what its locations point to may be changed. */
void stack_table_each(struct stack_table *table, void (*visit)(struct stack *stack, void *arg),
		      void *arg);

const char *stack_end_words(enum ss_stack_end end);

#endif
