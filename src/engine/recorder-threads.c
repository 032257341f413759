/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one sweep to the accounts: the threads are found first, then their samples, every thread's
 * place (a stack and a wait), who holds the locks that are waited for, and last its counters go to
 * its delta. A thread that has not run keeps its place and is not looked at.
 */
#include "engine/recorder-internal.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"
#include "engine/birth.h"
#include "engine/waiting.h"
#include "target/fds.h"

/* ---- accounting ---- */

/* With the timer, whoever is on a CPU is let run: samples say where. */
static bool is_left_running(const struct recorder *recorder, const struct capture_thread *captured)
{
	return recorder->timer && captured->how == CAPTURE_NONE &&
	       (captured->none == SS_NO_STACK_RUNNING || captured->none == SS_NO_STACK_IN_KERNEL);
}

/* A worker of io_uring never enters user mode: what the kernel says of its call is of its maker. */
static enum delta_where where_is_worker(const struct look *look)
{
	return look->state == 'R' ? WHERE_ON_CPU : WHERE_BLOCKED;
}

static enum delta_where where_is(const struct recorder *recorder,
				 const struct capture_thread *captured)
{
	const struct look *look = &captured->look;

	if (look->queued)
		return WHERE_RUNNABLE;
	if (look->worker)
		return where_is_worker(look);
	if (look->call == CALL_NUMBER || look->call == CALL_NONE)
		return WHERE_BLOCKED;
	if (captured->run == RUN_RUNNABLE)
		return WHERE_RUNNABLE;
	if (captured->how == CAPTURE_NONE && !is_left_running(recorder, captured))
		return WHERE_UNKNOWN;
	return WHERE_ON_CPU;
}

static uint64_t wait_began(struct recorder *recorder, const struct look *look)
{
	uint64_t since_ns;
	bool at_least;

	if (schedclock_since(&recorder->session->schedclock, look, &since_ns, &at_least) < 0)
		return 0;
	return look->at_ns > since_ns ? look->at_ns - since_ns : 0;
}

/*
 * Without CONFIG_SCHED_INFO the kernel counts nothing: then the time since the last look goes to
 * what the thread does now, as a counting profiler would have it.
 */
static void invent_counters(struct recorder *recorder, struct recorded *thread,
			    struct observation *now)
{
	uint64_t passed = thread->life->begun ? now->t_ns - thread->life->invented.t_ns : 0;

	recorder->profile->counted_samples = true;
	thread->life->invented.t_ns = now->t_ns;
	thread->life->invented.pcount++;
	if (now->where == WHERE_ON_CPU)
		thread->life->invented.on_ns += passed;
	else if (now->where == WHERE_RUNNABLE)
		thread->life->invented.run_queue_ns += passed;
	now->on_ns = thread->life->invented.on_ns;
	now->run_queue_ns = thread->life->invented.run_queue_ns;
	now->pcount = thread->life->invented.pcount;
}

static struct observation make_observation(struct recorder *recorder, struct recorded *thread,
					   const struct capture_thread *captured)
{
	const struct look *look = &captured->look;
	struct observation now = {
		.t_ns = look->at_ns,
		.on_ns = look->on_cpu_ns,
		.run_queue_ns = look->run_queue_ns,
		.pcount = look->pcount,
		.voluntary = look->voluntary,
		.voluntary_known = look->voluntary_known,
		.where = where_is(recorder, captured),
		.place = thread->place,
		.stopped_ns = thread->life->stopped_ns,
		.own_pcount = thread->life->own_switches,
		.own_voluntary = thread->life->own_switches,
		.same_wait = captured->woken_by_us,
	};

	if (now.where == WHERE_BLOCKED && !captured->woken_by_us)
		now.since_ns = wait_began(recorder, look);
	if (!look->sched_known)
		invent_counters(recorder, thread, &now);
	return now;
}

/*
 * When a thread that the tick before did not see was born. One that was switched in once has
 * queued, run and blocked: that leaves no gap. Of the others only that tick is known.
 */
