/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h: what is in a profile, for people: the table of functions, every sample, the call tree.
 * The same for a difference of two profiles.
 */
#ifndef SS_FILE_REPORT_H
#define SS_FILE_REPORT_H

#include <regex.h>

#include "base/error.h"
#include "file/pprof.h"
#include "write/out.h"
#include "write/top.h"

/* A profile and what of it is wanted. */
struct report {
	const struct pprof *profile;
	const struct ss_report_options *options;
	size_t type;        /* index of the sample type */
	int64_t total;      /* what 100 % is; before focus and ignore */
	const char *title;  /* lines before the heading, or NULL: then it is one file */
	uint8_t *functions; /* REPORT_FOCUS and REPORT_IGNORE, by function */
	regex_t focus, ignore;
	bool has_focus, has_ignore;
};

/* `whole` is the profile whose total is 100 %: the base of a difference, or the same one. */
int report_init(struct report *report, const struct pprof *profile, const struct pprof *whole,
		const struct ss_report_options *options, struct ss_error *err);
void report_done(struct report *report);

/* Write it as options->kind says. */
int report_write(const struct report *report, struct out *out, struct ss_error *err);

/* ---- for the files that make one kind of report ---- */

int report_traces(const struct report *report, struct out *out, struct ss_error *err);
int report_tree(const struct report *report, struct out *out, struct ss_error *err);

/* The sample's value of the chosen type. */
int64_t report_value(const struct report *report, const struct pprof_sample *sample);
const struct pprof_type *report_type(const struct report *report);

/* True if focus and ignore let the sample through. */
bool report_wants(const struct report *report, const struct pprof_sample *sample);

/* All names of a stack, the leaf first: kept in *names, which vec_done ends. 0 or -ENOMEM. */
struct report_names {
	const char **data;
	size_t n, cap;
};
int report_stack(const struct report *report, const struct pprof_sample *sample,
		 struct report_names *names);

/* The functions of all wanted samples; the caller's to free. */
int report_sum(const struct report *report, struct top **ret, struct ss_error *err);

/* The lines about the whole profile, where no table follows. */
void report_heading(const struct report *report, struct buf *buf);

/* A value as the options want it, in `width` columns or more. */
void report_put_value(const struct report *report, struct buf *buf, int64_t value, int width);

/* The n-th largest magnitude, or 0 if there are not more than n; values are sorted. */
int64_t report_nth_largest(int64_t *values, size_t count, size_t n);

#endif
