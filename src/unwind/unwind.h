/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind.h: from one captured thread to its chain of pcs. An unwinder is a name and a few
 * functions; it reads memory only through memview (the captured stack, then the mapped files), so
 * it needs no live process, and it never guesses: where the rules end, the stack ends, with the
 * reason.
 */
#ifndef SS_UNWIND_UNWIND_H
#define SS_UNWIND_UNWIND_H

#include <stacksnap.h>

#include "base/vec.h"
#include "model/capture.h"
#include "model/stack.h"

struct images;
struct unwinder;

/* The result of a walk; reused from thread to thread. */
struct walk {
	VEC(struct frame) frames;
	enum ss_stack_end end;
	uint64_t want_addr; /* WINDOW, UNREADABLE, ABSENT: the first address that was missing */
	unsigned want_reg;  /* NEEDS_REGISTER: which (DWARF number) */
};

struct unwinder_ops {
	const char *name;
	/* The images outlive the unwinder. */
	int (*open)(struct images *images, struct unwinder **ret, struct ss_error *err);
	/* Fill *walk with at most max_frames frames. Fails only if memory is out. */
	int (*walk)(struct unwinder *unwinder, const struct capture_thread *thread,
		    unsigned max_frames, struct walk *walk);
	/* The address space changed (exec, dlopen, dlclose): drop what was keyed by address. */
	void (*forget)(struct unwinder *unwinder);
	void (*close)(struct unwinder *unwinder);
};

extern const struct unwinder_ops unwinder_cfi, unwinder_libunwind;

/* NULL-terminated, the default first. */
extern const struct unwinder_ops *const unwinders[];
extern const char *const unwinder_names[];

/* NULL: the default. Returns NULL if there is none of this name. */
const struct unwinder_ops *unwinder_find(const char *name);

#endif
