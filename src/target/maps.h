/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.h: the target's address space as /proc/PID/maps tells it.
 */
#ifndef SS_TARGET_MAPS_H
#define SS_TARGET_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

enum map_perm {
	MAP_PERM_R = 1,
	MAP_PERM_W = 2,
	MAP_PERM_X = 4,
	MAP_PERM_SHARED = 8, /* MAP_SHARED: what is written there other processes may see */
};

struct map {
	uint64_t start, end, offset, dev, inode; /* dev as makedev(major, minor) */
	unsigned perm;
	bool deleted;
	size_t path; /* offset of the NUL-terminated path in maps.paths; raw bytes, the kernel's \012
			undone, without " (deleted)" */
};

struct maps {
	VEC(struct map) entries; /* by start, not overlapping */
	struct buf paths;
	struct buf text; /* as read by target_read_maps; maps_parse leaves it alone */
};

void maps_init(struct maps *maps);
void maps_done(struct maps *maps);

/*
 * Parse text in the form of /proc/PID/maps in place of what was there. Lines that are not of that
 * form, or not in ascending order, are skipped. 0 or -ENOMEM.
 */
int maps_parse(struct maps *maps, const char *text, size_t len);

const struct map *maps_find(const struct maps *maps, uint64_t addr); /* NULL if unmapped */
const char *maps_path(const struct maps *maps, const struct map *map);

#endif
