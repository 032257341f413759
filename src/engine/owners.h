/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * owners.h: from the number in a lock's memory to a thread that holds it, or to nothing. A wrong
 * owner is worse than none.
 */
#ifndef SS_ENGINE_OWNERS_H
#define SS_ENGINE_OWNERS_H

#include "engine/session.h"

/*
 * Right after a sweep: read the locks that captured threads wait for into session->locks, while what
 * they say of their owners is still true. 0 or -ENOMEM.
 */
int owners_read_locks(struct ss_session *session);

/* The same for a choice of waits: captured thread i waits as `look` says. */
void owners_begin_locks(struct ss_session *session);
int owners_add_lock(struct ss_session *session, size_t i, const struct look *look);
int owners_end_locks(struct ss_session *session);

/* The memory of the lock that captured thread i waits for, for waiting_classify; NULL if none. */
const struct lockword *owners_lock(const struct ss_session *session, size_t i);

/*
 * Settle holder, owner and owner_pid (and LOCK_SHARED) of the wait of captured thread i, which
 * waiting_classify has found with this stack: the owner becomes one of our numbers if it lives. It
 * holds at one instant between two reads of the lock that were equal, during all of which the thread
 * waited. from_lock: what waiting_classify returned, if it was given owners_lock.
 *
 * False: they were not, and nothing is said of the holder (HOLDER_UNKNOWN).
 */
bool owners_settle(struct ss_session *session, size_t i, const struct stack *stack, bool from_lock,
		   struct wait *wait);

#endif
