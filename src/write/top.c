/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top.c: sums by function name, and Go's table of them. Layout and order are those of pprof
 * (internal/report/report.go of go1.19), so that the two can be compared line by line. Pure: it
 * does no system calls and knows no locale or time zone.
 */
#include "write/top.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"

struct top {
	struct strtab names;
	struct map64 by_name;      /* interned name -> index in `sums` */
	VEC(struct top_row) sums;  /* in the order of first sight: indexes stay */
	VEC(uint64_t) last_sample; /* by index: the sample that counted it in cum */
	VEC(struct top_row) sorted;
	uint64_t samples;
};

/* ---- summing ---- */

struct top *top_new(void)
{
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return NULL;
	strtab_init(&top->names);
	map64_init(&top->by_name);
	return top;
}

void top_free(struct top *top)
{
	if (!top)
		return;
	strtab_done(&top->names);
	map64_done(&top->by_name);
	vec_done(&top->sums);
	vec_done(&top->last_sample);
	vec_done(&top->sorted);
	free(top);
}

static int add_row(struct top *top, const char *interned)
{
	if (vec_reserve(&top->sums, top->sums.n + 1) < 0 ||
	    vec_reserve(&top->last_sample, top->sums.n + 1) < 0 ||
	    map64_put(&top->by_name, (uintptr_t)interned, top->sums.n) < 0)
		return -ENOMEM;
	top->last_sample.data[top->last_sample.n++] = 0;
	top->sums.data[top->sums.n++] = (struct top_row){ .name = interned };
	return 0;
}

/* The index of the name's row, or -ENOMEM. */
static ssize_t find_row(struct top *top, const char *name)
{
	const char *interned = strtab_intern(&top->names, name);
	const uint64_t *found;

	if (!interned)
		return -ENOMEM;
	found = map64_find(&top->by_name, (uintptr_t)interned);
	if (found)
		return (ssize_t)*found;
	return add_row(top, interned) < 0 ? -ENOMEM : (ssize_t)top->sums.n - 1;
}

/* Hostile profiles hold any numbers: sums stick at the ends instead of wrapping. */
static int64_t add_saturated(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

int top_add(struct top *top, const char *const *names_leaf_first, size_t n, int64_t value)
{
	top->samples++;
	for (size_t i = 0; i < n; i++) {
		ssize_t index = find_row(top, names_leaf_first[i]);

		if (index < 0)
			return -ENOMEM;
		if (i == 0)
			top->sums.data[index].flat =
				add_saturated(top->sums.data[index].flat, value);
		if (top->last_sample.data[index] == top->samples)
			continue;
		top->last_sample.data[index] = top->samples;
		top->sums.data[index].cum = add_saturated(top->sums.data[index].cum, value);
	}
	return 0;
}

/* ---- sorting ---- */

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

/* Negative if a is to stand above b. */
static int compare_values(int64_t a, int64_t b)
{
	uint64_t x = magnitude(a), y = magnitude(b);

	return x > y ? -1 : x < y;
}

static int compare_flat(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	int order = compare_values(x->flat, y->flat);

	order = order ? order : strcmp(x->name, y->name);
	return order ? order : compare_values(x->cum, y->cum);
}

static int compare_cum(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	int order = compare_values(x->cum, y->cum);

	order = order ? order : strcmp(x->name, y->name);
	return order ? order : compare_values(x->flat, y->flat);
}

void top_sort(struct top_row *rows, size_t n, bool by_cum)
{
	if (n)
		qsort(rows, n, sizeof(*rows), by_cum ? compare_cum : compare_flat);
}

int top_rows(struct top *top, bool by_cum, const struct top_row **ret_rows, size_t *ret_n)
{
	size_t n = top->sums.n;

	if (vec_reserve(&top->sorted, n) < 0)
		return -ENOMEM;
	if (n)
		memcpy(top->sorted.data, top->sums.data, n * sizeof(*top->sorted.data));
	top->sorted.n = n;
	top_sort(top->sorted.data, n, by_cum);
	*ret_rows = top->sorted.data;
	*ret_n = n;
	return 0;
}

/* ---- the table ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void put_percent_trimmed(struct buf *buf, double value, double total)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	top_put_percent(&text, value, total);
	if (text.failed)
		buf->failed = true;
	else
		buf_puts(buf, text.data + strspn(text.data, " "));
}

static void put_field(struct buf *buf, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(buf, "%s: ", key);
	buf_puts_escaped(buf, value);
	buf_putc(buf, '\n');
}

/* Go writes the local time with its zone; the library reads no environment, so UTC. */
static void put_time(struct buf *buf, int64_t ns)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = ns / 1000000000;
	struct tm tm;

	if (!ns || !gmtime_r(&seconds, &tm))
		return;
	buf_printf(buf, "Time: %s %d, %d at %d:%02d%s (UTC)\n", months[tm.tm_mon], tm.tm_mday,
		   tm.tm_year + 1900, tm.tm_hour % 12 ? tm.tm_hour % 12 : 12, tm.tm_min,
		   tm.tm_hour < 12 ? "am" : "pm");
}

