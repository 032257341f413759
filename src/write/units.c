/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.c: values and shares as pprof writes them (internal/measurement/measurement.go of go1.19),
 * but for its unit of computing power, which no profile of ours or Go's has. Unknown units are
 * written as they are. Pure.
 */
#include "write/top.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"

struct unit {
	const char *name, *aliases; /* in lower case, each between spaces, without a plural s */
	double factor;
};

/* The first unit is the base of its kind; `fallback` is for what no unit of it fits. */
struct unit_kind {
	const struct unit *units;
	size_t n, fallback;
};

static const struct unit bytes[] = {
	{ "B", " b byte ", 1 },
	{ "kB", " kb kbyte kilobyte ", 0x1p10 },
	{ "MB", " mb mbyte megabyte ", 0x1p20 },
	{ "GB", " gb gbyte gigabyte ", 0x1p30 },
	{ "TB", " tb tbyte terabyte ", 0x1p40 },
	{ "PB", " pb pbyte petabyte ", 0x1p50 },
};

static const struct unit times[] = {
	{ "ns", " ns nanosecond ", 1 },    { "us", " us microsecond ", 1e3 },
	{ "ms", " ms millisecond ", 1e6 }, { "s", " s sec second ", 1e9 },
	{ "hrs", " hour hr ", 3600e9 },
};

static const struct unit_kind kinds[] = {
	{ bytes, ARRAY_SIZE(bytes), 0 },
	{ times, ARRAY_SIZE(times), 3 },
};

/* The word in lower case, between spaces, without a plural s, as `aliases` has it. */
static void normalize(char *to, size_t size, const char *unit)
{
	size_t len;

	snprintf(to, size, " %s", unit);
	len = strlen(to);
	for (size_t i = 0; i < len; i++)
		if (to[i] >= 'A' && to[i] <= 'Z')
			to[i] += 'a' - 'A';
	if (len > 3 && to[len - 1] == 's')
		len--;
	if (len + 1 < size) {
		to[len] = ' ';
		to[len + 1] = '\0';
	}
}

static const struct unit *find_unit(const struct unit_kind *kind, const char *name)
{
	char word[32];

	normalize(word, sizeof(word), name);
	for (size_t i = 0; i < kind->n; i++)
		if (strstr(kind->units[i].aliases, word))
			return &kind->units[i];
	return NULL;
}

static const struct unit_kind *find_kind(const char *unit)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (find_unit(&kinds[i], unit))
			return &kinds[i];
	return NULL;
}

/* The largest unit that leaves at least 1; value is in the kind's base unit. */
static const struct unit *largest_unit(const struct unit_kind *kind, double value)
{
	const struct unit *best = NULL;

	for (size_t i = 0; i < kind->n; i++)
		if (value / kind->units[i].factor >= 1.0)
			best = &kind->units[i];
	return best ? best : &kind->units[kind->fallback];
}

static const struct unit *output_unit_of(const struct unit_kind *kind, double value,
					 const char *output_unit)
{
	const struct unit *unit;

	if (!output_unit)
		return largest_unit(kind, fabs(value));
	unit = find_unit(kind, output_unit);
	return unit ? unit : &kind->units[kind->fallback];
}

static bool is_plain_count(const char *unit)
{
	return !*unit || strcmp(unit, "count") == 0 || strcmp(unit, "sample") == 0 ||
	       strcmp(unit, "unit") == 0;
}

/* Go's "%.2f" without ".00", and a bare "0". */
static void put_number(struct buf *buf, double value, const char *unit)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%.2f", value);

	if (len > 3 && len < (int)sizeof(text) && strcmp(text + len - 3, ".00") == 0)
		text[len - 3] = '\0';
	if (strcmp(text, "0") == 0 || strcmp(text, "-0") == 0)
		buf_puts(buf, "0");
	else
		buf_printf(buf, "%s%s", text, unit);
}

void top_put_value(struct buf *buf, int64_t value, const char *unit, const char *output_unit)
{
	const struct unit_kind *kind = find_kind(unit);
	const struct unit *to;
	double v = (double)value;

	if (!kind) {
		put_number(buf, v, is_plain_count(unit) ? "" : unit);
		return;
	}
	v *= find_unit(kind, unit)->factor;
	to = output_unit_of(kind, v, output_unit);
	put_number(buf, v / to->factor, to->name);
}

double top_unit_ns(const char *unit)
{
	const struct unit *found = find_unit(&kinds[1], unit);

	return found ? found->factor : 0;
}

/* The smallest value shown decides; 100 times that if the values are far apart. */
const char *top_choose_unit(const struct top_row *rows, size_t n, const char *unit, int64_t total)
{
	const struct unit_kind *kind = find_kind(unit);
	double factor, most = fabs((double)total), least = 0;
	const struct unit *small;

	if (!kind)
		return "";
	for (size_t i = 0; i < n; i++) {
		double value = fabs((double)(rows[i].flat ? rows[i].flat : rows[i].cum));

		if (value > 0 && (least == 0 || value < least))
			least = value;
	}
	if (least == 0)
		least = most;
	factor = find_unit(kind, unit)->factor;
	small = largest_unit(kind, least * factor);
	if (small != largest_unit(kind, most * factor) && least * 100 < most)
		small = largest_unit(kind, 100 * least * factor);
	return small->name;
}

void top_put_percent(struct buf *buf, double value, double total)
{
	double ratio = total != 0 ? fabs(value / total) * 100 : 0;

	if (ratio >= 99.95 && ratio <= 100.05)
		buf_puts(buf, "  100%");
	else if (ratio >= 1)
		buf_printf(buf, "%5.2f%%", ratio);
	else
		buf_printf(buf, "%5.2g%%", ratio);
}
