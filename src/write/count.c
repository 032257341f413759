/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.c: identical stacks with their number (debug=1), Go's text form of a count profile, with
 * /proc/PID/maps behind it so that go tool pprof can tell the mappings. Threads are counted
 * together if the addresses written and the state are the same. It never writes an empty stack:
 * pprof refuses the whole file for one (profile/legacy_profile.go).
 *
 * Readers subtract one from every address, the leaf's too: return addresses are written as they
 * are, interrupted instructions plus one. The lines for people say the exact address.
 */
#include "write/write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "write/cache.h"

/* Threads with one stack in one state. */
struct record {
	const char *key; /* "0x1 0x2 0x3", interned */
	const char *state;
	const struct stack *stack; /* of the first of them */
	unsigned count;
};

struct counts {
	const struct write_options *options;
	struct strtab strings;
	struct map64 by_stack; /* stack -> its key, interned */
	struct map64 by_key;   /* interned key and state as one -> index of the record */
	VEC(struct record) records;
	struct frame_cache frames;
	struct buf text;
	struct buf rows; /* of the record at work, not aligned */
	size_t total;    /* threads counted */
	size_t shown;    /* those and the ones without a stack */
	bool failed;
};

/* ---- grouping ---- */

/* printf takes most of the time that grouping thousands of stacks takes. */
static void put_hex(struct buf *buf, uint64_t value)
{
	char digits[2 + 16];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[value & 15];
	while (value >>= 4);
	digits[--at] = 'x';
	digits[--at] = '0';
	buf_add(buf, digits + at, sizeof(digits) - at);
}

/* What is in the buffer, interned; the buffer is empty afterwards. NULL if memory is out. */
static const char *take_text(struct counts *counts)
{
	const char *s = NULL;

	if (!counts->text.failed)
		s = strtab_intern_n(&counts->strings, counts->text.data, counts->text.len);
	counts->failed |= !s;
	buf_reset(&counts->text);
	return s;
}

static const char *make_key(struct counts *counts, const struct stack *stack)
{
	unsigned n = write_frame_count(stack, counts->options);
	struct location room;

	for (unsigned i = 0; i < n; i++) {
		buf_puts(&counts->text, i ? " " : "");
		put_hex(&counts->text,
			location_address(write_location(&stack->frames[i], &room)) + 1);
	}
	return take_text(counts);
}

static const char *stack_key(struct counts *counts, const struct stack *stack)
{
	const uint64_t *found = map64_find(&counts->by_stack, (uintptr_t)stack);
	const char *key;

	if (found)
		return (const char *)(uintptr_t)*found;
	key = make_key(counts, stack);
	if (key && map64_put(&counts->by_stack, (uintptr_t)stack, (uintptr_t)key) < 0)
		counts->failed = true;
	return key;
}

static const char *state_key(struct counts *counts, const struct thread *thread)
{
	buf_printf(&counts->text, "\"state\":\"%s\"", thread_state_name(thread->state));
	if (thread->state == STATE_BLOCKED && thread->wait.kind != WAIT_NONE) {
		buf_puts(&counts->text, ", \"wait\":\"");
		write_state(&counts->text, thread);
		buf_putc(&counts->text, '"');
	}
	return take_text(counts);
}

/* Interned strings are one if they are the same pointer: the pair is one if this string is. */
static const char *pair_key(struct counts *counts, const char *key, const char *state)
{
	const char *pair[] = { key, state };

	buf_add(&counts->text, pair, sizeof(pair));
	return take_text(counts);
}

static void count_stack(struct counts *counts, const struct thread *thread)
{
	const char *key = stack_key(counts, thread->stack);
	const char *state = state_key(counts, thread);
	const char *pair = pair_key(counts, key, state);
	const uint64_t *found;

	if (counts->failed)
		return;
	found = map64_find(&counts->by_key, (uintptr_t)pair);
	if (found) {
		counts->records.data[*found].count++;
	} else if (map64_put(&counts->by_key, (uintptr_t)pair, counts->records.n) < 0 ||
		   vec_push(&counts->records, ((struct record){ key, state, thread->stack, 1 }))) {
		counts->failed = true;
	}
	counts->total++;
}

/* Go's order: the count, then the text of the addresses. */
static int compare_records(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return order ? order : strcmp(x->state, y->state);
}

static void count_threads(struct counts *counts, const struct ss_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->nthreads; i++) {
		const struct thread *thread = &snapshot->threads[i];

		if (!write_wants_thread(thread, counts->options))
			continue;
		counts->shown++;
		if (write_has_stack(thread))
			count_stack(counts, thread);
	}
	if (counts->records.n)
		qsort(counts->records.data, counts->records.n, sizeof(*counts->records.data),
		      compare_records);
}

/* ---- the lines for people ---- */

static void put_place(struct buf *buf, const struct location *location, const struct line *line)
{
	if (*line->file) {
		buf_puts_escaped(buf, line->file);
		buf_printf(buf, ":%u", line->line);
	} else if (location->mapping && *location->mapping->path) {
		buf_puts_escaped(buf, location->mapping->path);
	} else {
		buf_puts(buf, "??:0");
	}
}

/* Go leaves an empty cell between name and place. */
static void put_line(struct buf *buf, const struct location *location, const struct line *line)
{
	buf_printf(buf, "0x%" PRIx64 "\t", location_address(location));
	write_short_name(buf, line->function->name);
	if (line == &location->lines[location->nlines - 1])
		buf_printf(buf, "+0x%" PRIx64, location->function_offset);
	buf_puts(buf, "\t\t");
	put_place(buf, location, line);
	buf_putc(buf, '\n');
}

