/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memview.h: the memory that an unwinder may read: the captured stack first, then the bytes of
 * mapped files that the target cannot have changed. Never the live process: what is not here is
 * not known, and `missed` says which address that was.
 */
#ifndef SS_UNWIND_MEMVIEW_H
#define SS_UNWIND_MEMVIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <stacksnap.h>

#include "base/attr.h"
#include "model/capture.h"

struct images;

struct memview {
	const struct capture_thread *thread;
	const struct images *images;
	uint64_t missed; /* the address of the last word that could not be read */
};

/* len bytes; false if any is missing. */
bool memview_bytes(struct memview *view, uint64_t addr, void *ret, size_t len);

/* One machine word; false if any byte of it is missing. Mostly it is in the first copy. */
static inline bool memview_word(struct memview *view, uint64_t addr, uint64_t *ret)
{
	const struct stack_copy *copy = &view->thread->copies[0];

	if (unlikely(view->thread->ncopies == 0 || copy->len < sizeof(*ret) ||
		     addr - copy->addr > copy->len - sizeof(*ret)))
		return memview_bytes(view, addr, ret, sizeof(*ret));
	memcpy(ret, copy->bytes + (addr - copy->addr), sizeof(*ret));
	return true;
}

/*
 * Why `missed` is missing: ABSENT where the copy below ended because that is not in memory, WINDOW
 * above a copy that was cut, else UNREADABLE.
 */
enum ss_stack_end memview_missed_end(const struct memview *view);

#endif
