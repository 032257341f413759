/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * account.h: what all writers of profiles share: which accounts a kind of profile shows, and the
 * numbers that stand for one.
 */
#ifndef SS_WRITE_ACCOUNT_H
#define SS_WRITE_ACCOUNT_H

#include "write/write.h"

struct value_type {
	const char *type, *unit;
};

enum { ACCOUNT_MAX_VALUES = 5 };

/* How one kind of profile is counted. */
struct account_view {
	const char *name; /* "block" */
	size_t ntypes;    /* the count first, what is summed up last */
	struct value_type types[ACCOUNT_MAX_VALUES];
	struct value_type period_type;
	bool period_is_time; /* the period is the profile's; else 1 */
	bool parts;          /* types[1 + enum account_state] is the part in that state */
	bool shows[ACCOUNT_STATES];
};

const struct account_view *account_view(enum profile_kind kind);

/* The last of the view's types. */
const struct value_type *account_main_type(const struct account_view *view);

/* Fills values[0..ntypes) in the order of the view's types. */
void account_values(const struct account *account, const struct account_view *view,
		    int64_t *values);

/* False if the kind or no_idle leave it out. */
bool account_counts(const struct ss_profile *profile, const struct account *account,
		    const struct write_options *options);

/* False if the kind, no_idle, focus or ignore leave it out. */
bool account_is_shown(const struct ss_profile *profile, const struct account *account,
		      const struct write_options *options);

/*
 * The account's thread as a snapshot would have it, seen in that state at that place: what can be
 * written of a snapshot's thread can be written of an account.
 */
struct thread account_thread(const struct ss_profile *profile, const struct account *account);

/* The segment as an account of its own: one piece of time, count 1. */
struct account account_of_segment(const struct segment *segment);

/* Over the accounts that count: what 100 % is, how many there are, how many of them are shown. */
struct account_sum {
	uint64_t total_ns;
	size_t all, shown;
};

struct account_sum account_sum(const struct ss_profile *profile,
			       const struct write_options *options);

/* The coverage block of a profile, each line begun with `prefix`. */
void account_coverage(struct buf *buf, const struct ss_profile *profile,
		      const struct write_options *options, const struct account_sum *sum,
		      const char *prefix);

#endif
