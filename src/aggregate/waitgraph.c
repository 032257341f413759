/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waitgraph.c: the greatest set of stuck nodes (a worklist takes away what can be released), the
 * deadlocks in it (Tarjan's strongly connected components that no edge leaves), and chains. Pure;
 * every step is linear and none recurses, as a process may have ten thousand threads in one chain.
 * Judges the graph only: whether an edge is true is for its maker to know.
 */
#include "aggregate/waitgraph.h"

#include <errno.h>

#include "base/attr.h"

struct work {
	const struct waitgraph_input *in;
	struct waitgraph *out;
	struct arena scratch;
	/* the edges backwards: waiters of v are waiters[waiters_at[v] .. waiters_at[v + 1]) */
	uint32_t *waiters_at, *waiters;
	uint32_t *queue; /* [n] worklist, and path */
	/* Tarjan: number and low are 1-based, 0 is unseen; component is NONE until closed */
	uint32_t *number, *low, *cursor, *open, *calls, *component;
	uint32_t counter, nopen, ncalls, ncomponents;
	bool *closed;            /* [component]: no edge leaves it */
	uint32_t *deadlock_of;   /* [component] */
	uint32_t *place_in_path; /* [n] 1-based; 0: not on it */
	bool *chained;           /* [n] */
};

static const uint32_t *edges_of(const struct work *w, uint32_t v)
{
	return w->in->edges + w->in->nodes[v].first;
}

static bool is_stuck(const struct work *w, uint32_t v)
{
	return w->out->places[v].fate != WAITGRAPH_FREE;
}

/* ---- memory ---- */

static uint32_t *new_numbers(struct arena *arena, uint32_t n)
{
	return arena_array(arena, (size_t)n + 1, sizeof(uint32_t));
}

static int alloc_result(struct waitgraph *out, uint32_t n)
{
	out->places = arena_array(&out->arena, (size_t)n + 1, sizeof(*out->places));
	return out->places ? 0 : -ENOMEM;
}

static int alloc_scratch(struct work *w, uint32_t n)
{
	uint32_t **const arrays[] = { &w->queue,      &w->number,     &w->low,
				      &w->cursor,     &w->open,       &w->calls,
				      &w->component,  &w->waiters_at, &w->place_in_path,
				      &w->deadlock_of };

	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++)
		if (!(*arrays[i] = new_numbers(&w->scratch, n + 1)))
			return -ENOMEM;
	w->waiters = new_numbers(&w->scratch, w->in->nedges);
	w->closed = arena_array(&w->scratch, (size_t)n + 1, sizeof(bool));
	w->chained = arena_array(&w->scratch, (size_t)n + 1, sizeof(bool));
	return w->waiters && w->closed && w->chained ? 0 : -ENOMEM;
}

/* ---- stuck ---- */

/* A counting sort of the edges by where they lead to. */
static void turn_edges(struct work *w)
{
	uint32_t n = w->in->nnodes, *at = w->waiters_at;

	for (uint32_t v = 0; v < n; v++)
		for (uint32_t i = 0; i < w->in->nodes[v].n; i++)
			if (edges_of(w, v)[i] < n)
				at[edges_of(w, v)[i]]++;
	for (uint32_t v = 0, sum = 0; v <= n; v++) {
		sum += at[v];
		at[v] = sum; /* the end of its range: filling moves it to the start */
	}
	for (uint32_t v = n; v-- > 0;)
		for (uint32_t i = 0; i < w->in->nodes[v].n; i++)
			if (edges_of(w, v)[i] < n)
				w->waiters[--at[edges_of(w, v)[i]]] = v;
}

static bool may_be_stuck(const struct work *w, uint32_t v)
{
	const struct waitgraph_node *node = &w->in->nodes[v];

	if (!node->blocked || node->timed || !node->known)
		return false;
	for (uint32_t i = 0; i < node->n; i++)
		if (edges_of(w, v)[i] >= w->in->nnodes)
			return false;
	return true;
}

/* All that may be stuck, less, again and again, those that wait for one who is not. */
static void find_stuck(struct work *w)
{
	uint32_t nqueued = 0;

	for (uint32_t v = 0; v < w->in->nnodes; v++) {
		if (may_be_stuck(w, v))
			w->out->places[v].fate = WAITGRAPH_BEHIND;
		else
			w->queue[nqueued++] = v;
	}
	w->out->nstuck = w->in->nnodes - nqueued;
	while (nqueued) {
		uint32_t v = w->queue[--nqueued];

		for (uint32_t i = w->waiters_at[v]; i < w->waiters_at[v + 1]; i++) {
			uint32_t waiter = w->waiters[i];

			if (!is_stuck(w, waiter))
				continue;
			w->out->places[waiter].fate = WAITGRAPH_FREE;
			w->out->nstuck--;
			w->queue[nqueued++] = waiter;
		}
	}
}

