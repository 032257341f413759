/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of reads that makes an owner certain:
 *
 *	lock, then who that tid is, then the waiter's system call, then the lock again
 *
 * Had the lock changed hands between the first and the last, the owner would have been 0 or another
 * at one of them, or the same thread has taken it again. A tid that is no thread of this process is
 * never made one of another process, unless the lock says itself that processes share it: a child
 * keeps the tids that its parent's locks had at fork, and numbers are used again.
 */
#include "engine/owners.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "base/attr.h"
#include "engine/waiting.h"

/* ---- the locks, at once ---- */

/*
 * Words of locks that record an owner, or of others with the same states: "locked, and somebody
 * waits" of glibc, a tid with the kernel's mark, a writer in a rwlock, whatever inherits priority.
 */
static bool may_have_owner(const struct look *look)
{
	uint32_t cmd = (uint32_t)look->args[1] & FUTEX_CMD_MASK, val = (uint32_t)look->args[2];

	if (look->call != CALL_NUMBER || (look->nr != SYS_futex && look->nr != SYS_restart_syscall))
		return false;
	return cmd == FUTEX_LOCK_PI || cmd == 13 /* FUTEX_LOCK_PI2, 5.14 */ || val == 2 ||
	       val == 3 || val & FUTEX_WAITERS;
}

/* A lock may have passed to its waiter between the sweep and the second read. */
static void check_waiters(struct ss_session *session)
{
	vec_each(word, &session->locks.all) {
		uint64_t pcount;

		if (word->stable && (sweep_pcount(session->capturer, word->thread, &pcount) < 0 ||
				     pcount != word->pcount || pcount == 0))
			word->stable = false;
	}
}

void owners_begin_locks(struct ss_session *session)
{
	lockwords_clear(&session->locks);
}

int owners_add_lock(struct ss_session *session, size_t i, const struct look *look)
{
	if (!may_have_owner(look))
		return 0;
	return lockwords_add(&session->locks, i, session->capture.threads.data[i].look.pcount,
			     look->args[0]);
}

int owners_end_locks(struct ss_session *session)
{
	int r = lockwords_read(&session->locks, &session->target);

	if (r == 0)
		check_waiters(session);
	return r;
}

int owners_read_locks(struct ss_session *session)
{
	int r = 0;

	owners_begin_locks(session);
	for (size_t i = 0; i < session->capture.threads.n && r == 0; i++)
		r = owners_add_lock(session, i, &session->capture.threads.data[i].look);
	return r < 0 ? r : owners_end_locks(session);
}

const struct lockword *owners_lock(const struct ss_session *session, size_t i)
{
	const struct lockword *lock = lockwords_find(&session->locks, i);

	/* what was captured anew since may wait for another time */
	return lock && lock->pcount == session->capture.threads.data[i].look.pcount ? lock : NULL;
}

/* ---- one owner ---- */

static bool same_holder(const struct wait *a, const struct wait *b)
{
	return a->kind == b->kind && a->object == b->object && a->lock_type == b->lock_type &&
	       a->holder == b->holder && a->owner == b->owner;
}

static bool still_holds(struct ss_session *session, size_t i, const struct stack *stack,
			const struct wait *first)
{
	/* locks do not lead to descriptors */
	const struct waiting_source source = { .anew = true };
	struct classify_result again;

	if (!sweep_still_waits(session->capturer, &session->capture, i))
		return false;
	waiting_classify(&session->target, &session->capture.threads.data[i], stack, &source,
			 &again);
	return same_holder(first, &again.wait);
}

/*
 * glibc marks every robust mutex as shared, and a program may mark what no other process sees: the
 * mapping tells.
 */
static void settle_sharing(const struct ss_session *session, struct wait *wait)
{
	const struct map *map = maps_find(&session->maps, wait->object);

	if (!map || !(map->perm & MAP_PERM_SHARED))
		wait->lock_traits &= ~(unsigned)LOCK_SHARED;
}

static void forget_holder(struct wait *wait)
{
	wait->holder = HOLDER_UNKNOWN;
	wait->owner = 0;
	wait->readers = 0;
}

/* A thread of another process. */
static void settle_elsewhere(struct wait *wait, const struct pidns_thread *thread)
{
	if (wait->lock_traits & LOCK_SHARED)
		wait->owner_pid = thread->pid;
	else if (thread->answer == PIDNS_PARENT)
		wait->holder = HOLDER_ABSENT;
	else
		forget_holder(wait);
}

/* What the owner's number means; a thread that is joined ends when it has exited. */
static void settle_thread(struct ss_session *session, struct wait *wait)
{
	struct pidns_thread thread = pidns_find(&session->pidns, &session->target, wait->owner);
	bool joins = wait->kind == WAIT_JOIN;

	if (thread.answer == PIDNS_HERE)
		wait->owner = thread.tid;
	else if (thread.answer == PIDNS_GONE && !joins)
		wait->holder = HOLDER_EXITED;
	else if (thread.answer == PIDNS_UNKNOWN || joins)
		forget_holder(wait);
	else
		settle_elsewhere(wait, &thread);
}

/* Two reads were equal right after the sweep, and the waiter had not run by then. */
static bool held_then(const struct ss_session *session, size_t i, bool from_lock,
		      const struct wait *wait)
{
	const struct lockword *lock = owners_lock(session, i);

	/* a thread that is no more may have been there then: only a new look can tell */
	return from_lock && lock && lock->stable && wait->holder != HOLDER_EXITED &&
	       wait->holder != HOLDER_ABSENT;
}

bool owners_settle(struct ss_session *session, size_t i, const struct stack *stack, bool from_lock,
		   struct wait *wait)
{
	struct wait first = *wait;

	settle_sharing(session, wait);
	if (wait->holder == HOLDER_UNKNOWN)
		return true;
	if (wait->holder == HOLDER_THREAD)
		settle_thread(session, wait);
	if (wait->holder == HOLDER_UNKNOWN || held_then(session, i, from_lock, wait) ||
	    still_holds(session, i, stack, &first))
		return true;
	forget_holder(wait);
	wait->owner_pid = 0;
	return false;
}
