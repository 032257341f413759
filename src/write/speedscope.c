/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * speedscope.c: speedscope's own JSON (file-format-schema.json, speedscope 1.25): a time line for
 * every thread. Its import of pprof files loses inlined functions and threads, this form does not.
 * What a thread did at a place is a frame above the place: "[mutex]", "[on-cpu]".
 *
 * Samples carry a weight but no time: gaps in a time line are empty samples.
 */
#include "write/write.h"

#include <inttypes.h>
#include <stdlib.h>

#include "write/account.h"
#include "write/frames.h"
#include "write/jsonvalue.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

/* A stretch of one thread's time. */
struct piece {
	struct account account;
	uint64_t start_ns;
};

struct speedscope {
	const struct write_options *options;
	struct out *out;
	bool several; /* processes */
	size_t count; /* of time lines */
	struct frame_list frames;
	struct buf text;
	struct json json;    /* in text */
	struct map64 wanted; /* stack -> 1 if it is shown, 0 if not */
	VEC(struct piece) pieces;
	VEC(uint64_t) weights; /* of the time line at work */
	uint64_t cursor_ns;
	bool failed;
};

static void speedscope_init(struct speedscope *s, struct out *out,
			    const struct write_options *options, bool several)
{
	*s = (struct speedscope){ .options = options, .out = out, .several = several };
	frame_list_init(&s->frames, options);
	buf_init(&s->text);
	map64_init(&s->wanted);
	s->json.buf = &s->text;
}

static void speedscope_done(struct speedscope *s)
{
	frame_list_done(&s->frames);
	buf_done(&s->text);
	map64_done(&s->wanted);
	vec_done(&s->pieces);
	vec_done(&s->weights);
}

/* ---- time lines ---- */

static void begin_line(struct speedscope *s, const char *unit)
{
	struct json *j = &s->json;

	json_line(j);
	json_open(j, '{');
	json_text(j, "type", "sampled");
	json_text(j, "unit", unit);
	json_number(j, "startValue", 0);
	json_open_key(j, "samples", '[');
	s->weights.n = 0;
	s->cursor_ns = 0;
	s->count++;
}

static void add_weight(struct speedscope *s, uint64_t weight)
{
	s->failed |= vec_push(&s->weights, weight) < 0;
	s->cursor_ns += weight;
}

/* `root` is a frame below the stack; negative: none. */
static void add_sample(struct speedscope *s, const struct thread *thread, int64_t root,
		       uint64_t weight)
{
	struct buf *buf = s->json.buf;

	json_open(&s->json, '[');
	if (root >= 0)
		buf_printf(buf, "%" PRId64 ",", root);
	frame_list_put_stack(&s->frames, buf, thread->stack);
	buf_printf(buf, ",%" PRIu32, frame_list_add_state(&s->frames, thread));
	json_close(&s->json, ']');
	add_weight(s, weight);
}

static void add_gap(struct speedscope *s, uint64_t until_ns)
{
	if (until_ns <= s->cursor_ns)
		return;
	json_open(&s->json, '[');
	json_close(&s->json, ']');
	add_weight(s, until_ns - s->cursor_ns);
}

/* The name is what is in `name`, escaped. */
static void end_line(struct speedscope *s, struct buf *name)
{
	struct json *j = &s->json;

	json_close(j, ']');
	json_open_key(j, "weights", '[');
	vec_each(weight, &s->weights)
		json_uint(j, *weight);
	json_close(j, ']');
	json_number(j, "endValue", s->cursor_ns);
	s->failed |= name->failed;
	json_text(j, "name", name->failed || !name->len ? "" : name->data);
	json_close(j, '}');
	out_buf(s->out, j->buf);
}

static void put_thread_name(struct buf *buf, const char *name, pid_t tid)
{
	buf_puts_escaped(buf, name);
	buf_printf(buf, " %d", tid);
}

/* ---- profiles ---- */

/* Matching is slow and a capture has few stacks: ask once for each. */
static bool wants_stack(struct speedscope *s, const struct stack *stack)
{
	const uint64_t *found = map64_find(&s->wanted, (uintptr_t)stack);
	bool wanted;

	if (found)
		return *found;
	wanted = write_wants_stack(stack, s->options);
	if (map64_put(&s->wanted, (uintptr_t)stack, wanted) < 0)
		s->failed = true;
	return wanted;
}

