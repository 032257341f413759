/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waiting.h: the classify stage: answers the classifier's questions (memory, descriptors) from the
 * target, until it is content.
 */
#ifndef SS_ENGINE_WAITING_H
#define SS_ENGINE_WAITING_H

#include "classify/classify.h"
#include "target/target.h"

/* What a descriptor of the target is: all that can be said, or only its kind (cheap). */
struct fd_source {
	const struct fd_info *(*describe)(void *arg, int fd); /* NULL if memory is out */
	void *arg;
};

void waiting_classify(const struct target *target, const struct capture_thread *captured,
		      const struct stack *stack, const struct fd_source *fds,
		      struct classify_result *ret);

#endif
