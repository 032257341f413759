/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flame.c: a flame graph in one HTML page. The page (flame/page.html, .css, .js) is in the program;
 * this file adds the title and the data, as JSON in a script element that is never run:
 *
 *	title, subtitle, notes
 *	types: {label, unit, state}	what can be shown; state: samples in it, null: all
 *	states: {name, state, class}	"mutex", "blocked", colour
 *	threads: name and tid
 *	frames: [name, file, line]
 *	stacks: [frame, ...]		root first
 *	samples: [thread, state, stack, ns, count]
 *
 * Names cannot break out of the element: '<' is never written as such.
 */
#include "write/write.h"

#include <stdlib.h>

#include "write/account.h"
#include "write/flame-page.h"
#include "write/frames.h"
#include "write/jsonvalue.h"

/* A state and the kind of wait in it; texts are interned. */
struct flame_state {
	const char *name, *state, *class;
};

struct flame {
	const struct write_options *options;
	struct out *out;
	bool several;
	struct frame_list frames;
	struct strtab texts;
	struct map64 state_ids; /* interned name -> index */
	struct map64 stack_ids; /* stack -> index */
	VEC(struct flame_state) states;
	VEC(const struct stack *) stacks;
	size_t nthreads; /* of the processes before */
	struct buf text, scratch;
	struct json json; /* in text */
	bool failed;
};

static void flame_init(struct flame *flame, struct out *out, const struct write_options *options,
		       bool several)
{
	*flame = (struct flame){ .options = options, .out = out, .several = several };
	frame_list_init(&flame->frames, options);
	strtab_init(&flame->texts);
	map64_init(&flame->state_ids);
	map64_init(&flame->stack_ids);
	flame->json = (struct json){ .buf = &flame->text, .in_html = true };
}

static void flame_done(struct flame *flame)
{
	frame_list_done(&flame->frames);
	strtab_done(&flame->texts);
	map64_done(&flame->state_ids);
	map64_done(&flame->stack_ids);
	vec_done(&flame->states);
	vec_done(&flame->stacks);
	buf_done(&flame->text);
	buf_done(&flame->scratch);
}

/* ---- samples ---- */

static const char *wait_class(enum wait_kind kind)
{
	switch (kind) {
	case WAIT_MUTEX ... WAIT_FUTEX:
	case WAIT_FILE_LOCK:
		return "lock";
	case WAIT_SLEEP:
	case WAIT_CHILD:
	case WAIT_SIGNAL:
		return "sleep";
	case WAIT_PIPE_READ ... WAIT_PAGE_FAULT:
	case WAIT_MESSAGE_QUEUE:
	case WAIT_IO_URING ... WAIT_KERNEL_WORKER:
		return "io";
	default:
		return "other";
	}
}

static const char *state_class(const struct thread *thread)
{
	switch (thread->state) {
	case STATE_ON_CPU:
	case STATE_RUNNING_OR_RUNNABLE:
		return "on-cpu";
	case STATE_RUNNABLE:
		return "runnable";
	case STATE_BLOCKED:
		return wait_class(thread->wait.kind);
	default:
		return "other";
	}
}

static uint64_t state_id(struct flame *flame, const struct thread *thread)
{
	const uint64_t *found;
	const char *name = NULL;

	buf_reset(&flame->scratch);
	write_state(&flame->scratch, thread);
	if (!flame->scratch.failed)
		name = strtab_intern(&flame->texts, flame->scratch.data);
	if (!name) {
		flame->failed = true;
		return 0;
	}
	found = map64_find(&flame->state_ids, (uintptr_t)name);
	if (found)
		return *found;
	if (map64_put(&flame->state_ids, (uintptr_t)name, flame->states.n) < 0 ||
	    vec_push(&flame->states, ((struct flame_state){ name, thread_state_name(thread->state),
							    state_class(thread) })) < 0)
		flame->failed = true;
	return flame->states.n - 1;
}

static uint64_t stack_id(struct flame *flame, const struct stack *stack)
{
	const uint64_t *found = map64_find(&flame->stack_ids, (uintptr_t)stack);

	if (found)
		return *found;
	if (map64_put(&flame->stack_ids, (uintptr_t)stack, flame->stacks.n) < 0 ||
	    vec_push(&flame->stacks, stack) < 0)
		flame->failed = true;
	return flame->stacks.n - 1;
}

