/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-waitgraph.c: who is stuck, in which deadlock, behind which, and where chains end: small graphs
 * by hand, large ones for depth, and random ones against a plain search through all subsets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "aggregate/waitgraph.h"
#include "base/attr.h"
#include "base/vec.h"

#define NONE WAITGRAPH_NONE

struct maker {
	VEC(struct waitgraph_node) nodes;
	VEC(uint32_t) edges;
};

static struct waitgraph_node *add(struct maker *maker, bool blocked)
{
	struct waitgraph_node node = { .blocked = blocked, .known = blocked };

	node.first = (uint32_t)maker->edges.n;
	assert_int_equal(vec_push(&maker->nodes, node), 0);
	return &maker->nodes.data[maker->nodes.n - 1];
}

static void add_running(struct maker *maker)
{
	add(maker, false);
}

static struct waitgraph_node *add_waiter(struct maker *maker, uint32_t releaser)
{
	struct waitgraph_node *node = add(maker, true);

	node->n = 1;
	assert_int_equal(vec_push(&maker->edges, releaser), 0);
	return node;
}

static void add_waiter2(struct maker *maker, uint32_t a, uint32_t b)
{
	add_waiter(maker, a)->n = 2;
	assert_int_equal(vec_push(&maker->edges, b), 0);
}

static void solve(struct maker *maker, struct waitgraph *ret)
{
	const struct waitgraph_input input = {
		.nodes = maker->nodes.data,
		.nnodes = (uint32_t)maker->nodes.n,
		.edges = maker->edges.data,
		.nedges = (uint32_t)maker->edges.n,
	};

	assert_int_equal(waitgraph_solve(&input, ret), 0);
}

static void done(struct maker *maker, struct waitgraph *graph)
{
	waitgraph_done(graph);
	vec_done(&maker->nodes);
	vec_done(&maker->edges);
}

static void assert_fate(const struct waitgraph *graph, uint32_t v, enum waitgraph_fate fate,
			uint32_t deadlock)
{
	assert_int_equal(graph->places[v].fate, fate);
	assert_int_equal(graph->places[v].deadlock, deadlock);
}

static void assert_chain(const struct waitgraph *graph, uint32_t v, uint32_t next, uint32_t root,
			 uint32_t hops)
{
	assert_int_equal(graph->places[v].next, next);
	assert_int_equal(graph->places[v].root, root);
	assert_int_equal(graph->places[v].hops, hops);
	assert_false(graph->places[v].cycle);
}

static void assert_in_cycle(const struct waitgraph *graph, uint32_t v, uint32_t hops, bool timed)
{
	assert_int_equal(graph->places[v].root, NONE);
	assert_int_equal(graph->places[v].hops, hops);
	assert_true(graph->places[v].cycle);
	assert_int_equal(graph->places[v].cycle_timed, timed);
}

/* ---- by hand ---- */

static void test_empty(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 0);
	assert_int_equal(graph.ndeadlocks, 0);
	done(&maker, &graph);
}

/* Node i waits for i + step: over all nodes of the ring for a step that has no factor with n. */
static void check_ring(uint32_t n, uint32_t step)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	for (uint32_t v = 0; v < n; v++)
		add_waiter(&maker, (v + step) % n);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, n);
	assert_int_equal(graph.ndeadlocks, 1);
	assert_int_equal(graph.deadlocks[0].n, n);
	assert_true(graph.deadlocks[0].simple);
	assert_int_equal(graph.deadlocks[0].nbehind, 0);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(graph.deadlocks[0].members[i], (uint64_t)i * step % n);
		assert_fate(&graph, i, WAITGRAPH_DEADLOCK, 0);
		assert_in_cycle(&graph, i, n, false);
	}
	done(&maker, &graph);
}

static void test_rings(void **state)
{
	(void)state;
	check_ring(1, 0); /* a thread that locks again what it holds */
	check_ring(2, 1);
	check_ring(3, 2);
	check_ring(10, 7);
	check_ring(5000, 4999);
}

