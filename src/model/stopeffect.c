/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table: the calls, what a stop does to them, and where their timeout and their length are. It
 * assumes numbers and arguments of this architecture as /proc/TID/syscall gives them, makes no
 * system call itself, and may be used while threads are stopped: no allocation, no state.
 */
#include "model/stopeffect.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/attr.h"

/* of Linux 5.6 to 6.7: one number on all architectures */
enum {
	NR_close_range = 436,
	NR_openat2 = 437,
	NR_epoll_pwait2 = 441,
	NR_futex_waitv = 449,
	NR_futex_wait = 455,
};

/* getrandom(2): up to so many bytes come whole */
enum { RANDOM_WHOLE = 256 };

enum timeout {
	TIMEOUT_NEVER,   /* the call has none, or keeps it through a stop */
	TIMEOUT_MS,      /* an int argument of milliseconds, negative: infinite */
	TIMEOUT_POINTER, /* a struct timespec, NULL: infinite */
	TIMEOUT_HIDDEN,  /* SO_*TIMEO, or inside a structure that takes a read to see */
};

/* What the arguments say about the effects. */
enum only {
	ONLY_ALWAYS,
	ONLY_IO,      /* the first is a descriptor, whose type says it */
	ONLY_SEND,    /* the fourth (sendmsg: third) holds MSG_DONTWAIT: none at all */
	ONLY_RECEIVE, /* the same, and without MSG_WAITALL it is never short */
	ONLY_SEVERAL, /* the third is a number of messages: short if more than one is waited for */
	ONLY_LONG,    /* the second is a length: short if above RANDOM_WHOLE */
	ONLY_REQUEUE, /* the second is an operation of futex(2) */
};

/* for a length: in memory, the second argument is its address */
enum { IOVEC = UINT8_MAX, MSGHDR = UINT8_MAX - 1 };

struct call {
	int nr;
	uint8_t effects;
	uint8_t only;
	uint8_t flags;  /* which argument has MSG_* */
	uint8_t length; /* which argument is it */
	uint8_t timeout;
	uint8_t timeout_arg;
};

#define EINTR_ STOPEFFECT_EINTR
#define SHORT_ STOPEFFECT_SHORT
#define ENDS_  STOPEFFECT_ENDS

/* EINTR, with the argument that has the timeout */
#define WAITS(nr_, kind, arg)                                                               \
	{                                                                                   \
		.nr = nr_, .effects = EINTR_, .timeout = TIMEOUT_##kind, .timeout_arg = arg \
	}
/* through a socket: also cut short, with the arguments that have MSG_* and the length */
#define SOCKET(nr_, which, msg, len)                                                       \
	{                                                                                  \
		.nr = nr_, .effects = EINTR_ | SHORT_, .only = ONLY_##which, .flags = msg, \
		.length = len, .timeout = TIMEOUT_HIDDEN                                   \
	}
/* through any descriptor */
#define MOVES(nr_, len)                                                                \
	{                                                                              \
		.nr = nr_, .effects = EINTR_ | SHORT_, .only = ONLY_IO, .length = len, \
		.timeout = TIMEOUT_HIDDEN                                              \
	}
/* at an offset: not through sockets and pipes */
#define MOVES_AT(nr_, len)                                                   \
	{                                                                    \
		.nr = nr_, .effects = SHORT_, .only = ONLY_IO, .length = len \
	}
#define COPIES(nr_, len)                                                                        \
	{                                                                                       \
		.nr = nr_, .effects = EINTR_ | SHORT_, .length = len, .timeout = TIMEOUT_HIDDEN \
	}
#define ENDS(nr_, which)                                          \
	{                                                         \
		.nr = nr_, .effects = ENDS_, .only = ONLY_##which \
	}
#define GOES_ON(nr_)      \
	{                 \
		.nr = nr_ \
	}

