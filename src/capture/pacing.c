/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/pacing.h"

#include "base/attr.h"
#include "base/clock.h"

/* of the first round, before anything was measured: interrupt, wait, registers, copy, release */
#define COST_EACH_NS (40 * NS_PER_US)

void pacing_init(struct pacing *pacing, uint64_t max_ns)
{
	*pacing = (struct pacing){
		.max_ns = max_ns,
		.batch = max_ns ? MAX((size_t)(max_ns / COST_EACH_NS), (size_t)1) : SIZE_MAX,
	};
}

void pacing_note(struct pacing *pacing, size_t n, uint64_t longest_ns, unsigned over)
{
	double fits;

	if (!pacing->max_ns || n == 0)
		return;
	pacing->over += over;
	fits = (double)n * (double)pacing->max_ns / (double)MAX(longest_ns, (uint64_t)1);
	if (longest_ns > pacing->max_ns)
		pacing->batch = MAX((size_t)(fits * 3 / 4), (size_t)1);
	else if (n >= pacing->batch && longest_ns < pacing->max_ns / 2)
		pacing->batch += pacing->batch / 4 + 1;
}
