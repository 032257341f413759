/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a capture and its walks to a snapshot: names, states and waits, and the coverage block.
 * Nothing is stopped by now; files may be opened and debug information read.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/owners.h"
#include "engine/session.h"
#include "engine/waiting.h"
#include "target/fds.h"

/* One assembly in progress. */
struct assembly {
	struct ss_session *session;
	struct ss_snapshot *snapshot;
	struct fds *fds;
};

/* ---- waits ---- */

static const struct fd_info *describe_fd(void *fds, int fd)
{
	return fds_describe(fds, fd);
}

/* A timeout that was read from memory is that of another wait if the thread has run since. */
static void check_timeout(struct assembly *a, size_t i, struct wait *wait)
{
	const struct look *look = &a->session->capture.threads.data[i].look;
	uint64_t pcount;

	if (wait->timeout_ns >= 0 && look->sched_known &&
	    (sweep_pcount(a->session->capturer, i, &pcount) < 0 || pcount != look->pcount))
		wait->timeout_ns = WAIT_TIMEOUT_UNKNOWN;
}

/* State and wait of thread i, and who holds what it waits for, if that is certain. */
static void classify(struct assembly *a, size_t i, struct thread *thread)
{
	struct ss_session *session = a->session;
	const struct waiting_source source = {
		.describe = describe_fd,
		.arg = a->fds,
		.word = owners_lock(session, i),
	};
	struct classify_result result;
	bool from_lock;

	from_lock = waiting_classify(&session->target, &session->capture.threads.data[i],
				     thread->stack, &source, &result);
	thread->state = result.state;
	thread->wait = result.wait;
	if (!from_lock)
		check_timeout(a, i, &thread->wait);
	if (!owners_settle(session, i, thread->stack, from_lock, &thread->wait))
		a->snapshot->coverage.owners_unsettled++;
}

static void date_wait(struct assembly *a, const struct capture_thread *captured,
		      struct thread *thread)
{
	struct wait *wait = &thread->wait;

	if (thread->state != STATE_BLOCKED)
		return;
	wait->since_known = schedclock_since(&a->session->schedclock, &captured->look,
					     &wait->since_ns, &wait->since_at_least) == 0;
	a->snapshot->coverage.waits_undated += !wait->since_known;
}

/* A thread that stood still has waited since the mark at least. */
static void hold_against_mark(struct assembly *a, const struct look *look, struct thread *thread)
{
	struct ss_session *session = a->session;

	if (!session->marked_ns)
		return;
	thread->moved = session_has_moved(session, look);
	a->snapshot->coverage.threads_moved += thread->moved;
	if (thread->moved || thread->wait.since_known)
		return;
	thread->wait.since_known = thread->wait.since_at_least = true;
	thread->wait.since_ns = look->at_ns - session->marked_ns;
}

/* ---- threads ---- */

static int add_thread(struct assembly *a, size_t i, struct thread *thread)
{
	struct ss_coverage *coverage = &a->snapshot->coverage;
	const struct capture_thread *captured = &a->session->capture.threads.data[i];
	const struct look *look = &captured->look;

	*thread = (struct thread){
		.tid = a->session->tids.tid.data[i],
		.name = arena_strdup(&a->snapshot->arena, look->comm),
		.no_stack = captured->none,
		.was_stopped = captured->how == CAPTURE_STOPPED,
		.consistent = captured->consistent,
		.cpu = look->cpu,
		.on_cpu_ns = look->on_cpu_ns,
		.run_queue_ns = look->run_queue_ns,
		.timeslices = look->pcount,
	};
	if (!thread->name)
		return -ENOMEM;
	coverage->threads_seen++;
	coverage->threads_halted += look_is_halted(look);
	if (captured->how != CAPTURE_NONE) {
		thread->stack = session_name_stack(a->session, &a->snapshot->stacks,
						   &a->session->walks.data[i]);
		if (!thread->stack)
			return -ENOMEM;
		session_count_stack(coverage, thread->stack);
		coverage->inconsistent += !captured->consistent;
	} else {
		coverage->no_stack[captured->none]++;
	}
	classify(a, i, thread);
	if (look->wchan[0]) {
		thread->wait.place = arena_strdup(&a->snapshot->arena, look->wchan);
		if (!thread->wait.place)
			return -ENOMEM;
	}
	date_wait(a, captured, thread);
	hold_against_mark(a, look, thread);
	return 0;
}

