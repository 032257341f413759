/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waitgraph.h: who waits for whom, and which of them wait for ever. Nodes are threads, by index; a
 * node's releasers are the threads that could end its wait, ANY one of them by itself. A wait that
 * needs several at once (a write lock held by three readers) is put in as a wait for one of them,
 * the one that is known to be in the way.
 *
 * Nothing is guessed: a node is stuck only if every way out of its wait is in the graph and leads
 * to stuck nodes again.
 */
#ifndef SS_AGGREGATE_WAITGRAPH_H
#define SS_AGGREGATE_WAITGRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define WAITGRAPH_NONE UINT32_MAX

struct waitgraph_node {
	bool blocked;
	bool timed; /* the wait ends by itself, or may: a signal, a timeout */
	bool known; /* the releasers are all that there are: nobody else can end the wait */
	/* edges[first .. first + n): indices of nodes; one that is no node is somebody outside. */
	uint32_t first, n;
};

struct waitgraph_input {
	const struct waitgraph_node *nodes;
	uint32_t nnodes;
	const uint32_t *edges;
	uint32_t nedges;
};

enum waitgraph_fate {
	WAITGRAPH_FREE,     /* not stuck, as far as is known */
	WAITGRAPH_DEADLOCK, /* member of a deadlock */
	WAITGRAPH_FOREVER,  /* nobody at all can end its wait: its lock's owner has exited */
	WAITGRAPH_BEHIND,   /* stuck, and all that it waits for comes to one of the two above */
};

struct waitgraph_place {
	enum waitgraph_fate fate;
	/*
	 * The deadlock that it is in or behind (if behind several: the first); NONE if free, or
	 * behind nodes that wait for ever only.
	 */
	uint32_t deadlock;
	/* The one node that it waits for; NONE if there are several, none, or it is not blocked. */
	uint32_t next;
	/*
	 * Where following `next` ends: a node that has no next (it runs, or what it waits for is
	 * not one node). NONE if it has no next itself, or comes into a cycle.
	 */
	uint32_t root;
	uint32_t hops;    /* to the root; or until a node comes again: a cycle's length in it */
	uint32_t nbehind; /* as a root: how many nodes hang on it, over any number of hops */
	bool cycle;       /* `next` comes into a cycle (a deadlock only if its fate says so) */
	bool cycle_timed; /* one that ends by itself, as some wait in it is timed */
};

struct waitgraph_deadlock {
	/* From the lowest on, in order of the cycle if simple, else ascending. */
	uint32_t *members;
	uint32_t n;
	bool simple;      /* each waits for the next, the last for the first */
	uint32_t nbehind; /* stuck nodes whose `deadlock` is this, without its members */
};

struct waitgraph {
	struct waitgraph_place *places;       /* [nnodes] */
	struct waitgraph_deadlock *deadlocks; /* by their lowest member */
	uint32_t ndeadlocks;
	uint32_t nstuck; /* nodes that are not FREE */
	struct arena arena;
};

/* 0 or -ENOMEM (then there is nothing to release). Time and memory grow with nodes + edges. */
int waitgraph_solve(const struct waitgraph_input *input, struct waitgraph *ret);
void waitgraph_done(struct waitgraph *graph);

#endif
