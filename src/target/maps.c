/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.c: a sorted table of mappings. Owns its entries and their paths. The text may have been read
 * in several pieces while the target changed its mappings; what contradicts an earlier line is left
 * out, so that a lookup has one answer.
 */
#include "target/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/procparse.h"

void maps_init(struct maps *maps)
{
	*maps = (struct maps){ 0 };
	buf_init(&maps->paths);
	buf_init(&maps->text);
}

void maps_done(struct maps *maps)
{
	vec_done(&maps->entries);
	buf_done(&maps->paths);
	buf_done(&maps->text);
}

static int add_line(struct maps *maps, const char *line, size_t len)
{
	uint64_t last_end = maps->entries.n ? maps->entries.data[maps->entries.n - 1].end : 0;
	size_t paths_len = maps->paths.len;
	struct map map;
	int r = procparse_maps_line(line, len, &map, &maps->paths);

	if (r == -EINVAL)
		return 0;
	if (r < 0)
		return r;
	if (map.start < last_end) {
		maps->paths.len = paths_len;
		return 0;
	}
	return vec_push(&maps->entries, map);
}

int maps_parse(struct maps *maps, const char *text, size_t len)
{
	const char *end = text + len;

	maps->entries.n = 0;
	buf_reset(&maps->paths);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = (size_t)((newline ? newline : end) - text);
		int r = add_line(maps, text, line_len);

		if (r < 0)
			return r;
		text += line_len + (newline ? 1 : 0);
	}
	return 0;
}

const struct map *maps_find(const struct maps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->entries.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct map *map = &maps->entries.data[middle];

		if (addr < map->start)
			high = middle;
		else if (addr >= map->end)
			low = middle + 1;
		else
			return map;
	}
	return NULL;
}

const char *maps_path(const struct maps *maps, const struct map *map)
{
	return maps->paths.data + map->path;
}
