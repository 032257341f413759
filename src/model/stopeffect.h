/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopeffect.h: what a mere stop, with no signal handler involved, does to a thread that is in a
 * system call. Most calls go on unseen, with the time that remains. Some return EINTR (those that
 * signal(7) calls never restarted), and some return what they have transferred so far, which the
 * program takes for the end of the input or does not check at all. Measured on 6.18 with
 * PTRACE_INTERRUPT, and checked on the running kernel by tests/unit/t-effects.c.
 */
#ifndef SS_MODEL_STOPEFFECT_H
#define SS_MODEL_STOPEFFECT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/fdinfo.h"

enum stopeffect {
	STOPEFFECT_NONE = 0,         /* it goes on unseen */
	STOPEFFECT_EINTR = 1 << 0,   /* it may return EINTR */
	STOPEFFECT_SHORT = 1 << 1,   /* it may return with less than was asked for */
	STOPEFFECT_ENDS = 1 << 2,    /* it may end before what it waits for, with another result */
	STOPEFFECT_UNKNOWN = 1 << 3, /* the table does not have this call */
};

/*
 * What a stop MAY do to call `nr`, as a set of enum stopeffect. `type`: of the call's descriptor;
 * FD_UNKNOWN: whatever it may be. Nobody can see from outside whether a socket has SO_RCVTIMEO or
 * SO_SNDTIMEO, so what these bring about is always possible.
 */
unsigned stopeffect_get(int64_t nr, const uint64_t args[6], enum fd_type type);

/* True if stopeffect_get can say more if it knows the type of descriptor args[0]. */
bool stopeffect_depends_on_fd(int64_t nr);

/*
 * True if a thread stopped while blocked in call `nr` MAY see EINTR, on some descriptor with some
 * arguments.
 */
bool stopeffect_may_return_eintr(int64_t nr);

/*
 * True if that EINTR may be turned into a new beginning of the call. Not so ioctl: what the driver has
 * done by then, nobody knows.
 */
bool stopeffect_may_restart(int64_t nr);

/*
 * True if a call that stopeffect_may_return_eintr has a timeout, or may have one that cannot be
 * seen; false only if it certainly waits for ever, so that restarting it cannot prolong anything.
 * True for all other calls.
 */
bool stopeffect_has_timeout(int64_t nr, const uint64_t args[6]);

enum stopeffect_length {
	LENGTH_VALUE, /* bytes or messages; a copy returns less at the end of its file, too */
	LENGTH_IOVEC, /* the sum of an array of struct iovec */
	LENGTH_MSGHDR /* the same, of a struct msghdr */
};

/*
 * What a call with STOPEFFECT_SHORT returns if it is not cut short: in *ret that value, or the
 * address of what says it; in *ret_n how many struct iovec there are.
 */
enum stopeffect_length stopeffect_find_length(int64_t nr, const uint64_t args[6], uint64_t *ret,
					      uint64_t *ret_n);

/*
 * True if others see a stop of a thread that sleeps here (its wchan), whatever its call: a seccomp
 * supervisor gets the notification again, a userfaultfd handler the fault, a FUSE server is told of
 * an interrupt.
 */
bool stopeffect_is_seen_at(const char *wchan);

#endif
