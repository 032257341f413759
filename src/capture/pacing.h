/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pacing.h: how many threads one round may stop at once if none of them may stand still for longer
 * than max_ns: every one waits until the last has been read. Pure; learns from what was measured.
 */
#ifndef SS_CAPTURE_PACING_H
#define SS_CAPTURE_PACING_H

#include <stddef.h>
#include <stdint.h>

struct pacing {
	uint64_t max_ns; /* 0: no limit */
	size_t batch;    /* threads that a round may stop */
	unsigned over;   /* threads that stood still for longer all the same */
};

void pacing_init(struct pacing *pacing, uint64_t max_ns);

/* A round stopped n threads, the longest for so long, and `over` of them for longer than max_ns. */
void pacing_note(struct pacing *pacing, size_t n, uint64_t longest_ns, unsigned over);

#endif
