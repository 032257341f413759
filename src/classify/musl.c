/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of 64-bit musl 1.2 as they lie in memory (src/internal/pthread_impl.h, src/stdio/
 * __lockfile.c). A normal mutex records no owner: its word is EBUSY, which must not pass for a tid.
 * All others are in a list that their owner keeps, which shows them where no name does.
 *
 *	pthread_mutex_t                                 FILE's lock
 *	 +0 type                                        tid, MAYBE_WAITERS
 *	 +4 lock (word): tid, FUTEX_WAITERS, FUTEX_OWNER_DIED
 *	 +8 waiters
 *	+24 previous, +32 next
 */
#include "classify/futex.h"

#include <string.h>

enum {
	MUTEX_WORD = 4,
	TYPE_NORMAL = 0,
	TYPE_RECURSIVE = 1,
	TYPE_ERRORCHECK = 2,
	TYPE_MASK = 3,
	TYPE_ROBUST = 4,
	TYPE_INHERIT = 8,
	TYPE_SHARED = 0x80,
	MAYBE_WAITERS = 0x40000000,
	WAITERS_MAX = 100000, /* more threads than ever wait for one mutex */
};

struct musl_mutex {
	uint32_t type, lock, waiters, pad[3];
	uint64_t previous, next;
};

static bool has_owner(const struct musl_mutex *mutex)
{
	return (mutex->type & ~(uint32_t)TYPE_SHARED) != TYPE_NORMAL;
}

static bool is_type(uint32_t type)
{
	return (type & ~(TYPE_MASK | TYPE_ROBUST | TYPE_INHERIT | TYPE_SHARED)) == 0 &&
	       (type & TYPE_MASK) <= TYPE_ERRORCHECK;
}

static void set_type(struct wait *wait, uint32_t type)
{
	static const enum lock_type types[] = { LOCK_MUSL_NORMAL, LOCK_MUSL_RECURSIVE,
						LOCK_MUSL_ERRORCHECK };

	wait->lock_type = types[type & TYPE_MASK];
	wait->lock_traits = (type & TYPE_ROBUST ? LOCK_ROBUST : 0) |
			    (type & TYPE_INHERIT ? LOCK_INHERIT : 0) |
			    (type & TYPE_SHARED ? LOCK_SHARED : 0);
}

static bool is_pointer(uint64_t value)
{
	return value >= 65536 && value < 1ull << 56 && value % 8 == 0;
}

/* Every field shows it: one that has an owner, and waiters. */
static bool is_proved(const struct musl_mutex *mutex)
{
	return has_owner(mutex) && mutex->lock & FUTEX_WAITERS &&
	       is_tid(mutex->lock & FUTEX_TID_MASK) && mutex->waiters >= 1 &&
	       mutex->waiters < WAITERS_MAX && is_pointer(mutex->previous) &&
	       is_pointer(mutex->next);
}

bool musl_mutex(struct query *query, const struct futex *futex, bool named)
{
	struct wait *wait = &query->ret->wait;
	const unsigned char *bytes;
	struct musl_mutex mutex;
	uint32_t tid;

	if (!named && !is_marked_tid(futex))
		return false;
	bytes = query_memory(query, futex->word - MUTEX_WORD, sizeof(mutex));
	if (!bytes)
		return false;
	memcpy(&mutex, bytes, sizeof(mutex));
	if (!is_type(mutex.type) || (!named && !is_proved(&mutex)))
		return false;
	wait->object = futex->word - MUTEX_WORD;
	set_type(wait, mutex.type);
	tid = mutex.lock & FUTEX_TID_MASK;
	if (has_owner(&mutex) && (tid == 0 || is_tid(tid)))
		futex_set_owner(wait, tid);
	return true;
}

void musl_file(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;
	const unsigned char *bytes;
	uint32_t lock;

	if (!(futex->val & MAYBE_WAITERS))
		return;
	bytes = query_memory(query, futex->word, sizeof(lock));
	if (!bytes)
		return;
	memcpy(&lock, bytes, sizeof(lock));
	if (!(lock & MAYBE_WAITERS) || !is_tid(lock & ~(uint32_t)MAYBE_WAITERS))
		return;
	wait->lock_type = LOCK_MUSL_FILE;
	futex_set_owner(wait, lock & ~(uint32_t)MAYBE_WAITERS);
}
