/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h: the text form of profiles, part of the text writer (dump.c).
 */
#ifndef SS_WRITE_TABLE_H
#define SS_WRITE_TABLE_H

#include "write/write.h"

/* Each profile: the table of functions, that of threads if asked for, coverage. */
int table_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
		   const struct write_options *options, struct ss_error *err);

#endif
