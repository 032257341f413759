/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-pprof.c: profile files. Whatever the bytes, a profile that is accepted has valid indexes, can
 * be reported in every way, added to itself, subtracted from itself (which leaves nothing), and its
 * sum can be written and read again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/diff.h"
#include "file/merge.h"
#include "file/pprof-read.h"
#include "file/pprof-write.h"
#include "file/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_indexes(const struct pprof *p)
{
	check(p->types.n > 0 && p->values.n == p->samples.n * p->types.n);
	for (size_t i = 0; i < p->lines.n; i++) {
		const struct pprof_line *line = &p->lines.data[i];

		check(line->function < p->functions.n);
	}
	for (size_t i = 0; i < p->locations.n; i++) {
		const struct pprof_location *location = &p->locations.data[i];
		check(location->mapping == PPROF_NONE || location->mapping < p->mappings.n);
		check((size_t)location->first_line + location->nlines <= p->lines.n);
	}
	for (size_t i = 0; i < p->stacks.n; i++) {
		const uint32_t *frame = &p->stacks.data[i];

		check(*frame < p->locations.n);
	}
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct pprof_sample *sample = &p->samples.data[i];
		check((size_t)sample->first_frame + sample->nframes <= p->stacks.n);
		check((size_t)sample->first_label + sample->nlabels <= p->labels.n);
	}
}

static void report_all(const struct pprof *p)
{
	for (int kind = SS_REPORT_TOP; kind <= SS_REPORT_TREE; kind++) {
		const struct ss_report_options options = {
			.kind = (enum ss_report_kind)kind,
			.ignore = "nothing like this",
			.rows = 5,
		};
		struct report report;
		struct out *out;

		check(out_open("/dev/null", &out, NULL) == 0);
		check(report_init(&report, p, p, &options, NULL) == 0);
		report_write(&report, out, NULL);
		report_done(&report);
		out_discard(out);
	}
}

static struct pprof *twice(const struct pprof *p)
{
	const struct merge_part part = { .profile = p, .name = "p" };
	struct merge *merge = merge_new();
	struct pprof *sum = NULL;

	check(merge && merge_add(merge, &part, NULL) == 0 && merge_add(merge, &part, NULL) == 0);
	check(merge_finish(merge, &sum, NULL) == 0);
	merge_free(merge);
	return sum;
}

static void check_difference(const struct pprof *p)
{
	const struct diff_side side = { .profile = p, .name = "p" };
	struct pprof *nothing = NULL;

	check(diff_make(&side, &side, &nothing, NULL) == 0);
	/* the least number has no positive twin */
	for (size_t i = 0; i < nothing->values.n; i++) {
		const int64_t *value = &nothing->values.data[i];

		check(pprof_magnitude(*value) <= (int64_t)p->samples.n);
	}
	pprof_free(nothing);
}

static void write_again(const struct pprof *p)
{
	struct out *out;

	check(out_open("/dev/null", &out, NULL) == 0);
	check(pprof_write(p, out, NULL) == 0);
	out_discard(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_error err = { .message = "" };
	struct pprof *p = NULL, *sum;

	if (pprof_read(data, size, &p, &err) < 0) {
		check(err.kind == SS_ERR_FORMAT && *err.message);
		return 0;
	}
	check_indexes(p);
	report_all(p);
	check_difference(p);
	sum = twice(p);
	check_indexes(sum);
	write_again(sum);
	pprof_free(sum);
	pprof_free(p);
	return 0;
}
