/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * places.h: what threads were seen doing, numbered 1, 2, 3...: a stack, a state and a wait. The
 * accounting works on the numbers.
 */
#ifndef SS_ENGINE_PLACES_H
#define SS_ENGINE_PLACES_H

#include "base/map64.h"
#include "base/vec.h"
#include "model/stack.h"
#include "model/wait.h"

struct place {
	const struct stack *stack;
	enum wait_kind wait;
	const char *call_name; /* static; NULL if none */
	uint64_t object;       /* lock and descriptor, if they tell places apart; else 0 */
	int fd;                /* and -1 */
};

struct places {
	VEC(struct place) all; /* [number - 1] */
	struct map64 by_hash;  /* -> number; a hash that is taken counts up */
};

void places_init(struct places *places);
void places_done(struct places *places);

/* The number of this place; 0 only if memory is out. */
uint32_t places_intern(struct places *places, const struct place *place);

const struct place *places_get(const struct places *places, uint32_t number); /* NULL for 0 */

#endif
