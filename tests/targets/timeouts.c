/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timeouts.c: a thread for each call that has a timeout, calling it again and again with 200 ms.
 * Nothing ever comes, so each call must return as its timeout says, after 200 ms. SIGUSR1 prints a
 * line "NAME rounds N eintr N early N late N median_us N" for every call, then "end", and counts anew:
 * late are those that took a quarter of the timeout more, as three of four do that are broken off
 * somewhere and begun anew; the median is of the time beyond the timeout.
 * Before ready there is a line "calls N", and "NAME missing ERROR" for each call that this kernel
 * refuses.
 */
#include "target.h"

#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define TIMEOUT_NS (200 * NS_PER_MS)
#define EARLY_NS   (1 * NS_PER_MS) /* clocks of coarse grain */
#define LATE_NS    (TIMEOUT_NS / 4)

static const struct timespec span = { 0, TIMEOUT_NS };
static int pipe_fds[2], epoll_fd, pair[2], full_pair[2], listener, ring_fd, sem_id, futex_word;
static mqd_t mqueue;
static aio_context_t aio;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static char big[1 << 16];

/* ---- one function for each call ---- */

static struct timespec later(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += TIMEOUT_NS;
	t.tv_sec += t.tv_nsec / NS_PER_S;
	t.tv_nsec %= NS_PER_S;
	return t;
}

static long call_epoll_wait(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, 200);
}

static long call_epoll_pwait(void)
{
	struct epoll_event event;

	return epoll_pwait(epoll_fd, &event, 1, 200, NULL);
}

static long call_epoll_pwait2(void)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait2, epoll_fd, &event, 1, &span, NULL, 0);
}

static long call_semtimedop(void)
{
	struct sembuf op = { .sem_op = -1 };

	return semtimedop(sem_id, &op, 1, &span);
}

static long call_sigtimedwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &span);
}

static long call_recv(void)
{
	char byte;

	return recv(pair[0], &byte, 1, 0);
}

static long call_read(void)
{
	char byte;

	return read(pair[0], &byte, 1);
}

static long call_readv(void)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return readv(pair[0], &iov, 1);
}

static long call_send(void)
{
	return send(full_pair[0], big, sizeof(big), MSG_NOSIGNAL);
}

static long call_accept(void)
{
	return accept(listener, NULL, NULL);
}

static long call_io_getevents(void)
{
	struct io_event event;
	struct timespec t = span;

	return syscall(SYS_io_getevents, aio, 1, 1, &event, &t);
}

static long call_io_uring_enter(void)
{
	struct __kernel_timespec t = { 0, TIMEOUT_NS };
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)&t };

	return syscall(SYS_io_uring_enter, ring_fd, 0, 1,
		       IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
}

static long call_poll(void)
{
	struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };

	return poll(&fd, 1, 200);
}

static long call_ppoll(void)
{
	struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };

	return ppoll(&fd, 1, &span, NULL);
}

static long call_select(void)
{
	struct timeval t = { 0, TIMEOUT_NS / 1000 };

	return select(0, NULL, NULL, NULL, &t);
}

static long call_pselect(void)
{
	return pselect(0, NULL, NULL, NULL, &span, NULL);
}

static long call_nanosleep(void)
{
	return nanosleep(&span, NULL);
}

static long call_clock_nanosleep(void)
{
	struct timespec t = later(CLOCK_MONOTONIC);

	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	return errno ? -1 : 0;
}

static long call_futex(void)
{
	return syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, &span, NULL, 0);
}

static long call_cond_timedwait(void)
{
	struct timespec t = later(CLOCK_REALTIME);

	pthread_mutex_lock(&lock);
	errno = pthread_cond_timedwait(&cond, &lock, &t);
	pthread_mutex_unlock(&lock);
	return -1;
}

static long call_mq_timedreceive(void)
{
	struct timespec t = later(CLOCK_REALTIME);
	char message[64];

	return mq_timedreceive(mqueue, message, sizeof(message), NULL, &t);
}

/* ---- threads ---- */

enum { ROUNDS = 512 };

struct caller {
	const char *name;
	long (*call)(void);
	struct arrival arrival;
	_Atomic int missing; /* the error that says so */
	_Atomic unsigned rounds, eintr, early, late;
	int64_t excess_ns[ROUNDS]; /* of the first rounds */
};

#define CALLER(which)                                \
	{                                            \
		.name = #which, .call = call_##which \
	}

