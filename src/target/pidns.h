/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pidns.h: threads by the numbers that the target itself knows them by. A lock in its memory holds
 * what gettid said there: the number of the target's own pid namespace, which is ours only if that
 * is the same one. The table of another namespace's threads is read at the first question after
 * pidns_forget, and only then.
 */
#ifndef SS_TARGET_PIDNS_H
#define SS_TARGET_PIDNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"

struct target;

enum pidns_answer {
	PIDNS_UNKNOWN, /* nothing certain can be said */
	PIDNS_HERE,    /* a live thread of the target */
	PIDNS_OTHER,   /* a live thread of another process */
	PIDNS_PARENT,  /* a live thread of the target's parent process */
	PIDNS_GONE,    /* no live thread has that number */
};

struct pidns_thread {
	pid_t tid; /* ours */
	pid_t pid; /* its process, ours */
	enum pidns_answer answer;
};

struct pidns_pair {
	pid_t theirs, ours;
};

struct pidns {
	bool ours;                    /* the target's numbers are those of our namespace */
	bool listed;                  /* table holds the target's threads of this moment */
	VEC(struct pidns_pair) table; /* of another namespace */
};

void pidns_init(struct pidns *pidns, const struct target *target);
void pidns_done(struct pidns *pidns);

/* Threads may have begun and ended. */
void pidns_forget(struct pidns *pidns);

/*
 * Which thread the target calls `theirs`, at this moment. PIDNS_OTHER, PARENT and GONE are told
 * only if the namespace is ours; a zombie is gone: it holds what it holds for ever. tid and pid are
 * 0 unless the thread lives.
 */
struct pidns_thread pidns_find(struct pidns *pidns, const struct target *target, pid_t theirs);

#endif
