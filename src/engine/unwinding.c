/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind stage. Nothing is stopped while we think; what a walk turns out to lack (more of the
 * stack, callee-saved registers) is fetched in further passes:
 *
 *	walk all -> collect what is lacking -> sweep_again -> walk those again -> ...
 *
 * Threads that need registers are stopped a few at a time for each place in the code: what two
 * complete walks teach of that frame's size (K) often spares all the others the stop.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/map64.h"
#include "engine/session.h"

enum {
	PASSES = 7,
	TEACHERS = 2,        /* threads stopped per place and pass, to learn K ... */
	TEACHING_PASSES = 2, /* ... in this many passes; then all that are left */
	WINDOW_FIRST = 16 << 10,
	WINDOW_MAX = 8 << 20, /* the largest piece of stack asked for at once */
};

/* Its frames go behind those of the walks before it. */
static int walk_one(struct ss_session *session, const struct capture_thread *thread,
		    struct thread_walk *walk, struct ss_error *err)
{
	struct walk *scratch = &session->walk;
	size_t n;

	*walk = (struct thread_walk){ .first = session->frames.n };
	if (thread->how == CAPTURE_NONE || thread->how == CAPTURE_SAME)
		return 0;
	if (session->unwinder_ops->walk(session->unwinder, thread, session->max_frames, scratch) <
	    0)
		return ss_error_oom(err);
	n = scratch->frames.n;
	if (vec_reserve(&session->frames, session->frames.n + n) < 0)
		return ss_error_oom(err);
	for (size_t k = 0; k < n; k++)
		session->frames.data[session->frames.n++] = scratch->frames.data[k];
	walk->n = (unsigned)n;
	walk->end = scratch->end;
	walk->want_addr = scratch->want_addr;
	return 0;
}

static int walk_thread(struct ss_session *session, size_t i, struct ss_error *err)
{
	return walk_one(session, &session->capture.threads.data[i], &session->walks.data[i], err);
}

/* What a sample lacks cannot be fetched: its thread has gone on. */
static int walk_samples(struct ss_session *session, struct ss_error *err)
{
	size_t n = session->capture.samples.n;
	int r = 0;

	if (vec_reserve(&session->sample_walks, n) < 0)
		return ss_error_oom(err);
	session->sample_walks.n = n;
	for (size_t i = 0; i < n && r == 0; i++)
		r = walk_one(session, &session->capture.samples.data[i],
			     &session->sample_walks.data[i], err);
	return r;
}

static int walk_all(struct ss_session *session, struct ss_error *err)
{
	size_t n = session->capture.threads.n;
	int r = 0;

	session->frames.n = 0;
	if (vec_reserve(&session->walks, n) < 0)
		return ss_error_oom(err);
	session->walks.n = n;
	for (size_t i = 0; i < n && r == 0; i++)
		r = walk_thread(session, i, err);
	return r < 0 ? r : walk_samples(session, err);
}

/* ---- what is lacking ---- */

/* May it be stopped for its registers? */
static bool may_stop_for_registers(const struct ss_session *session,
				   const struct capture_thread *thread)
{
	return session->stop == SS_STOP_AUTO && thread->how == CAPTURE_UNTOUCHED &&
	       sweep_may_stop(&session->target, &thread->look);
}

/* True if the thread may teach now: few per place, so that most need not be stopped at all. */
static bool takes_turn(struct map64 *asked, uint64_t place, unsigned pass)
{
	uint64_t *count = map64_find(asked, place);
	uint64_t n = count ? *count : 0;

	if (pass >= TEACHING_PASSES)
		return true;
	if (n >= TEACHERS)
		return false;
	return map64_put(asked, place, n + 1) == 0;
}

/* Memory that a walk lacked and that may be stack: mapped, readable, not of a file. */
static bool may_fetch(const struct ss_session *session, uint64_t addr)
{
	const struct map *map = maps_find(&session->maps, addr);

	return map && (map->perm & MAP_PERM_R) && (map->perm & MAP_PERM_W);
}

static bool make_request(const struct ss_session *session, size_t i, struct map64 *asked,
			 unsigned pass, struct sweep_request *ret)
{
	const struct thread_walk *walk = &session->walks.data[i];
	const struct capture_thread *thread = &session->capture.threads.data[i];
	size_t window = (size_t)WINDOW_FIRST << (2 * pass);

	*ret = (struct sweep_request){ .thread = i, .window = MIN(window, (size_t)WINDOW_MAX) };
	if (thread->how == CAPTURE_NONE || walk->n == 0)
		return false;
	switch (walk->end) {
	case SS_END_NEEDS_REGISTER:
		ret->registers = true;
		ret->window = WINDOW_FIRST;
		return may_stop_for_registers(session, thread) &&
		       takes_turn(asked, session->frames.data[walk->first + walk->n - 1].pc, pass);
	case SS_END_WINDOW:
	case SS_END_UNREADABLE:
		ret->memory = walk->want_addr;
		return may_fetch(session, walk->want_addr);
	default:
		return false;
	}
}

static int collect_requests(struct ss_session *session, unsigned pass, struct ss_error *err)
{
	struct map64 asked;
	int r = 0;

	map64_init(&asked);
	session->requests.n = 0;
	for (size_t i = 0; i < session->walks.n && r == 0; i++) {
		struct sweep_request request;

		if (make_request(session, i, &asked, pass, &request))
			r = vec_push(&session->requests, request);
	}
	map64_done(&asked);
	return r < 0 ? ss_error_oom(err) : 0;
}

/* Walk again what was fetched, and what a newly learned frame size may carry further. */
static int walk_again(struct ss_session *session, struct ss_error *err)
{
	int r = 0;

	vec_each(request, &session->requests) {
		r = walk_thread(session, request->thread, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < session->walks.n && r == 0; i++)
		if (session->walks.data[i].end == SS_END_NEEDS_REGISTER)
			r = walk_thread(session, i, err);
	return r;
}

/* A pc in no mapping may be code that was mapped after maps were read (dlopen). */
static bool ends_in_unknown_code(const struct ss_session *session, const struct thread_walk *walk)
{
	return walk->n > 0 && walk->end == SS_END_NO_CFI &&
	       !images_find(session->images, session->frames.data[walk->first + walk->n - 1].pc);
}

static bool met_unknown_code(const struct ss_session *session)
{
	vec_each(walk, &session->walks)
		if (ends_in_unknown_code(session, walk))
			return true;
	vec_each(walk, &session->sample_walks)
		if (ends_in_unknown_code(session, walk))
			return true;
	return false;
}

int session_unwind(struct ss_session *session, struct ss_error *err)
{
	int r = walk_all(session, err);

	if (r == 0 && met_unknown_code(session)) {
		r = session_update_maps(session, err);
		if (r == 0)
			r = walk_all(session, err);
	}
	for (unsigned pass = 0; r == 0 && pass < PASSES; pass++) {
		r = collect_requests(session, pass, err);
		if (r < 0 || session->requests.n == 0)
			break;
		r = sweep_again(session->capturer, session->requests.data, session->requests.n,
				&session->maps, &session->capture, err);
		if (r == 0)
			r = walk_again(session, err);
	}
	return r;
}
