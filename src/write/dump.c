/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump.c: a block a thread (debug=2), in the shape of Go's goroutine dump, and the strict form of
 * it (--go) for programs that parse goroutine dumps. Assumes only that the snapshots are whole.
 *
 * What the strict form may contain was read in two parsers, gostackparse (2021) and panicparse
 * (v1, stack/context.go): no comment inside a block, no comma inside the state, parentheses in
 * pairs that do not nest, a path without colon and space, and never a block without a frame.
 */
#include "write/write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "write/cache.h"
#include "write/chains.h"
#include "write/table.h"

#define COLOR_BOLD   "\033[1m"
#define COLOR_DIM    "\033[2m"
#define COLOR_RED    "\033[31m"
#define COLOR_GREEN  "\033[32m"
#define COLOR_YELLOW "\033[33m"
#define COLOR_CYAN   "\033[36m"
#define COLOR_OFF    "\033[0m"

struct dump {
	const struct ss_snapshot *snapshot;
	const struct write_options *options;
	bool several; /* processes: deadlocks, which may be between them, come after all */
	struct frame_cache frames;
	struct buf text;  /* of the block at work */
	struct buf words; /* scratch */
};

static void put_color(struct buf *buf, const struct write_options *options, const char *color)
{
	if (options->color && !options->go)
		buf_puts(buf, color);
}

/* ---- frames ---- */

static void replace_chars(struct buf *buf, size_t start, const char *from, const char *to)
{
	for (size_t i = start; i < buf->len; i++) {
		const char *found = strchr(from, buf->data[i]);

		if (found)
			buf->data[i] = to[found - from];
	}
}

/* True if each parenthesis from start on has its partner and none stands within another pair. */
static bool parens_are_flat(const struct buf *buf, size_t start)
{
	unsigned depth = 0;

	for (size_t i = start; i < buf->len; i++) {
		if (buf->data[i] == '(' && depth++)
			return false;
		if (buf->data[i] == ')' && !depth--)
			return false;
	}
	return !depth;
}

/* gostackparse and panicparse read "created by " at the start of a line as a heading. */
static void make_go_name(struct buf *buf, size_t start)
{
	static const char heading[] = "created by ";

	if (buf->failed)
		return;
	if (!parens_are_flat(buf, start))
		replace_chars(buf, start, "()", "{}");
	if (buf->len > start && strncmp(buf->data + start, heading, strlen(heading)) == 0)
		replace_chars(buf, start, " ", "_");
}

static void put_name(struct buf *buf, const struct location *location, const struct line *line,
		     bool go)
{
	size_t start = buf->len;

	if (line)
		write_short_name(buf, line->function->name);
	else
		write_raw_location(buf, location);
	if (buf->len == start)
		buf_puts(buf, "??");
	if (go)
		make_go_name(buf, start);
	buf_puts(buf, "(...)\n");
}

static void put_go_file(struct buf *buf, const struct line *line)
{
	size_t start = buf->len;

	if (!line || !*line->file) {
		buf_puts(buf, "??:0");
		return;
	}
	buf_puts_escaped(buf, line->file);
	replace_chars(buf, start, ": ", "__");
	buf_printf(buf, ":%u", line->line);
}

/* Without a source file the mapped file stands in; inlined code has no place in it of its own. */
static void put_file(struct buf *buf, const struct location *location, const struct line *line,
		     bool physical)
{
	if (line && *line->file) {
		buf_puts_escaped(buf, line->file);
		buf_printf(buf, ":%u", line->line);
	} else if (physical && location->mapping && *location->mapping->path) {
		buf_puts_escaped(buf, location->mapping->path);
	} else {
		buf_puts(buf, "??:0");
	}
}

static void put_line(struct buf *buf, const struct location *location, unsigned i,
		     const struct write_options *options)
{
	const struct line *line = i < location->nlines ? &location->lines[i] : NULL;
	bool physical = i + 1 >= location->nlines;

	put_name(buf, location, line, options->go);
	put_color(buf, options, COLOR_DIM);
	buf_putc(buf, '\t');
	if (options->go)
		put_go_file(buf, line);
	else
		put_file(buf, location, line, physical);
	if (line && physical)
		buf_printf(buf, " +0x%" PRIx64, location->function_offset);
	put_color(buf, options, COLOR_OFF);
	buf_putc(buf, '\n');
}

static void put_comment(struct buf *buf, const struct write_options *options, const char *text)
{
	put_color(buf, options, COLOR_DIM);
	buf_printf(buf, "# %s", text);
	put_color(buf, options, COLOR_OFF);
	buf_putc(buf, '\n');
}

