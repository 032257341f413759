/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * owners.h: from the number in a lock's memory to a thread that holds it, or to nothing. A wrong
 * owner is worse than none.
 */
#ifndef SS_ENGINE_OWNERS_H
#define SS_ENGINE_OWNERS_H

#include "engine/session.h"

/*
 * Settle holder, owner and owner_pid (and LOCK_SHARED) of the wait of captured thread i, which waiting_classify has
 * just found with this stack: the owner becomes one of our numbers if it lives. It holds at one
 * instant between two reads of the lock that were equal, during all of which the thread waited.
 *
 * False: they were not, and nothing is said of the holder (HOLDER_UNKNOWN).
 */
bool owners_settle(struct ss_session *session, size_t i, const struct stack *stack,
		   struct wait *wait);

#endif
