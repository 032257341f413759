/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.c: identical stacks with their number (debug=1), Go's text form of a count or a contention
 * profile, with /proc/PID/maps behind it so that go tool pprof can tell the mappings. Threads are
 * counted together if the addresses written and the state are the same. It never writes an empty
 * stack: pprof refuses the whole file for one (profile/legacy_profile.go).
 *
 * Readers subtract one from every address, the leaf's too: return addresses are written as they
 * are, interrupted instructions plus one. The lines for people say the exact address.
 */
#include "write/write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "write/account.h"
#include "write/cache.h"
#include "write/columns.h"

/* Threads with one stack in one state, or the accounts of such. */
struct record {
	const char *key; /* "0x1 0x2 0x3", interned */
	const char *state;
	const struct stack *stack; /* of the first of them */
	uint64_t count, ns;
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
	size_t total;    /* threads or accounts counted */
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

static void count_stack(struct counts *counts, const struct thread *thread, uint64_t count,
			uint64_t ns)
{
	const char *key = stack_key(counts, thread->stack);
	const char *state = state_key(counts, thread);
	const char *pair = pair_key(counts, key, state);
	const uint64_t *found;

	if (counts->failed)
		return;
	found = map64_find(&counts->by_key, (uintptr_t)pair);
	if (found) {
		counts->records.data[*found].count += count;
		counts->records.data[*found].ns += ns;
	} else if (map64_put(&counts->by_key, (uintptr_t)pair, counts->records.n) < 0 ||
		   vec_push(&counts->records,
			    ((struct record){ key, state, thread->stack, count, ns }))) {
		counts->failed = true;
	}
	counts->total++;
}

/* Go's order: time or count, then the text of the addresses. */
static int compare_records(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
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
			count_stack(counts, thread, 1, 0);
	}
}

static void count_accounts(struct counts *counts, const struct ss_profile *profile)
{
	for (size_t i = 0; i < profile->naccounts; i++) {
		const struct account *account = &profile->accounts[i];
		struct thread thread = account_thread(profile, account);

		if (account_is_shown(profile, account, counts->options))
			count_stack(counts, &thread, account->count, account->ns);
	}
}

static void sort_records(struct counts *counts)
{
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

/* ---- the document ---- */

static void put_lines(struct counts *counts, const struct stack *stack, unsigned n)
{
	buf_reset(&counts->rows);
	for (unsigned i = 0; i < n; i++)
		frame_cache_put(&counts->frames, &counts->rows, &stack->frames[i]);
	if (counts->rows.failed)
		counts->failed = true;
	else if (counts->rows.data)
		columns_put(&counts->text, counts->rows.data);
}

/* Time stands before the count where Go has cycles (runtime/pprof, writeProfileInternal). */
static void put_record(struct counts *counts, const struct record *record, bool timed)
{
	const struct stack *stack = record->stack;
	unsigned n = write_frame_count(stack, counts->options);

	if (timed)
		buf_printf(&counts->text, "%" PRIu64 " ", record->ns);
	buf_printf(&counts->text, "%" PRIu64 " @ ", record->count);
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

static void put_records(struct counts *counts, struct out *out, bool timed)
{
	sort_records(counts);
	vec_each(record, &counts->records) {
		put_record(counts, record, timed);
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
	put_records(counts, out, false);
	put_missing(counts, snapshot);
	write_shown(&counts->text, counts->options, counts->shown, snapshot->nthreads, "threads",
		    "# ");
	write_coverage(&counts->text, snapshot, "# ");
	put_maps(counts, snapshot->maps);
	out_buf(out, &counts->text);
}

/* A profile keeps no text of /proc/PID/maps: the mappings that its stacks are in do. */
static void put_mappings(struct counts *counts, const struct ss_profile *profile)
{
	buf_puts(&counts->text, "\n--- Memory map: ---\n");
	for (size_t i = 0; i < profile->nmappings; i++) {
		const struct mapping *mapping = profile->mappings[i];

		buf_printf(&counts->text, "%08" PRIx64 "-%08" PRIx64 " r-xp %08" PRIx64 " 00:00 0 ",
			   mapping->start, mapping->end, mapping->offset);
		buf_puts_escaped(&counts->text, mapping->path);
		buf_putc(&counts->text, '\n');
	}
}

/*
 * A cycle is a nanosecond. pprof knows no other attribute than these before the samples
 * (profile/legacy_profile.go, parseContention).
 */
static void put_contention(struct counts *counts, const struct ss_profile *profile, struct out *out)
{
	struct account_sum sum = account_sum(profile, counts->options);

	count_accounts(counts, profile);
	buf_printf(&counts->text,
		   "--- contention:\ncycles/second=1000000000\nms since reset=%" PRIu64 "\n",
		   (uint64_t)(profile->duration_ns / NS_PER_MS));
	put_records(counts, out, true);
	account_coverage(&counts->text, profile, counts->options, &sum, "# ");
	put_mappings(counts, profile);
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

static int contention_process(struct out *out, const struct ss_profile *profile,
			      const struct write_options *options, struct ss_error *err)
{
	_cleanup_(counts_done) struct counts counts;

	counts_init(&counts, options);
	put_contention(&counts, profile, out);
	return counts.failed ? ss_error_oom(err) : out_check(out, err);
}

/* Several processes: for people only, pprof reads one profile a file. */
static void put_separator(struct out *out, size_t i, size_t n, pid_t pid, const char *comm)
{
	_cleanup_(buf_done) struct buf header = { 0 };

	if (i > 0)
		buf_putc(&header, '\n');
	if (n > 1)
		write_process_header(&header, pid, comm);
	out_buf(out, &header);
}

static int count_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			   const struct write_options *options, struct ss_error *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		put_separator(out, i, n, snapshots[i]->pid, snapshots[i]->comm);
		r = count_process(out, snapshots[i], options, err);
	}
	return r;
}

static int count_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
			  const struct write_options *options, struct ss_error *err)
{
	int r = 0;

	if (profiles[0]->kind != PROFILE_BLOCK)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "a %s profile has no count form: take pprof, text or json",
				    account_view(profiles[0]->kind)->name);
	for (size_t i = 0; i < n && r == 0; i++) {
		put_separator(out, i, n, profiles[i]->pid, profiles[i]->comm);
		r = contention_process(out, profiles[i], options, err);
	}
	return r;
}

const struct writer writer_count = {
	.name = "count",
	.suffix = NULL, /* asked for by name only: .txt is debug=2 */
	.snapshots = count_snapshots,
	.profiles = count_profiles,
};
