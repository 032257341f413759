/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second look at threads that seem to wait for ever:
 *
 *	count     how often was each switched in?
 *	again     what does each wait for, and who could end that?
 *	count     the same numbers: nobody has run in between
 *
 * So all of these waits, and all of their answers, held at one instant: a deadlock is not put
 * together from waits that followed each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "engine/link.h"
#include "engine/owners.h"
#include "engine/waiting.h"
#include "target/fds.h"

struct suspect {
	uint32_t node;
	size_t i, k; /* snapshot and thread */
	uint64_t pcount;
	bool cleared; /* it is not stuck */
};

struct inquiry {
	struct link *link;
	struct sources sources; /* fresh ones */
	VEC(struct suspect) suspects;
};

static void inquiry_done(struct inquiry *inquiry)
{
	sources_done(&inquiry->sources);
	vec_done(&inquiry->suspects);
}

static const struct thread *thread_of(const struct inquiry *inquiry, const struct suspect *suspect)
{
	return &inquiry->link->snapshots[suspect->i]->threads[suspect->k];
}

static int read_pcount(const struct inquiry *inquiry, const struct suspect *suspect, uint64_t *ret)
{
	return sweep_pcount(inquiry->link->sessions[suspect->i]->capturer, suspect->k, ret);
}

static int find_suspects(struct inquiry *inquiry, const struct waitgraph *graph)
{
	struct link *link = inquiry->link;

	for (uint32_t node = 0; node < link->nodes.n; node++) {
		struct suspect suspect = { .node = node };

		if (graph->places[node].fate == WAITGRAPH_FREE)
			continue;
		suspect.i = link_snapshot(link, node);
		suspect.k = node - link->first[suspect.i];
		suspect.cleared = read_pcount(inquiry, &suspect, &suspect.pcount) < 0;
		if (vec_push(&inquiry->suspects, suspect) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- what it waits for, again ---- */

static const struct fd_info *describe_known(void *arg, int fd)
{
	const struct wait *wait = arg;

	return wait->fd == fd ? wait->fd_info : NULL;
}

static bool is_same_wait(const struct wait *a, const struct wait *b)
{
	return a->kind == b->kind && a->object == b->object && a->fd == b->fd &&
	       a->holder == b->holder && a->owner == b->owner && a->owner_pid == b->owner_pid;
}

static bool waits_as_before(const struct inquiry *inquiry, const struct suspect *suspect)
{
	struct ss_session *session = inquiry->link->sessions[suspect->i];
	const struct thread *thread = thread_of(inquiry, suspect);
	const struct waiting_source source = { .describe = describe_known,
					       .arg = (void *)&thread->wait,
					       .anew = true };
	struct classify_result again;

	if (!sweep_still_waits(session->capturer, &session->capture, suspect->k))
		return false;
	waiting_classify(&session->target, &session->capture.threads.data[suspect->k],
			 thread->stack, &source, &again);
	return owners_settle(session, suspect->k, thread->stack, false, &again.wait) &&
	       is_same_wait(&again.wait, &thread->wait);
}

static bool is_same_list(const struct chain *chain, const struct releasers *again)
{
	if (!again->complete || again->parties.n != chain->nparties)
		return false;
	for (size_t i = 0; i < chain->nparties; i++)
		if (chain->parties[i].pid != again->parties.data[i].pid ||
		    chain->parties[i].tid != again->parties.data[i].tid)
			return false;
	return true;
}

/* 1 or 0, or -ENOMEM. */
static int has_same_releasers(struct inquiry *inquiry, const struct suspect *suspect)
{
	const struct thread *thread = thread_of(inquiry, suspect);
	struct releasers again = { 0 };
	int r = link_find_releasers(inquiry->link, &inquiry->sources, suspect->i, suspect->k,
				    &thread->wait, &again);

	if (r == 0)
		r = is_same_list(thread->chain, &again);
	vec_done(&again.parties);
	return r == -ENOENT ? 0 : r;
}

/* A socket's timeout is no argument of the call: recv ends by itself after SO_RCVTIMEO. */
static bool may_time_out(const struct inquiry *inquiry, const struct suspect *suspect)
{
	const struct wait *wait = &thread_of(inquiry, suspect)->wait;
	const struct target *target = &inquiry->link->sessions[suspect->i]->target;
	bool sends = wait->kind == WAIT_SOCKET_SEND;
	uint64_t timeout_ns;

	if (!sends && wait->kind != WAIT_SOCKET_RECV)
		return false;
	return fds_socket_timeout(target, wait->fd, sends, &timeout_ns) < 0 || timeout_ns > 0;
}

static int ask_again(struct inquiry *inquiry)
{
	vec_each(suspect, &inquiry->suspects) {
		int r;

		if (suspect->cleared)
			continue;
		if (!waits_as_before(inquiry, suspect) || may_time_out(inquiry, suspect)) {
			suspect->cleared = true;
			continue;
		}
		r = has_same_releasers(inquiry, suspect);
		if (r < 0)
			return r;
		suspect->cleared = !r;
	}
	return 0;
}

/* ---- the verdict ---- */

static int judge(struct inquiry *inquiry)
{
	int cleared = 0;

	vec_each(suspect, &inquiry->suspects) {
		uint64_t pcount;

		if (read_pcount(inquiry, suspect, &pcount) < 0 || pcount != suspect->pcount)
			suspect->cleared = true;
		if (!suspect->cleared)
			continue;
		inquiry->link->nodes.data[suspect->node].blocked = false;
		cleared++;
	}
	return cleared;
}

int link_confirm(struct link *link, const struct waitgraph *graph)
{
	_cleanup_(inquiry_done) struct inquiry inquiry = { .link = link };
	int r = find_suspects(&inquiry, graph);

	if (r == 0)
		r = ask_again(&inquiry);
	return r < 0 ? r : judge(&inquiry);
}
