/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * columns.c: what Go's text/tabwriter makes of the lines below a stack: minwidth 1, tabwidth 8,
 * padding 1, '\t'. It assumes escaped text: no tabs or newlines but those that part cells and
 * lines. It never looks at what the cells say.
 */
#include "write/columns.h"

#include <string.h>

#include "base/attr.h"

/* One line; name is NULL if it has none. Lengths are bytes, name_width is columns. */
struct row {
	const char *text, *name, *place, *end;
	size_t name_width;
};

/* Columns that escaped text takes: its characters, as Go's text/tabwriter counts them. */
static size_t text_width(const char *s, const char *end)
{
	size_t width = 0;

	for (; s < end; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	return width;
}

/* The row at p. */
static struct row parse_row(const char *p)
{
	struct row row = { .text = p, .end = strchr(p, '\n') };
	const char *tab = memchr(p, '\t', (size_t)(row.end - p));
	const char *gap = tab ? memchr(tab + 1, '\t', (size_t)(row.end - tab - 1)) : NULL;

	if (gap) {
		row.name = tab + 1;
		row.place = gap + 2;
		row.name_width = text_width(row.name, gap);
	}
	return row;
}

static size_t address_width(const struct row *row)
{
	return (size_t)(row->name - row->text) - 1;
}

/* Tabs from a cell's end to the next column: text/tabwriter with 1, 8, 1, '\t'. */
static void put_padding(struct buf *buf, size_t width, size_t column)
{
	column = (column + 1 + 7) / 8 * 8;
	for (size_t at = width; at < column; at = at / 8 * 8 + 8)
		buf_putc(buf, '\t');
}

static void put_row(struct buf *buf, const struct row *row, size_t addresses, size_t names)
{
	size_t address_len = address_width(row);

	buf_puts(buf, "#\t");
	buf_add(buf, row->text, address_len);
	put_padding(buf, address_len, addresses);
	buf_add(buf, row->name, (size_t)(row->place - row->name) - 2);
	put_padding(buf, row->name_width, names);
	buf_putc(buf, '\t');
	buf_add(buf, row->place, (size_t)(row->end + 1 - row->place));
}

/* A column reaches as far as lines follow each other that have it. */
static const char *put_block(struct buf *buf, const char *text)
{
	size_t addresses = 0, names = 0;
	const char *p;
	struct row row;

	for (p = text; *p && (row = parse_row(p)).name; p = row.end + 1) {
		addresses = MAX(addresses, address_width(&row));
		names = MAX(names, row.name_width);
	}
	for (const char *q = text; q < p; q = row.end + 1) {
		row = parse_row(q);
		put_row(buf, &row, addresses, names);
	}
	return p;
}

void columns_put(struct buf *buf, const char *lines)
{
	for (const char *p = lines; *p;) {
		struct row row = parse_row(p);

		if (row.name) {
			p = put_block(buf, p);
		} else {
			buf_puts(buf, "#\t");
			buf_add(buf, p, (size_t)(row.end + 1 - p));
			p = row.end + 1;
		}
	}
}
