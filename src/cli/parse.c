/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.c: numbers, id lists, choices, times and thresholds of the command line. It assumes NUL-terminated text and
 * nothing else about it; messages show the text as given (msg.c makes it safe for a terminal). It
 * never does a system call and never allocates.
 */
#include "parse.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

static int add_dir(struct dir_list *list, const char *text, size_t len, const char *what,
		   struct ss_error *err)
{
	char *copy = list->room + list->room_used;

	if (len == 0)
		return parse_fail(err, "%s: the name is empty", what);
	if (list->n == DIR_LIST_MAX || len >= sizeof(list->room) - list->room_used)
		return parse_fail(err, "%s: too many directories", what);
	memcpy(copy, text, len);
	copy[len] = '\0';
	list->room_used += len + 1;
	list->list[list->n++] = copy;
	return 0;
}

int parse_dirs(const char *text, const char *what, struct dir_list *list, struct ss_error *err)
{
	int r;

	do {
		size_t len = strcspn(text, ",");

		r = add_dir(list, text, len, what, err);
		text += len;
	} while (r == 0 && *text++);
	return r;
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

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "", 1000000000 }, { "s", 1000000000 },  { "ms", 1000000 },      { "us", 1000 },
	{ "ns", 1 },        { "m", 60000000000 }, { "h", 3600000000000 },
};

/* Digits with at most one point, the first character a digit. */
static size_t number_length(const char *text)
{
	size_t whole = strspn(text, "0123456789"), rest = 0;

	if (whole && text[whole] == '.')
		rest = 1 + strspn(text + whole + 1, "0123456789");
	return rest == 1 ? 0 : whole + rest;
}

int parse_duration(const char *text, const char *what, uint64_t *ret_ns, struct ss_error *err)
{
	size_t len = number_length(text);
	const double max_ns = 1000.0 * 3600e9;

	for (size_t i = 0; len && len < 24 && i < sizeof(units) / sizeof(units[0]); i++) {
		double ns = strtod(text, NULL) * (double)units[i].ns;

		if (strcmp(text + len, units[i].name) != 0)
			continue;
		if (ns < 1 || ns > max_ns)
			break;
		*ret_ns = (uint64_t)(ns + 0.5);
		return 0;
	}
	return parse_fail(err, "%s: '%.40s' is no duration such as 10, 2.5s, 500ms or 2m", what,
			  text);
}

/* "+100ms", "-2s", "100ms", "0" */
static int parse_limit(const char *text, int64_t *ret_ns, struct ss_error *err)
{
	bool negative = *text == '-';
	uint64_t ns = 0;
	int r = 0;

	if (*text == '+' || *text == '-')
		text++;
	if (strcmp(text, "0") != 0)
		r = parse_duration(text, "--fail-over", &ns, err);
	if (r == 0)
		*ret_ns = negative ? -(int64_t)ns : (int64_t)ns; /* at most 1000 h: parse.h */
	return r;
}

/* A regular expression may hold '=', a duration does not: the last one counts. */
int parse_threshold(const char *text, struct thresholds *thresholds, struct ss_error *err)
{
	struct ss_threshold *threshold = &thresholds->list[thresholds->n];
	const char *equals = strrchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : 0;
	char *function = thresholds->room + thresholds->room_used;

	if (len == 0)
		return parse_fail(err, "--fail-over: '%.80s' is not REGEX=TIME", text);
	if (thresholds->n == THRESHOLDS_MAX ||
	    len + 1 > sizeof(thresholds->room) - thresholds->room_used)
		return parse_fail(err, "--fail-over: too many of them");
	memcpy(function, text, len);
	function[len] = '\0';
	thresholds->room_used += len + 1;
	threshold->function = function;
	thresholds->texts[thresholds->n++] = text;
	return parse_limit(equals + 1, &threshold->limit_ns, err);
}

int parse_no_negative(const struct thresholds *thresholds, const char *of, struct ss_error *err)
{
	for (size_t i = 0; i < thresholds->n; i++)
		if (thresholds->list[i].limit_ns < 0)
			return parse_fail(err, "--fail-over: '%.80s': a time of %s is not negative",
					  thresholds->texts[i], of);
	return 0;
}
