/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for whom: every thread of the snapshots becomes a node, everybody who could end its wait
 * an edge, and the graph (aggregate/waitgraph) says where chains end and who is stuck. What would be
 * reported as stuck is looked at again first; the graph is solved anew without what has changed.
 */
#include "engine/link.h"

#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"

enum {
	ROUNDS = 3, /* of confirming; what is not settled by then is not reported */
	FEW = 2, /* threads of a process that a chain may lead to, one of them perhaps the waiter */
};

size_t link_snapshot(const struct link *link, uint32_t node)
{
	size_t i = 0;

	while (node >= link->first[i + 1])
		i++;
	return i;
}

static struct thread *thread_of(const struct link *link, uint32_t node)
{
	size_t i = link_snapshot(link, node);

	return &link->snapshots[i]->threads[node - link->first[i]];
}

/* That of a place of the graph; none for NONE. */
static struct thread_ref make_ref(const struct link *link, uint32_t node)
{
	if (node == WAITGRAPH_NONE)
		return (struct thread_ref){ 0 };
	return (struct thread_ref){ link->snapshots[link_snapshot(link, node)],
				    thread_of(link, node) };
}

/* ---- the graph ---- */

static int number_threads(struct link *link)
{
	link->first = calloc(link->n + 1, sizeof(*link->first));
	link->lively = calloc(link->n, sizeof(*link->lively));
	if (!link->first || !link->lively)
		return -ENOMEM;
	for (size_t i = 0; i < link->n; i++)
		link->first[i + 1] = link->first[i] + (uint32_t)link->snapshots[i]->nthreads;
	return 0;
}

/* One such thread is enough to keep whoever waits for its process from being stuck. */
static bool is_lively(const struct ss_snapshot *snapshot)
{
	for (size_t k = 0; k < snapshot->nthreads; k++) {
		const struct thread *thread = &snapshot->threads[k];

		if (thread->state == STATE_ZOMBIE)
			continue;
		if (!thread_state_waits(thread->state) ||
		    thread->wait.timeout_ns != WAIT_NO_TIMEOUT ||
		    !link_has_releasers(thread->wait.kind))
			return true;
	}
	return snapshot->coverage.threads_filtered > 0;
}

static size_t find_snapshot(const struct link *link, pid_t pid)
{
	size_t i = 0;

	while (i < link->n && link->snapshots[i]->pid != pid)
		i++;
	return i;
}

