/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mappedfile.h: the file behind a mapping of the target, opened: at its path in the target's root or
 * in ours, or through the mapping itself, deleted or not. Opens regular files only, and so is not
 * for while a thread of the target is stopped.
 */
#ifndef SS_TARGET_MAPPEDFILE_H
#define SS_TARGET_MAPPEDFILE_H

#include <stdbool.h>

#include "target/maps.h"
#include "target/target.h"

bool map_is_vdso(const struct maps *maps, const struct map *map);

struct mapped_file {
	const struct target *target;
	const struct maps *maps;
	const struct map *map;
	const char *path; /* of the map */
};

/*
 * A descriptor for reading; -ETIMEDOUT if it did not come in time, another negative errno if it is
 * nowhere. Of the vdso, and of files that are not local: a copy in memory.
 */
int mapped_file_open(const struct mapped_file *file);

#endif
