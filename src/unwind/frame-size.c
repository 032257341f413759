/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/frame-size.h"

#include <stdlib.h>

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

bool frame_size_find(const struct frame_sizes *sizes, uint64_t pc, int64_t *ret_k)
{
	const uint64_t *index = map64_find(&sizes->by_pc, pc);
	const struct frame_size *size = index ? &sizes->sizes.data[*index] : NULL;

	if (!size || !size->confirmed || size->varied)
		return false;
	*ret_k = size->k;
	return true;
}