/*
 * A line for each function, its cells parted by tabs, not aligned yet. Escaped text has neither
 * tabs nor newlines. Without a name Go writes the address alone; its file is worth saying.
 */
static void render_frame(struct buf *buf, const struct location *location, uint32_t flags,
			 const void *arg)
{
	(void)flags;
	(void)arg;
	for (unsigned i = 0; i < location->nlines; i++)
		put_line(buf, location, &location->lines[i]);
	if (location->nlines)
		return;
	buf_printf(buf, "0x%" PRIx64, location_address(location));
	if (location->mapping) {
		buf_putc(buf, '\t');
		write_raw_location(buf, location);
	}
	buf_putc(buf, '\n');
}

/* One of those lines; name is NULL if it has none. Lengths are bytes, name_width is columns. */
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

static void put_rows(struct buf *buf, const char *p)
{
	while (*p) {
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

/* ---- the document ---- */

static void put_lines(struct counts *counts, const struct stack *stack, unsigned n)
{
	buf_reset(&counts->rows);
	for (unsigned i = 0; i < n; i++)
		frame_cache_put(&counts->frames, &counts->rows, &stack->frames[i]);
	if (counts->rows.failed)
		counts->failed = true;
	else if (counts->rows.data)
		put_rows(&counts->text, counts->rows.data);
}

static void put_record(struct counts *counts, const struct record *record)
{
	const struct stack *stack = record->stack;
	unsigned n = write_frame_count(stack, counts->options);

	buf_printf(&counts->text, "%u @ ", record->count);
	buf_puts(&counts->text, record->key);
	buf_puts(&counts->text, "\n# labels: {");
	buf_puts(&counts->text, record->state);
	buf_puts(&counts->text, "}\n");
	put_lines(counts, stack, n);
	if (n < stack->n)
		buf_puts(&counts->text, "# more frames follow, left out by -n\n");
	else if (stack->end != SS_END_COMPLETE)
		buf_printf(&counts->text, "# stack ends here: %s\n", stack_end_words(stack->end));
	buf_putc(&counts->text, '\n');
}

static void put_records(struct counts *counts, struct out *out)
{
	vec_each(record, &counts->records) {
		put_record(counts, record);
		out_buf(out, &counts->text);
	}
}

static void put_missing(struct counts *counts, const struct ss_snapshot *snapshot)
{
	struct buf *buf = &counts->text;

	for (size_t i = 0; i < snapshot->nthreads; i++) {
		const struct thread *thread = &snapshot->threads[i];

		if (write_has_stack(thread) || !write_wants_thread(thread, counts->options))
			continue;
		buf_printf(buf, "# no stack: %s: thread %d ", write_no_stack_words(thread),
			   thread->tid);
		write_quoted(buf, thread->name);
		buf_putc(buf, '\n');
	}
}

/* The kernel's text holds the target's file names: escaped, line by line. */
static void put_maps(struct counts *counts, const char *maps)
{
	_cleanup_free_ char *copy = strdup(maps);
	char *rest = copy, *line;

	counts->failed |= !copy;
	buf_puts(&counts->text, "\n--- Memory map: ---\n");
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		buf_puts_escaped(&counts->text, line);
		buf_putc(&counts->text, '\n');
	}
}

static void put_process(struct counts *counts, const struct ss_snapshot *snapshot, struct out *out)
{
	count_threads(counts, snapshot);
	buf_printf(&counts->text, "thread profile: total %zu\n", counts->total);
	out_buf(out, &counts->text);
	put_records(counts, out);
	put_missing(counts, snapshot);
	write_shown(&counts->text, counts->options, counts->shown, snapshot->nthreads, "# ");
	write_coverage(&counts->text, snapshot, "# ");
	put_maps(counts, snapshot->maps);
	out_buf(out, &counts->text);
}

static void counts_init(struct counts *counts, const struct write_options *options)
{
	*counts = (struct counts){ .options = options };
	strtab_init(&counts->strings);
	map64_init(&counts->by_stack);
	map64_init(&counts->by_key);
	frame_cache_init(&counts->frames, render_frame, NULL);
	buf_init(&counts->text);
	buf_init(&counts->rows);
}

static void counts_done(struct counts *counts)
{
	strtab_done(&counts->strings);
	map64_done(&counts->by_stack);
	map64_done(&counts->by_key);
	frame_cache_done(&counts->frames);
	buf_done(&counts->text);
	buf_done(&counts->rows);
	vec_done(&counts->records);
}

static int count_process(struct out *out, const struct ss_snapshot *snapshot,
			 const struct write_options *options, struct ss_error *err)
{
	_cleanup_(counts_done) struct counts counts;

	counts_init(&counts, options);
	put_process(&counts, snapshot, out);
	return counts.failed ? ss_error_oom(err) : out_check(out, err);
}

/* Several processes: for people only, pprof reads one profile a file. */
static int count_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			   const struct write_options *options, struct ss_error *err)
{
	_cleanup_(buf_done) struct buf header = { 0 };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (i > 0)
			buf_putc(&header, '\n');
		if (n > 1)
			write_process_header(&header, snapshots[i]);
		out_buf(out, &header);
		r = count_process(out, snapshots[i], options, err);
	}
	return r;
}

const struct writer writer_count = {
	.name = "count",
	.suffix = NULL, /* asked for by name only: .txt is debug=2 */
	.snapshots = count_snapshots,
};