static void render_frame(struct buf *buf, const struct location *location, uint32_t flags,
			 const void *arg)
{
	const struct write_options *options = arg;

	for (unsigned i = 0; i < MAX(location->nlines, 1u); i++)
		put_line(buf, location, i, options);
	if ((flags & FRAME_SIGNAL) && !options->go)
		put_comment(buf, options, "signal handler called from here");
}

/* ---- threads ---- */

static const char *state_color(const struct thread *thread)
{
	switch (thread->state) {
	case STATE_ON_CPU:
		return COLOR_GREEN;
	case STATE_RUNNABLE:
	case STATE_RUNNING_OR_RUNNABLE:
		return COLOR_YELLOW;
	case STATE_BLOCKED:
		return thread->wait.kind >= WAIT_MUTEX && thread->wait.kind <= WAIT_FUTEX
			       ? COLOR_RED
			       : COLOR_CYAN;
	default:
		return COLOR_CYAN;
	}
}

static void put_since(struct buf *buf, const struct thread *thread)
{
	char text[CLOCK_FORMAT_MAX];

	if (thread->state != STATE_BLOCKED || !thread->wait.since_known)
		return;
	buf_printf(buf, ", %s%s", thread->wait.since_at_least ? ">= " : "",
		   clock_format(text, sizeof(text), thread->wait.since_ns));
}

static void put_header(struct buf *buf, const struct thread *thread,
		       const struct write_options *options)
{
	put_color(buf, options, COLOR_BOLD);
	buf_printf(buf, "thread %d ", thread->tid);
	write_quoted(buf, thread->name);
	buf_puts(buf, " [");
	put_color(buf, options, state_color(thread));
	write_state(buf, thread);
	put_since(buf, thread);
	put_color(buf, options, COLOR_OFF COLOR_BOLD);
	buf_puts(buf, "]:");
	put_color(buf, options, COLOR_OFF);
	buf_putc(buf, '\n');
}

/* Go too tells minutes only, and only from the first one on (runtime/traceback.go). */
static void put_go_header(struct buf *buf, const struct thread *thread)
{
	const struct wait *wait = &thread->wait;
	bool waits = thread->state == STATE_BLOCKED && wait->kind != WAIT_NONE;

	buf_printf(buf, "goroutine %d [%s", thread->tid,
		   waits ? wait_kind_go_name(wait->kind) : thread_state_go_name(thread->state));
	if (thread->state == STATE_BLOCKED && wait->since_known &&
	    wait->since_ns >= 60 * NS_PER_SEC)
		buf_printf(buf, ", %" PRIu64 " minutes",
			   (uint64_t)(wait->since_ns / (60 * NS_PER_SEC)));
	buf_puts(buf, "]:\n");
}

/* The words, if there are any, in a line of their own; then there are none. */
static void flush_words(struct dump *dump)
{
	if (dump->words.failed)
		dump->text.failed = true;
	else if (dump->words.len)
		put_comment(&dump->text, dump->options, dump->words.data);
	buf_reset(&dump->words);
}

static void put_wait(struct dump *dump, const struct thread *thread)
{
	buf_reset(&dump->words);
	write_wait(&dump->words, dump->snapshot, thread);
	flush_words(dump);
	write_ends(&dump->words, thread);
	flush_words(dump);
	write_chain(&dump->words, dump->snapshot, thread);
	flush_words(dump);
}

static void put_reason(struct dump *dump, const char *what, const char *reason)
{
	buf_reset(&dump->words);
	buf_printf(&dump->words, "%s: %s", what, reason);
	flush_words(dump);
}

/* In the strict form Go's own line says that there is more; it has no words for the reason. */
static void put_stack_end(struct dump *dump, const struct stack *stack, unsigned shown)
{
	bool whole = shown == stack->n && stack->end == SS_END_COMPLETE;

	if (dump->options->go && !whole)
		buf_puts(&dump->text, "...additional frames elided...\n");
	if (dump->options->go)
		return;
	if (shown < stack->n)
		put_comment(&dump->text, dump->options, "more frames follow, left out by -n");
	else if (stack->end != SS_END_COMPLETE)
		put_reason(dump, "stack ends here", stack_end_words(stack->end));
}

static void put_stack(struct dump *dump, const struct stack *stack)
{
	unsigned n = write_frame_count(stack, dump->options);

	for (unsigned i = 0; i < n; i++)
		frame_cache_put(&dump->frames, &dump->text, &stack->frames[i]);
	put_stack_end(dump, stack, n);
}

/*
 * Go's line for a missing stack ("goroutine running on other thread; stack unavailable") is refused
 * by gostackparse; a frame that is none is accepted by both.
 */
