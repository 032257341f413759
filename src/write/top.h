/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top.h: values by function, as go tool pprof's top shows them: flat is what the function itself
 * has as a leaf, cum what it has anywhere in a stack. It knows no model: stacks are names.
 *
 *	struct top *top = top_new();
 *	top_add(top, names_leaf_first, n, value);	for every sample
 *	top_rows(top, by_cum, &rows, &nrows);
 *	top_write(buf, rows, nrows, &options);
 *	top_free(top);
 */
#ifndef SS_WRITE_TOP_H
#define SS_WRITE_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct top_row {
	const char *name; /* belongs to the top */
	int64_t flat, cum;
};

struct top_options {
	const char *type;        /* "delay"; NULL: no such line */
	const char *unit;        /* of the values: "nanoseconds", "count", "bytes"... */
	const char *output_unit; /* "ns", "us", "ms", "s", "B", "kB"...; NULL: as Go chooses it */
	int64_t total;           /* of all samples: what 100 % is */
	bool cum;                /* sort by cum, not flat */
	unsigned max_rows;       /* 0: all */
	double node_fraction;    /* leave out rows with less cum than this share of the total;
				    Go has 0.005, 0: none */
	/* Lines of the heading; NULL or 0: no such line. */
	const char *file;     /* path of the main program: its last part is shown */
	const char *build_id; /* hex */
	int64_t time_ns;      /* since 1970, shown as UTC */
	int64_t duration_ns;
};

struct top;

struct top *top_new(void); /* NULL if memory is out */
void top_free(struct top *top);

/*
 * One sample: names of its functions, the leaf (and the innermost inlined one) first. A name that
 * occurs several times is counted once. Names are copied. 0 or -ENOMEM.
 */
int top_add(struct top *top, const char *const *names_leaf_first, size_t n, int64_t value);

/* All rows, sorted; they belong to the top and hold until the next call with it. 0 or -ENOMEM. */
int top_rows(struct top *top, bool by_cum, const struct top_row **ret_rows, size_t *ret_n);

/* Sort rows as top_rows does: by absolute value, then by name. */
void top_sort(struct top_row *rows, size_t n, bool by_cum);

/* The whole table: heading and rows, which are sorted already. Names are escaped. */
void top_write(struct buf *buf, const struct top_row *rows, size_t n,
	       const struct top_options *options);

/* The unit that Go would show these rows in: "ns", "us", "ms", "s", "kB"...; "" for counts. */
const char *top_choose_unit(const struct top_row *rows, size_t n, const char *unit, int64_t total);

/* Nanoseconds in one of the unit; 0 if it is no unit of time. */
double top_unit_ns(const char *unit);

/* "1.25s", "430ms", "17": a value of `unit` in `output_unit`; NULL: the largest that fits. */
void top_put_value(struct buf *buf, int64_t value, const char *unit, const char *output_unit);

/* " 9.10%", "  100%", " 0.012%": six columns or a little more. */
void top_put_percent(struct buf *buf, double value, double total);

#endif
