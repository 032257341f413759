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

#include <stacksnap.h>

struct capture_thread;
struct images;

struct memview {
	const struct capture_thread *thread;
	const struct images *images;
	uint64_t missed; /* the address of the last word that could not be read */
};

/* One machine word; false if any byte of it is missing. */
bool memview_word(struct memview *view, uint64_t addr, uint64_t *ret);

/* len bytes; false if any is missing. */
bool memview_bytes(struct memview *view, uint64_t addr, void *ret, size_t len);

/* Why `missed` is missing: WINDOW above a copy that was cut, else UNREADABLE. */
enum ss_stack_end memview_missed_end(const struct memview *view);

#endif
