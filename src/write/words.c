/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.c: what a thread does and waits for, and what a snapshot saw, in words. Every text that
 * comes from the target is escaped. It says only what is known: an empty result is an answer.
 */
#include "write/write.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

static const char *const no_stack_words[] = {
#define X(name, text) [SS_NO_STACK_##name] = (text),
	SS_NO_STACKS(X)
#undef X
};

void write_duration(struct buf *buf, uint64_t ns)
{
	char text[CLOCK_FORMAT_MAX];

	buf_puts(buf, clock_format(text, sizeof(text), ns));
}

void write_quoted(struct buf *buf, const char *s)
{
	size_t start;

	buf_putc(buf, '"');
	start = buf->len;
	buf_puts_escaped(buf, s);
	for (size_t i = start; i < buf->len; i++)
		if (buf->data[i] == '"')
			buf->data[i] = '\'';
	buf_putc(buf, '"');
}

void write_process_header(struct buf *buf, pid_t pid, const char *comm)
{
	buf_printf(buf, "=== %d ", pid);
	buf_puts_escaped(buf, comm);
	buf_puts(buf, " ===\n");
}

static void put_syscall(struct buf *buf, const struct wait *wait)
{
	buf_puts(buf, wait_kind_name(WAIT_SYSCALL));
	if (wait->call_name)
		buf_printf(buf, " %s", wait->call_name);
	else if (wait->call >= 0)
		buf_printf(buf, " %" PRId64, wait->call);
}

void write_state(struct buf *buf, const struct thread *thread)
{
	const struct wait *wait = &thread->wait;

	if (thread->state != STATE_BLOCKED || wait->kind == WAIT_NONE)
		buf_puts(buf, thread_state_name(thread->state));
	else if (wait->kind == WAIT_SYSCALL)
		put_syscall(buf, wait);
	else
		buf_puts(buf, wait_kind_name(wait->kind));
}

static const char *object_noun(enum wait_kind kind)
{
	switch (kind) {
	case WAIT_RWLOCK_READ:
	case WAIT_RWLOCK_WRITE:
		return "rwlock";
	case WAIT_COND:
		return "condition variable";
	case WAIT_MUTEX:
	case WAIT_SEMAPHORE:
	case WAIT_BARRIER:
	case WAIT_ONCE:
		return wait_kind_name(kind);
	default:
		return "futex";
	}
}

/* A thread of the snapshot, with its name. */
static void put_thread(struct buf *buf, const struct ss_snapshot *snapshot, pid_t tid)
{
	const struct thread *thread = snapshot_find(snapshot, tid);

	buf_printf(buf, "thread %d", tid);
	if (thread) {
		buf_putc(buf, ' ');
		write_quoted(buf, thread->name);
	}
}

static void put_fd(struct buf *buf, const struct wait *wait)
{
	if (wait->call_name)
		buf_printf(buf, "in %s of fd %d", wait->call_name, wait->fd);
	else
		buf_printf(buf, "on fd %d", wait->fd);
	if (wait->fd_info && *wait->fd_info->text) {
		buf_puts(buf, " (");
		buf_puts_escaped(buf, wait->fd_info->text);
		buf_putc(buf, ')');
	}
}

/* Threads in these kinds sleep in a kernel function that tells more than the call does. */
static bool place_helps(enum wait_kind kind)
{
	return kind == WAIT_NONE || kind == WAIT_SYSCALL || kind == WAIT_DISK ||
	       kind == WAIT_PAGE_FAULT || kind == WAIT_FILE_READ || kind == WAIT_FILE_WRITE;
}

/* What the owner's number stands for where it is no thread of this process. */
static void put_holder_thread(struct buf *buf, const struct ss_snapshot *snapshot,
			      const struct wait *wait)
{
	if (wait->holder == HOLDER_THREAD && !wait->owner_pid) {
		put_thread(buf, snapshot, wait->owner);
		return;
	}
	buf_printf(buf, "thread %d", wait->owner);
	if (wait->owner_pid)
		buf_printf(buf, " of process %d", wait->owner_pid);
	else if (wait->holder == HOLDER_EXITED)
		buf_puts(buf, ", which has exited");
	else if (wait->holder == HOLDER_ABSENT)
		buf_puts(buf, ", which is not in this process (copied by fork?)");
}

static void put_holder(struct buf *buf, const struct ss_snapshot *snapshot, const struct wait *wait)
{
	switch (wait->holder) {
	case HOLDER_UNKNOWN:
		break;
	case HOLDER_HANDOVER:
		buf_puts(buf, ", being handed over");
		break;
	case HOLDER_READERS:
		buf_printf(buf, " held by %u reader%s", wait->readers,
			   wait->readers == 1 ? "" : "s");
		break;
	default:
		buf_puts(buf, " held by ");
		put_holder_thread(buf, snapshot, wait);
	}
}