static void put_sample(struct flame *flame, size_t index, const struct thread *thread, uint64_t ns,
		       uint64_t count)
{
	struct json *j = &flame->json;

	json_line(j);
	json_open(j, '[');
	json_uint(j, flame->nthreads + index);
	json_uint(j, state_id(flame, thread));
	json_uint(j, stack_id(flame, thread->stack));
	json_uint(j, ns);
	json_uint(j, count);
	json_close(j, ']');
	out_buf(flame->out, j->buf);
}

static void put_profile_samples(struct flame *flame, const struct ss_profile *profile)
{
	for (size_t i = 0; i < profile->naccounts && !flame->failed; i++) {
		const struct account *account = &profile->accounts[i];
		struct thread thread = account_thread(profile, account);

		if (account_is_shown(profile, account, flame->options))
			put_sample(flame, account->thread, &thread, account->ns, account->count);
	}
	flame->nthreads += profile->nthreads;
}

static void put_snapshot_samples(struct flame *flame, const struct ss_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->nthreads && !flame->failed; i++) {
		const struct thread *thread = &snapshot->threads[i];

		if (write_has_stack(thread) && write_wants_thread(thread, flame->options))
			put_sample(flame, i, thread, 0, 1);
	}
	flame->nthreads += snapshot->nthreads;
}

/* ---- what samples refer to ---- */

static void put_states(struct flame *flame)
{
	struct json *j = &flame->json;

	json_open_key(j, "states", '[');
	vec_each(state, &flame->states) {
		json_open(j, '{');
		json_text(j, "name", state->name);
		json_text(j, "state", state->state);
		json_text(j, "class", state->class);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_stacks(struct flame *flame)
{
	struct json *j = &flame->json;

	json_open_key(j, "stacks", '[');
	vec_each(stack, &flame->stacks) {
		json_line(j);
		json_open(j, '[');
		frame_list_put_stack(&flame->frames, j->buf, *stack);
		json_close(j, ']');
		out_buf(flame->out, j->buf);
	}
	json_close(j, ']');
}

static void put_frames(struct flame *flame)
{
	struct json *j = &flame->json;

	json_open_key(j, "frames", '[');
	vec_each(frame, &flame->frames.frames) {
		json_line(j);
		json_open(j, '[');
		json_string(j, frame->name);
		json_string(j, frame->file);
		json_uint(j, frame->line);
		json_close(j, ']');
		out_buf(flame->out, j->buf);
	}
	json_close(j, ']');
}

static void put_thread_name(struct flame *flame, const char *name, pid_t tid, pid_t pid)
{
	struct buf *buf = &flame->scratch;

	buf_reset(buf);
	buf_puts_escaped(buf, name);
	buf_printf(buf, " %d", tid);
	if (flame->several)
		buf_printf(buf, " (pid %d)", pid);
	flame->failed |= buf->failed;
	if (!flame->failed)
		json_string(&flame->json, buf->data);
}

/* ---- heading ---- */

static void put_type(struct json *j, const char *label, const char *unit, const char *state)
{
	json_open(j, '{');
	json_text(j, "label", label);
	json_text(j, "unit", unit);
	json_text_or_null(j, "state", state);
	json_close(j, '}');
}

/* The main type first: it is what the page shows at first. */
static void put_types(struct json *j, const struct account_view *view)
{
	static const char *const parts[] = {
		[ACCOUNT_ON_CPU] = "on-cpu",
		[ACCOUNT_RUNNABLE] = "runnable",
		[ACCOUNT_BLOCKED] = "blocked",
	};
	const struct value_type *main_type = account_main_type(view);

	json_open_key(j, "types", '[');
	put_type(j, main_type->type, main_type->unit, NULL);
	for (size_t i = 0; view->parts && i < ACCOUNT_STATES; i++)
		put_type(j, parts[i], main_type->unit, parts[i]);
	put_type(j, view->types[0].type, view->types[0].unit, NULL);
	json_close(j, ']');
}

static void put_html(struct buf *buf, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			buf_puts(buf, "&lt;");
		else if (*s == '&')
			buf_puts(buf, "&amp;");
		else
			buf_putc(buf, *s);
	}
}

static void put_name(struct buf *buf, const char *comm, pid_t pid, size_t others)
{
	buf_puts_escaped(buf, comm);
	buf_printf(buf, " %d", pid);
	if (others)
		buf_printf(buf, " and %zu more", others);
}

/* Up to the member "subtitle", whose value the caller writes. */
static void begin_page(struct flame *flame, const char *comm, pid_t pid, size_t others)
{
	_cleanup_(buf_done) struct buf name = { 0 };
	struct buf *buf = &flame->text;

	put_name(&name, comm, pid, others);
	if (name.failed) {
		flame->failed = true;
		return;
	}
	buf_puts(buf, flame_page_begin);
	put_html(buf, name.data);
	buf_puts(buf, flame_page_middle);
	json_open(&flame->json, '{');
	json_text(&flame->json, "title", name.data);
}

static int end_page(struct flame *flame, struct ss_error *err)
{
	put_states(flame);
	put_stacks(flame);
	put_frames(flame);
	json_close(&flame->json, '}');
	buf_puts(&flame->text, "\n");
	buf_puts(&flame->text, flame_page_end);
	out_buf(flame->out, &flame->text);
	return flame->failed || flame->frames.failed ? ss_error_oom(err)
						     : out_check(flame->out, err);
}

/* ---- snapshots ---- */

static void put_snapshot_notes(struct flame *flame, const struct ss_snapshot *snapshot)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	if (flame->several)
		write_process_header(&text, snapshot->pid, snapshot->comm);
	write_coverage(&text, snapshot, "");
	json_lines(&flame->json, &text);
}

