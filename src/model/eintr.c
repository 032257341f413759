/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table: the calls and where their timeout is. It assumes numbers and arguments of this
 * architecture as /proc/TID/syscall gives them, makes no system call itself, and may be used while
 * threads are stopped: no allocation, no state.
 */
#include "model/eintr.h"

#include <sys/syscall.h>

#include "base/attr.h"

enum timeout {
	TIMEOUT_NEVER,   /* the call has none */
	TIMEOUT_MS,      /* an int argument of milliseconds, negative: infinite */
	TIMEOUT_POINTER, /* a struct timespec, NULL: infinite */
	TIMEOUT_HIDDEN,  /* SO_*TIMEO, or inside a structure that takes a read to see */
};

static const struct {
	int nr;
	enum timeout timeout;
	unsigned arg;
} calls[] = {
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, TIMEOUT_MS, 3 },
#endif
	{ SYS_epoll_pwait, TIMEOUT_MS, 3 },
	{ SYS_epoll_pwait2, TIMEOUT_POINTER, 3 },
	{ SYS_semop, TIMEOUT_NEVER, 0 },
	{ SYS_semtimedop, TIMEOUT_POINTER, 3 },
	{ SYS_rt_sigtimedwait, TIMEOUT_POINTER, 2 },
	{ SYS_io_getevents, TIMEOUT_POINTER, 4 },
	{ SYS_io_pgetevents, TIMEOUT_POINTER, 4 },
	{ SYS_io_uring_enter, TIMEOUT_HIDDEN, 0 },
	/* sock_intr_errno(), include/net/sock.h: EINTR if the socket's timeout is finite */
	{ SYS_recvfrom, TIMEOUT_HIDDEN, 0 },
	{ SYS_recvmsg, TIMEOUT_HIDDEN, 0 },
	{ SYS_recvmmsg, TIMEOUT_HIDDEN, 0 },
	{ SYS_sendto, TIMEOUT_HIDDEN, 0 },
	{ SYS_sendmsg, TIMEOUT_HIDDEN, 0 },
	{ SYS_sendmmsg, TIMEOUT_HIDDEN, 0 },
	{ SYS_accept, TIMEOUT_HIDDEN, 0 },
	{ SYS_accept4, TIMEOUT_HIDDEN, 0 },
	{ SYS_connect, TIMEOUT_HIDDEN, 0 },
	/* the same on a socket; on anything else they restart: eintr_depends_on_fd */
	{ SYS_read, TIMEOUT_HIDDEN, 0 },
	{ SYS_readv, TIMEOUT_HIDDEN, 0 },
	{ SYS_write, TIMEOUT_HIDDEN, 0 },
	{ SYS_writev, TIMEOUT_HIDDEN, 0 },
};

bool eintr_may_return(int64_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return true;
	return false;
}

bool eintr_depends_on_fd(int64_t nr)
{
	return nr == SYS_read || nr == SYS_readv || nr == SYS_write || nr == SYS_writev;
}

static bool is_finite(enum timeout timeout, uint64_t value)
{
	switch (timeout) {
	case TIMEOUT_NEVER:
		return false;
	case TIMEOUT_MS:
		return (int32_t)value >= 0;
	case TIMEOUT_POINTER:
		return value != 0;
	case TIMEOUT_HIDDEN:
		break;
	}
	return true;
}

bool eintr_has_timeout(int64_t nr, const uint64_t args[6])
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return is_finite(calls[i].timeout, args[calls[i].arg]);
	return true;
}
