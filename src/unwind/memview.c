/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/memview.h"

#include <string.h>

#include "target/image.h"

bool memview_bytes(struct memview *view, uint64_t addr, void *ret, size_t len)
{
	const struct capture_thread *thread = view->thread;
	const unsigned char *bytes;

	for (unsigned i = 0; i < thread->ncopies; i++) {
		const struct stack_copy *copy = &thread->copies[i];

		if (addr >= copy->addr && addr - copy->addr <= copy->len &&
		    copy->len - (addr - copy->addr) >= len) {
			memcpy(ret, copy->bytes + (addr - copy->addr), len);
			return true;
		}
	}
	bytes = images_bytes(view->images, addr, len);
	if (bytes) {
		memcpy(ret, bytes, len);
		return true;
	}
	view->missed = addr;
	return false;
}

/* Of a word whose first bytes were copied the others are missing. */
static bool is_absent(const struct stack_copy *copy, uint64_t addr)
{
	uint64_t end = copy->addr + copy->len;

	return copy->absent && (addr < end || addr - end < copy->absent);
}

enum ss_stack_end memview_missed_end(const struct memview *view)
{
	const struct capture_thread *thread = view->thread;
	const struct stack_copy *below = NULL;

	/* pieces of one stack follow each other: the highest one below tells whether there is more */
	for (unsigned i = 0; i < thread->ncopies; i++) {
		const struct stack_copy *copy = &thread->copies[i];

		if (copy->addr <= view->missed && (!below || copy->addr > below->addr))
			below = copy;
	}
	if (!below || below->to_map_end)
		return SS_END_UNREADABLE;
	return is_absent(below, view->missed) ? SS_END_ABSENT : SS_END_WINDOW;
}