static void put_snapshot_heading(struct flame *flame, const struct ss_snapshot *const *snapshots,
				 size_t n)
{
	struct json *j = &flame->json;

	json_text(j, "subtitle", "threads at one instant");
	json_open_key(j, "types", '[');
	put_type(j, "threads", "count", NULL);
	json_close(j, ']');
	json_open_key(j, "notes", '[');
	for (size_t i = 0; i < n; i++)
		put_snapshot_notes(flame, snapshots[i]);
	json_close(j, ']');
	json_open_key(j, "threads", '[');
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < snapshots[i]->nthreads; k++)
			put_thread_name(flame, snapshots[i]->threads[k].name,
					snapshots[i]->threads[k].tid, snapshots[i]->pid);
	json_close(j, ']');
}

static int flame_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			   const struct write_options *options, struct ss_error *err)
{
	_cleanup_(flame_done) struct flame flame;

	flame_init(&flame, out, options, n > 1);
	begin_page(&flame, snapshots[0]->comm, snapshots[0]->pid, n - 1);
	put_snapshot_heading(&flame, snapshots, n);
	json_open_key(&flame.json, "samples", '[');
	for (size_t i = 0; i < n; i++)
		put_snapshot_samples(&flame, snapshots[i]);
	json_close(&flame.json, ']');
	return end_page(&flame, err);
}

/* ---- profiles ---- */

static void put_profile_notes(struct flame *flame, const struct ss_profile *profile)
{
	struct account_sum sum = account_sum(profile, flame->options);
	_cleanup_(buf_done) struct buf text = { 0 };

	if (flame->several)
		write_process_header(&text, profile->pid, profile->comm);
	account_coverage(&text, profile, flame->options, &sum, "");
	json_lines(&flame->json, &text);
}

static void put_subtitle(struct flame *flame, const struct ss_profile *profile)
{
	struct buf *buf = &flame->scratch;

	buf_reset(buf);
	buf_printf(buf, "%s profile over ", account_view(profile->kind)->name);
	write_duration(buf, profile->duration_ns);
	if (flame->options->no_idle)
		buf_puts(buf, ", without idle threads");
	flame->failed |= buf->failed;
	if (!flame->failed)
		json_text(&flame->json, "subtitle", buf->data);
}

static void put_profile_heading(struct flame *flame, const struct ss_profile *const *profiles,
				size_t n)
{
	struct json *j = &flame->json;

	put_subtitle(flame, profiles[0]);
	put_types(j, account_view(profiles[0]->kind));
	json_open_key(j, "notes", '[');
	for (size_t i = 0; i < n; i++)
		put_profile_notes(flame, profiles[i]);
	json_close(j, ']');
	json_open_key(j, "threads", '[');
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < profiles[i]->nthreads; k++)
			put_thread_name(flame, profiles[i]->threads[k].name,
					profiles[i]->threads[k].tid, profiles[i]->pid);
	json_close(j, ']');
}

static int flame_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
			  const struct write_options *options, struct ss_error *err)
{
	_cleanup_(flame_done) struct flame flame;

	flame_init(&flame, out, options, n > 1);
	begin_page(&flame, profiles[0]->comm, profiles[0]->pid, n - 1);
	put_profile_heading(&flame, profiles, n);
	json_open_key(&flame.json, "samples", '[');
	for (size_t i = 0; i < n; i++)
		put_profile_samples(&flame, profiles[i]);
	json_close(&flame.json, ']');
	return end_page(&flame, err);
}

const struct writer writer_html = {
	.name = "html",
	.suffix = ".html",
	.snapshots = flame_snapshots,
	.profiles = flame_profiles,
};
