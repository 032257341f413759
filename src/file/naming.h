/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naming.h: names for locations of a profile that has only their addresses.
 */
#ifndef SS_FILE_NAMING_H
#define SS_FILE_NAMING_H

#include "base/map64.h"
#include "file/pprof.h"
#include "model/stack.h"

struct naming {
	struct pprof *profile;
	struct map64 functions; /* hash -> index */
};

/* 0 or -ENOMEM; naming_done is due in either case. The profile is borrowed. */
int naming_init(struct naming *naming, struct pprof *profile);
void naming_done(struct naming *naming);

/*
 * Give a location (its index), which has no lines yet, those of the inline chain lines[0..n), and
 * say of its mapping that it has names. Functions become what the pprof writer makes of them. 0 or
 * -ENOMEM, then the location is as before.
 */
int naming_set(struct naming *naming, uint32_t location, const struct line *lines, unsigned n);

#endif