static void test_timed_wait_breaks_a_cycle(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter(&maker, 1);
	add_waiter(&maker, 2)->timed = true;
	add_waiter(&maker, 0);
	add_waiter(&maker, 0);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 0);
	assert_int_equal(graph.ndeadlocks, 0);
	for (uint32_t v = 0; v < 3; v++)
		assert_in_cycle(&graph, v, 3, true);
	assert_in_cycle(&graph, 3, 4, true);
	done(&maker, &graph);
}

static void test_unknown_releasers_break_a_cycle(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter(&maker, 1);
	add_waiter(&maker, 0)->known = false;
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 0);
	assert_in_cycle(&graph, 0, 2, false);
	done(&maker, &graph);
}

static void test_somebody_outside(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter(&maker, 7);
	add_waiter2(&maker, 1, NONE);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 0);
	assert_chain(&graph, 0, NONE, NONE, 0);
	assert_chain(&graph, 1, NONE, NONE, 0);
	done(&maker, &graph);
}

/* The owner of the lock has exited; one waits for it, one for the first. */
static void test_for_ever(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add(&maker, true);
	add_waiter(&maker, 0);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 2);
	assert_int_equal(graph.ndeadlocks, 0);
	assert_fate(&graph, 0, WAITGRAPH_FOREVER, NONE);
	assert_fate(&graph, 1, WAITGRAPH_BEHIND, NONE);
	assert_chain(&graph, 1, 0, 0, 1);
	assert_int_equal(graph.places[0].nbehind, 1);
	done(&maker, &graph);
}

static void test_one_of_two_runs(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter2(&maker, 1, 2);
	add_waiter(&maker, 0);
	add_running(&maker);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 0);
	assert_chain(&graph, 0, NONE, NONE, 0);
	assert_chain(&graph, 1, 0, 0, 1);
	done(&maker, &graph);
}

/* Two who would each do are both waiting for the one: no simple cycle, a deadlock all the same. */
static void test_knot(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_running(&maker);
	add_waiter(&maker, 3);
	add_waiter(&maker, 3);
	add_waiter2(&maker, 2, 1);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 3);
	assert_int_equal(graph.ndeadlocks, 1);
	assert_false(graph.deadlocks[0].simple);
	assert_int_equal(graph.deadlocks[0].n, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(graph.deadlocks[0].members[i], i + 1);
	assert_chain(&graph, 1, 3, 3, 1);
	done(&maker, &graph);
}

static void test_same_releaser_twice_is_a_simple_cycle(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter2(&maker, 1, 1);
	add_waiter(&maker, 0);
	solve(&maker, &graph);
	assert_true(graph.deadlocks[0].simple);
	assert_in_cycle(&graph, 0, 2, false);
	done(&maker, &graph);
}

/* A component with a way out is no deadlock: those in it are behind the one that it leads to. */
static void test_component_with_a_way_out_is_behind(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter2(&maker, 1, 2);
	add_waiter(&maker, 0);
	add_waiter(&maker, 3);
	add_waiter(&maker, 2);
	solve(&maker, &graph);
	assert_int_equal(graph.ndeadlocks, 1);
	assert_int_equal(graph.deadlocks[0].members[0], 2);
	assert_int_equal(graph.deadlocks[0].nbehind, 2);
	assert_fate(&graph, 0, WAITGRAPH_BEHIND, 0);
	assert_fate(&graph, 1, WAITGRAPH_BEHIND, 0);
	done(&maker, &graph);
}

static void test_two_deadlocks_and_one_behind_both(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_waiter2(&maker, 3, 1);
	add_waiter(&maker, 2);
	add_waiter(&maker, 1);
	add_waiter(&maker, 3);
	add_waiter(&maker, 3);
	solve(&maker, &graph);
	assert_int_equal(graph.ndeadlocks, 2);
	assert_int_equal(graph.deadlocks[0].members[0], 1);
	assert_int_equal(graph.deadlocks[1].members[0], 3);
	assert_fate(&graph, 0, WAITGRAPH_BEHIND, 0);
	assert_fate(&graph, 4, WAITGRAPH_BEHIND, 1);
	done(&maker, &graph);
}

