/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff.c: a difference is a merge with one side negated; a threshold is a question to the table of
 * functions. It assumes valid profiles. It decides nothing about exit statuses.
 */
#include "file/diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "file/merge.h"
#include "file/report.h"
#include "write/write.h"

static void merge_free_p(struct merge **merge)
{
	merge_free(*merge);
}

int diff_make(const struct diff_side *base, const struct diff_side *new, struct pprof **ret,
	      struct ss_error *err)
{
	_cleanup_(merge_free_p) struct merge *merge = merge_new();
	const struct merge_part minus = {
		.profile = base->profile,
		.name = base->name,
		.negate = true,
		.without_labels = true,
	};
	const struct merge_part plus = {
		.profile = new->profile,
		.name = new->name,
		.without_labels = true,
	};
	int r = merge ? merge_add(merge, &minus, err) : ss_error_oom(err);

	if (r == 0)
		r = merge_add(merge, &plus, err);
	return r < 0 ? r : merge_finish(merge, ret, err);
}

static int64_t to_ns(int64_t value, int64_t factor)
{
	int64_t ns;

	if (__builtin_mul_overflow(value, factor, &ns))
		return value < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

/* A limit has a direction: +100ms is exceeded by what grew more, -100ms by what shrank more. */
static bool exceeds(int64_t ns, int64_t limit_ns)
{
	return limit_ns < 0 ? ns < limit_ns : ns > limit_ns;
}

static void note(struct ss_over *over, const struct top_row *row, int64_t ns)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (over->exceeded++ && pprof_magnitude(ns) <= pprof_magnitude(over->cum_ns))
		return;
	over->cum_ns = ns;
	snprintf(over->function, sizeof(over->function), "%s", row->name);
	top_put_value(&text, ns, "nanoseconds", NULL);
	snprintf(over->value, sizeof(over->value), "%s", text.failed ? "?" : text.data);
}

static int check_rows(struct top *top, const regex_t *regex, int64_t limit_ns, int64_t factor,
		      struct ss_over *ret)
{
	const struct top_row *rows;
	size_t n;

	if (top_rows(top, true, &rows, &n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int64_t ns = to_ns(rows[i].cum, factor);

		if (!write_name_matches(regex, rows[i].name))
			continue;
		ret->matched++;
		if (exceeds(ns, limit_ns))
			note(ret, &rows[i], ns);
	}
	return 0;
}

static int check_report(const struct report *report, const struct ss_threshold *threshold,
			struct ss_over *ret, struct ss_error *err)
{
	const struct pprof_type *type = report_type(report);
	int64_t factor = (int64_t)top_unit_ns(type->unit);
	struct top *top;
	regex_t regex;
	int r;

	if (!factor)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "a threshold is a time, and '%.40s' is in '%.40s'", type->type,
				    type->unit);
	if (regcomp(&regex, threshold->function, REG_EXTENDED | REG_NOSUB) != 0)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "'%.80s' is not a regular expression", threshold->function);
	r = report_sum(report, &top, err);
	if (r == 0) {
		r = check_rows(top, &regex, threshold->limit_ns, factor, ret);
		top_free(top);
		r = r < 0 ? ss_error_oom(err) : 0;
	}
	regfree(&regex);
	return r;
}

int diff_check(const struct pprof *profile, const struct ss_report_options *options,
	       const struct ss_threshold *threshold, struct ss_over *ret, struct ss_error *err)
{
	struct ss_over over = { 0 };
	struct report report;
	int r = report_init(&report, profile, profile, options, err);

	if (r < 0)
		return r;
	r = check_report(&report, threshold, &over, err);
	report_done(&report);
	if (r == 0)
		*ret = over;
	return r;
}