/* ---- components of the stuck nodes: every edge of such a node leads to another ---- */

static void enter(struct work *w, uint32_t v)
{
	w->number[v] = w->low[v] = ++w->counter;
	w->open[w->nopen++] = v;
	w->calls[w->ncalls++] = v;
}

/* Goes on along the next edge; true if it led to an unseen node, which is entered. */
static bool descend(struct work *w, uint32_t v)
{
	while (w->cursor[v] < w->in->nodes[v].n) {
		uint32_t to = edges_of(w, v)[w->cursor[v]++];

		if (w->number[to] == 0) {
			enter(w, to);
			return true;
		}
		if (w->component[to] == WAITGRAPH_NONE)
			w->low[v] = MIN(w->low[v], w->number[to]);
	}
	return false;
}

static bool leads_out(const struct work *w, uint32_t v)
{
	for (uint32_t i = 0; i < w->in->nodes[v].n; i++)
		if (w->component[edges_of(w, v)[i]] != w->component[v])
			return true;
	return false;
}

/* The open nodes down to v are a component. */
static void close_component(struct work *w, uint32_t v)
{
	uint32_t c = w->ncomponents++, end = w->nopen, member;

	do {
		member = w->open[--w->nopen];
		w->component[member] = c;
	} while (member != v);
	w->closed[c] = true;
	for (uint32_t i = w->nopen; i < end; i++)
		if (leads_out(w, w->open[i]))
			w->closed[c] = false;
}

static void leave(struct work *w, uint32_t v)
{
	w->ncalls--;
	if (w->ncalls) {
		uint32_t caller = w->calls[w->ncalls - 1];

		w->low[caller] = MIN(w->low[caller], w->low[v]);
	}
	if (w->low[v] == w->number[v])
		close_component(w, v);
}

static void find_components(struct work *w)
{
	for (uint32_t v = 0; v < w->in->nnodes; v++)
		w->component[v] = WAITGRAPH_NONE;
	for (uint32_t v = 0; v < w->in->nnodes; v++) {
		if (!is_stuck(w, v) || w->number[v])
			continue;
		enter(w, v);
		while (w->ncalls) {
			uint32_t top = w->calls[w->ncalls - 1];

			if (!descend(w, top))
				leave(w, top);
		}
	}
}

/* ---- deadlocks ---- */

/* In ascending order, so that deadlocks are numbered by their lowest members. */
static void number_deadlocks(struct work *w)
{
	uint32_t *count = &w->out->ndeadlocks;

	for (uint32_t c = 0; c < w->ncomponents; c++)
		w->deadlock_of[c] = WAITGRAPH_NONE;
	for (uint32_t v = 0; v < w->in->nnodes; v++) {
		struct waitgraph_place *place = &w->out->places[v];

		place->deadlock = WAITGRAPH_NONE;
		if (!is_stuck(w, v) || !w->closed[w->component[v]])
			continue;
		place->fate = w->in->nodes[v].n ? WAITGRAPH_DEADLOCK : WAITGRAPH_FOREVER;
		if (place->fate == WAITGRAPH_FOREVER)
			continue;
		if (w->deadlock_of[w->component[v]] == WAITGRAPH_NONE)
			w->deadlock_of[w->component[v]] = (*count)++;
		place->deadlock = w->deadlock_of[w->component[v]];
	}
}

/* Follows `next` around, if that visits all members and comes back. */
static void order_members(const struct work *w, struct waitgraph_deadlock *deadlock)
{
	uint32_t *members = deadlock->members, v = members[0];

	for (uint32_t i = 0; i < deadlock->n; i++)
		if (w->out->places[members[i]].next == WAITGRAPH_NONE)
			return;
	/* One edge each and strongly connected: that can only be one ring. */
	for (uint32_t i = 0; i < deadlock->n; i++) {
		members[i] = v;
		v = w->out->places[v].next;
	}
	deadlock->simple = true;
}

static int list_deadlocks(struct work *w)
{
	struct waitgraph *out = w->out;
	uint32_t *members = new_numbers(&out->arena, out->nstuck);

	out->deadlocks =
		arena_array(&out->arena, (size_t)out->ndeadlocks + 1, sizeof(*out->deadlocks));
	if (!members || !out->deadlocks)
		return -ENOMEM;
	for (uint32_t v = 0; v < w->in->nnodes; v++)
		if (out->places[v].fate == WAITGRAPH_DEADLOCK)
			out->deadlocks[out->places[v].deadlock].n++;
	for (uint32_t k = 0; k < out->ndeadlocks; members += out->deadlocks[k++].n) {
		out->deadlocks[k].members = members;
		w->cursor[k] = 0;
	}
	for (uint32_t v = 0; v < w->in->nnodes; v++) {
		uint32_t k = out->places[v].deadlock;

		if (k != WAITGRAPH_NONE)
			out->deadlocks[k].members[w->cursor[k]++] = v;
	}
	for (uint32_t k = 0; k < out->ndeadlocks; k++)
		order_members(w, &out->deadlocks[k]);
	return 0;
}

