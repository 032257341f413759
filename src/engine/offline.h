/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline.h: names for a profile that was captured without them.
 */
#ifndef SS_ENGINE_OFFLINE_H
#define SS_ENGINE_OFFLINE_H

#include "base/error.h"
#include "file/pprof.h"

/* See ss_file_symbolize. */
int offline_symbolize(struct pprof *profile, const struct ss_symbolize_options *options,
		      struct ss_symbolized *ret, struct ss_error *err);

/* Waits for a futex become those that the names of their stacks tell. 0 or -ENOMEM. */
int offline_name_waits(struct pprof *profile);

#endif
