/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/waiting.h"

#include "base/attr.h"

enum { ROUNDS = 3 }; /* a wait may ask for memory, and then for a descriptor found there */

/* Answer what the classifier asked for; false if it asked for nothing. */
static bool answer(const struct target *target, const struct fd_source *fds,
		   const struct classify_result *result, struct classify_input *input,
		   struct classify_memory *memory)
{
	if (result->want_fd < 0 && result->nwants == 0)
		return false;
	if (result->want_fd >= 0)
		input->fd = fds->describe(fds->arg, result->want_fd);
	for (unsigned i = 0; i < result->nwants; i++) {
		struct classify_memory *piece = &memory[i];

		*piece = result->wants[i];
		piece->len = MIN(piece->len, sizeof(piece->bytes));
		piece->valid = target_read(target, piece->addr, piece->bytes, piece->len) ==
			       (ssize_t)piece->len;
		input->memory = memory;
	}
	return true;
}

void waiting_classify(const struct target *target, const struct capture_thread *captured,
		      const struct stack *stack, const struct fd_source *fds,
		      struct classify_result *ret)
{
	struct classify_memory memory[CLASSIFY_WANTS] = { 0 };
	struct classify_input input = {
		.look = &captured->look,
		.run = captured->run,
		.stack = stack,
	};

	for (unsigned round = 0; round < ROUNDS; round++) {
		classify_thread(&input, ret);
		if (!answer(target, fds, ret, &input, memory))
			break;
	}
}