/* Everybody behind this deadlock who is not behind an earlier one. */
static void mark_behind(struct work *w, uint32_t k)
{
	struct waitgraph_deadlock *deadlock = &w->out->deadlocks[k];
	uint32_t nqueued = 0;

	for (uint32_t i = 0; i < deadlock->n; i++)
		w->queue[nqueued++] = deadlock->members[i];
	while (nqueued) {
		uint32_t v = w->queue[--nqueued];

		for (uint32_t i = w->waiters_at[v]; i < w->waiters_at[v + 1]; i++) {
			struct waitgraph_place *place = &w->out->places[w->waiters[i]];

			if (place->fate != WAITGRAPH_BEHIND || place->deadlock != WAITGRAPH_NONE)
				continue;
			place->deadlock = k;
			deadlock->nbehind++;
			w->queue[nqueued++] = w->waiters[i];
		}
	}
}

/* ---- chains ---- */

/* The releaser, if all edges lead to the same one. */
static uint32_t only_releaser(const struct work *w, uint32_t v)
{
	const struct waitgraph_node *node = &w->in->nodes[v];
	const uint32_t *to = edges_of(w, v);

	if (!node->blocked || node->n == 0 || to[0] >= w->in->nnodes)
		return WAITGRAPH_NONE;
	for (uint32_t i = 1; i < node->n; i++)
		if (to[i] != to[0])
			return WAITGRAPH_NONE;
	return to[0];
}

static void find_next(struct work *w)
{
	for (uint32_t v = 0; v < w->in->nnodes; v++) {
		w->out->places[v].next = only_releaser(w, v);
		w->out->places[v].root = WAITGRAPH_NONE;
	}
}

/* A node whose next is dealt with already. */
static void chain_node(struct work *w, uint32_t v)
{
	struct waitgraph_place *place = &w->out->places[v], *next;

	w->chained[v] = true;
	if (place->next == WAITGRAPH_NONE)
		return;
	next = &w->out->places[place->next];
	place->hops = next->hops + 1;
	place->cycle = next->cycle;
	place->cycle_timed = next->cycle_timed;
	if (place->cycle)
		return;
	place->root = next->next == WAITGRAPH_NONE ? place->next : next->root;
	w->out->places[place->root].nbehind++;
}

static void chain_cycle(struct work *w, const uint32_t *path, uint32_t n)
{
	bool timed = false;

	for (uint32_t i = 0; i < n; i++)
		timed |= w->in->nodes[path[i]].timed;
	for (uint32_t i = 0; i < n; i++) {
		w->chained[path[i]] = true;
		w->out->places[path[i]].hops = n;
		w->out->places[path[i]].cycle = true;
		w->out->places[path[i]].cycle_timed = timed;
	}
}

/* Follows `next` to a node that is dealt with, has no next, or is on the path; then back. */
static void find_chain(struct work *w, uint32_t v)
{
	uint32_t *path = w->queue, n = 0;

	for (; v != WAITGRAPH_NONE && !w->chained[v]; v = w->out->places[v].next) {
		if (w->place_in_path[v]) {
			uint32_t start = w->place_in_path[v] - 1;

			chain_cycle(w, path + start, n - start);
			n = start;
			break;
		}
		path[n++] = v;
		w->place_in_path[v] = n;
	}
	while (n)
		chain_node(w, path[--n]);
}

/* ---- all of it ---- */

static int solve(struct work *w)
{
	if (alloc_scratch(w, w->in->nnodes) < 0 || alloc_result(w->out, w->in->nnodes) < 0)
		return -ENOMEM;
	turn_edges(w);
	find_stuck(w);
	find_components(w);
	number_deadlocks(w);
	find_next(w);
	if (list_deadlocks(w) < 0)
		return -ENOMEM;
	for (uint32_t k = 0; k < w->out->ndeadlocks; k++)
		mark_behind(w, k);
	for (uint32_t v = 0; v < w->in->nnodes; v++)
		find_chain(w, v);
	return 0;
}

int waitgraph_solve(const struct waitgraph_input *input, struct waitgraph *ret)
{
	struct waitgraph out = { 0 };
	struct work w = { .in = input, .out = &out };
	int r;

	arena_init(&out.arena);
	arena_init(&w.scratch);
	r = solve(&w);
	arena_done(&w.scratch);
	if (r < 0)
		arena_done(&out.arena);
	else
		*ret = out;
	return r;
}

void waitgraph_done(struct waitgraph *graph)
{
	arena_done(&graph->arena);
	*graph = (struct waitgraph){ 0 };
}
