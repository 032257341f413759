/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/waiting.h"

#include <string.h>

#include "base/attr.h"

/* What the classifier has been answered so far. */
struct answers {
	struct classify_input *input;
	bool read; /* memory was read from the target for them */
	struct classify_memory memory[CLASSIFY_ANSWERS];
};

/* What was captured of the stack, and proved to have stood still. */
static const unsigned char *captured_bytes(const struct capture_thread *captured, uint64_t addr,
					   size_t len)
{
	for (unsigned i = 0; i < captured->ncopies; i++) {
		const struct stack_copy *copy = &captured->copies[i];

		if (addr >= copy->addr && addr - copy->addr < copy->len &&
		    len <= copy->len - (addr - copy->addr))
			return copy->bytes + (addr - copy->addr);
	}
	return NULL;
}

static void get_memory(const struct target *target, const struct waiting_source *source,
		       const struct capture_thread *captured, struct answers *answers,
		       struct classify_memory *piece)
{
	const unsigned char *known = NULL;

	if (source->word)
		known = lockword_bytes(source->word, piece->addr, piece->len);
	if (!known && !source->anew)
		known = captured_bytes(captured, piece->addr, piece->len);
	if (known) {
		memcpy(piece->bytes, known, piece->len);
		piece->valid = true;
		return;
	}
	answers->read = true;
	piece->valid = target_read(target, piece->addr, piece->bytes, piece->len) ==
		       (ssize_t)piece->len;
}

/* Answer what the classifier asked for; false if it asked for nothing. */
static bool answer(const struct target *target, const struct capture_thread *captured,
		   const struct waiting_source *source, const struct classify_result *result,
		   struct answers *answers)
{
	struct classify_input *input = answers->input;

	if (result->want_fd < 0 && result->nwants == 0)
		return false;
	if (result->want_fd >= 0 && source->describe)
		input->fd = source->describe(source->arg, result->want_fd);
	for (unsigned i = 0; i < result->nwants; i++) {
		struct classify_memory *piece = &answers->memory[input->nmemory];

		if (input->nmemory == ARRAY_SIZE(answers->memory))
			break;
		input->nmemory++;
		piece->addr = result->wants[i].addr;
		piece->len = MIN(result->wants[i].len, sizeof(piece->bytes));
		get_memory(target, source, captured, answers, piece);
	}
	return true;
}

/* The copy that begins at or below sp. */
static void give_top(struct classify_input *input, const struct capture_thread *captured)
{
	uint64_t sp = captured->regs.r[REG_SP];

	if (!regs_known(&captured->regs, REG_SP))
		return;
	for (unsigned i = 0; i < captured->ncopies; i++) {
		const struct stack_copy *copy = &captured->copies[i];

		if (sp < copy->addr || sp - copy->addr >= copy->len)
			continue;
		input->top = copy->bytes + (sp - copy->addr);
		input->ntop = MIN(copy->len - (sp - copy->addr), CLASSIFY_TOP_MAX);
		return;
	}
}

bool waiting_classify(const struct target *target, const struct capture_thread *captured,
		      const struct stack *stack, const struct waiting_source *source,
		      struct classify_result *ret)
{
	struct classify_input input = {
		.look = &captured->look,
		.run = captured->run,
		.stack = stack,
	};
	struct answers answers;

	answers.input = &input;
	answers.read = false;
	input.memory = answers.memory;
	give_top(&input, captured);
	for (unsigned round = 1; round <= CLASSIFY_ROUNDS; round++) {
		classify_thread(&input, ret);
		if (round == CLASSIFY_ROUNDS || !answer(target, captured, source, ret, &answers))
			break;
	}
	return !answers.read;
}