void write_lock_type(struct buf *buf, const struct wait *wait)
{
	static const struct {
		unsigned trait;
		const char *words;
	} traits[] = {
		{ LOCK_ROBUST, "robust" },
		{ LOCK_INHERIT, "priority inheritance" },
		{ LOCK_CEILING, "priority ceiling" },
		{ LOCK_SHARED, "shared" },
	};
	const char *before = wait->lock_type ? ", " : "";

	buf_puts(buf, lock_type_name(wait->lock_type));
	for (size_t i = 0; i < ARRAY_SIZE(traits); i++) {
		if (!(wait->lock_traits & traits[i].trait))
			continue;
		buf_printf(buf, "%s%s", before, traits[i].words);
		before = ", ";
	}
}

static void put_lock(struct buf *buf, const struct ss_snapshot *snapshot, const struct wait *wait)
{
	buf_printf(buf, "waits for %s 0x%" PRIx64, object_noun(wait->kind), wait->object);
	if (wait->mutex)
		buf_printf(buf, ", with mutex 0x%" PRIx64, wait->mutex);
	put_holder(buf, snapshot, wait);
	if (!wait->lock_type && !wait->lock_traits)
		return;
	buf_puts(buf, " (");
	write_lock_type(buf, wait);
	buf_putc(buf, ')');
}

/* The most telling of object, descriptor and call; a bare system call is in the state already. */
static void put_subject(struct buf *buf, const struct ss_snapshot *snapshot,
			const struct wait *wait)
{
	if (wait->object)
		put_lock(buf, snapshot, wait);
	else if (wait->fd >= 0)
		put_fd(buf, wait);
	else if (wait->call_name && wait->kind != WAIT_SYSCALL)
		buf_printf(buf, "in %s", wait->call_name);
}

static void put_join(struct buf *buf, const struct ss_snapshot *snapshot, const struct wait *wait)
{
	buf_puts(buf, "waits for ");
	put_thread(buf, snapshot, wait->owner);
	buf_puts(buf, " to end");
}

static void next_clause(struct buf *buf, size_t start)
{
	if (buf->len > start)
		buf_puts(buf, ", ");
}

void write_wait(struct buf *buf, const struct ss_snapshot *snapshot, const struct thread *thread)
{
	const struct wait *wait = &thread->wait;
	size_t start = buf->len;

	if (!thread_state_waits(thread->state))
		return;
	if (wait->kind == WAIT_JOIN && wait->owner) {
		put_join(buf, snapshot, wait);
	} else if (wait->kind == WAIT_CHILD && wait->owner) {
		buf_printf(buf, "waits for process %d to end", (int)wait->owner);
	} else {
		put_subject(buf, snapshot, wait);
	}
	if (wait->timeout_ns >= 0) {
		next_clause(buf, start);
		buf_puts(buf, "timeout ");
		write_duration(buf, (uint64_t)wait->timeout_ns);
	}
	if (wait->place && *wait->place && place_helps(wait->kind)) {
		next_clause(buf, start);
		buf_puts(buf, "in the kernel's ");
		buf_puts_escaped(buf, wait->place);
	}
}

const char *write_no_stack_words(const struct thread *thread)
{
	return thread->stack ? stack_end_words(thread->stack->end)
			     : no_stack_words[thread->no_stack];
}

/* ---- coverage ---- */

static void cover_threads(struct buf *buf, const struct ss_coverage *c)
{
	buf_printf(buf, "threads: %u seen, %u with a stack", c->threads_seen, c->threads_sampled);
	for (unsigned i = SS_NO_STACK_HAS_STACK + 1; i < SS_NO_STACK_COUNT; i++)
		if (c->no_stack[i])
			buf_printf(buf, ", %u %s", c->no_stack[i], no_stack_words[i]);
	if (c->threads_halted)
		buf_printf(buf, "; %u stopped or frozen", c->threads_halted);
	if (c->threads_moved)
		buf_printf(buf, "; %u left out as they moved", c->threads_moved);
	if (c->threads_filtered)
		buf_printf(buf, "; %u left out by a filter", c->threads_filtered);
}

static void cover_stops(struct buf *buf, const struct ss_coverage *c)
{
	buf_printf(buf, "stops: %u", c->stops);
	if (!c->stops)
		return;
	buf_puts(buf, " (longest ");
	write_duration(buf, c->longest_stop_ns);
	buf_puts(buf, ", total ");
	write_duration(buf, c->total_stop_ns);
	buf_puts(buf, "), pause ");
	write_duration(buf, c->pause_ns);
	if (c->over_pause)
		buf_printf(buf, "; %u longer than --max-pause", c->over_pause);
	buf_printf(buf, "; EINTR: %u avoided, %u caused", c->eintr_avoided, c->eintr_caused);
	if (c->calls_cut_short)
		buf_printf(buf, "; calls ended early: %u", c->calls_cut_short);
}