/* ---- large ---- */

enum { MANY = 5000 };

static void test_long_chain(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	add_running(&maker);
	for (uint32_t v = 1; v < MANY; v++)
		add_waiter(&maker, v - 1);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, 0);
	assert_chain(&graph, MANY - 1, MANY - 2, 0, MANY - 1);
	assert_chain(&graph, 1, 0, 0, 1);
	assert_int_equal(graph.places[0].nbehind, MANY - 1);
	assert_int_equal(graph.places[1].nbehind, 0);
	done(&maker, &graph);
}

/* A tree of waiters behind a cycle of two; the nodes nearest to it have the highest numbers. */
static void test_tree_behind_a_cycle(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	for (uint32_t v = 0; v < MANY - 2; v++)
		add_waiter(&maker, v + 1 + (MANY - 2 - v) / 2);
	add_waiter(&maker, MANY - 1);
	add_waiter(&maker, MANY - 2);
	solve(&maker, &graph);
	assert_int_equal(graph.nstuck, MANY);
	assert_int_equal(graph.ndeadlocks, 1);
	assert_int_equal(graph.deadlocks[0].n, 2);
	assert_int_equal(graph.deadlocks[0].nbehind, MANY - 2);
	for (uint32_t v = 0; v < MANY - 2; v++) {
		assert_fate(&graph, v, WAITGRAPH_BEHIND, 0);
		assert_true(graph.places[v].cycle);
		assert_in_range(graph.places[v].hops, 3, 20);
	}
	done(&maker, &graph);
}

/* A wide knot: everybody could be released by everybody of a hundred. */
static void test_wide_knot(void **state)
{
	struct maker maker = { 0 };
	struct waitgraph graph;

	(void)state;
	for (uint32_t v = 0; v < MANY; v++) {
		struct waitgraph_node *node = add(&maker, true);

		for (uint32_t i = 0; i < 100; i++)
			assert_int_equal(vec_push(&maker.edges, (v + i * 37) % MANY), 0);
		node->n = 100;
	}
	solve(&maker, &graph);
	assert_int_equal(graph.ndeadlocks, 1);
	assert_int_equal(graph.deadlocks[0].n, MANY);
	assert_false(graph.deadlocks[0].simple);
	done(&maker, &graph);
}

/* ---- random, against plain searches ---- */

enum { SMALL = 7 };

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void make_random(struct maker *maker, uint64_t *seed, uint32_t n)
{
	for (uint32_t v = 0; v < n; v++) {
		struct waitgraph_node *node = add(maker, next_random(seed) % 6 != 0);

		node->timed = next_random(seed) % 12 == 0;
		node->known &= next_random(seed) % 12 != 0;
		node->n = next_random(seed) % 8 < 6 ? 1 : next_random(seed) % 4;
		for (uint32_t i = 0; i < node->n; i++)
			assert_int_equal(vec_push(&maker->edges, next_random(seed) % n), 0);
	}
}

static unsigned releasers_of(const struct maker *maker, uint32_t v)
{
	const struct waitgraph_node *node = &maker->nodes.data[v];
	unsigned set = 0;

	for (uint32_t i = 0; i < node->n; i++)
		set |= 1u << maker->edges.data[node->first + i];
	return set;
}

static bool is_closed_set(const struct maker *maker, unsigned set)
{
	for (uint32_t v = 0; v < maker->nodes.n; v++) {
		const struct waitgraph_node *node = &maker->nodes.data[v];

		if ((set >> v & 1) && (!node->blocked || node->timed || !node->known ||
				       (releasers_of(maker, v) & ~set)))
			return false;
	}
	return true;
}

