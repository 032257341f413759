/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profile.h: the result of a capture over time: (stack, labels) -> values, and what became of every
 * thread. Everything in it lives in its arena, its stack table, or the session's symbol tables.
 *
 * One profile object holds the whole account (on CPU, runnable, blocked); its kind says which part
 * of it the writers show, with which sample types.
 */
#ifndef SS_MODEL_PROFILE_H
#define SS_MODEL_PROFILE_H

#include <stacksnap.h>

#include "base/arena.h"
#include "base/vec.h"
#include "model/snapshot.h"
#include "model/stack.h"
#include "model/wait.h"

/* What a thread did for some time, at one place. The account of one (thread, state, wait, stack). */
enum account_state {
	ACCOUNT_ON_CPU,
	ACCOUNT_RUNNABLE,
	ACCOUNT_BLOCKED,
	ACCOUNT_STATES,
};

struct account {
	size_t thread; /* index in profile.threads */
	enum account_state state;
	enum wait_kind wait;   /* ACCOUNT_BLOCKED */
	const char *call_name; /* of WAIT_SYSCALL; NULL else */
	uint64_t object;       /* the lock that it waited for; 0 if not told apart */
	int fd;                /* that it waited on; -1 likewise */
	const char *waiter; /* PROFILE_MUTEX: function that waited, while `thread` was at `stack` */
	const struct stack *stack; /* never NULL: pseudo-frames stand for what was not seen */
	uint64_t ns;
	uint64_t count; /* waits (episodes) for BLOCKED, samples for the others */
};

/*
 * A piece of one thread's time line. Pieces of a thread follow each other in time without overlap;
 * kept only if a format that shows time order was asked for.
 */
struct segment {
	size_t thread; /* index in profile.threads */
	enum account_state state;
	enum wait_kind wait;
	const char *call_name;
	const struct stack *stack;
	uint64_t start_ns, ns; /* start: since the beginning of the capture */
};

/* One thread over the capture. on + runnable + blocked + stopped = wall. */
struct profile_thread {
	pid_t tid;
	const char *name; /* raw */
	uint64_t wall_ns; /* as long as it was seen */
	uint64_t on_ns, runnable_ns, blocked_ns;
	uint64_t stopped_ns;      /* by us */
	uint64_t switches;        /* voluntary ones */
	enum wait_kind main_wait; /* where most of blocked_ns went */
	const char *main_call;    /* name if that is WAIT_SYSCALL */
	bool idle;                /* never ran, and rests in a usual resting place */
	bool ended, began;        /* within the capture */
};

/* PROFILE_MUTEX: its accounts are of those that held locks, by the time that others waited. */
enum profile_kind { PROFILE_BLOCK, PROFILE_CPU, PROFILE_WALL, PROFILE_MUTEX };

struct ss_profile {
	struct arena arena;
	struct stack_table stacks;
	enum profile_kind kind;
	pid_t pid;
	const char *comm, *exe, *cmdline; /* raw */
	const char *stop, *observer, *unwinder;
	const char *timer, *timer_refusal; /* as in a snapshot */
	uint64_t wall_ns;                  /* CLOCK_REALTIME at the beginning */
	uint64_t duration_ns;
	uint64_t period_ns; /* between ticks, as asked for */
	size_t naccounts;
	const struct account *accounts;
	size_t nsegments; /* by thread, then by time; 0 if not asked for */
	const struct segment *segments;
	size_t segments_dropped; /* beyond the memory bound: the time line ends early, said in output */
	size_t nthreads;
	const struct profile_thread *threads; /* by tid */
	size_t nmappings;
	const struct mapping *const *mappings;
	uint64_t blocked_ns, idle_ns; /* totals over all threads; of idle ones */
	bool counted_samples;         /* the kernel has no schedstat: times are ticks * period */
	struct ss_coverage coverage;  /* summed over ticks */
};

#endif
