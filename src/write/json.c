/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.c: everything that a snapshot or a profile holds, as one JSON object; snapshot.schema.json
 * and profile.schema.json in contrib/schema document them. It assumes no reader that knows more
 * than JSON: what is missing is null, an address, which no double holds, is text.
 */
#include "write/write.h"

#include "write/account.h"
#include "write/jsonchain.h"
#include "write/jsonmodel.h"

struct json_writer {
	struct buf text, scratch;
	struct frame_cache frames;
	const struct write_options *options;
};

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

static void put_address(struct json *j, const char *key, uint64_t address)
{
	if (address)
		json_address(j, key, address);
	else
		json_null(j, key);
}

static void put_lock_type(struct json_writer *w, struct json *j, const struct wait *wait)
{
	buf_reset(&w->scratch);
	write_lock_type(&w->scratch, wait);
	if (w->scratch.failed)
		j->buf->failed = true;
	json_text_or_null(j, "lock_type", w->scratch.len ? w->scratch.data : NULL);
}

static void put_object(struct json_writer *w, struct json *j, const struct wait *wait)
{
	static const char *const holders[] = {
		[HOLDER_UNKNOWN] = NULL,        [HOLDER_THREAD] = "thread",
		[HOLDER_EXITED] = "exited",     [HOLDER_ABSENT] = "absent",
		[HOLDER_HANDOVER] = "handover", [HOLDER_READERS] = "readers",
	};

	put_address(j, "object", wait->object);
	put_lock_type(w, j, wait);
	json_text_or_null(j, "holder", holders[wait->holder]);
	json_count(j, "owner", (uint64_t)wait->owner);
	json_count(j, "owner_pid", (uint64_t)wait->owner_pid);
	json_count(j, "readers", wait->readers);
	put_address(j, "mutex", wait->mutex);
}

/* The wait in words, its last field. */
static void put_words(struct json_writer *w, struct json *j, const struct ss_snapshot *snapshot,
		      const struct thread *thread)
{
	buf_reset(&w->scratch);
	write_wait(&w->scratch, snapshot, thread);
	if (w->scratch.failed)
		j->buf->failed = true;
	json_text_or_null(j, "text", w->scratch.len ? w->scratch.data : NULL);
}

static void put_wait(struct json_writer *w, struct json *j, const struct ss_snapshot *snapshot,
		     const struct thread *thread)
{
	const struct wait *wait = &thread->wait;

	if (!thread_state_waits(thread->state)) {
		json_null(j, "wait");
		return;
	}
	json_open_key(j, "wait", '{');
	json_text_or_null(j, "kind", wait_kind_name(wait->kind));
	json_index(j, "call", wait->call);
	json_text_or_null(j, "call_name", wait->call_name);
	put_object(w, j, wait);
	put_fd(j, wait);
	put_timeout(j, wait);
	put_since(j, wait);
	json_text_or_null(j, "place", wait->place);
	put_words(w, j, snapshot, thread);
	json_close(j, '}');
}

