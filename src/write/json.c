/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.c: everything that a snapshot holds, as one JSON object (contrib/schema/snapshot.schema.json
 * documents it). The output is valid JSON and valid UTF-8 whatever bytes the target's names have:
 * control characters and bytes that are no UTF-8 are shown as the text \xNN, as in the other
 * formats. Addresses are hex strings, for most readers keep numbers as doubles.
 */
#include "write/write.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "write/cache.h"

static const char *const no_stack_names[] = {
#define X(name, words) [SS_NO_STACK_##name] = #name,
	SS_NO_STACKS(X)
#undef X
};

static const char *const end_names[] = {
#define X(name, words) [SS_END_##name] = #name,
	SS_STACK_ENDS(X)
#undef X
};

/* Where the next value goes, and whether a comma must precede it. */
struct json {
	struct buf *buf;
	bool comma;
};

struct json_writer {
	struct buf text, scratch;
	struct frame_cache frames;
	const struct write_options *options;
};

/* ---- values ---- */

static void json_next(struct json *j)
{
	if (j->comma)
		buf_putc(j->buf, ',');
	j->comma = true;
}

static void json_open(struct json *j, char bracket)
{
	json_next(j);
	buf_putc(j->buf, bracket);
	j->comma = false;
}

static void json_close(struct json *j, char bracket)
{
	buf_putc(j->buf, bracket);
	j->comma = true;
}

/* The next value starts a line: an element of one of the long arrays. */
static void json_line(struct json *j)
{
	buf_puts(j->buf, j->comma ? ",\n" : "\n");
	j->comma = false;
}

/* Text that is valid UTF-8 without control characters. */
static void json_quote(struct json *j, const char *s)
{
	json_next(j);
	buf_putc(j->buf, '"');
	while (*s) {
		size_t plain = strcspn(s, "\"\\");

		buf_add(j->buf, s, plain);
		s += plain;
		if (*s) {
			buf_putc(j->buf, '\\');
			buf_putc(j->buf, *s++);
		}
	}
	buf_putc(j->buf, '"');
}

static void json_key(struct json *j, const char *key)
{
	json_quote(j, key);
	buf_putc(j->buf, ':');
	j->comma = false;
}

static void json_open_key(struct json *j, const char *key, char bracket)
{
	json_key(j, key);
	json_open(j, bracket);
}

static void json_text(struct json *j, const char *key, const char *s)
{
	_cleanup_(buf_done) struct buf escaped = { 0 };

	buf_puts_escaped(&escaped, s);
	if (escaped.failed)
		j->buf->failed = true;
	json_key(j, key);
	json_quote(j, escaped.len ? escaped.data : "");
}

static void json_text_or_null(struct json *j, const char *key, const char *s)
{
	if (s && *s) {
		json_text(j, key, s);
		return;
	}
	json_key(j, key);
	json_next(j);
	buf_puts(j->buf, "null");
}

static void json_null(struct json *j, const char *key)
{
	json_text_or_null(j, key, NULL);
}

static void json_number(struct json *j, const char *key, uint64_t number)
{
	json_key(j, key);
	json_next(j);
	buf_printf(j->buf, "%" PRIu64, number);
}

/* null where the model has -1. */
static void json_index(struct json *j, const char *key, int64_t number)
{
	if (number < 0)
		json_null(j, key);
	else
		json_number(j, key, (uint64_t)number);
}

/* null where the model has 0. */
static void json_count(struct json *j, const char *key, uint64_t number)
{
	if (number)
		json_number(j, key, number);
	else
		json_null(j, key);
}

static void json_address(struct json *j, const char *key, uint64_t address)
{
	json_key(j, key);
	json_next(j);
	buf_printf(j->buf, "\"0x%" PRIx64 "\"", address);
}

static void json_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_next(j);
	buf_puts(j->buf, value ? "true" : "false");
}

/* ---- frames ---- */