static bool is_capture(const struct ss_coverage *c)
{
	return c->ticks_planned > 1;
}

static void cover_samples(struct buf *buf, const struct ss_coverage *c)
{
	if (c->timer_sampled && is_capture(c)) {
		buf_printf(buf, "; %u samples by the kernel's timer", c->timer_sampled);
		if (c->samples_lost)
			buf_printf(buf, ", %u lost", c->samples_lost);
		return;
	}
	if (!c->timer_sampled)
		return;
	buf_printf(buf, "; running threads: %u sampled by the kernel's timer", c->timer_sampled);
	if (!c->timer_within_ns)
		return;
	buf_puts(buf, " within ");
	write_duration(buf, c->timer_within_ns);
}

static void cover_stacks(struct buf *buf, const struct ss_coverage *c)
{
	const char *before = " (";
	unsigned cut = 0;

	for (unsigned i = SS_END_COMPLETE + 1; i < SS_END_COUNT; i++)
		cut += c->stack_end[i];
	buf_printf(buf, "stacks: %u complete, %u cut short", c->stack_end[SS_END_COMPLETE], cut);
	for (unsigned i = SS_END_COMPLETE + 1; i < SS_END_COUNT; i++) {
		if (!c->stack_end[i])
			continue;
		buf_printf(buf, "%s%u %s", before, c->stack_end[i],
			   stack_end_words((enum ss_stack_end)i));
		before = ", ";
	}
	buf_printf(buf, "%s; %u not of the same instant", cut ? ")" : "", c->inconsistent);
	if (c->waits_undated)
		buf_printf(buf, "; %u waits of unknown duration", c->waits_undated);
	if (c->owners_unsettled)
		buf_printf(buf, "; %u lock owners unsettled", c->owners_unsettled);
	if (c->ends_unseen)
		buf_printf(buf, "; %u other ends not found", c->ends_unseen);
	if (!c->files_late)
		return;
	buf_printf(buf, "; %u files not read in time: ", c->files_late);
	buf_puts_escaped(buf, c->file_late);
}

static void cover_frames(struct buf *buf, const struct ss_coverage *c)
{
	buf_printf(buf, "frames: %u, %u without a name, %u inferred; %" PRIu64 " bytes copied",
		   c->frames, c->frames_unnamed, c->frames_inferred, c->bytes_copied);
}

void write_timer(struct buf *buf, const char *timer, const char *refusal)
{
	if (*timer)
		buf_printf(buf, ", timer=%s", timer);
	if (*refusal && strcmp(timer, "bpf") != 0)
		buf_printf(buf, " (%s)", refusal);
}

static void cover_look(struct buf *buf, const struct ss_snapshot *snapshot)
{
	const struct ss_coverage *c = &snapshot->coverage;

	buf_puts(buf, "read in ");
	write_duration(buf, snapshot->took_ns);
	buf_printf(buf, ", stop=%s, observer=%s", snapshot->stop, snapshot->observer);
	write_timer(buf, snapshot->timer, snapshot->timer_refusal);
	buf_printf(buf, ", unwinder=%s", snapshot->unwinder);
	if (is_capture(c))
		buf_printf(buf, "; ticks: %u planned, %u done, %u missed", c->ticks_planned,
			   c->ticks_done, c->ticks_missed);
}

void write_coverage_counts(struct buf *buf, const struct ss_coverage *coverage, const char *prefix)
{
	static void (*const parts[])(struct buf *, const struct ss_coverage *) = {
		cover_threads,
		cover_stops,
		cover_stacks,
		cover_frames,
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		buf_puts(buf, prefix);
		parts[i](buf, coverage);
		if (parts[i] == cover_stops)
			cover_samples(buf, coverage);
		buf_putc(buf, '\n');
	}
}

void write_coverage(struct buf *buf, const struct ss_snapshot *snapshot, const char *prefix)
{
	write_coverage_counts(buf, &snapshot->coverage, prefix);
	buf_puts(buf, prefix);
	cover_look(buf, snapshot);
	buf_putc(buf, '\n');
}

void write_shown(struct buf *buf, const struct write_options *options, size_t shown, size_t all,
		 const char *things, const char *prefix)
{
	if (options->focus || options->ignore)
		buf_printf(buf, "%sshown: %zu of %zu %s\n", prefix, shown, all, things);
}