/* All threads of a process could do it, but those that have exited. */
static int add_process(struct link *link, size_t i, const struct thread *waiter)
{
	const struct ss_snapshot *snapshot = link->snapshots[i];

	if (snapshot->coverage.threads_filtered || (link->lively[i] && snapshot->nthreads > FEW))
		return vec_push(&link->edges, WAITGRAPH_NONE);
	for (size_t k = 0; k < snapshot->nthreads; k++) {
		const struct thread *thread = &snapshot->threads[k];

		/* asleep, it does nothing for itself */
		if (thread == waiter || thread->state == STATE_ZOMBIE)
			continue;
		if (vec_push(&link->edges, link->first[i] + (uint32_t)k) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_party(struct link *link, struct party *party, const struct thread *waiter)
{
	size_t i = find_snapshot(link, party->pid);
	const struct thread *thread;

	if (i == link->n)
		return vec_push(&link->edges, WAITGRAPH_NONE);
	if (party->tid == 0)
		return add_process(link, i, waiter);
	thread = snapshot_find(link->snapshots[i], party->tid);
	if (!thread)
		return vec_push(&link->edges, WAITGRAPH_NONE);
	party->ref = (struct thread_ref){ link->snapshots[i], thread };
	if (!*party->name)
		party->name = thread->name;
	return vec_push(&link->edges,
			link->first[i] + (uint32_t)(thread - link->snapshots[i]->threads));
}

static int keep_chain(struct link *link, size_t i, struct thread *thread,
		      const struct releasers *releasers)
{
	struct arena *arena = &link->snapshots[i]->arena;
	struct chain *chain = arena_alloc(arena, sizeof(*chain));

	if (!chain)
		return -ENOMEM;
	*chain = (struct chain){
		.nparties = releasers->parties.n,
		.complete = releasers->complete,
		.parties = arena_memdup(arena, releasers->parties.data,
					releasers->parties.n * sizeof(struct party)),
	};
	thread->chain = chain;
	return chain->parties ? 0 : -ENOMEM;
}

static int add_edges(struct link *link, size_t i, struct thread *thread,
		     struct waitgraph_node *node)
{
	struct releasers releasers = { 0 };
	size_t k = (size_t)(thread - link->snapshots[i]->threads);
	int r = link_find_releasers(link, &link->sources, i, k, &thread->wait, &releasers);

	node->known = r == 0 && releasers.complete;
	link->snapshots[i]->coverage.ends_unseen += releasers.unseen;
	for (size_t p = 0; p < releasers.parties.n && r == 0; p++)
		r = add_party(link, &releasers.parties.data[p], thread);
	node->n = (uint32_t)link->edges.n - node->first;
	if (r == 0)
		r = keep_chain(link, i, thread, &releasers);
	vec_done(&releasers.parties);
	return r == -ENOENT ? 0 : r;
}

static int add_node(struct link *link, size_t i, struct thread *thread)
{
	const struct wait *wait = &thread->wait;
	struct waitgraph_node node = {
		.blocked = thread_state_waits(thread->state),
		.timed = wait->timeout_ns != WAIT_NO_TIMEOUT,
		.first = (uint32_t)link->edges.n,
	};
	int r = node.blocked ? add_edges(link, i, thread, &node) : 0;

	return r < 0 ? r : vec_push(&link->nodes, node);
}

static int build(struct link *link)
{
	int r = number_threads(link);

	for (size_t i = 0; i < link->n && r == 0; i++)
		link->lively[i] = is_lively(link->snapshots[i]);
	for (size_t i = 0; i < link->n && r == 0; i++)
		for (size_t k = 0; k < link->snapshots[i]->nthreads && r == 0; k++)
			r = add_node(link, i, &link->snapshots[i]->threads[k]);
	return r;
}

static int solve(const struct link *link, struct waitgraph *ret)
{
	const struct waitgraph_input input = {
		.nodes = link->nodes.data,
		.nnodes = (uint32_t)link->nodes.n,
		.edges = link->edges.data,
		.nedges = (uint32_t)link->edges.n,
	};

	return waitgraph_solve(&input, ret);
}

static void clear_all(struct link *link)
{
	vec_each(node, &link->nodes)
		node->blocked = false;
}

/* A graph in which whoever is stuck has been looked at twice. */
static int solve_truly(struct link *link, struct waitgraph *ret)
{
	int r = solve(link, ret);

	for (unsigned round = 0; r == 0 && ret->nstuck; round++) {
		if (round == ROUNDS)
			clear_all(link);
		else
			r = link_confirm(link, ret);
		if (r == 0 && round < ROUNDS)
			return 0;
		waitgraph_done(ret);
		if (r >= 0)
			r = solve(link, ret);
	}
	return r;
}

/* ---- what is said of it ---- */

static void tell_chain(struct link *link, const struct waitgraph *graph, uint32_t node)
{
	static const enum chain_fate fates[] = {
		[WAITGRAPH_FREE] = CHAIN_FREE,
		[WAITGRAPH_DEADLOCK] = CHAIN_DEADLOCK,
		[WAITGRAPH_FOREVER] = CHAIN_FOREVER,
		[WAITGRAPH_BEHIND] = CHAIN_BEHIND,
	};
	const struct waitgraph_place *place = &graph->places[node];
	struct thread *thread = thread_of(link, node);
	struct chain *chain = thread->chain;

	thread->nbehind = place->nbehind;
	if (!chain)
		return;
	chain->fate = fates[place->fate];
	chain->deadlock = place->deadlock == WAITGRAPH_NONE ? 0 : place->deadlock + 1;
	chain->cycle_timed = place->cycle && place->cycle_timed;
	chain->hops = place->hops;
	chain->next = make_ref(link, place->next);
	chain->root = make_ref(link, place->root);
}

static int tell_deadlocks(struct link *link, const struct waitgraph *graph)
{
	struct ss_snapshot *first = link->snapshots[0];
	struct deadlock *deadlocks =
		arena_array(&first->arena, graph->ndeadlocks, sizeof(*deadlocks));

	for (uint32_t i = 0; deadlocks && i < graph->ndeadlocks; i++) {
		const struct waitgraph_deadlock *from = &graph->deadlocks[i];
		struct thread_ref *members = arena_array(&first->arena, from->n, sizeof(*members));

		if (!members)
			return -ENOMEM;
		for (uint32_t k = 0; k < from->n; k++)
			members[k] = make_ref(link, from->members[k]);
		deadlocks[i] = (struct deadlock){ .members = members,
						  .nmembers = from->n,
						  .simple = from->simple,
						  .nbehind = from->nbehind };
	}
	first->deadlocks = deadlocks;
	first->ndeadlocks = deadlocks ? graph->ndeadlocks : 0;
	return deadlocks ? 0 : -ENOMEM;
}

static int tell(struct link *link, const struct waitgraph *graph)
{
	for (uint32_t node = 0; node < link->nodes.n; node++)
		tell_chain(link, graph, node);
	for (size_t i = 0; i < link->n; i++)
		link->snapshots[i]->linked = true;
	return tell_deadlocks(link, graph);
}

/* ---- the whole ---- */

static void link_done(struct link *link)
{
	sources_done(&link->sources);
	free(link->first);
	free(link->lively);
	vec_done(&link->nodes);
	vec_done(&link->edges);
}

int ss_snapshots_link(struct ss_session *const *sessions, struct ss_snapshot *const *snapshots,
		      size_t n, struct ss_error *err)
{
	_cleanup_(link_done) struct link link = {
		.sessions = sessions,
		.snapshots = snapshots,
		.n = n,
	};
	struct waitgraph graph;
	int r = build(&link);

	if (r == 0)
		r = solve_truly(&link, &graph);
	if (r == 0) {
		r = tell(&link, &graph);
		waitgraph_done(&graph);
	}
	return r < 0 ? ss_error_oom(err) : 0;
}

size_t ss_snapshot_deadlocks(const struct ss_snapshot *first)
{
	return first->ndeadlocks;
}
