/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder-internal.h: the inside of a recorder: recorder.c has its ticks, recorder-living.c
 * keeps the table of its threads, recorder-threads.c takes what a tick saw into account,
 * recorder-samples.c what the kernel's timer saw, recorder-profile.c makes the profile of it.
 */
#ifndef SS_ENGINE_RECORDER_INTERNAL_H
#define SS_ENGINE_RECORDER_INTERNAL_H

#include "aggregate/accounts.h"
#include "aggregate/delta.h"
#include "aggregate/oncpu.h"
#include "engine/holders.h"
#include "engine/places.h"
#include "engine/recorder.h"

/* What is needed of a thread only while it lives. */
struct life {
	struct delta delta;
	struct oncpu oncpu;          /* with the timer: what delta credits on a CPU */
	bool begun;                  /* delta has its first observation */
	uint64_t on_ns;              /* on-CPU time at the last observation */
	struct observation invented; /* counters of a kernel that has none */
	/* our own stops since the last observation */
	uint64_t stopped_ns;
	unsigned own_switches;
	struct life *next; /* of those that have ended */
};

/* A thread that was seen at some tick. */
struct recorded {
	pid_t tid;
	const char *name;  /* in the profile's arena */
	struct life *life; /* NULL: it has ended */
	uint32_t place;    /* at the last tick that saw one */
	uint64_t tick;     /* the last tick that saw it */
	bool began;
	bool ran; /* was switched in after it was first seen */
	bool has_stack;
	bool halted;           /* at some tick: stopped by a signal, or frozen */
	bool worker;           /* of the kernel: it has a place, but no stack */
	bool worker_idle;      /* at the last tick that saw it: it waited for work */
	enum ss_no_stack none; /* why not, at the last tick */
	/* when it has ended: the sums of its delta */
	uint64_t wall_ns, on_ns, runnable_ns, blocked_ns, stopped_ns, waits;
};

struct recorder {
	struct ss_session *session;
	struct ss_profile
		*profile; /* under construction: its arena and stacks are used all along */
	uint64_t min_block_ns;
	struct accounts accounts;
	struct places places;
	struct holders *holders; /* PROFILE_MUTEX; else NULL */
	bool objects;            /* waits are told apart by lock and descriptor */
	bool timer;              /* places on a CPU are from samples, not from looks */
	struct map64 stacks;     /* credit kind and place -> stack of the profile, at the end */
	VEC(struct recorded) threads; /* all that were ever seen */
	VEC(uint32_t) living;         /* indices in threads; some may have ended in this tick */
	VEC(uint32_t)
	seen; /* by captured thread of this tick: 1 + index in threads, 0: it is gone */
	struct map64 alive; /* tid -> index in threads, perhaps of one that has ended */
	struct life *spare; /* to be used again */
	uint64_t ticks;
	unsigned skipped;           /* ticks that brought nothing */
	uint64_t start_ns, last_ns; /* CLOCK_MONOTONIC of the first and the last tick */
	uint64_t maps_ns, clock_ns; /* of the last update */
	uint64_t maps_cost_ns;      /* how long that took */
	struct observation execed;  /* the leader before an exec that no look has followed; t_ns 0:
				       there is none */
	uint64_t execed_ns;         /* CLOCK_MONOTONIC when the latest exec was noticed; 0: none */
	struct fd_info fd;          /* scratch: the descriptor that the classifier asked for */
	uint32_t worker_places[WORKER_OTHER + 1]; /* of all workers of a kind; 0: there was none */
	unsigned nalive;
};

/* Where one thread's delta sends its credits. */
struct recorder_sink {
	struct recorder *recorder;
	uint32_t thread;
};

/* Take what the sweep captured into account. */
int recorder_note_threads(struct recorder *recorder, struct ss_error *err);

/* Give the samples of this tick to their threads, which are known by now. 0 or -ENOMEM. */
int recorder_note_samples(struct recorder *recorder);

/* A stack of this one pseudo-frame, on the outer frames of another from `skip` on (NULL: none). */
const struct stack *recorder_pseudo_stack(struct recorder *recorder, const struct stack *stack,
					  unsigned skip, const char *name);

/* ---- recorder-living.c ---- */

struct recorder_sink recorder_sink_of(struct recorder *recorder, const struct recorded *thread);

/* Takes one credit of a thread's delta; the argument is a recorder_sink. */
delta_sink recorder_credit;

/* All credits of a living thread up to this tick have come. */
void recorder_settle_thread(struct recorder *recorder, struct recorded *thread);

/* The living thread of this tid; NULL if there is none. */
struct recorded *recorder_find_thread(struct recorder *recorder, pid_t tid);

/* One that no tick has seen yet; NULL if memory is out. */
struct recorded *recorder_add_thread(struct recorder *recorder, const struct look *look);

/* Close its account. */
void recorder_finish_thread(struct recorder *recorder, struct recorded *thread);

/* Close the accounts of all threads that are alive. */
void recorder_end_threads(struct recorder *recorder);

/*
 * Threads that this tick did not see have ended: their account stops at the last one that did. 0 or
 * -ENOMEM.
 */
int recorder_end_unseen(struct recorder *recorder);

/* The process called exec: all threads have ended, but the leader's counters go on. */
void recorder_note_exec(struct recorder *recorder);

void recorder_free_threads(struct recorder *recorder);

#endif
