/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.c: a profile for people: functions by their time, as go tool pprof's top has them, then the
 * threads with what became of their time, then the coverage. It only reads profiles; percentages
 * are of the whole profile, whatever focus and ignore leave to see.
 */
#include "write/table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/strtab.h"
#include "base/vec.h"
#include "write/account.h"
#include "write/top.h"

enum { DEFAULT_ROWS = 40 };

struct table {
	const struct write_options *options;
	struct top *top;
	struct strtab texts;
	VEC(const char *) names; /* of the stack at work, leaf first */
	struct buf text, scratch;
	bool failed;
};

static void table_done(struct table *table)
{
	top_free(table->top);
	strtab_done(&table->texts);
	vec_done(&table->names);
	buf_done(&table->text);
	buf_done(&table->scratch);
}

/* ---- functions ---- */

/* What is in scratch becomes the next name. */
static void take_name(struct table *table)
{
	struct buf *buf = &table->scratch;
	const char *name = NULL;

	if (!buf->failed)
		name = strtab_intern(&table->texts, buf->len ? buf->data : "??");
	if (!name || vec_push(&table->names, name) < 0)
		table->failed = true;
	buf_reset(buf);
}

static void take_frame(struct table *table, const struct location *location)
{
	for (unsigned i = 0; i < location->nlines; i++) {
		write_short_name(&table->scratch, location->lines[i].function->name);
		take_name(table);
	}
	if (!location->nlines) {
		write_raw_location(&table->scratch, location);
		take_name(table);
	}
}

static void add_account(struct table *table, const struct account *account)
{
	unsigned n = write_frame_count(account->stack, table->options);
	struct location room;

	table->names.n = 0;
	for (unsigned i = 0; i < n; i++)
		take_frame(table, write_location(&account->stack->frames[i], &room));
	if (top_add(table->top, table->names.data, table->names.n, (int64_t)account->ns) < 0)
		table->failed = true;
}

static void put_functions(struct table *table, const struct ss_profile *profile,
			  const struct account_sum *sum)
{
	const struct value_type *type = account_main_type(account_view(profile->kind));
	unsigned max_rows = table->options->max_rows;
	const struct top_row *rows;
	size_t n;

	for (size_t i = 0; i < profile->naccounts && !table->failed; i++)
		if (account_is_shown(profile, &profile->accounts[i], table->options))
			add_account(table, &profile->accounts[i]);
	if (table->failed || top_rows(table->top, false, &rows, &n) < 0) {
		table->failed = true;
		return;
	}
	top_write(&table->text, rows, n,
		  &(struct top_options){
			  .type = type->type,
			  .unit = type->unit,
			  .total = (int64_t)sum->total_ns,
			  .max_rows = max_rows ? max_rows : DEFAULT_ROWS,
			  .file = profile->exe,
			  .time_ns = (int64_t)profile->wall_ns,
			  .duration_ns = (int64_t)profile->duration_ns,
		  });
}

/* ---- threads ---- */

static void put_cell(struct table *table, uint64_t ns, int width)
{
	top_put_value(&table->scratch, (int64_t)ns, "nanoseconds", NULL);
	if (table->scratch.failed)
		table->failed = true;
	else
		buf_printf(&table->text, "%*s", width, table->scratch.data);
	buf_reset(&table->scratch);
}

static void put_part(struct table *table, uint64_t ns, uint64_t wall_ns)
{
	put_cell(table, ns, 11);
	buf_putc(&table->text, ' ');
	top_put_percent(&table->text, (double)ns, (double)wall_ns);
}

static void put_wait_name(struct buf *buf, const struct profile_thread *thread)
{
	size_t start = buf->len;

	buf_puts(buf, wait_kind_name(thread->main_wait));
	if (thread->main_wait == WAIT_SYSCALL && thread->main_call)
		buf_printf(buf, " %s", thread->main_call);
	if (buf->len == start)
		buf_putc(buf, '-');
	if (thread->idle)
		buf_puts(buf, " (idle)");
	buf_printf(buf, "%*s", (int)MAX(22 - (ssize_t)(buf->len - start), 1), "");
}