static uint64_t find_birth(const struct recorder *recorder, const struct observation *now)
{
	uint64_t before = now->on_ns + now->run_queue_ns;

	if (now->where != WHERE_BLOCKED || now->pcount != 1 || now->since_ns < before)
		return recorder->last_ns;
	return MAX(recorder->last_ns, now->since_ns - before);
}

/* The account of a thread whose counters are not those of the capture from 0 on. */
static void begin_in_midlife(struct recorder *recorder, struct recorded *thread,
			     const struct observation *now)
{
	const struct observation *before = &recorder->execed;
	struct recorder_sink sink = recorder_sink_of(recorder, thread);

	if (thread->tid != recorder->session->target.pid || !before->t_ns ||
	    !birth_goes_on(before, now)) {
		delta_begin(&thread->life->delta, now, 0, recorder_credit, &sink);
		return;
	}
	delta_begin(&thread->life->delta, before, 0, recorder_credit, &sink);
	delta_observe(&thread->life->delta, now, recorder_credit, &sink);
}

/* A worker is read at every tick, also if it has not run. */
static bool has_run(const struct recorded *thread, const struct capture_thread *captured,
		    const struct observation *now)
{
	return !captured->woken_by_us && !(thread->worker && now->on_ns == thread->life->on_ns);
}

static void observe(struct recorder *recorder, struct recorded *thread,
		    const struct capture_thread *captured)
{
	struct recorder_sink sink = recorder_sink_of(recorder, thread);
	struct observation now = make_observation(recorder, thread, captured);

	if (!thread->life->begun && !thread->began) {
		begin_in_midlife(recorder, thread, &now);
	} else if (!thread->life->begun) {
		delta_begin(&thread->life->delta, &now, find_birth(recorder, &now), recorder_credit,
			    &sink);
	} else {
		thread->ran |= has_run(thread, captured, &now);
		delta_observe(&thread->life->delta, &now, recorder_credit, &sink);
	}
	thread->life->begun = true;
	thread->life->on_ns = now.on_ns;
	thread->life->stopped_ns = 0;
	thread->life->own_switches = 0;
}

/* ---- places ---- */

static const struct fd_info *describe_fd(void *arg, int fd)
{
	struct recorder *recorder = arg;

	recorder->fd = (struct fd_info){ .fd = fd,
					 .type = fds_type(&recorder->session->target, fd),
					 .text = "" };
	return &recorder->fd;
}

static void find_wait(struct recorder *recorder, size_t i, const struct stack *stack,
		      struct wait *ret)
{
	struct ss_session *session = recorder->session;
	const struct capture_thread *captured = &session->capture.threads.data[i];
	const struct waiting_source source = {
		.describe = describe_fd,
		.arg = recorder,
		.word = recorder->holders ? lockwords_find(&session->locks, i) : NULL,
	};
	struct classify_result result;

	/* the call that it is in is one that goes on */
	if (captured->look.queued) {
		*ret = (struct wait){ .kind = WAIT_NONE, .fd = -1 };
		return;
	}
	waiting_classify(&session->target, captured, stack, &source, &result);
	*ret = result.wait;
}

/* The place of a thread that was captured anew, and its wait; 0 if memory is out. */
static uint32_t find_place(struct recorder *recorder, size_t i, struct wait *ret_wait)
{
	struct ss_session *session = recorder->session;
	struct place place = {
		.stack = session_name_stack(session, &recorder->profile->stacks,
					    &session->walks.data[i]),
		.fd = -1,
	};

	if (!place.stack)
		return 0;
	find_wait(recorder, i, place.stack, ret_wait);
	place.wait = ret_wait->kind;
	place.call_name = ret_wait->kind == WAIT_SYSCALL ? ret_wait->call_name : NULL;
	if (recorder->objects) {
		place.object = ret_wait->object;
		place.fd = ret_wait->fd;
	}
	return places_intern(&recorder->places, &place);
}