static void add_piece(struct speedscope *s, const struct ss_profile *profile,
		      const struct account *account, uint64_t start_ns)
{
	if (account->ns && account_counts(profile, account, s->options) &&
	    wants_stack(s, account->stack) &&
	    vec_push(&s->pieces, ((struct piece){ *account, start_ns })) < 0)
		s->failed = true;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct account *x = &((const struct piece *)a)->account;
	const struct account *y = &((const struct piece *)b)->account;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return x->ns > y->ns ? -1 : x->ns < y->ns;
}

/* Without a time line the accounts stand one after the other, the longest first. */
static void collect_accounts(struct speedscope *s, const struct ss_profile *profile)
{
	struct piece *last = NULL;

	for (size_t i = 0; i < profile->naccounts; i++)
		add_piece(s, profile, &profile->accounts[i], 0);
	if (s->pieces.n)
		qsort(s->pieces.data, s->pieces.n, sizeof(*s->pieces.data), compare_pieces);
	vec_each(piece, &s->pieces) {
		if (last && last->account.thread == piece->account.thread)
			piece->start_ns = last->start_ns + last->account.ns;
		last = piece;
	}
}

static void collect_pieces(struct speedscope *s, const struct ss_profile *profile)
{
	s->pieces.n = 0;
	for (size_t i = 0; i < profile->nsegments; i++) {
		struct account account = account_of_segment(&profile->segments[i]);

		add_piece(s, profile, &account, profile->segments[i].start_ns);
	}
	if (!profile->nsegments)
		collect_accounts(s, profile);
}

static bool same_place(const struct piece *a, const struct piece *b)
{
	return a->account.stack == b->account.stack && a->account.state == b->account.state &&
	       a->account.wait == b->account.wait && a->account.call_name == b->account.call_name &&
	       a->start_ns + a->account.ns == b->start_ns;
}

/* Pieces that follow each other at one place are one. */
static void put_pieces(struct speedscope *s, const struct ss_profile *profile, size_t first,
		       size_t end)
{
	const struct piece *all = s->pieces.data;

	for (size_t i = first; i < end && !s->failed;) {
		const struct piece *piece = &all[i];
		struct thread thread = account_thread(profile, &piece->account);
		uint64_t ns = piece->account.ns;

		for (i++; i < end && same_place(&all[i - 1], &all[i]); i++)
			ns += all[i].account.ns;
		add_gap(s, piece->start_ns);
		add_sample(s, &thread, -1, ns);
	}
}

static void put_thread(struct speedscope *s, const struct ss_profile *profile, size_t first,
		       size_t end)
{
	const struct profile_thread *thread =
		&profile->threads[s->pieces.data[first].account.thread];
	_cleanup_(buf_done) struct buf name = { 0 };

	put_thread_name(&name, thread->name, thread->tid);
	if (s->several)
		buf_printf(&name, " (pid %d)", profile->pid);
	begin_line(s, "nanoseconds");
	put_pieces(s, profile, first, end);
	end_line(s, &name);
}

static void put_profile(struct speedscope *s, const struct ss_profile *profile)
{
	size_t first = 0;

	collect_pieces(s, profile);
	for (size_t i = 1; i <= s->pieces.n && !s->failed; i++) {
		if (i < s->pieces.n &&
		    s->pieces.data[i].account.thread == s->pieces.data[first].account.thread)
			continue;
		put_thread(s, profile, first, i);
		first = i;
	}
}

/* ---- snapshots ---- */

/* All threads of a process beside each other, one wide each. */
static void put_snapshot(struct speedscope *s, const struct ss_snapshot *snapshot)
{
	_cleanup_(buf_done) struct buf name = { 0 };

	begin_line(s, "none");
	for (size_t i = 0; i < snapshot->nthreads && !s->failed; i++) {
		const struct thread *thread = &snapshot->threads[i];

		if (!write_has_stack(thread) || !write_wants_thread(thread, s->options))
			continue;
		buf_reset(&name);
		put_thread_name(&name, thread->name, thread->tid);
		s->failed |= name.failed;
		if (!s->failed)
			add_sample(s, thread, frame_list_add(&s->frames, name.data), 1);
	}
	buf_reset(&name);
	put_thread_name(&name, snapshot->comm, snapshot->pid);
	end_line(s, &name);
}