static void put_mapping_of(struct json *j, const struct location *location)
{
	const struct mapping *mapping = location->mapping;

	json_text_or_null(j, "module", mapping ? mapping->path : NULL);
	json_text_or_null(j, "build_id", mapping ? mapping->build_id : NULL);
	if (mapping)
		json_address(j, "module_offset", location->module_offset);
	else
		json_null(j, "module_offset");
}

static void put_line_of(struct json *j, const struct location *location, const struct line *line)
{
	bool inlined = line != &location->lines[location->nlines - 1];

	json_text(j, "function", line->function->name);
	json_text_or_null(j, "system_name", line->function->system_name);
	json_text_or_null(j, "file", line->file);
	json_count(j, "line", line->line);
	json_count(j, "start_line", line->function->start_line);
	json_bool(j, "inlined", inlined);
	if (inlined)
		json_null(j, "function_offset");
	else
		json_address(j, "function_offset", location->function_offset);
}

static void put_no_line(struct json *j)
{
	static const char *const keys[] = { "function", "system_name", "file", "line",
					    "start_line" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_null(j, keys[i]);
	json_bool(j, "inlined", false);
	json_null(j, "function_offset");
}

static void put_frame(struct json *j, const struct location *location, const struct line *line,
		      uint32_t flags)
{
	json_line(j);
	json_open(j, '{');
	json_address(j, "pc", location->pc);
	json_bool(j, "exact", location->exact);
	json_bool(j, "signal", flags & FRAME_SIGNAL);
	json_bool(j, "inferred", flags & FRAME_INFERRED);
	put_mapping_of(j, location);
	if (line)
		put_line_of(j, location, line);
	else
		put_no_line(j);
	json_close(j, '}');
}

/* Ends with a comma: frames are cached without regard to what follows. */
static void render_frame(struct buf *buf, const struct location *location, uint32_t flags,
			 const void *arg)
{
	struct json j = { .buf = buf };

	(void)arg;
	for (unsigned i = 0; i < location->nlines; i++)
		put_frame(&j, location, &location->lines[i], flags);
	if (!location->nlines)
		put_frame(&j, location, NULL, flags);
	buf_putc(buf, ',');
}

/* ---- threads ---- */

static void put_fd(struct json *j, const struct wait *wait)
{
	static const char *const types[] = {
		[FD_UNKNOWN] = "unknown", [FD_FILE] = "file",       [FD_DEVICE] = "device",
		[FD_PIPE] = "pipe",       [FD_SOCKET] = "socket",   [FD_EPOLL] = "epoll",
		[FD_EVENTFD] = "eventfd", [FD_TIMERFD] = "timerfd", [FD_SIGNALFD] = "signalfd",
		[FD_INOTIFY] = "inotify", [FD_PIDFD] = "pidfd",     [FD_IO_URING] = "io_uring",
		[FD_OTHER] = "other",
	};
	const struct fd_info *info = wait->fd_info;

	if (wait->fd < 0) {
		json_null(j, "fd");
		return;
	}
	json_open_key(j, "fd", '{');
	json_number(j, "fd", (uint64_t)wait->fd);
	json_text(j, "type", types[info ? info->type : FD_UNKNOWN]);
	json_text_or_null(j, "text", info ? info->text : NULL);
	json_close(j, '}');
}

static void put_timeout(struct json *j, const struct wait *wait)
{
	json_index(j, "timeout_ns", wait->timeout_ns);
	json_bool(j, "timeout_known", wait->timeout_ns != WAIT_TIMEOUT_UNKNOWN);
}

static void put_since(struct json *j, const struct wait *wait)
{
	json_index(j, "since_ns", wait->since_known ? (int64_t)wait->since_ns : -1);
	json_bool(j, "since_at_least", wait->since_known && wait->since_at_least);
}

static void put_object(struct json *j, const struct wait *wait)
{
	if (wait->object)
		json_address(j, "object", wait->object);
	else
		json_null(j, "object");
	json_count(j, "owner", (uint64_t)wait->owner);
}

static void put_wait(struct json_writer *w, struct json *j, const struct ss_snapshot *snapshot,
		     const struct thread *thread)
{
	const struct wait *wait = &thread->wait;

	if (thread->state != STATE_BLOCKED && thread->state != STATE_STOPPED) {
		json_null(j, "wait");
		return;
	}
	buf_reset(&w->scratch);
	write_wait(&w->scratch, snapshot, thread);
	if (w->scratch.failed)
		j->buf->failed = true;
	json_open_key(j, "wait", '{');
	json_text_or_null(j, "kind", wait_kind_name(wait->kind));
	json_index(j, "call", wait->call);
	json_text_or_null(j, "call_name", wait->call_name);
	put_object(j, wait);
	put_fd(j, wait);
	put_timeout(j, wait);
	put_since(j, wait);
	json_text_or_null(j, "place", wait->place);
	json_text_or_null(j, "text", w->scratch.len ? w->scratch.data : NULL);
	json_close(j, '}');
}

/* The name of an enum value, in lower case. */
static void put_lower(struct json *j, const char *key, const char *name)
{
	json_key(j, key);
	json_next(j);
	buf_putc(j->buf, '"');
	for (; *name; name++)
		buf_putc(j->buf, (char)tolower((unsigned char)*name));
	buf_putc(j->buf, '"');
}

static void put_stack(struct json_writer *w, struct json *j, const struct stack *stack)
{
	unsigned n = write_frame_count(stack, w->options);

	json_open_key(j, "stack", '{');
	put_lower(j, "end", end_names[stack->end]);
	json_number(j, "left_out", stack->n - n);
	json_open_key(j, "frames", '[');
	for (unsigned i = 0; i < n; i++)
		frame_cache_put(&w->frames, j->buf, &stack->frames[i]);
	/* the last frame's comma */
	if (n && !j->buf->failed)
		j->buf->data[--j->buf->len] = '\0';
	json_close(j, ']');
	json_close(j, '}');
}

static void put_any_stack(struct json_writer *w, struct json *j, const struct thread *thread)
{
	if (thread->stack) {
		json_null(j, "no_stack");
		put_stack(w, j, thread->stack);
	} else {
		put_lower(j, "no_stack", no_stack_names[thread->no_stack]);
		json_null(j, "stack");
	}
}

static void put_thread(struct json_writer *w, struct json *j, const struct ss_snapshot *snapshot,
		       const struct thread *thread)
{
	json_line(j);
	json_open(j, '{');
	json_number(j, "tid", (uint64_t)thread->tid);
	json_text(j, "name", thread->name);
	json_text(j, "state", thread_state_name(thread->state));
	put_wait(w, j, snapshot, thread);
	json_bool(j, "stopped", thread->was_stopped);
	json_bool(j, "consistent", thread->consistent);
	json_index(j, "cpu", thread->cpu);
	json_number(j, "on_cpu_ns", thread->on_cpu_ns);
	json_number(j, "run_queue_ns", thread->run_queue_ns);
	json_number(j, "timeslices", thread->timeslices);
	put_any_stack(w, j, thread);
	json_close(j, '}');
}

/* ---- processes ---- */

static void put_reasons(struct json *j, const char *key, const char *const *names,
			const unsigned *counts, size_t first, size_t n)
{
	char lower[32];

	json_open_key(j, key, '{');
	for (size_t i = first; i < n; i++) {
		size_t len = 0;

		for (; names[i][len] && len < sizeof(lower) - 1; len++)
			lower[len] = (char)tolower((unsigned char)names[i][len]);
		lower[len] = '\0';
		json_number(j, lower, counts[i]);
	}
	json_close(j, '}');
}

static void put_coverage_reasons(struct json *j, const struct ss_coverage *c)
{
	put_reasons(j, "no_stack", no_stack_names, c->no_stack, SS_NO_STACK_HAS_STACK + 1,
		    SS_NO_STACK_COUNT);
	put_reasons(j, "stack_end", end_names, c->stack_end, 0, SS_END_COUNT);
}

static void put_coverage(struct json *j, const struct ss_coverage *c)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "threads_seen", c->threads_seen },
		{ "threads_sampled", c->threads_sampled },
		{ "threads_filtered", c->threads_filtered },
		{ "inconsistent", c->inconsistent },
		{ "frames", c->frames },
		{ "frames_unnamed", c->frames_unnamed },
		{ "frames_inferred", c->frames_inferred },
		{ "stops", c->stops },
		{ "eintr_avoided", c->eintr_avoided },
		{ "eintr_caused", c->eintr_caused },
		{ "waits_undated", c->waits_undated },
		{ "longest_stop_ns", c->longest_stop_ns },
		{ "total_stop_ns", c->total_stop_ns },
		{ "pause_ns", c->pause_ns },
		{ "bytes_copied", c->bytes_copied },
		{ "ticks_planned", c->ticks_planned },
		{ "ticks_done", c->ticks_done },
		{ "ticks_missed", c->ticks_missed },
	};

	json_open_key(j, "coverage", '{');
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_number(j, numbers[i].key, numbers[i].value);
	put_coverage_reasons(j, c);
	json_close(j, '}');
}

