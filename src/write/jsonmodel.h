/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonmodel.h: the parts of the model that every JSON document of ours has in common.
 */
#ifndef SS_WRITE_JSONMODEL_H
#define SS_WRITE_JSONMODEL_H

#include "write/cache.h"
#include "write/jsonvalue.h"
#include "write/write.h"

/* For the frame cache of json_stack; the text of a frame ends with a comma. */
void json_render_frame(struct buf *buf, const struct location *location, uint32_t flags,
		       const void *arg);

/* The member "stack". */
void json_stack(struct json *j, struct frame_cache *frames, const struct stack *stack,
		const struct write_options *options);

/* Upper case, as in SS_NO_STACKS. */
const char *json_no_stack_name(enum ss_no_stack reason);

void json_coverage(struct json *j, const struct ss_coverage *coverage); /* the member "coverage" */

/* The member "mappings". */
void json_mappings(struct json *j, const struct mapping *const *mappings, size_t n);

#endif
