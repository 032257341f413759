/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonvalue.c: commas, brackets and quotes. The output is valid JSON and valid UTF-8 whatever bytes
 * the target's names have: control characters and bytes that are no UTF-8 are shown as the text
 * \xNN, as in the other formats.
 */
#include "write/jsonvalue.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/attr.h"

void json_next(struct json *j)
{
	if (j->comma)
		buf_putc(j->buf, ',');
	j->comma = true;
}

void json_open(struct json *j, char bracket)
{
	json_next(j);
	buf_putc(j->buf, bracket);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	buf_putc(j->buf, bracket);
	j->comma = true;
}

void json_line(struct json *j)
{
	buf_puts(j->buf, j->comma ? ",\n" : "\n");
	j->comma = false;
}

/* "</script>" in a name would end the element that the document stands in. */
void json_quote(struct json *j, const char *s)
{
	json_next(j);
	buf_putc(j->buf, '"');
	while (*s) {
		size_t plain = strcspn(s, j->in_html ? "\"\\<" : "\"\\");

		buf_add(j->buf, s, plain);
		s += plain;
		if (*s == '<')
			buf_puts(j->buf, "\\u003c");
		else if (*s)
			buf_printf(j->buf, "\\%c", *s);
		s += *s != '\0';
	}
	buf_putc(j->buf, '"');
}

void json_string(struct json *j, const char *s)
{
	_cleanup_(buf_done) struct buf escaped = { 0 };

	buf_puts_escaped(&escaped, s);
	if (escaped.failed)
		j->buf->failed = true;
	json_quote(j, escaped.len && !escaped.failed ? escaped.data : "");
}

void json_lines(struct json *j, struct buf *text)
{
	char *rest = text->failed ? NULL : text->data, *line;

	j->buf->failed |= text->failed;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			json_string(j, line);
}

void json_uint(struct json *j, uint64_t number)
{
	json_next(j);
	buf_printf(j->buf, "%" PRIu64, number);
}

void json_key(struct json *j, const char *key)
{
	json_quote(j, key);
	buf_putc(j->buf, ':');
	j->comma = false;
}

void json_open_key(struct json *j, const char *key, char bracket)
{
	json_key(j, key);
	json_open(j, bracket);
}

void json_text(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

void json_text_or_null(struct json *j, const char *key, const char *s)
{
	if (s && *s) {
		json_text(j, key, s);
		return;
	}
	json_key(j, key);
	json_next(j);
	buf_puts(j->buf, "null");
}

void json_null(struct json *j, const char *key)
{
	json_text_or_null(j, key, NULL);
}

void json_number(struct json *j, const char *key, uint64_t number)
{
	json_key(j, key);
	json_uint(j, number);
}

void json_index(struct json *j, const char *key, int64_t number)
{
	if (number < 0)
		json_null(j, key);
	else
		json_number(j, key, (uint64_t)number);
}

void json_count(struct json *j, const char *key, uint64_t number)
{
	if (number)
		json_number(j, key, number);
	else
		json_null(j, key);
}

void json_address(struct json *j, const char *key, uint64_t address)
{
	json_key(j, key);
	json_next(j);
	buf_printf(j->buf, "\"0x%" PRIx64 "\"", address);
}

void json_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_next(j);
	buf_puts(j->buf, value ? "true" : "false");
}

void json_lower(struct json *j, const char *key, const char *name)
{
	json_key(j, key);
	json_next(j);
	buf_putc(j->buf, '"');
	for (; *name; name++)
		buf_putc(j->buf, (char)tolower((unsigned char)*name));
	buf_putc(j->buf, '"');
}
