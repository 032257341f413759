/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff.h: what changed between two profiles, and whether it is more than allowed.
 */
#ifndef SS_FILE_DIFF_H
#define SS_FILE_DIFF_H

#include "base/error.h"
#include "file/pprof.h"

/* A profile and the name of its file. */
struct diff_side {
	const struct pprof *profile;
	const char *name;
};

/* new - base, without labels: they differ from run to run. The result is the caller's. */
int diff_make(const struct diff_side *base, const struct diff_side *new, struct pprof **ret,
	      struct ss_error *err);

/*
 * Hold the functions of a profile, or of a difference, against a threshold: the cum of each.
 * ARGUMENT if the values are not times, or the regular expression is none.
 */
int diff_check(const struct pprof *profile, const struct ss_report_options *options,
	       const struct ss_threshold *threshold, struct ss_over *ret, struct ss_error *err);

#endif