static void put_any_stack(struct json_writer *w, struct json *j, const struct thread *thread)
{
	if (thread->stack) {
		json_null(j, "no_stack");
		json_stack(j, &w->frames, thread->stack, w->options);
	} else {
		json_lower(j, "no_stack", json_no_stack_name(thread->no_stack));
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
	json_chain(j, thread->chain);
	json_number(j, "behind", thread->nbehind);
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

static void put_facts(struct json *j, const struct ss_snapshot *snapshot)
{
	json_number(j, "pid", (uint64_t)snapshot->pid);
	json_text(j, "comm", snapshot->comm);
	json_text_or_null(j, "exe", snapshot->exe);
	json_text_or_null(j, "cmdline", snapshot->cmdline);
	json_number(j, "time_ns", snapshot->wall_ns);
	json_number(j, "took_ns", snapshot->took_ns);
	json_text(j, "stop", snapshot->stop);
	json_text(j, "observer", snapshot->observer);
	json_text_or_null(j, "timer", snapshot->timer);
	json_text(j, "unwinder", snapshot->unwinder);
}

static void put_process(struct json_writer *w, struct json *j, const struct ss_snapshot *snapshot,
			struct out *out)
{
	json_line(j);
	json_open(j, '{');
	put_facts(j, snapshot);
	json_coverage(j, &snapshot->coverage);
	json_mappings(j, snapshot->mappings, snapshot->nmappings);
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

/* ---- profiles ---- */

static void put_profile_facts(struct json *j, const struct ss_profile *profile)
{
	json_text(j, "kind", account_view(profile->kind)->name);
	json_number(j, "pid", (uint64_t)profile->pid);
	json_text(j, "comm", profile->comm);
	json_text_or_null(j, "exe", profile->exe);
	json_text_or_null(j, "cmdline", profile->cmdline);
	json_number(j, "time_ns", profile->wall_ns);
	json_number(j, "duration_ns", profile->duration_ns);
	json_number(j, "period_ns", profile->period_ns);
	json_text(j, "stop", profile->stop);
	json_text(j, "observer", profile->observer);
	json_text_or_null(j, "timer", profile->timer);
	json_text(j, "unwinder", profile->unwinder);
	json_number(j, "blocked_ns", profile->blocked_ns);
	json_number(j, "idle_ns", profile->idle_ns);
	json_bool(j, "counted_samples", profile->counted_samples);
}

static void put_profile_thread(struct json *j, const struct profile_thread *thread)
{
	json_line(j);
	json_open(j, '{');
	json_number(j, "tid", (uint64_t)thread->tid);
	json_text(j, "name", thread->name);
	json_number(j, "wall_ns", thread->wall_ns);
	json_number(j, "on_cpu_ns", thread->on_ns);
	json_number(j, "runnable_ns", thread->runnable_ns);
	json_number(j, "blocked_ns", thread->blocked_ns);
	json_number(j, "stopped_ns", thread->stopped_ns);
	json_number(j, "switches", thread->switches);
	json_text_or_null(j, "main_wait", wait_kind_name(thread->main_wait));
	json_text_or_null(j, "main_call", thread->main_call);
	json_bool(j, "idle", thread->idle);
	json_bool(j, "began", thread->began);
	json_bool(j, "ended", thread->ended);
	json_close(j, '}');
}

static void put_account(struct json_writer *w, struct json *j, const struct ss_profile *profile,
			const struct account *account)
{
	struct thread thread = account_thread(profile, account);

	json_line(j);
	json_open(j, '{');
	json_number(j, "tid", (uint64_t)thread.tid);
	json_text(j, "state", thread_state_name(thread.state));
	json_text_or_null(j, "wait", wait_kind_name(thread.wait.kind));
	json_text_or_null(j, "call_name", thread.wait.call_name);
	if (account->object)
		json_address(j, "lock", account->object);
	else
		json_null(j, "lock");
	json_index(j, "fd", account->fd);
	json_text_or_null(j, "waiter", account->waiter);
	json_number(j, "ns", account->ns);
	json_number(j, "count", account->count);
	json_stack(j, &w->frames, account->stack, w->options);
	json_close(j, '}');
}

static void put_accounts(struct json_writer *w, struct json *j, const struct ss_profile *profile,
			 struct out *out)
{
	json_open_key(j, "accounts", '[');
	for (size_t i = 0; i < profile->naccounts && !out_error(out); i++) {
		if (account_is_shown(profile, &profile->accounts[i], w->options))
			put_account(w, j, profile, &profile->accounts[i]);
		out_buf(out, j->buf);
	}
	json_close(j, ']');
}

static void put_profile(struct json_writer *w, struct json *j, const struct ss_profile *profile,
			struct out *out)
{
	json_line(j);
	json_open(j, '{');
	put_profile_facts(j, profile);
	json_coverage(j, &profile->coverage);
	json_mappings(j, profile->mappings, profile->nmappings);
	json_open_key(j, "threads", '[');
	for (size_t i = 0; i < profile->nthreads; i++)
		put_profile_thread(j, &profile->threads[i]);
	json_close(j, ']');
	put_accounts(w, j, profile, out);
	json_close(j, '}');
	out_buf(out, j->buf);
}

/* ---- documents ---- */

static void json_writer_done(struct json_writer *w)
{
	frame_cache_done(&w->frames);
	buf_done(&w->text);
	buf_done(&w->scratch);
}

static void json_begin(struct json_writer *w, struct json *j, const char *key)
{
	frame_cache_init(&w->frames, json_render_frame, NULL);
	json_open(j, '{');
	json_text(j, "stacksnap", ss_version());
	json_open_key(j, key, '[');
}

static int json_end(struct json *j, struct out *out, struct ss_error *err)
{
	json_close(j, '}');
	buf_putc(j->buf, '\n');
	out_buf(out, j->buf);
	return out_check(out, err);
}

static int json_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			  const struct write_options *options, struct ss_error *err)
{
	_cleanup_(json_writer_done) struct json_writer w = { .options = options };
	struct json j = { .buf = &w.text };

	json_begin(&w, &j, "processes");
	for (size_t i = 0; i < n; i++)
		put_process(&w, &j, snapshots[i], out);
	json_close(&j, ']');
	json_deadlocks(&j, snapshots[0]);
	return json_end(&j, out, err);
}

static int json_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
			 const struct write_options *options, struct ss_error *err)
{
	_cleanup_(json_writer_done) struct json_writer w = { .options = options };
	struct json j = { .buf = &w.text };

	json_begin(&w, &j, "profiles");
	for (size_t i = 0; i < n; i++)
		put_profile(&w, &j, profiles[i], out);
	json_close(&j, ']');
	return json_end(&j, out, err);
}

const struct writer writer_json = {
	.name = "json",
	.suffix = ".json",
	.snapshots = json_snapshots,
	.profiles = json_profiles,
};
