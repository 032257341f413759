/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.h: the findings of a checkup, for people and for programs.
 */
#ifndef SS_WRITE_CHECKUP_H
#define SS_WRITE_CHECKUP_H

#include "write/write.h"

struct checkup_view {
	const struct ss_finding *findings;
	size_t n;
	enum ss_verdict verdict;
};

void checkup_write_text(struct buf *buf, const struct checkup_view *view, bool color);
void checkup_write_json(struct buf *buf, const struct checkup_view *view);

#endif
