/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonvalue.h: writing JSON into a buffer, value by value. Functions with a key write a member of
 * the object at work, the others an element of the array at work.
 */
#ifndef SS_WRITE_JSONVALUE_H
#define SS_WRITE_JSONVALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Where the next value goes, and whether a comma must precede it. */
struct json {
	struct buf *buf;
	bool comma;
	bool in_html; /* it stands in a script element: no '<' is written as such */
};

void json_next(struct json *j); /* the comma before a value that the caller writes */
void json_open(struct json *j, char bracket);
void json_close(struct json *j, char bracket);

/* The next value starts a line: an element of one of the long arrays. */
void json_line(struct json *j);

/* Text that is valid UTF-8 without control characters. */
void json_quote(struct json *j, const char *s);

/* Foreign text, escaped first. */
void json_string(struct json *j, const char *s);
/* The lines of the text, but empty ones, as foreign texts; it is cut to pieces. */
void json_lines(struct json *j, struct buf *text);
void json_uint(struct json *j, uint64_t number);

void json_key(struct json *j, const char *key);
void json_open_key(struct json *j, const char *key, char bracket);
void json_text(struct json *j, const char *key, const char *s);         /* foreign text */
void json_text_or_null(struct json *j, const char *key, const char *s); /* null for NULL and "" */
void json_null(struct json *j, const char *key);
void json_number(struct json *j, const char *key, uint64_t number);
void json_index(struct json *j, const char *key, int64_t number);  /* null for -1 */
void json_count(struct json *j, const char *key, uint64_t number); /* null for 0 */
void json_address(struct json *j, const char *key, uint64_t address);
void json_bool(struct json *j, const char *key, bool value);
void json_lower(struct json *j, const char *key, const char *name); /* an enum's name, lower case */

#endif