/* tid 0: the sum of all threads. Names stand last, for they may hold anything. */
static void put_thread(struct table *table, const struct profile_thread *thread)
{
	struct buf *buf = &table->text;

	if (thread->tid)
		buf_printf(buf, "%8d", thread->tid);
	else
		buf_printf(buf, "%8s", "all");
	put_cell(table, thread->wall_ns, 11);
	put_part(table, thread->on_ns, thread->wall_ns);
	put_part(table, thread->runnable_ns, thread->wall_ns);
	put_part(table, thread->blocked_ns, thread->wall_ns);
	buf_printf(buf, " %9" PRIu64 "  ", thread->switches);
	put_wait_name(buf, thread);
	buf_puts_escaped(buf, thread->name);
	buf_putc(buf, '\n');
}

/* Where most of the process's blocked time went, by kind of wait alone. */
static enum wait_kind find_main_wait(const struct ss_profile *profile)
{
	uint64_t ns[WAIT_KIND_COUNT] = { 0 };
	enum wait_kind best = WAIT_NONE;

	for (size_t i = 0; i < profile->naccounts; i++)
		if (profile->accounts[i].state == ACCOUNT_BLOCKED)
			ns[profile->accounts[i].wait] += profile->accounts[i].ns;
	for (size_t kind = 0; kind < WAIT_KIND_COUNT; kind++)
		if (ns[kind] > ns[best])
			best = (enum wait_kind)kind;
	return best;
}

static struct profile_thread sum_threads(const struct ss_profile *profile)
{
	struct profile_thread sum = { .name = profile->comm };

	for (size_t i = 0; i < profile->nthreads; i++) {
		const struct profile_thread *thread = &profile->threads[i];

		sum.wall_ns += thread->wall_ns;
		sum.on_ns += thread->on_ns;
		sum.runnable_ns += thread->runnable_ns;
		sum.blocked_ns += thread->blocked_ns;
		sum.switches += thread->switches;
	}
	sum.main_wait = find_main_wait(profile);
	return sum;
}

static void put_threads(struct table *table, const struct ss_profile *profile)
{
	struct profile_thread sum = sum_threads(profile);
	size_t left_out = 0;

	buf_printf(&table->text, "\n%8s%11s%11s %6s%11s %6s%11s %6s %9s  %-22s%s\n", "tid", "wall",
		   "on-cpu", "%", "runnable", "%", "blocked", "%", "switches", "main wait",
		   "thread");
	for (size_t i = 0; i < profile->nthreads; i++) {
		if (table->options->no_idle && profile->threads[i].idle)
			left_out++;
		else
			put_thread(table, &profile->threads[i]);
	}
	put_thread(table, &sum);
	if (left_out)
		buf_printf(&table->text, "# %zu idle threads are in the last line only\n",
			   left_out);
}

/* ---- the document ---- */

static int put_profile(struct out *out, const struct ss_profile *profile,
		       const struct write_options *options, struct ss_error *err)
{
	_cleanup_(table_done) struct table table = { .options = options, .top = top_new() };
	struct account_sum sum = account_sum(profile, options);

	if (!table.top)
		return ss_error_oom(err);
	strtab_init(&table.texts);
	put_functions(&table, profile, &sum);
	if (options->summary)
		put_threads(&table, profile);
	buf_putc(&table.text, '\n');
	account_coverage(&table.text, profile, options, &sum, "# ");
	out_buf(out, &table.text);
	return table.failed ? ss_error_oom(err) : out_check(out, err);
}

int table_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
		   const struct write_options *options, struct ss_error *err)
{
	_cleanup_(buf_done) struct buf header = { 0 };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (i > 0)
			buf_putc(&header, '\n');
		if (n > 1)
			write_process_header(&header, profiles[i]->pid, profiles[i]->comm);
		out_buf(out, &header);
		r = put_profile(out, profiles[i], options, err);
	}
	return r;
}
