/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accounts.c: the table of rows with its hash map, and the list of segments. It sums what it is
 * given and judges nothing. Running out of memory is remembered in the table, as the sink of a
 * delta cannot fail; every nanosecond is in some row or in lost_ns.
 */
#include "aggregate/accounts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"

/* The key has room for 2^28 threads; Linux has at most 2^22 at a time (PID_MAX_LIMIT). */
#define MAX_THREADS (1u << 28)

_Static_assert(CREDIT_KINDS <= 8, "a key has three bits for the kind");

void accounts_init(struct accounts *accounts, size_t max_rows, size_t max_segments)
{
	*accounts = (struct accounts){ .max_rows = max_rows, .max_segments = max_segments };
	map64_init(&accounts->by_key);
}

void accounts_done(struct accounts *accounts)
{
	vec_done(&accounts->rows);
	map64_done(&accounts->by_key);
	vec_done(&accounts->segments);
	vec_done(&accounts->tails);
}

static uint64_t row_key(uint32_t thread, enum credit_kind kind, uint32_t place)
{
	return (uint64_t)thread << 35 | (uint64_t)kind << 32 | place;
}

static struct accounts_row *row_new(struct accounts *accounts, const struct accounts_row *row)
{
	uint64_t key = row_key(row->thread, row->kind, row->place);

	if (vec_push(&accounts->rows, *row) < 0)
		return NULL;
	if (map64_put(&accounts->by_key, key, accounts->rows.n - 1) < 0) {
		accounts->rows.n--;
		return NULL;
	}
	return &accounts->rows.data[accounts->rows.n - 1];
}

/* The row of this key, made if need be; NULL only if memory is out. */
static struct accounts_row *row_get(struct accounts *accounts, uint32_t thread,
				    enum credit_kind kind, uint32_t place)
{
	struct accounts_row row = { .thread = thread, .kind = kind, .place = place };
	const uint64_t *at = map64_find(&accounts->by_key, row_key(thread, kind, place));

	return at ? &accounts->rows.data[*at] : row_new(accounts, &row);
}

/* The row that a credit belongs to, or the one of place 0 if there is no room for another. */
static struct accounts_row *row_for(struct accounts *accounts, uint32_t thread,
				    const struct credit *credit)
{
	uint64_t key = row_key(thread, credit->kind, credit->place);

	if (thread >= MAX_THREADS)
		return NULL;
	if (accounts->rows.n < accounts->max_rows || credit->place == 0 ||
	    map64_find(&accounts->by_key, key))
		return row_get(accounts, thread, credit->kind, credit->place);
	accounts->nameless_ns += credit->ns;
	return row_get(accounts, thread, credit->kind, 0);
}

/* The thread's latest segment, or NULL. */
static struct accounts_segment *tail_of(const struct accounts *accounts, uint32_t thread)
{
	if (thread >= accounts->tails.n || accounts->tails.data[thread] == 0)
		return NULL;
	return &accounts->segments.data[accounts->tails.data[thread] - 1];
}

static int tail_set(struct accounts *accounts, uint32_t thread, size_t index)
{
	while (accounts->tails.n <= thread)
		if (vec_push(&accounts->tails, 0) < 0)
			return -ENOMEM;
	accounts->tails.data[thread] = (uint32_t)index + 1;
	return 0;
}

/* A spinner's credits of one tick after the other are one segment. */
static bool segment_extend(struct accounts *accounts, const struct accounts_segment *next)
{
	struct accounts_segment *tail = tail_of(accounts, next->thread);

	if (!tail || tail->kind != next->kind || tail->place != next->place ||
	    tail->start_ns + tail->ns != next->start_ns)
		return false;
	tail->ns += next->ns;
	return true;
}

static void segment_add(struct accounts *accounts, const struct accounts_segment *segment)
{
	if (segment->ns == 0 || segment_extend(accounts, segment))
		return;
	if (accounts->segments.n >= MIN(accounts->max_segments, UINT32_MAX) ||
	    vec_push(&accounts->segments, *segment) < 0) {
		accounts->segments_dropped++;
		return;
	}
	if (tail_set(accounts, segment->thread, accounts->segments.n - 1) < 0) {
		accounts->segments.n--;
		accounts->segments_dropped++;
	}
}

static void lose(struct accounts *accounts, const struct credit *credit)
{
	accounts->error = -ENOMEM;
	accounts->lost_ns += credit->ns;
}

void accounts_add(struct accounts *accounts, uint32_t thread, const struct credit *credit)
{
	bool wait = credit->kind == CREDIT_BLOCKED || credit->kind == CREDIT_SHORT_WAITS;
	struct accounts_row *row = row_for(accounts, thread, credit);

	if (!row) {
		lose(accounts, credit);
		return;
	}
	row->ns += credit->ns;
	row->count += wait ? credit->count : 1;
	if (accounts->max_segments)
		segment_add(accounts, &(struct accounts_segment){ .thread = thread,
								  .place = row->place,
								  .kind = credit->kind,
								  .start_ns = credit->start_ns,
								  .ns = credit->ns });
}

void accounts_sink(void *arg, const struct credit *credit)
{
	const struct accounts_sink *sink = arg;

	accounts_add(sink->accounts, sink->thread, credit);
}

static int compare_rows(const void *a, const void *b)
{
	const struct accounts_row *x = a, *y = b;
	uint64_t kx = row_key(x->thread, x->kind, x->place);
	uint64_t ky = row_key(y->thread, y->kind, y->place);

	return kx < ky ? -1 : kx > ky;
}

/* Of those that begin together the longer one comes first: it is the one that is kept. */
static int compare_segments(const void *a, const void *b)
{
	const struct accounts_segment *x = a, *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return x->kind < y->kind ? -1 : x->kind > y->kind;
}

/* Cuts off what the segments of the same thread before it cover already; false if all of it. */
static bool segment_cut(struct accounts_segment *segment, const struct accounts_segment *before)
{
	uint64_t end = segment->start_ns + segment->ns;
	uint64_t from;

	if (!before || before->thread != segment->thread)
		return true;
	from = MAX(segment->start_ns, before->start_ns + before->ns);
	segment->start_ns = from;
	segment->ns = end > from ? end - from : 0;
	return segment->ns > 0;
}

static void cut_overlaps(struct accounts *accounts)
{
	struct accounts_segment *all = accounts->segments.data;
	size_t kept = 0;

	for (size_t k = 0; k < accounts->segments.n; k++)
		if (segment_cut(&all[k], kept ? &all[kept - 1] : NULL))
			all[kept++] = all[k];
	accounts->segments.n = kept;
}

void accounts_sort(struct accounts *accounts)
{
	if (accounts->rows.n)
		qsort(accounts->rows.data, accounts->rows.n, sizeof(*accounts->rows.data),
		      compare_rows);
	if (accounts->segments.n)
		qsort(accounts->segments.data, accounts->segments.n,
		      sizeof(*accounts->segments.data), compare_segments);
	cut_overlaps(accounts);
	map64_done(&accounts->by_key);
	vec_done(&accounts->tails);
}
