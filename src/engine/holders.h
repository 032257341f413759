/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holders.h: the other side of waiting for locks: the time that threads wait, given to whoever holds
 * the lock meanwhile. At every tick the owner of each lock that is waited for is read, right after
 * the sweep, and where that thread is at the same tick is who is in the way. When the account of a
 * wait comes, its time is shared out over what was seen while it lasted.
 *
 *	tick        t1        t2        t3        t4
 *	waiter      |---- waits for the lock ----|
 *	holder      | A       | A       | B      |
 *	            A gets two thirds of the wait, B one
 */
#ifndef SS_ENGINE_HOLDERS_H
#define SS_ENGINE_HOLDERS_H

#include "aggregate/accounts.h"
#include "aggregate/delta.h"
#include "engine/places.h"
#include "engine/session.h"

/* Who was in the way. */
enum holding_kind {
	HOLDING_SEEN,    /* a thread, at a place */
	HOLDING_HANDOFF, /* nobody: the lock was being handed over */
	HOLDING_UNKNOWN, /* somebody: no owner is recorded, or it was not to be seen */
	HOLDING_KINDS,
};

struct holding {
	enum holding_kind kind;
	bool short_waits; /* of waits that began and ended unseen: the nearest guess */
	uint32_t thread;  /* the holder's index in the recorder; the waiter's if not SEEN */
	const struct stack *stack; /* the holder's; NULL if not SEEN */
	uint64_t object;           /* the lock */
	enum wait_kind wait;       /* what it is waited for as */
	const char *waiter;        /* function that waits; borrowed from its stack */
};

struct holders;

struct holders *holders_new(size_t max_rows); /* NULL only if memory is out */
void holders_free(struct holders *holders);   /* NULL is fine */

/* Waits of this kind are for locks that somebody holds. */
bool holders_is_lock(enum wait_kind wait);

/* Right after the sweep: read the locks that are waited for. 0 or -ENOMEM. */
int holders_read_locks(struct holders *holders, struct ss_session *session);

/*
 * Captured thread i, number `thread`, waits for a lock, as waiting_classify has just found; it is at
 * `place`, with this stack. 0 or -ENOMEM.
 */
int holders_waits(struct holders *holders, struct ss_session *session, size_t i, uint32_t thread,
		  uint32_t place, const struct stack *stack, const struct wait *wait);
/* It waits for no lock any more. */
void holders_moved(struct holders *holders, pid_t tid);
/* It has ended, and its account is closed. */
void holders_ended(struct holders *holders, pid_t tid);
/* It has not run: it waits where it did; asks the lock again. 0 or -ENOMEM. */
int holders_same(struct holders *holders, struct ss_session *session, size_t i);

/* Where a thread is at this tick. */
struct holder_place {
	uint32_t thread;
	const struct stack *stack; /* NULL: nowhere to be seen */
};
typedef struct holder_place holder_find(void *arg, pid_t tid);

/*
 * All threads of the tick are known: whoever waits has waited up to now_ns since the tick at
 * before_ns, for the one that holds its lock. 0 or -ENOMEM.
 */
int holders_look(struct holders *holders, uint64_t before_ns, uint64_t now_ns, holder_find *find,
		 void *arg);

/* A credit of thread `thread`, tid, that may be for time waited at a lock. */
void holders_credit(struct holders *holders, pid_t tid, uint32_t thread,
		    const struct credit *credit, const struct place *place);

/* Rows whose place is the number of a holding, from 1. Sorted once, at the end. */
struct accounts *holders_accounts(struct holders *holders);
const struct holding *holders_get(const struct holders *holders, uint32_t number);

#endif
