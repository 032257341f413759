/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot.h: the immutable result of one look at a process: what writers read. Everything in it
 * lives in its arena, its stack table, or the session's symbol tables.
 */
#ifndef SS_MODEL_SNAPSHOT_H
#define SS_MODEL_SNAPSHOT_H

#include <stacksnap.h>

#include "base/arena.h"
#include "model/chain.h"
#include "model/stack.h"
#include "model/wait.h"

/* One tid at one instant. */
struct thread {
	pid_t tid;
	const char *name; /* raw foreign bytes */
	enum thread_state state;
	struct wait wait;
	struct chain *chain; /* NULL: nobody is known who could end its wait */
	unsigned nbehind;    /* threads whose chain ends here */
	const char *
		waiter; /* of PROFILE_MUTEX: who waits while this thread holds the lock; else NULL */
	const struct stack *stack; /* NULL: see no_stack */
	enum ss_no_stack no_stack;
	bool moved;       /* since the mark that was set: not shown */
	bool was_stopped; /* read in a ptrace stop */
	bool consistent;
	int cpu;                                      /* last ran on, -1 unknown */
	uint64_t on_cpu_ns, run_queue_ns, timeslices; /* since the thread began; 0 if unknown */
};

struct ss_snapshot {
	struct arena arena;
	struct stack_table stacks;
	pid_t pid;
	const char *comm;    /* the leader's name, raw */
	const char *exe;     /* path of the executable, raw; "" if unknown */
	const char *cmdline; /* arguments joined with spaces, raw */
	const char *stop;    /* "auto", "all", "never" */
	const char *observer, *unwinder;
	const char *timer; /* that sampled running threads; "" none was needed, "no" none could */
	const char *timer_refusal; /* why a better one, or any, could not be had; "" */
	uint64_t wall_ns;          /* CLOCK_REALTIME of the look */
	uint64_t mono_ns;          /* CLOCK_MONOTONIC of the look */
	uint64_t took_ns;          /* the whole snapshot, names included */
	size_t nthreads;
	struct thread *threads; /* by tid, ascending */
	const struct thread *
		*order; /* the nthreads again, as the text form shows them; NULL: by tid */
	size_t nmappings;
	const struct mapping *const *mappings; /* executable file mappings, main program first */
	const char *maps; /* text of /proc/PID/maps at the look, for debug=1; raw */
	struct ss_coverage coverage;
	/* of all the snapshots that were taken together: the first one of them has it */
	const struct deadlock *deadlocks;
	size_t ndeadlocks;
	bool linked; /* chains and deadlocks were looked for */
};

/* The thread with this tid, or NULL. */
const struct thread *snapshot_find(const struct ss_snapshot *snapshot, pid_t tid);

#endif