/* All workers of a kind are at one place; 0 if memory is out. */
static uint32_t make_worker_place(struct recorder *recorder, enum look_worker worker)
{
	struct place place = {
		.stack = recorder_pseudo_stack(recorder, NULL, 0,
					       worker == WORKER_IO_URING ? "[io_uring worker]"
									 : "[kernel worker]"),
		.fd = -1,
	};

	return place.stack ? places_intern(&recorder->places, &place) : 0;
}

/* ---- threads ---- */

/* A tid is used again when its thread has ended: the counters begin anew. */
static bool is_another(const struct recorded *thread, const struct look *look)
{
	return thread->life->begun && look->on_cpu_ns < thread->life->on_ns;
}

/* What our stops of this tick do to the counters shows at the next observation. */
static void note_stops(struct recorded *thread, const struct capture_thread *captured)
{
	bool woken = captured->look.call == CALL_NUMBER || captured->look.call == CALL_NONE;

	thread->life->stopped_ns += captured->stopped_ns;
	thread->life->own_switches += captured->stops * (woken ? 2 : 1);
}

/* Who waits for a lock is asked at every tick who holds it. */
static int note_wait(struct recorder *recorder, const struct recorded *thread, size_t i,
		     const struct wait *wait)
{
	const struct capture_thread *captured = &recorder->session->capture.threads.data[i];

	if (!recorder->holders || where_is(recorder, captured) != WHERE_BLOCKED ||
	    !holders_is_lock(wait->kind))
		return 0;
	return holders_waits(recorder->holders, recorder->session, i,
			     (uint32_t)(thread - recorder->threads.data), thread->place,
			     places_get(&recorder->places, thread->place)->stack, wait);
}

/* It has no stack at this tick, but it may have a place. */
static int note_stackless(struct recorder *recorder, struct recorded *thread,
			  const struct capture_thread *captured)
{
	uint32_t *place;

	if (captured->look.worker) {
		thread->worker = true;
		thread->worker_idle = strcmp(captured->look.wchan, "io_wq_worker") == 0;
		place = &recorder->worker_places[captured->look.worker];
		if (!*place)
			*place = make_worker_place(recorder, captured->look.worker);
		thread->place = *place;
		return thread->place ? 0 : -ENOMEM;
	}
	/* where the latest sample met it: as near as can be to where it is now */
	if (is_left_running(recorder, captured))
		thread->place = thread->life->oncpu.place;
	return 0;
}

static int note_place(struct recorder *recorder, struct recorded *thread, size_t i)
{
	const struct capture_thread *captured = &recorder->session->capture.threads.data[i];
	struct wait wait;
	int r;

	if (captured->how == CAPTURE_SAME)
		return recorder->holders ? holders_same(recorder->holders, recorder->session, i)
					 : 0;
	thread->place = 0;
	thread->none = captured->none;
	if (recorder->holders)
		holders_moved(recorder->holders, captured->look.tid);
	if (captured->how == CAPTURE_NONE)
		return note_stackless(recorder, thread, captured);
	thread->place = find_place(recorder, i, &wait);
	if (thread->place == 0)
		return -ENOMEM;
	r = note_wait(recorder, thread, i, &wait);
	if (r < 0)
		return r;
	session_count_stack(&recorder->profile->coverage,
			    places_get(&recorder->places, thread->place)->stack);
	recorder->profile->coverage.inconsistent += !captured->consistent;
	thread->has_stack = true;
	return 0;
}

/* It is finished with the others that were not seen. */
static bool is_gone(const struct look *look)
{
	return look->state == 0 || look->state == 'X' || look->state == 'Z';
}

