/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eintr.h: the system calls that a mere stop can break off with EINTR, no handler involved:
 * those that signal(7) calls never restarted, for whatever reason they are interrupted. Measured on
 * 6.18 with PTRACE_INTERRUPT; poll, select, nanosleep, futex and plain reads restart unseen.
 */
#ifndef SS_MODEL_EINTR_H
#define SS_MODEL_EINTR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True if a thread stopped while blocked in call `nr` MAY see EINTR. For the calls on sockets that
 * depends on SO_RCVTIMEO and SO_SNDTIMEO, which nobody can see from outside: without a timeout they
 * restart.
 */
bool eintr_may_return(int64_t nr);

/* True for those among them (read and its kin) that do so only if their descriptor is a socket. */
bool eintr_depends_on_fd(int64_t nr);

/*
 * True if a call that eintr_may_return has a timeout, or may have one that cannot be seen; false
 * only if it certainly waits for ever, so that restarting it cannot prolong anything. True for all
 * other calls.
 */
bool eintr_has_timeout(int64_t nr, const uint64_t args[6]);

#endif