static void put_mapping(struct json *j, const struct mapping *mapping)
{
	json_line(j);
	json_open(j, '{');
	json_address(j, "start", mapping->start);
	json_address(j, "end", mapping->end);
	json_address(j, "offset", mapping->offset);
	json_text(j, "path", mapping->path);
	json_text_or_null(j, "build_id", mapping->build_id);
	json_bool(j, "symbolized", mapping->symbolized);
	json_close(j, '}');
}

static void put_facts(struct json *j, const struct ss_snapshot *snapshot)
{
	json_number(j, "pid", (uint64_t)snapshot->pid);
	json_text(j, "comm", snapshot->comm);
	json_text_or_null(j, "exe", snapshot->exe);
	json_text_or_null(j, "cmdline", snapshot->cmdline);
	json_number(j, "time_ns", snapshot->wall_ns);
	json_number(j, "took_ns", snapshot->took_ns);
	json_text(j, "stop", snapshot->stop);
	json_text(j, "unwinder", snapshot->unwinder);
}

static void put_process(struct json_writer *w, struct json *j, const struct ss_snapshot *snapshot,
			struct out *out)
{
	json_line(j);
	json_open(j, '{');
	put_facts(j, snapshot);
	put_coverage(j, &snapshot->coverage);
	json_open_key(j, "mappings", '[');
	for (size_t i = 0; i < snapshot->nmappings; i++)
		put_mapping(j, snapshot->mappings[i]);
	json_close(j, ']');
	json_open_key(j, "threads", '[');
	for (size_t i = 0; i < snapshot->nthreads && !out_error(out); i++) {
		if (write_wants_thread(&snapshot->threads[i], w->options))
			put_thread(w, j, snapshot, &snapshot->threads[i]);
		out_buf(out, j->buf);
	}
	json_close(j, ']');
	json_close(j, '}');
	out_buf(out, j->buf);
}

static void json_writer_done(struct json_writer *w)
{
	frame_cache_done(&w->frames);
	buf_done(&w->text);
	buf_done(&w->scratch);
}

static int json_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			  const struct write_options *options, struct ss_error *err)
{
	_cleanup_(json_writer_done) struct json_writer w = { .options = options };
	struct json j = { .buf = &w.text };

	frame_cache_init(&w.frames, render_frame, NULL);
	json_open(&j, '{');
	json_text(&j, "stacksnap", ss_version());
	json_open_key(&j, "processes", '[');
	for (size_t i = 0; i < n; i++)
		put_process(&w, &j, snapshots[i], out);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_putc(j.buf, '\n');
	out_buf(out, j.buf);
	return out_check(out, err);
}

const struct writer writer_json = {
	.name = "json",
	.suffix = ".json",
	.snapshots = json_snapshots,
};