/* clang-format off */
static struct caller callers[] = {
	CALLER(epoll_wait),
	CALLER(epoll_pwait),
	CALLER(epoll_pwait2),
	CALLER(semtimedop),
	CALLER(sigtimedwait),
	CALLER(recv),
	CALLER(read),
	CALLER(readv),
	CALLER(send),
	CALLER(accept),
	CALLER(io_getevents),
	CALLER(io_uring_enter),
	CALLER(poll),
	CALLER(ppoll),
	CALLER(select),
	CALLER(pselect),
	CALLER(nanosleep),
	CALLER(clock_nanosleep),
	CALLER(futex),
	CALLER(cond_timedwait),
	CALLER(mq_timedreceive),
};
/* clang-format on */

enum { CALLERS = sizeof(callers) / sizeof(callers[0]) };

static void note(struct caller *caller, long result, int error, int64_t excess_ns)
{
	if (caller->rounds < ROUNDS)
		caller->excess_ns[caller->rounds] = excess_ns;
	caller->rounds++;
	caller->eintr += result < 0 && error == EINTR;
	caller->early += excess_ns < -EARLY_NS;
	caller->late += excess_ns > LATE_NS;
}

static bool call_is_missing(int error)
{
	return error == ENOSYS || error == EPERM || error == EBADF || error == EINVAL;
}

static void *run(void *arg)
{
	struct caller *caller = arg;

	arrival_set(&caller->arrival);
	for (;;) {
		int64_t begin = target_now_ns();
		long result = caller->call();
		int error = errno;

		if (result < 0 && call_is_missing(error)) {
			caller->missing = error;
			target_rest();
		}
		note(caller, result, error, target_now_ns() - begin - TIMEOUT_NS);
	}
	return NULL;
}

/* ---- the objects ---- */

static void make_sockets(void)
{
	struct timeval t = { 0, TIMEOUT_NS / 1000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	socketpair(AF_UNIX, SOCK_STREAM, 0, full_pair);
	while (send(full_pair[0], big, sizeof(big), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "timeouts-%d", (int)getpid());
	target_check(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0, "bind");
	target_check(listen(listener, 1) == 0, "listen");
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(full_pair[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

static void make_objects(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	struct io_uring_params params = { 0 };
	char name[32];

	target_check(pipe(pipe_fds) == 0, "pipe");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fds[0], &(struct epoll_event){ .events = EPOLLIN });
	make_sockets();
	snprintf(name, sizeof(name), "/timeouts-%d", (int)getpid());
	mqueue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	mq_unlink(name);
	sem_id = semget(IPC_PRIVATE, 1, 0600);
	if (syscall(SYS_io_setup, 1, &aio) != 0)
		aio = 0;
	ring_fd = (int)syscall(SYS_io_uring_setup, 2, &params);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static long long median_us(const struct caller *caller, unsigned rounds)
{
	int64_t sorted[ROUNDS];
	unsigned n = rounds < ROUNDS ? rounds : ROUNDS;

	memcpy(sorted, caller->excess_ns, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	return n ? sorted[n / 2] / 1000 : 0;
}

static void report_call(const struct caller *caller)
{
	unsigned rounds = caller->rounds;

	printf("%s rounds %u eintr %u early %u late %u median_us %lld\n", caller->name, rounds,
	       caller->eintr, caller->early, caller->late, median_us(caller, rounds));
}

static void report(void)
{
	for (int i = 0; i < CALLERS; i++) {
		struct caller *caller = &callers[i];

		if (!caller->missing)
			report_call(caller);
		caller->rounds = caller->eintr = caller->early = caller->late = 0;
	}
	puts("end");
}

int main(void)
{
	sigset_t set;
	int signo;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGUSR2);
	make_objects();
	for (int i = 0; i < CALLERS; i++)
		target_thread(callers[i].name, 128 * 1024, run, &callers[i]);
	for (int i = 0; i < CALLERS; i++)
		arrival_await_sleep(&callers[i].arrival);
	printf("calls %d\n", CALLERS);
	for (int i = 0; i < CALLERS; i++)
		if (callers[i].missing)
			printf("%s missing %s\n", callers[i].name,
			       strerrorname_np(callers[i].missing));
	target_ready();
	do {
		signo = sigwaitinfo(&set, NULL);
		if (signo == SIGUSR1)
			report();
	} while (signo != SIGTERM);
	semctl(sem_id, 0, IPC_RMID);
	_exit(0);
}
