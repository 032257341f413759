/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folded.c: "process;thread;root;...;leaf VALUE" lines for flame graph tools, equal lines summed,
 * sorted by text. The value is a number of threads, or nanoseconds in a profile. The form has
 * neither comments nor quoting: semicolons and spaces in names are replaced, and threads without a
 * stack do not appear. A stack that does not reach its outermost frame stands on [truncated], so
 * that its frames are not taken for roots.
 */
#include "write/write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "write/account.h"
#include "write/cache.h"

struct folded_line {
	const char *text; /* interned */
	uint64_t value;
};

struct folded {
	const struct write_options *options;
	struct frame_cache frames;
	struct strtab texts;
	struct map64 by_text; /* interned text -> index of the line */
	VEC(struct folded_line) lines;
	struct buf text;
	bool failed;
};

static void folded_done(struct folded *folded)
{
	frame_cache_done(&folded->frames);
	strtab_done(&folded->texts);
	map64_done(&folded->by_text);
	vec_done(&folded->lines);
	buf_done(&folded->text);
}

/* Names from `start` on become one token. */
static void make_token(struct buf *buf, size_t start)
{
	for (size_t i = start; i < buf->len; i++) {
		if (buf->data[i] == ';')
			buf->data[i] = ':';
		else if (buf->data[i] == ' ')
			buf->data[i] = '_';
	}
	if (buf->len == start)
		buf_puts(buf, "??");
}

static void put_token(struct buf *buf, const char *s)
{
	size_t start = buf->len;

	buf_puts_escaped(buf, s);
	make_token(buf, start);
}

/* ";outer;inlined", the physical function first. */
static void render_frame(struct buf *buf, const struct location *location, uint32_t flags,
			 const void *arg)
{
	size_t start;

	(void)flags;
	(void)arg;
	for (unsigned i = location->nlines; i-- > 0;) {
		buf_putc(buf, ';');
		start = buf->len;
		write_short_name(buf, location->lines[i].function->name);
		make_token(buf, start);
	}
	if (location->nlines)
		return;
	buf_putc(buf, ';');
	start = buf->len;
	write_raw_location(buf, location);
	make_token(buf, start);
}

static void put_stack(struct folded *folded, const struct stack *stack)
{
	unsigned n = write_frame_count(stack, folded->options);

	if (n < stack->n || stack->end != SS_END_COMPLETE)
		buf_puts(&folded->text, ";[truncated]");
	for (unsigned i = n; i-- > 0;)
		frame_cache_put(&folded->frames, &folded->text, &stack->frames[i]);
}

static void count_line(struct folded *folded, const char *text, uint64_t value)
{
	const uint64_t *found = map64_find(&folded->by_text, (uintptr_t)text);

	if (found)
		folded->lines.data[*found].value += value;
	else if (map64_put(&folded->by_text, (uintptr_t)text, folded->lines.n) < 0 ||
		 vec_push(&folded->lines, ((struct folded_line){ text, value })) < 0)
		folded->failed = true;
}

static void add_stack(struct folded *folded, const char *comm, const char *name,
		      const struct stack *stack, uint64_t value)
{
	struct buf *buf = &folded->text;
	const char *text = NULL;

	buf_reset(buf);
	put_token(buf, comm);
	buf_putc(buf, ';');
	put_token(buf, name);
	put_stack(folded, stack);
	if (!buf->failed)
		text = strtab_intern_n(&folded->texts, buf->data, buf->len);
	if (text)
		count_line(folded, text, value);
	else
		folded->failed = true;
}

static void add_snapshot(struct folded *folded, const struct ss_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->nthreads && !folded->failed; i++) {
		const struct thread *thread = &snapshot->threads[i];

		if (write_has_stack(thread) && write_wants_thread(thread, folded->options))
			add_stack(folded, snapshot->comm, thread->name, thread->stack, 1);
	}
}

static void add_profile(struct folded *folded, const struct ss_profile *profile)
{
	for (size_t i = 0; i < profile->naccounts && !folded->failed; i++) {
		const struct account *account = &profile->accounts[i];

		if (account->ns && account_is_shown(profile, account, folded->options))
			add_stack(folded, profile->comm, profile->threads[account->thread].name,
				  account->stack, account->ns);
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(((const struct folded_line *)a)->text, ((const struct folded_line *)b)->text);
}

static void put_lines(struct folded *folded, struct out *out)
{
	if (folded->lines.n)
		qsort(folded->lines.data, folded->lines.n, sizeof(*folded->lines.data),
		      compare_lines);
	buf_reset(&folded->text);
	vec_each(line, &folded->lines) {
		buf_puts(&folded->text, line->text);
		buf_printf(&folded->text, " %" PRIu64 "\n", line->value);
		out_buf(out, &folded->text);
	}
}

static void folded_init(struct folded *folded, const struct write_options *options)
{
	*folded = (struct folded){ .options = options };
	frame_cache_init(&folded->frames, render_frame, NULL);
	strtab_init(&folded->texts);
	map64_init(&folded->by_text);
	buf_init(&folded->text);
}

static int folded_finish(struct folded *folded, struct out *out, struct ss_error *err)
{
	if (folded->failed)
		return ss_error_oom(err);
	put_lines(folded, out);
	return out_check(out, err);
}

static int folded_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			    const struct write_options *options, struct ss_error *err)
{
	_cleanup_(folded_done) struct folded folded;

	folded_init(&folded, options);
	for (size_t i = 0; i < n; i++)
		add_snapshot(&folded, snapshots[i]);
	return folded_finish(&folded, out, err);
}

static int folded_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
			   const struct write_options *options, struct ss_error *err)
{
	_cleanup_(folded_done) struct folded folded;

	folded_init(&folded, options);
	for (size_t i = 0; i < n; i++)
		add_profile(&folded, profiles[i]);
	return folded_finish(&folded, out, err);
}

const struct writer writer_folded = {
	.name = "folded",
	.suffix = ".folded",
	.snapshots = folded_snapshots,
	.profiles = folded_profiles,
};