/* ---- the document ---- */

static void begin_document(struct speedscope *s, const char *comm, pid_t pid, const char *what)
{
	_cleanup_(buf_done) struct buf name = { 0 };
	struct json *j = &s->json;

	buf_printf(&name, "stacksnap@%s", ss_version());
	s->failed |= name.failed;
	json_open(j, '{');
	json_text(j, "$schema", SCHEMA);
	json_text(j, "exporter", name.failed ? "" : name.data);
	buf_reset(&name);
	put_thread_name(&name, comm, pid);
	buf_printf(&name, " %s", what);
	s->failed |= name.failed;
	json_text(j, "name", name.failed ? "" : name.data);
	json_number(j, "activeProfileIndex", 0);
	json_open_key(j, "profiles", '[');
}

static void put_frames(struct speedscope *s)
{
	struct json *j = &s->json;

	json_open_key(j, "shared", '{');
	json_open_key(j, "frames", '[');
	vec_each(frame, &s->frames.frames) {
		json_line(j);
		json_open(j, '{');
		json_text(j, "name", frame->name);
		if (*frame->file)
			json_text(j, "file", frame->file);
		if (frame->line)
			json_number(j, "line", frame->line);
		json_close(j, '}');
		out_buf(s->out, j->buf);
	}
	json_close(j, ']');
	json_close(j, '}');
}

/*
 * A document needs a time line: speedscope shows an error for a file without one. The schema has no
 * member for the coverage block and forbids none; speedscope's importer takes the members that it
 * knows.
 */
static void begin_coverage(struct speedscope *s)
{
	struct buf nothing = { 0 };

	if (!s->count) {
		begin_line(s, "nanoseconds");
		end_line(s, &nothing);
	}
	json_close(&s->json, ']');
	json_open_key(&s->json, "coverage", '[');
}

static void cover_snapshot(struct speedscope *s, const struct ss_snapshot *snapshot)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (s->several)
		write_process_header(&text, snapshot->pid, snapshot->comm);
	write_coverage(&text, snapshot, "");
	json_lines(&s->json, &text);
}

static void cover_profile(struct speedscope *s, const struct ss_profile *profile)
{
	struct account_sum sum = account_sum(profile, s->options);
	_cleanup_(buf_done) struct buf text = { 0 };

	if (s->several)
		write_process_header(&text, profile->pid, profile->comm);
	account_coverage(&text, profile, s->options, &sum, "");
	json_lines(&s->json, &text);
}

static int end_document(struct speedscope *s, struct ss_error *err)
{
	json_close(&s->json, ']');
	put_frames(s);
	json_close(&s->json, '}');
	buf_putc(s->json.buf, '\n');
	out_buf(s->out, s->json.buf);
	return s->failed || s->frames.failed ? ss_error_oom(err) : out_check(s->out, err);
}

static int speedscope_snapshots(struct out *out, const struct ss_snapshot *const *snapshots,
				size_t n, const struct write_options *options, struct ss_error *err)
{
	_cleanup_(speedscope_done) struct speedscope s;

	speedscope_init(&s, out, options, n > 1);
	begin_document(&s, snapshots[0]->comm, snapshots[0]->pid, "threads");
	for (size_t i = 0; i < n; i++)
		put_snapshot(&s, snapshots[i]);
	begin_coverage(&s);
	for (size_t i = 0; i < n; i++)
		cover_snapshot(&s, snapshots[i]);
	return end_document(&s, err);
}

static int speedscope_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
			       const struct write_options *options, struct ss_error *err)
{
	_cleanup_(speedscope_done) struct speedscope s;

	speedscope_init(&s, out, options, n > 1);
	begin_document(&s, profiles[0]->comm, profiles[0]->pid,
		       account_view(profiles[0]->kind)->name);
	for (size_t i = 0; i < n; i++)
		put_profile(&s, profiles[i]);
	begin_coverage(&s);
	for (size_t i = 0; i < n; i++)
		cover_profile(&s, profiles[i]);
	return end_document(&s, err);
}

const struct writer writer_speedscope = {
	.name = "speedscope",
	.suffix = ".speedscope.json",
	.snapshots = speedscope_snapshots,
	.profiles = speedscope_profiles,
};
