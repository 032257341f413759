/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perfmap-parse.c: from the text of a perf map to names by address. Pure: text in, a table out that
 * points into the text. It assumes nothing of the text; what follows the second blank of a line,
 * blanks and all, is the name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "symbol/overlay.h"
#include "symbol/perfmap.h"

enum { LINES_MAX = 1 << 20 }; /* a second's work */

struct name {
	uint32_t offset, len; /* in the text */
};

struct perfmap_names {
	const char *text;
	struct overlay overlay;
	VEC(struct name) names; /* by the overlay's numbers */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number and the blanks behind it; some writers put 0x before it. NULL if there is none. */
static const char *parse_hex(const char *p, const char *end, uint64_t *ret)
{
	const char *first;
	uint64_t value = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (first = p; p < end && hex_digit(*p) >= 0; p++) {
		if (value >> 60)
			return NULL;
		value = value << 4 | (unsigned)hex_digit(*p);
	}
	if (p == first || p == end || *p != ' ')
		return NULL;
	while (p < end && *p == ' ')
		p++;
	*ret = value;
	return p;
}

/* A line that makes no sense gives nothing. 0 or -ENOMEM. */
static int parse_line(struct perfmap_names *names, const char *line, const char *end)
{
	uint64_t start, size;
	struct name name;
	const char *p = parse_hex(line, end, &start);

	if (p)
		p = parse_hex(p, end, &size);
	if (end > line && end[-1] == '\r')
		end--;
	if (!p || p >= end || size == 0 || start + size < start)
		return 0;
	name.offset = (uint32_t)(p - names->text);
	name.len = (uint32_t)strnlen(p, (size_t)(end - p));
	if (name.len == 0)
		return 0;
	if (vec_push(&names->names, name) < 0)
		return -ENOMEM;
	return overlay_add(&names->overlay, start, start + size);
}

/* Where the last LINES_MAX lines begin: what is compiled again is written again, further down. */
static const char *last_lines(const char *text, const char *end)
{
	const char *newline = end;

	for (unsigned n = 0; n <= LINES_MAX; n++) {
		newline = memrchr(text, '\n', (size_t)(newline - text));
		if (!newline)
			return text;
	}
	return newline + 1;
}

struct perfmap_names *perfmap_parse(const char *text, size_t len)
{
	struct perfmap_names *names = calloc(1, sizeof(*names));
	const char *end = text + MIN(len, (size_t)UINT32_MAX);
	int r = 0;

	if (!names)
		return NULL;
	names->text = text;
	overlay_init(&names->overlay);
	for (const char *line = last_lines(text, end); line < end && r == 0;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		/* without its newline it may still be being written */
		if (!newline)
			break;
		r = parse_line(names, line, newline);
		line = newline + 1;
	}
	if (r < 0 || overlay_settle(&names->overlay) < 0) {
		perfmap_names_free(names);
		return NULL;
	}
	return names;
}

void perfmap_names_free(struct perfmap_names *names)
{
	if (!names)
		return;
	overlay_done(&names->overlay);
	vec_done(&names->names);
	free(names);
}

bool perfmap_names_find(const struct perfmap_names *names, uint64_t addr, struct perfmap_name *ret)
{
	uint32_t i = overlay_find(&names->overlay, addr);

	if (i == OVERLAY_NONE)
		return false;
	*ret = (struct perfmap_name){
		.start = names->overlay.ranges.data[i].start,
		.name = names->text + names->names.data[i].offset,
		.len = names->names.data[i].len,
	};
	return true;
}