/* Which thread is the i-th of the sweep? One that no tick has seen is added. */
static int note_thread(struct recorder *recorder, size_t i)
{
	const struct capture_thread *captured = &recorder->session->capture.threads.data[i];
	const struct look *look = &captured->look;
	struct recorded *thread = recorder_find_thread(recorder, look->tid);

	recorder->seen.data[i] = 0;
	if (is_gone(look))
		return 0;
	if (thread && captured->how != CAPTURE_SAME && is_another(thread, look)) {
		recorder_finish_thread(recorder, thread);
		thread = NULL;
	}
	if (!thread)
		thread = recorder_add_thread(recorder, look);
	if (!thread)
		return -ENOMEM;
	thread->tick = recorder->ticks;
	recorder->nalive++;
	if (captured->how != CAPTURE_SAME && look_is_halted(look) && !thread->halted) {
		thread->halted = true;
		recorder->profile->coverage.threads_halted++;
	}
	recorder->seen.data[i] = 1 + (uint32_t)(thread - recorder->threads.data);
	return 0;
}

static int note_all_threads(struct recorder *recorder)
{
	size_t n = recorder->session->capture.threads.n;
	int r = vec_reserve(&recorder->seen, n);

	recorder->nalive = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = note_thread(recorder, i);
	recorder->seen.n = n;
	return r;
}

/* NULL if the i-th of the sweep is gone. */
static struct recorded *seen_thread(const struct recorder *recorder, size_t i)
{
	uint32_t number = recorder->seen.data[i];

	return number ? &recorder->threads.data[number - 1] : NULL;
}

static int note_all_places(struct recorder *recorder)
{
	int r = 0;

	for (size_t i = 0; i < recorder->seen.n && r == 0; i++) {
		struct recorded *thread = seen_thread(recorder, i);

		if (thread)
			r = note_place(recorder, thread, i);
	}
	return r;
}

/* What it did since the tick before. */
static void account_for(struct recorder *recorder, size_t i)
{
	const struct capture_thread *captured = &recorder->session->capture.threads.data[i];
	struct recorded *thread = seen_thread(recorder, i);

	if (!thread)
		return;
	if (captured->how == CAPTURE_SAME && !captured->woken_by_us)
		delta_unchanged(&thread->life->delta, captured->look.at_ns);
	else
		observe(recorder, thread, captured);
	note_stops(thread, captured);
	if (recorder->timer)
		recorder_settle_thread(recorder, thread);
}

/* Where the thread is that the target calls tid; nowhere if it is not one of its threads. */
static struct holder_place find_holder(void *arg, pid_t tid)
{
	struct recorder *recorder = arg;
	struct ss_session *session = recorder->session;
	struct pidns_thread here = { .tid = tid, .answer = PIDNS_HERE };
	const struct recorded *thread;
	const struct place *place;

	if (!session->pidns.ours)
		here = pidns_find(&session->pidns, &session->target, tid);
	thread = here.answer == PIDNS_HERE ? recorder_find_thread(recorder, here.tid) : NULL;
	place = thread ? places_get(&recorder->places, thread->place) : NULL;
	if (!place)
		return (struct holder_place){ 0 };
	return (struct holder_place){ (uint32_t)(thread - recorder->threads.data), place->stack };
}

static int look_at_holders(struct recorder *recorder)
{
	uint64_t now_ns = recorder->session->capture.start_ns;

	pidns_forget(&recorder->session->pidns);
	return holders_look(recorder->holders, recorder->ticks ? recorder->last_ns : now_ns, now_ns,
			    find_holder, recorder);
}

int recorder_note_threads(struct recorder *recorder, struct ss_error *err)
{
	if (note_all_threads(recorder) < 0 || recorder_note_samples(recorder) < 0 ||
	    note_all_places(recorder) < 0)
		return ss_error_oom(err);
	if (recorder->holders && look_at_holders(recorder) < 0)
		return ss_error_oom(err);
	for (size_t i = 0; i < recorder->seen.n; i++)
		account_for(recorder, i);
	if (recorder_end_unseen(recorder) < 0)
		return ss_error_oom(err);
	recorder->execed.t_ns = 0;
	return recorder->accounts.error ? ss_error_oom(err) : 0;
}
