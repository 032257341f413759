/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.c: numbers, id lists and choices of the command line. It assumes NUL-terminated text and
 * nothing else about it; messages show the text as given (msg.c makes it safe for a terminal). It
 * never does a system call and never allocates.
 */
#include "parse.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int parse_fail(struct ss_error *err, const char *fmt, ...)
{
	va_list ap;

	err->kind = SS_ERR_ARGUMENT;
	err->sys = EINVAL;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/*
 * Digits only: strtoul would take blanks, signs and 0x, and wrap "-1" to a large number. Stops at
 * the first other character and returns it in *ret_end; false if there is no digit or too many.
 */
static bool scan_number(const char *text, unsigned max, unsigned *ret, const char **ret_end)
{
	unsigned long long value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (unsigned)(*p - '0');
		if (value > max)
			return false;
	}
	*ret = (unsigned)value;
	*ret_end = p;
	return p > text;
}

int parse_number(const char *text, const char *what, unsigned min, unsigned max, unsigned *ret,
		 struct ss_error *err)
{
	const char *end;
	unsigned value;

	if (!scan_number(text, max, &value, &end) || *end || value < min)
		return parse_fail(err, "%s: '%.80s' is not a number from %u to %u", what, text, min,
				  max);
	*ret = value;
	return 0;
}

static bool list_has(const struct id_list *list, pid_t id)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->ids[i] == id)
			return true;
	return false;
}

static int list_add(struct id_list *list, pid_t id, const char *what, struct ss_error *err)
{
	if (list_has(list, id))
		return 0;
	if (list->n == ID_LIST_MAX)
		return parse_fail(err, "%s: more than %d of them", what, ID_LIST_MAX);
	list->ids[list->n++] = id;
	return 0;
}

int parse_ids(const char *text, const char *what, struct id_list *list, struct ss_error *err)
{
	const char *p = text;
	unsigned id;
	int r;

	for (;; p++) {
		if (!scan_number(p, INT_MAX, &id, &p) || id == 0 || (*p && *p != ','))
			return parse_fail(err, "%s: '%.80s' is not a list of ids such as 12,34",
					  what, text);
		r = list_add(list, (pid_t)id, what, err);
		if (r < 0 || !*p)
			return r;
	}
}

/* "a, b, c" */
static void join_names(const char *const *names, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; names[i] && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? ", " : "", names[i]);
}

int parse_choice(const char *text, const char *what, const char *const *names, unsigned *ret,
		 struct ss_error *err)
{
	char all[128];

	for (unsigned i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	join_names(names, all, sizeof(all));
	return parse_fail(err, "%s: '%.80s' is not one of %s", what, text, all);
}