static const struct call calls[] = {
/* ---- EINTR ---- */
#ifdef SYS_epoll_wait
	WAITS(SYS_epoll_wait, MS, 3),
#endif
	WAITS(SYS_epoll_pwait, MS, 3),
	WAITS(NR_epoll_pwait2, POINTER, 3),
	WAITS(SYS_semop, NEVER, 0),
	WAITS(SYS_semtimedop, POINTER, 3),
	WAITS(SYS_rt_sigtimedwait, POINTER, 2),
	WAITS(SYS_io_getevents, POINTER, 4),
	WAITS(SYS_io_pgetevents, POINTER, 4),
	/* having submitted something it returns that number, with too few completions */
	{ .nr = SYS_io_uring_enter, .effects = EINTR_ | ENDS_, .timeout = TIMEOUT_HIDDEN },
	/* sock_intr_errno(), include/net/sock.h: EINTR if the socket's timeout is finite */
	WAITS(SYS_accept, HIDDEN, 0),
	WAITS(SYS_accept4, HIDDEN, 0),
	WAITS(SYS_connect, HIDDEN, 0),
	/* the driver decides: TCSBRK waits with EINTR (tty_ioctl, drivers/tty/tty_io.c) */
	WAITS(SYS_ioctl, HIDDEN, 0),
	WAITS(SYS_swapoff, NEVER, 0),
	WAITS(SYS_fallocate, NEVER, 0), /* on the tmpfs of older kernels */
	/* ---- short transfers ---- */
	SOCKET(SYS_recvfrom, RECEIVE, 3, 2),
	SOCKET(SYS_recvmsg, RECEIVE, 2, MSGHDR),
	/* the call after it gets the kernel's own error 512, which it left (__sys_recvmmsg, net/socket.c) */
	SOCKET(SYS_recvmmsg, SEVERAL, 3, 2),
	SOCKET(SYS_sendto, SEND, 3, 2),
	SOCKET(SYS_sendmsg, SEND, 2, MSGHDR),
	SOCKET(SYS_sendmmsg, SEND, 3, 2),
	MOVES(SYS_read, 2),
	MOVES(SYS_readv, IOVEC),
	MOVES(SYS_write, 2),
	MOVES(SYS_writev, IOVEC),
	/* with an offset of -1 they are as above */
	MOVES(SYS_preadv2, IOVEC),
	MOVES(SYS_pwritev2, IOVEC),
	/* not for sockets and pipes; /dev/zero looks for signals (drivers/char/mem.c) */
	MOVES_AT(SYS_pread64, 2),
	MOVES_AT(SYS_preadv, IOVEC),
	MOVES_AT(SYS_pwrite64, 2),
	MOVES_AT(SYS_pwritev, IOVEC),
	/* splice_from_pipe_next, fs/splice.c: between files, too */
	COPIES(SYS_sendfile, 3),
	COPIES(SYS_splice, 4),
	COPIES(SYS_copy_file_range, 4),
	/* get_random_bytes_user, drivers/char/random.c */
	{ .nr = SYS_getrandom, .effects = SHORT_, .only = ONLY_LONG, .length = 1 },
	/* ---- others that end before their time ---- */
	/* what SO_LINGER waits for (sk_stream_wait_close, net/core/stream.c) is given up */
	ENDS(SYS_close, ALWAYS),
	ENDS(NR_close_range, ALWAYS),
	ENDS(SYS_dup3, ALWAYS),
#ifdef SYS_dup2
	ENDS(SYS_dup2, ALWAYS),
#endif
	/* EAGAIN, as if the word had changed (futex_wait_requeue_pi, kernel/futex/requeue.c) */
	ENDS(SYS_futex, REQUEUE),
	/* ---- those that go on ---- */
	GOES_ON(SYS_ppoll),
	GOES_ON(SYS_pselect6),
#ifdef SYS_poll
	GOES_ON(SYS_poll),
	GOES_ON(SYS_select),
	GOES_ON(SYS_pause),
	GOES_ON(SYS_open),
	GOES_ON(SYS_fork),
	GOES_ON(SYS_vfork),
#endif
	GOES_ON(SYS_nanosleep),
	GOES_ON(SYS_clock_nanosleep),
	GOES_ON(SYS_restart_syscall),
	GOES_ON(NR_futex_wait),
	GOES_ON(NR_futex_waitv),
	GOES_ON(SYS_msgrcv),
	GOES_ON(SYS_msgsnd),
	GOES_ON(SYS_mq_timedreceive),
	GOES_ON(SYS_mq_timedsend),
	GOES_ON(SYS_wait4),
	GOES_ON(SYS_waitid),
	GOES_ON(SYS_rt_sigsuspend),
	GOES_ON(SYS_flock),
	GOES_ON(SYS_fcntl),
	GOES_ON(SYS_openat),
	GOES_ON(NR_openat2),
	GOES_ON(SYS_tee),
	GOES_ON(SYS_vmsplice),
	GOES_ON(SYS_process_vm_readv),
	GOES_ON(SYS_process_vm_writev),
	GOES_ON(SYS_fsync),
	GOES_ON(SYS_fdatasync),
	GOES_ON(SYS_getdents64),
	GOES_ON(SYS_clone),
	GOES_ON(SYS_execve),
};

