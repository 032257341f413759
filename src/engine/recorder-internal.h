/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder-internal.h: the inside of a recorder: recorder.c has its ticks, recorder-threads.c takes
 * what a tick saw into account, recorder-profile.c makes the profile of it.
 */
#ifndef SS_ENGINE_RECORDER_INTERNAL_H
#define SS_ENGINE_RECORDER_INTERNAL_H

#include "aggregate/accounts.h"
#include "aggregate/delta.h"
#include "engine/holders.h"
#include "engine/places.h"
#include "engine/recorder.h"

/* A thread that was seen at some tick. */
struct recorded {
	pid_t tid;
	const char *name; /* in the profile's arena */
	struct delta delta;
	bool begun;     /* delta has its first observation */
	uint64_t on_ns; /* on-CPU time at the last observation */
	uint32_t place; /* at the last tick that saw one */
	uint64_t tick;  /* the last tick that saw it */
	bool alive, began;
	bool ran; /* was switched in after it was first seen */
	bool has_stack;
	bool halted;                 /* at some tick: stopped by a signal, or frozen */
	enum ss_no_stack none;       /* why not, at the last tick */
	struct observation invented; /* counters of a kernel that has none */
	/* our own stops since the last observation */
	uint64_t stopped_ns;
	unsigned own_switches;
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
	struct map64 stacks;     /* credit kind and place -> stack of the profile, at the end */
	VEC(struct recorded) threads;
	struct map64 alive; /* tid -> index in threads */
	uint64_t ticks;
	unsigned skipped;           /* ticks that brought nothing */
	uint64_t start_ns, last_ns; /* CLOCK_MONOTONIC of the first and the last tick */
	uint64_t maps_ns, clock_ns; /* of the last update */
	uint64_t maps_cost_ns;      /* how long that took */
	struct observation execed;  /* the leader before an exec that no look has followed; t_ns 0:
				       there is none */
	struct fd_info fd;          /* scratch: the descriptor that the classifier asked for */
	unsigned nalive;
};

/* Where one thread's delta sends its credits. */
struct recorder_sink {
	struct recorder *recorder;
	uint32_t thread;
};

/* Take what the sweep captured into account. */
int recorder_note_threads(struct recorder *recorder, struct ss_error *err);

/* Close the accounts of all threads that are alive. */
void recorder_end_threads(struct recorder *recorder);

/* The process called exec: all threads have ended, but the leader's counters go on. */
void recorder_note_exec(struct recorder *recorder);

#endif