static int compare_since(const void *a, const void *b)
{
	const struct thread *x = *(const struct thread *const *)a;
	const struct thread *y = *(const struct thread *const *)b;

	if (x->wait.since_ns != y->wait.since_ns)
		return x->wait.since_ns > y->wait.since_ns ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* Those first that have waited longest. */
static int order_threads(struct ss_snapshot *snapshot)
{
	snapshot->order =
		arena_array(&snapshot->arena, snapshot->nthreads, sizeof(*snapshot->order));
	if (!snapshot->order)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->nthreads; i++)
		snapshot->order[i] = &snapshot->threads[i];
	qsort(snapshot->order, snapshot->nthreads, sizeof(*snapshot->order), compare_since);
	return 0;
}

static int add_threads(struct assembly *a)
{
	struct ss_snapshot *snapshot = a->snapshot;
	size_t n = a->session->capture.threads.n;

	snapshot->threads = arena_array(&snapshot->arena, n, sizeof(*snapshot->threads));
	if (!snapshot->threads)
		return -ENOMEM;
	snapshot->nthreads = n;
	for (size_t i = 0; i < n; i++) {
		int r = add_thread(a, i, &snapshot->threads[i]);

		if (r < 0)
			return r;
	}
	return a->session->marked_ns ? order_threads(snapshot) : 0;
}

/* ---- the process ---- */

static int describe_process(struct assembly *a)
{
	struct ss_session *session = a->session;
	struct ss_snapshot *snapshot = a->snapshot;
	struct process_description process;

	if (session_describe(session, &snapshot->arena, &process) < 0 ||
	    session_list_mappings(session, &snapshot->arena, process.exe, &snapshot->mappings,
				  &snapshot->nmappings) < 0)
		return -ENOMEM;
	snapshot->pid = session->target.pid;
	snapshot->comm = process.comm;
	snapshot->exe = process.exe;
	snapshot->cmdline = process.cmdline;
	snapshot->stop = process.stop;
	snapshot->observer = process.observer;
	snapshot->timer = process.timer;
	snapshot->timer_refusal = process.timer_refusal;
	snapshot->unwinder = session->unwinder_ops->name;
	snapshot->wall_ns = session->capture.wall_ns;
	snapshot->mono_ns = session->capture.start_ns;
	snapshot->maps = arena_strdup(&snapshot->arena,
				      session->maps.text.data ? session->maps.text.data : "");
	return snapshot->maps ? 0 : -ENOMEM;
}

static void count_capture(struct assembly *a)
{
	struct ss_coverage *coverage = &a->snapshot->coverage;
	const struct capture *capture = &a->session->capture;

	coverage->threads_filtered = a->session->filtered;
	session_count_files(a->session, coverage);
	coverage->stops = capture->stops;
	coverage->over_pause = capture->over_pause;
	coverage->eintr_avoided = capture->eintr_avoided;
	coverage->eintr_caused = capture->eintr_caused;
	coverage->calls_cut_short = capture->calls_cut_short;
	coverage->timer_sampled = capture->timer_sampled;
	coverage->timer_within_ns = capture->timer_within_ns;
	coverage->longest_stop_ns = capture->longest_stop_ns;
	coverage->total_stop_ns = capture->total_stop_ns;
	coverage->pause_ns = capture->pause_ns;
	coverage->bytes_copied = capture->bytes_copied;
	coverage->ticks_planned = coverage->ticks_done = 1;
}

static int assemble(struct assembly *a)
{
	int r = describe_process(a);

	if (r == 0)
		r = add_threads(a);
	if (r == 0)
		count_capture(a);
	return r;
}

int session_assemble(struct ss_session *session, struct ss_snapshot **ret, struct ss_error *err)
{
	struct assembly a = { .session = session, .snapshot = calloc(1, sizeof(*a.snapshot)) };
	int r;

	if (!a.snapshot)
		return ss_error_oom(err);
	arena_init(&a.snapshot->arena);
	stack_table_init(&a.snapshot->stacks);
	schedclock_begin(&session->schedclock);
	pidns_forget(&session->pidns);
	a.fds = fds_new(&session->target, &a.snapshot->arena);
	r = a.fds ? assemble(&a) : -ENOMEM;
	fds_free(a.fds);
	if (r < 0) {
		ss_snapshot_free(a.snapshot);
		return ss_error_oom(err);
	}
	a.snapshot->took_ns = clock_mono_ns() - session->capture.start_ns;
	*ret = a.snapshot;
	return 0;
}