static const struct call *find_call(int64_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

/* FD_FILE: none of these waits for others, if it is a regular file. */
static unsigned effects_of_io(const struct call *call, enum fd_type type)
{
	bool reads = call->nr == SYS_read || call->nr == SYS_readv || call->nr == SYS_preadv2;

	switch (type) {
	case FD_UNKNOWN:
		return call->effects;
	case FD_SOCKET:
		/* but with SO_RCVLOWAT, as in recv(2): nobody can see that from outside */
		return reads ? call->effects & ~STOPEFFECT_SHORT : call->effects;
	case FD_PIPE:
		/* a read takes what there is */
		return reads ? STOPEFFECT_NONE : STOPEFFECT_SHORT;
	case FD_DEVICE:
		/* a terminal with VMIN above 1, /dev/zero, /dev/urandom */
		return STOPEFFECT_SHORT;
	default:
		return STOPEFFECT_NONE;
	}
}

static bool is_requeue(uint64_t operation)
{
	return (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_REQUEUE_PI;
}

unsigned stopeffect_get(int64_t nr, const uint64_t args[6], enum fd_type type)
{
	const struct call *call = find_call(nr);
	uint64_t flags;

	if (!call)
		return STOPEFFECT_UNKNOWN;
	flags = args[call->flags];
	switch ((enum only)call->only) {
	case ONLY_ALWAYS:
		break;
	case ONLY_IO:
		return effects_of_io(call, type);
	case ONLY_SEND:
		return flags & MSG_DONTWAIT ? STOPEFFECT_NONE : call->effects;
	case ONLY_RECEIVE:
		if (flags & MSG_DONTWAIT)
			return STOPEFFECT_NONE;
		return flags & MSG_WAITALL ? call->effects : STOPEFFECT_EINTR;
	case ONLY_SEVERAL:
		if (flags & MSG_DONTWAIT)
			return STOPEFFECT_NONE;
		return args[call->length] > 1 && !(flags & MSG_WAITFORONE) ? call->effects
									   : STOPEFFECT_EINTR;
	case ONLY_LONG:
		return args[call->length] > RANDOM_WHOLE ? call->effects : STOPEFFECT_NONE;
	case ONLY_REQUEUE:
		return is_requeue(args[1]) ? call->effects : STOPEFFECT_NONE;
	}
	return call->effects;
}

bool stopeffect_depends_on_fd(int64_t nr)
{
	const struct call *call = find_call(nr);

	return call && call->only == ONLY_IO;
}

bool stopeffect_may_return_eintr(int64_t nr)
{
	const struct call *call = find_call(nr);

	return call && call->effects & STOPEFFECT_EINTR;
}

bool stopeffect_may_restart(int64_t nr)
{
	return nr != SYS_ioctl && stopeffect_may_return_eintr(nr);
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

bool stopeffect_has_timeout(int64_t nr, const uint64_t args[6])
{
	const struct call *call = find_call(nr);

	if (!call || !(call->effects & STOPEFFECT_EINTR))
		return true;
	return is_finite((enum timeout)call->timeout, args[call->timeout_arg]);
}

enum stopeffect_length stopeffect_find_length(int64_t nr, const uint64_t args[6], uint64_t *ret,
					      uint64_t *ret_n)
{
	const struct call *call = find_call(nr);
	unsigned length = call ? call->length : 0;

	*ret = args[length < 6 ? length : 1];
	*ret_n = args[2];
	return length == IOVEC ? LENGTH_IOVEC : length == MSGHDR ? LENGTH_MSGHDR : LENGTH_VALUE;
}

bool stopeffect_is_seen_at(const char *wchan)
{
	static const char *const places[] = {
		"seccomp_do_user_notification", /* kernel/seccomp.c */
		"handle_userfault",             /* fs/userfaultfd.c */
		"request_wait_answer",          /* fs/fuse/dev.c */
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t len = strlen(places[i]);

		/* gcc adds suffixes: seccomp_do_user_notification.isra.0 */
		if (strncmp(wchan, places[i], len) == 0 && (!wchan[len] || wchan[len] == '.'))
			return true;
	}
	return false;
}