static unsigned plain_stuck(const struct maker *maker)
{
	unsigned all = 0;

	for (unsigned set = 0; set < 1u << maker->nodes.n; set++)
		if (is_closed_set(maker, set))
			all |= set;
	return all;
}

/* Reached over one edge or more. */
static unsigned plain_reach(const struct maker *maker, uint32_t v)
{
	unsigned set = releasers_of(maker, v), before;

	do {
		before = set;
		for (uint32_t u = 0; u < maker->nodes.n; u++)
			if (set >> u & 1)
				set |= releasers_of(maker, u);
	} while (set != before);
	return set;
}

static bool plain_is_deadlocked(const struct maker *maker, uint32_t v)
{
	unsigned reach = plain_reach(maker, v);

	if (!(reach >> v & 1))
		return false;
	for (uint32_t u = 0; u < maker->nodes.n; u++)
		if ((reach >> u & 1) && !(plain_reach(maker, u) >> v & 1))
			return false;
	return true;
}

static void check_fate(const struct maker *maker, const struct waitgraph *graph, unsigned stuck,
		       uint32_t v)
{
	const struct waitgraph_place *place = &graph->places[v];
	unsigned members = 0;

	assert_int_equal(place->fate != WAITGRAPH_FREE, stuck >> v & 1);
	if (place->fate == WAITGRAPH_FREE) {
		assert_int_equal(place->deadlock, NONE);
		return;
	}
	assert_int_equal(place->fate == WAITGRAPH_FOREVER, maker->nodes.data[v].n == 0);
	assert_int_equal(place->fate == WAITGRAPH_DEADLOCK, plain_is_deadlocked(maker, v));
	if (place->deadlock == NONE)
		return;
	for (uint32_t i = 0; i < graph->deadlocks[place->deadlock].n; i++)
		members |= 1u << graph->deadlocks[place->deadlock].members[i];
	assert_int_equal(members & ~plain_reach(maker, v), 0);
	if (place->fate == WAITGRAPH_DEADLOCK)
		assert_int_equal(members, plain_reach(maker, v));
}

static void check_chain(const struct maker *maker, const struct waitgraph *graph, uint32_t v)
{
	const struct waitgraph_place *place = &graph->places[v];
	uint32_t end = v;
	unsigned seen = 0, hops = 0;

	while (graph->places[end].next != NONE && !(seen >> end & 1)) {
		assert_int_equal(releasers_of(maker, end), 1u << graph->places[end].next);
		assert_true(maker->nodes.data[end].blocked);
		seen |= 1u << end;
		end = graph->places[end].next;
		hops++;
	}
	assert_int_equal(place->hops, hops);
	assert_int_equal(place->cycle, seen >> end & 1);
	assert_int_equal(place->root, place->cycle || end == v ? NONE : end);
}

static void test_random_graphs(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct maker maker = { 0 };
		struct waitgraph graph;
		unsigned stuck;

		make_random(&maker, &seed, 1 + (uint32_t)round % SMALL);
		solve(&maker, &graph);
		stuck = plain_stuck(&maker);
		assert_int_equal(graph.nstuck, __builtin_popcount(stuck));
		for (uint32_t v = 0; v < maker.nodes.n; v++) {
			check_fate(&maker, &graph, stuck, v);
			check_chain(&maker, &graph, v);
		}
		done(&maker, &graph);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_timed_wait_breaks_a_cycle),
		cmocka_unit_test(test_unknown_releasers_break_a_cycle),
		cmocka_unit_test(test_somebody_outside),
		cmocka_unit_test(test_for_ever),
		cmocka_unit_test(test_one_of_two_runs),
		cmocka_unit_test(test_knot),
		cmocka_unit_test(test_same_releaser_twice_is_a_simple_cycle),
		cmocka_unit_test(test_component_with_a_way_out_is_behind),
		cmocka_unit_test(test_two_deadlocks_and_one_behind_both),
		cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_tree_behind_a_cycle),
		cmocka_unit_test(test_wide_knot),
		cmocka_unit_test(test_random_graphs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
