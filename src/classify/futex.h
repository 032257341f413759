/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * futex.h: one wait on a futex, and what memory says of the lock that it is for: whose type it is,
 * who holds it. Internal to src/classify. Every function here may ask for memory and then knows
 * nothing until the next call; what memory does not prove it leaves as it was.
 */
#ifndef SS_CLASSIFY_FUTEX_H
#define SS_CLASSIFY_FUTEX_H

#include <linux/futex.h>

#include "classify/query.h"

struct futex {
	uint64_t word; /* its address */
	uint32_t op, cmd, val;
	uint64_t timeout; /* pointer */
};

/* linux/futex.h has it since 5.14 */
#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

enum { LOCKED_WITH_WAITERS = 2 }; /* of glibc's low-level locks */

static inline bool is_tid(uint32_t value)
{
	return value >= 1 && value <= 4 << 20; /* PID_MAX_LIMIT, include/linux/threads.h */
}

static inline bool futex_is_lock_pi(const struct futex *futex)
{
	return futex->cmd == FUTEX_LOCK_PI || futex->cmd == FUTEX_LOCK_PI2;
}

/*
 * The word may be a tid with the kernel's bit for waiters, as in robust mutexes and most of musl's.
 * It may also be something else: musl's rwlocks count readers there, with the same bit.
 */
static inline bool is_marked_tid(const struct futex *futex)
{
	return futex->cmd == FUTEX_WAIT && futex->val & FUTEX_WAITERS &&
	       is_tid(futex->val & FUTEX_TID_MASK);
}

/* Set holder and owner from the tid in a lock's word; 0 there: it is being handed over. */
void futex_set_owner(struct wait *wait, uint32_t tid);

/* ---- glibc.c ---- */

/*
 * The word may be that of a pthread_mutex: true if memory is one, then its type and holder are set.
 * `named`: a function's name says that it is; else every field has to show it.
 */
bool glibc_mutex(struct query *query, const struct futex *futex, bool named);

/* wait->object is a pthread_rwlock. */
void glibc_rwlock(struct query *query, const struct futex *futex);

/* The word may be the lock of a FILE. True if it is one whose holder is known. */
bool glibc_file(struct query *query, const struct futex *futex);

/*
 * The word may be the tid of a thread, too small to be told from other values, or its joinstate
 * (glibc 2.43 on). True if it is; the joined thread is the owner.
 */
bool glibc_join(struct query *query, const struct futex *futex);

/*
 * The word may be one of a pthread_cond. True if the stack of the waiter shows it, and its mutex;
 * then the object is the condition variable itself.
 */
bool glibc_cond(struct query *query, const struct futex *futex);

/* ---- musl.c ---- */

/* As glibc_mutex; the object begins before the word. */
bool musl_mutex(struct query *query, const struct futex *futex, bool named);

/* The word is the lock of a FILE, or another that musl locks for itself. */
void musl_file(struct query *query, const struct futex *futex);

#endif
