/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eh-table.h: the sorted table of functions in .eh_frame_hdr (LSB Core 4.1, 10.6.2): where the
 * function at an address begins. Read from the mapped file, bounded by its size.
 */
#ifndef SS_UNWIND_EH_TABLE_H
#define SS_UNWIND_EH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct image_map;

enum { EH_TABLE_OFFSET = 12 }; /* of the entries, from the start of .eh_frame_hdr */

struct eh_table {
	uint64_t addr;                /* of .eh_frame_hdr in the target */
	const unsigned char *entries; /* pairs of 4-byte offsets from addr: function, FDE */
	uint32_t count;
};

/* False if the file has no such table, or one in an unusual encoding. */
bool eh_table_find(const struct image_map *map, struct eh_table *ret);

/*
 * The function that covers pc, by addresses in the target; *ret_end is where the next one begins.
 * False before the first and in the last one, whose end is not known.
 */
bool eh_table_function(const struct eh_table *table, uint64_t pc, uint64_t *ret_start,
		       uint64_t *ret_end);

#endif
