/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-maps.c: the table of mappings. Whatever the text, the entries must be in order and apart,
 * each must be found at both of its ends, and each path must end inside the table's paths.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_maps(const struct maps *maps)
{
	uint64_t end = 0;

	for (size_t i = 0; i < maps->entries.n; i++) {
		const struct map *map = &maps->entries.data[i];

		check(map->start >= end && map->end > map->start);
		check(maps_find(maps, map->start) == map && maps_find(maps, map->end - 1) == map);
		check(map->path < maps->paths.len);
		check(map->path + strlen(maps_path(maps, map)) < maps->paths.len);
		end = map->end;
	}
	check(maps_find(maps, end) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size: the text has no NUL at its end. */
	char *text = malloc(size ? size : 1);
	struct maps maps;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	maps_init(&maps);
	if (maps_parse(&maps, text, size) == 0)
		check_maps(&maps);
	maps_done(&maps);
	free(text);
	return 0;
}