static void put_no_stack(struct dump *dump, const struct thread *thread)
{
	if (dump->options->go)
		buf_puts(&dump->text, "[no stack](...)\n\t??:0\n");
	else
		put_reason(dump, "no stack", write_no_stack_words(thread));
}

static void put_thread(struct dump *dump, const struct thread *thread)
{
	if (dump->options->go) {
		put_go_header(&dump->text, thread);
	} else {
		put_header(&dump->text, thread, dump->options);
		put_wait(dump, thread);
	}
	if (write_has_stack(thread))
		put_stack(dump, thread->stack);
	else
		put_no_stack(dump, thread);
	buf_putc(&dump->text, '\n');
}

/* ---- processes ---- */

static size_t count_shown(const struct dump *dump)
{
	const struct ss_snapshot *snapshot = dump->snapshot;
	size_t shown = 0;

	for (size_t i = 0; i < snapshot->nthreads; i++)
		shown += write_wants_thread(&snapshot->threads[i], dump->options);
	return shown;
}

static void put_coverage(struct dump *dump)
{
	if (dump->options->focus || dump->options->ignore)
		write_shown(&dump->text, dump->options, count_shown(dump), dump->snapshot->nthreads,
			    "threads", "# ");
	write_coverage(&dump->text, dump->snapshot, "# ");
}

/* panicparse stops at the first foreign line after a goroutine: the coverage goes first there. */
static void put_process(struct dump *dump, struct out *out)
{
	const struct ss_snapshot *snapshot = dump->snapshot;

	if (dump->options->go) {
		put_coverage(dump);
		buf_putc(&dump->text, '\n');
	}
	for (size_t i = 0; i < snapshot->nthreads && !out_error(out); i++) {
		const struct thread *thread = snapshot->order ? snapshot->order[i]
							      : &snapshot->threads[i];

		if (write_wants_thread(thread, dump->options))
			put_thread(dump, thread);
		out_buf(out, &dump->text);
	}
	if (!dump->options->go && !dump->several)
		write_deadlocks(&dump->text, snapshot, dump->options);
	if (!dump->options->go)
		put_coverage(dump);
	out_buf(out, &dump->text);
}

static void dump_done(struct dump *dump)
{
	frame_cache_done(&dump->frames);
	buf_done(&dump->text);
	buf_done(&dump->words);
}

enum { COMMAND_MAX = 200 }; /* bytes that are shown of one */

/* Processes of one name are told apart by what they were started with, or what they say they do. */
static void put_process_header(struct buf *buf, const struct ss_snapshot *snapshot)
{
	size_t start;

	write_process_header(buf, snapshot->pid, snapshot->comm);
	if (!snapshot->cmdline || !*snapshot->cmdline)
		return;
	buf_puts(buf, "# command: ");
	start = buf->len;
	buf_puts_escaped(buf, snapshot->cmdline);
	if (buf->len > start + COMMAND_MAX) {
		size_t end = start + COMMAND_MAX;

		while (end > start && ((unsigned char)buf->data[end] & 0xc0) == 0x80)
			end--; /* not within a character */
		buf_cut(buf, end);
		buf_puts(buf, "...");
	}
	buf_putc(buf, '\n');
}

static void put_chains(struct dump *dump, const struct ss_snapshot *const *snapshots, size_t n)
{
	write_deadlocks(&dump->text, snapshots[0], dump->options);
	write_roots(&dump->text, snapshots, n, dump->options);
	for (size_t i = 0; i < n; i++) {
		if (dump->several)
			write_process_header(&dump->text, snapshots[i]->pid, snapshots[i]->comm);
		write_coverage(&dump->text, snapshots[i], "# ");
	}
}

static int dump_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			  const struct write_options *options, struct ss_error *err)
{
	_cleanup_(dump_done) struct dump dump = { .options = options, .several = n > 1 };

	frame_cache_init(&dump.frames, render_frame, options);
	buf_init(&dump.text);
	buf_init(&dump.words);
	if (options->chains) {
		put_chains(&dump, snapshots, n);
		out_buf(out, &dump.text);
		return out_check(out, err);
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&dump.text, '\n');
		if (n > 1)
			put_process_header(&dump.text, snapshots[i]);
		dump.snapshot = snapshots[i];
		put_process(&dump, out);
	}
	if (dump.several && !options->go && snapshots[0]->ndeadlocks) {
		buf_putc(&dump.text, '\n');
		write_deadlocks(&dump.text, snapshots[0], options);
		out_buf(out, &dump.text);
	}
	return out_check(out, err);
}

const struct writer writer_dump = {
	.name = "text",
	.suffix = ".txt",
	.snapshots = dump_snapshots,
	.profiles = table_profiles,
};
