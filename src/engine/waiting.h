/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waiting.h: the classify stage: answers the classifier's questions (memory, descriptors) from the
 * target, until it is content.
 */
#ifndef SS_ENGINE_WAITING_H
#define SS_ENGINE_WAITING_H

#include "classify/classify.h"
#include "engine/lockwords.h"
#include "target/target.h"

/* Where answers come from. */
struct waiting_source {
	/*
	 * What a descriptor is: all that can be said, or only its kind (cheap); returns NULL if memory
	 * is out. NULL itself: nothing is said of descriptors.
	 */
	const struct fd_info *(*describe)(void *arg, int fd);
	void *arg;
	const struct lockword *word; /* memory that was read before; NULL: none */
	bool anew;                   /* what was captured of the stack does not answer either */
};

/*
 * True if all memory that the answer rests on was source->word or captured: none was read from the
 * target now.
 */
bool waiting_classify(const struct target *target, const struct capture_thread *captured,
		      const struct stack *stack, const struct waiting_source *source,
		      struct classify_result *ret);

#endif
