/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name.c: code names as people read them. Names are foreign bytes of any length: nothing here
 * assumes that brackets match, and a name that makes no sense is shown whole, escaped.
 */
#include "write/write.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The length of "operator<<=" and its like at p, 0 if there is none with an angle bracket. */
static size_t operator_length(const char *name, const char *p)
{
	static const char *const symbols[] = { "<=>", "<<=", ">>=", "->*", "<<", ">>",
					       "<=",  ">=",  "->",  "<",   ">" };
	static const char word[] = "operator";
	size_t len = sizeof(word) - 1;

	if (strncmp(p, word, len) != 0 ||
	    (p > name && (isalnum((unsigned char)p[-1]) || p[-1] == '_')))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		if (strncmp(p + len, symbols[i], strlen(symbols[i])) == 0)
			return len + strlen(symbols[i]);
	return 0;
}

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool after_path_separator(const char *name, const char *p)
{
	return p >= name + 2 && p[-1] == ':' && p[-2] == ':';
}

/*
 * True if the '<' at p does not begin template arguments but a name of its own: Rust's
 * "<T as Trait>::f" and "m::<impl T>::f", GCC's "f::<lambda(int)>".
 */
static bool begins_name(const char *name, const char *p)
{
	if (p == name || strchr(" (&*[,<", p[-1]))
		return true;
	return after_path_separator(name, p) &&
	       (starts_with(p + 1, "impl ") || starts_with(p + 1, "lambda") ||
		starts_with(p + 1, "unnamed"));
}

/* Past the parenthesis that closes the one at p; to the end of the name if none does. */
static const char *skip_parens(const char *p)
{
	unsigned depth = 0;

	for (; *p; p++) {
		depth += *p == '(';
		depth -= *p == ')';
		if (!depth)
			return p + 1;
	}
	return p;
}

/*
 * Past the template arguments that begin at p; NULL if they never end. "(a > b)" and "(x->y)" are
 * skipped as a whole, so the only stray '>' is that of Rust's "fn() -> T".
 */
static const char *skip_arguments(const char *name, const char *p)
{
	unsigned depth = 0;

	while (*p) {
		size_t len = operator_length(name, p);

		if (len) {
			p += len;
			continue;
		}
		if (*p == '(') {
			p = skip_parens(p);
			continue;
		}
		if (*p == '<')
			depth++;
		else if (*p == '>' && p[-1] != '-' && --depth == 0)
			return p + 1;
		p++;
	}
	return NULL;
}

/* One past the last byte copied to `to`; NULL if the brackets make no sense. */
static char *strip_arguments(const char *name, char *to)
{
	const char *p = name;

	while (*p) {
		size_t len = operator_length(name, p);

		if (len) {
			to = mempcpy(to, p, len);
			p += len;
			/* libiberty separates "operator< <int>" */
			if (starts_with(p, " <"))
				p++;
			if (*p == '<')
				p = skip_arguments(name, p);
		} else if (*p == '<' && !begins_name(name, p)) {
			/* Rust v0 writes "f::<u32>" */
			if (after_path_separator(name, p))
				to -= 2;
			p = skip_arguments(name, p);
		} else {
			*to++ = *p++;
		}
		if (!p)
			return NULL;
	}
	return to;
}

void write_short_name(struct buf *buf, const char *name)
{
	_cleanup_free_ char *room = NULL;
	char *end;

	if (!strchr(name, '<')) {
		buf_puts_escaped(buf, name);
		return;
	}
	room = malloc(strlen(name) + 1);
	if (!room) {
		buf->failed = true;
		return;
	}
	end = strip_arguments(name, room);
	if (end)
		*end = '\0';
	buf_puts_escaped(buf, end && end > room ? room : name);
}

bool write_name_matches(const regex_t *regex, const char *name)
{
	_cleanup_(buf_done) struct buf shown = { 0 };

	if (regexec(regex, name, 0, NULL, 0) == 0)
		return true;
	if (!strchr(name, '<'))
		return false;
	write_short_name(&shown, name);
	return shown.len && !shown.failed && regexec(regex, shown.data, 0, NULL, 0) == 0;
}

const char *write_last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void write_raw_location(struct buf *buf, const struct location *location)
{
	const struct mapping *mapping = location->mapping;

	if (!mapping || !*mapping->path) {
		buf_printf(buf, "0x%" PRIx64, location->pc);
		return;
	}
	buf_puts_escaped(buf, write_last_part(mapping->path));
	buf_printf(buf, "+0x%" PRIx64, location->module_offset);
}
