/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cutshort.c: a call that returned with less than was asked for, as its stop shows: who has to be
 * told, because the program is not. The thread runs again when this is asked, so that a length in its
 * memory may have changed, and it may have closed its descriptor. Where that leaves a doubt the call
 * is counted: too many rather than too few.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "model/stopeffect.h"
#include "target/fds.h"
#include "target/target.h"

enum { PIECES = 64 }; /* more of them are not added up */

/* UINT64_MAX: it cannot be read. */
static uint64_t add_pieces(const struct target *target, uint64_t addr, uint64_t n)
{
	struct iovec pieces[PIECES];
	uint64_t sum = 0;

	if (n > PIECES || target_read(target, addr, pieces, n * sizeof(*pieces)) !=
				  (ssize_t)(n * sizeof(*pieces)))
		return UINT64_MAX;
	for (uint64_t i = 0; i < n; i++)
		sum += pieces[i].iov_len;
	return sum;
}

static uint64_t get_length(const struct target *target, int64_t nr, const uint64_t args[6])
{
	struct msghdr message;
	uint64_t value, n;

	switch (stopeffect_find_length(nr, args, &value, &n)) {
	case LENGTH_VALUE:
		return value;
	case LENGTH_IOVEC:
		return add_pieces(target, value, n);
	case LENGTH_MSGHDR:
		break;
	}
	if (target_read(target, value, &message, sizeof(message)) != sizeof(message))
		return UINT64_MAX;
	return add_pieces(target, (uint64_t)(uintptr_t)message.msg_iov, message.msg_iovlen);
}

/*
 * A thread that slept in the call when we asked was woken by us, but for one that was done in those
 * microseconds. One that ran may have such a result by itself: at the end of a file, or on a full
 * disk, which is counted; from a descriptor that does not block, which is not. The read of a socket
 * with SO_RCVLOWAT looks like any other and is not counted either.
 */
bool cutshort_is_ours(const struct capturer *capturer, const struct work *work,
		      const struct stop *stop)
{
	enum fd_type type = FD_UNKNOWN;
	uint64_t args[6];
	int64_t nr, result;
	unsigned effects;
	bool slept;

	if (!regs_ended_call(&stop->raw, &nr, args, &result) || result < 0)
		return false;
	slept = work->slept_asked && work->call_asked == nr;
	if (stopeffect_depends_on_fd(nr))
		type = fds_type(capturer->target, (int)args[0]);
	if (slept && type == FD_FILE)
		type = FD_PIPE; /* by its name */
	effects = stopeffect_get(nr, args, type);
	if (effects & STOPEFFECT_ENDS)
		return slept;
	if (!(effects & STOPEFFECT_SHORT) || result == 0 ||
	    (uint64_t)result >= get_length(capturer->target, nr, args))
		return false;
	return slept || !fds_is_nonblocking(capturer->target, (int)args[0]);
}
