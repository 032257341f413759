/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * warmup.h: a look before the first look of a capture. The first look opens files and loads names,
 * which can take longer than a short capture; what it saw would then be seconds older than the look
 * after it.
 */
#ifndef SS_ENGINE_WARMUP_H
#define SS_ENGINE_WARMUP_H

#include "engine/session.h"

/*
 * Look once, load what that needs, and forget what was seen. What the look did to the process is put
 * into *ret. Fails only if memory is out: the capture itself says what is wrong with a process.
 */
int warmup_look(struct ss_session *session, const struct ss_record_options *options,
		struct ss_coverage *ret, struct ss_error *err);

/* Add what a warm-up did to the process. */
void warmup_count(struct ss_coverage *coverage, const struct ss_coverage *warmup);

#endif
