/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.h: who could end a blocked thread's wait, where following that leads, and which threads wait
 * for ever. Made after the threads are known, over all snapshots that were taken together; lives in
 * the arena of the snapshot that the thread belongs to.
 */
#ifndef SS_MODEL_CHAIN_H
#define SS_MODEL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ss_snapshot;
struct thread;

/* A thread of one of the snapshots. */
struct thread_ref {
	const struct ss_snapshot *snapshot;
	const struct thread *thread; /* NULL: none */
};

/* Somebody who could end a wait. */
struct party {
	pid_t pid, tid;        /* tid 0: any thread of the process */
	const char *name;      /* of the thread, else of the process; raw, "" if unknown */
	struct thread_ref ref; /* the thread, if it was looked at */
};

enum chain_fate {
	CHAIN_FREE,     /* not known to be stuck */
	CHAIN_DEADLOCK, /* waits in a cycle, which nobody outside can break */
	CHAIN_FOREVER,  /* nobody at all can end the wait */
	CHAIN_BEHIND,   /* waits for threads that are stuck in one of these ways */
};

struct chain {
	const struct party *parties; /* any one of them could end the wait */
	size_t nparties;
	bool complete; /* nobody else could */
	enum chain_fate fate;
	unsigned deadlock;            /* that it is in or behind, from 1; 0: none */
	struct thread_ref next, root; /* the one that it waits for, and where going on ends */
	unsigned hops;                /* to the root */
	bool cycle_timed; /* going on comes into a cycle that ends by itself: a wait in it is timed */
};

/* Threads that wait for each other: nobody outside can end any of their waits. */
struct deadlock {
	const struct thread_ref
		*members; /* each waits for the next, the last for the first, if simple */
	size_t nmembers;
	bool simple;
	unsigned nbehind; /* other threads that are stuck because of it */
};

#endif
