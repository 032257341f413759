/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chains.c: see chains.h. The sections are indented, so that a script which counts the blocks of a
 * dump counts no thread twice. Threads of other processes than the one at hand are named with their
 * pid.
 */
#include "write/chains.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"

enum { PARTIES_MAX = 3 }; /* told by name; the others are counted */

/* ---- threads ---- */

static void put_since(struct buf *buf, const struct wait *wait)
{
	char text[CLOCK_FORMAT_MAX];

	if (wait->since_known)
		buf_printf(buf, ", %s%s", wait->since_at_least ? ">= " : "",
			   clock_format(text, sizeof(text), wait->since_ns));
}

void write_ref(struct buf *buf, const struct thread_ref *ref, const struct ss_snapshot *here)
{
	const struct thread *thread = ref->thread;

	buf_printf(buf, "thread %d ", (int)thread->tid);
	write_quoted(buf, thread->name);
	buf_puts(buf, " [");
	write_state(buf, thread);
	if (thread->state == STATE_BLOCKED)
		put_since(buf, &thread->wait);
	buf_putc(buf, ']');
	if (ref->snapshot != here)
		buf_printf(buf, " of process %d", (int)ref->snapshot->pid);
}

void write_party(struct buf *buf, const struct party *party)
{
	if (party->tid)
		buf_printf(buf, "thread %d", (int)party->tid);
	else
		buf_printf(buf, "process %d", (int)party->pid);
	if (*party->name) {
		buf_putc(buf, ' ');
		write_quoted(buf, party->name);
	}
}

void write_ends(struct buf *buf, const struct thread *thread)
{
	const struct chain *chain = thread->chain;

	if (!chain || chain->nparties == 0 || chain->parties[0].tid ||
	    thread->wait.kind == WAIT_CHILD)
		return;
	buf_puts(buf, thread->wait.kind == WAIT_FILE_LOCK ? "held by " : "other end: ");
	for (size_t i = 0; i < MIN(chain->nparties, (size_t)PARTIES_MAX); i++) {
		buf_puts(buf, i ? ", " : "");
		write_party(buf, &chain->parties[i]);
	}
	if (chain->nparties > PARTIES_MAX)
		buf_printf(buf, " and %zu more", chain->nparties - PARTIES_MAX);
	if (!chain->complete)
		buf_puts(buf, ", perhaps others");
}

/* "in recvfrom of fd 3 (...), other end: process 77 "x"", after `before`; nothing if nothing is known. */
static void put_wait_and_ends(struct buf *buf, const char *before, const struct thread_ref *ref)
{
	size_t start = buf->len, wait, ends;

	buf_puts(buf, before);
	wait = buf->len;
	write_wait(buf, ref->snapshot, ref->thread);
	if (buf->len == wait) {
		buf_cut(buf, start);
		return;
	}
	wait = buf->len;
	buf_puts(buf, ", ");
	ends = buf->len;
	write_ends(buf, ref->thread);
	if (buf->len == ends)
		buf_cut(buf, wait);
}

void write_chain(struct buf *buf, const struct ss_snapshot *snapshot, const struct thread *thread)
{
	const struct chain *chain = thread->chain;

	if (!chain)
		return;
	if (chain->fate == CHAIN_DEADLOCK) {
		buf_printf(buf, "in deadlock %u", chain->deadlock);
	} else if (chain->fate == CHAIN_FOREVER) {
		buf_puts(buf, "waits for ever: nobody is left who could end this wait");
	} else if (chain->fate == CHAIN_BEHIND && chain->deadlock) {
		buf_printf(buf, "waits for ever: it is behind deadlock %u", chain->deadlock);
	} else if (chain->fate == CHAIN_BEHIND) {
		buf_puts(buf, "waits for ever: whom it waits for does");
	} else if (chain->cycle_timed) {
		buf_puts(buf, "in a cycle that ends by itself: a wait in it has a timeout");
	} else if (chain->root.thread) {
		buf_printf(buf, "chain of %u ends at ", chain->hops);
		write_ref(buf, &chain->root, snapshot);
		put_wait_and_ends(buf, ": ", &chain->root);
	}
}

/* ---- stacks in sections ---- */

static void put_frame(struct buf *buf, const struct frame *frame)
{
	struct location room;
	const struct location *location = write_location(frame, &room);

	for (unsigned i = 0; i < MAX(location->nlines, 1u); i++) {
		const struct line *line = i < location->nlines ? &location->lines[i] : NULL;

		buf_puts(buf, "    ");
		if (line)
			write_short_name(buf, line->function->name);
		else
			write_raw_location(buf, location);
		if (line && *line->file) {
			buf_puts(buf, "  ");
			buf_puts_escaped(buf, line->file);
			buf_printf(buf, ":%u", line->line);
		}
		buf_putc(buf, '\n');
	}
}

void write_stack_lines(struct buf *buf, const struct thread *thread,
		       const struct write_options *options)
{
	if (!write_has_stack(thread)) {
		buf_printf(buf, "    no stack: %s\n", write_no_stack_words(thread));
		return;
	}
	for (unsigned i = 0; i < write_frame_count(thread->stack, options); i++)
		put_frame(buf, &thread->stack->frames[i]);
}

void write_wait_line(struct buf *buf, const struct thread_ref *ref)
{
	size_t start = buf->len;

	put_wait_and_ends(buf, "  ", ref);
	if (buf->len > start)
		buf_putc(buf, '\n');
}

/* ---- deadlocks ---- */

static void put_member(struct buf *buf, const struct ss_snapshot *first,
		       const struct thread_ref *member, const struct write_options *options)
{
	buf_puts(buf, "  ");
	write_ref(buf, member, first);
	buf_putc(buf, '\n');
	write_wait_line(buf, member);
	write_stack_lines(buf, member->thread, options);
	buf_putc(buf, '\n');
}

static void put_deadlock(struct buf *buf, const struct ss_snapshot *first, size_t i,
			 const struct write_options *options)
{
	const struct deadlock *deadlock = &first->deadlocks[i];

	if (first->ndeadlocks > 1)
		buf_printf(buf, "Deadlock %zu:\n\n", i + 1);
	for (size_t k = 0; k < deadlock->nmembers; k++)
		put_member(buf, first, &deadlock->members[k], options);
	if (deadlock->nbehind)
		buf_printf(buf, "  %u more thread%s for ever behind it\n\n", deadlock->nbehind,
			   deadlock->nbehind == 1 ? " waits" : "s wait");
}

void write_deadlocks(struct buf *buf, const struct ss_snapshot *first,
		     const struct write_options *options)
{
	if (first->ndeadlocks == 0)
		return;
	buf_printf(buf, "Found %zu deadlock%s:\n\n", first->ndeadlocks,
		   first->ndeadlocks == 1 ? "" : "s");
	for (size_t i = 0; i < first->ndeadlocks; i++)
		put_deadlock(buf, first, i, options);
}