static void put_duration(struct buf *buf, const struct top_options *options, const char *unit)
{
	double ns = top_unit_ns(options->unit) * (double)options->total;

	if (!options->duration_ns)
		return;
	buf_puts(buf, "Duration: ");
	top_put_value(buf, options->duration_ns, "nanoseconds", NULL);
	buf_puts(buf, ", Total samples = ");
	top_put_value(buf, options->total, options->unit, unit);
	buf_putc(buf, ' ');
	if (ns != 0) {
		buf_putc(buf, '(');
		top_put_percent(buf, ns, (double)options->duration_ns);
		buf_putc(buf, ')');
	}
	buf_putc(buf, '\n');
}

/* The rows that are shown, of those given. */
struct selection {
	const struct top_row *rows;
	size_t n, left, dropped; /* left: before max_rows; dropped: below the fraction */
	int64_t cutoff, flat_sum;
};

static void put_heading(struct buf *buf, const struct selection *shown,
			const struct top_options *options, const char *unit)
{
	put_field(buf, "File", options->file ? last_part(options->file) : NULL);
	put_field(buf, "Build ID", options->build_id);
	put_field(buf, "Type", options->type);
	put_time(buf, options->time_ns);
	put_duration(buf, options, unit);
	buf_puts(buf, "Showing nodes accounting for ");
	top_put_value(buf, shown->flat_sum, options->unit, unit);
	buf_puts(buf, ", ");
	put_percent_trimmed(buf, (double)shown->flat_sum, (double)options->total);
	buf_puts(buf, " of ");
	top_put_value(buf, options->total, options->unit, unit);
	buf_puts(buf, " total\n");
	if (shown->dropped && options->total) {
		buf_printf(buf, "Dropped %zu node%s (cum <= ", shown->dropped,
			   shown->dropped > 1 ? "s" : "");
		top_put_value(buf, shown->cutoff, options->unit, unit);
		buf_puts(buf, ")\n");
	}
	if (shown->n && shown->n < shown->left && options->total)
		buf_printf(buf, "Showing top %zu nodes out of %zu\n", shown->n, shown->left);
}

/* Aligned to the right in `width` columns; values are ASCII. */
static void put_cell(struct buf *buf, int64_t value, const struct top_options *options,
		     const char *unit, int width)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	top_put_value(&text, value, options->unit, unit);
	if (text.failed)
		buf->failed = true;
	else
		buf_printf(buf, "%*s", width, text.data);
}

static void put_row(struct buf *buf, const struct top_row *row, int64_t sum,
		    const struct top_options *options, const char *unit)
{
	put_cell(buf, row->flat, options, unit, 10);
	buf_putc(buf, ' ');
	top_put_percent(buf, (double)row->flat, (double)options->total);
	buf_putc(buf, ' ');
	top_put_percent(buf, (double)sum, (double)options->total);
	buf_putc(buf, ' ');
	put_cell(buf, row->cum, options, unit, 10);
	buf_putc(buf, ' ');
	top_put_percent(buf, (double)row->cum, (double)options->total);
	buf_puts(buf, "  ");
	buf_puts_escaped(buf, row->name);
	buf_putc(buf, '\n');
}

static void put_rows(struct buf *buf, const struct selection *shown,
		     const struct top_options *options, const char *unit)
{
	int64_t sum = 0;

	buf_printf(buf, "%10s %5s%% %5s%% %10s %5s%%\n", "flat", "flat", "sum", "cum", "cum");
	for (size_t i = 0; i < shown->n; i++) {
		sum = add_saturated(sum, shown->rows[i].flat);
		put_row(buf, &shown->rows[i], sum, options, unit);
	}
}

/* Go's cutoff is a share of what the rows have, not of the total that 100 % means. */
static int64_t find_cutoff(const struct top_row *rows, size_t n, double fraction)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = add_saturated(sum, rows[i].flat);
	return (int64_t)fabs((double)sum * fraction);
}

void top_write(struct buf *buf, const struct top_row *rows, size_t n,
	       const struct top_options *options)
{
	struct selection shown = { .cutoff = find_cutoff(rows, n, options->node_fraction) };
	_cleanup_free_ struct top_row *kept = malloc(MAX(n, (size_t)1) * sizeof(*kept));
	const char *unit = options->output_unit;

	if (!kept) {
		buf->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (magnitude(rows[i].cum) >= (uint64_t)shown.cutoff)
			kept[shown.left++] = rows[i];
	shown.rows = kept;
	shown.dropped = n - shown.left;
	shown.n = options->max_rows ? MIN(shown.left, (size_t)options->max_rows) : shown.left;
	for (size_t i = 0; i < shown.n; i++)
		shown.flat_sum = add_saturated(shown.flat_sum, kept[i].flat);
	if (!unit)
		unit = top_choose_unit(kept, shown.n, options->unit, options->total);
	put_heading(buf, &shown, options, unit);
	put_rows(buf, &shown, options, unit);
}
