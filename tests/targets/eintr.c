/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eintr.c: a thread in each call that the kernel can interrupt. None has a reason to return: each
 * return is counted, as EINTR or as early. SIGUSR1 prints a line "NAME eintr N early N" for every
 * call with a count, then "end"; SIGTERM does so, removes the System V objects and ends the
 * program. Before ready there is a line "calls N", and "NAME missing ERROR" for each call that this
 * kernel refuses.
 */
#include "target.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static const struct timespec long_time = { 24 * 3600, 0 };
static int pipe_fds[2], full_pipe[2], epoll_fd, event_fd, timer_fd, signal_fd, inotify_fd, ring_fd;
static int pair[2], timed_pair[2], timed_full[2], listener, timed_listener;
static int connecting, terminal, lock_fd, lock_again_fd, sem_id, queue_id, full_queue_id;
static int futex_word, pi_word;      /* pi_word: held by the main thread */
static struct sockaddr_un full_addr; /* of a socket whose queue is full */
static mqd_t mqueue;
static aio_context_t aio;
static pid_t child;
static char fifo_path[64], big[1 << 16];

/* ---- one function for each call; any return is unwelcome ---- */

static long call_epoll_wait(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, -1);
}

static long call_epoll_wait_timed(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, 3600 * 1000);
}

static long call_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t set;

	sigfillset(&set);
	return epoll_pwait(epoll_fd, &event, 1, -1, &set);
}

static long call_epoll_pwait_timed(void)
{
	struct epoll_event event;
	sigset_t set;

	sigfillset(&set);
	return epoll_pwait(epoll_fd, &event, 1, 3600 * 1000, &set);
}

static long call_epoll_pwait2(void)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait2, epoll_fd, &event, 1, &long_time, NULL, 0);
}

static long call_semop(void)
{
	struct sembuf op = { .sem_op = -1 };

	return semop(sem_id, &op, 1);
}

static long call_semtimedop(void)
{
	struct sembuf op = { .sem_op = -1 };

	return semtimedop(sem_id, &op, 1, &long_time);
}

static long call_sigtimedwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &long_time);
}

static long call_sigwaitinfo(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwaitinfo(&set, NULL);
}

static long call_recv_timed(void)
{
	char byte;

	return recv(timed_pair[0], &byte, 1, 0);
}

static long call_read_timed(void)
{
	char byte;

	return read(timed_pair[0], &byte, 1);
}

static long call_readv_timed(void)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return readv(timed_pair[0], &iov, 1);
}

static long call_write_timed(void)
{
	return write(timed_full[0], big, sizeof(big));
}

static long call_send_timed(void)
{
	return send(timed_full[0], big, sizeof(big), MSG_NOSIGNAL);
}

static long call_accept_timed(void)
{
	return accept(timed_listener, NULL, NULL);
}

static long call_io_getevents(void)
{
	struct io_event event;

	return syscall(SYS_io_getevents, aio, 1, 1, &event, NULL);
}

static long call_io_uring_enter(void)
{
	return syscall(SYS_io_uring_enter, ring_fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

static long call_poll(void)
{
	struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };

	return poll(&fd, 1, -1);
}

static long call_ppoll(void)
{
	struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };

	return ppoll(&fd, 1, &long_time, NULL);
}

static long call_select(void)
{
	struct timeval timeout = { 24 * 3600, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	return select(pipe_fds[0] + 1, &set, NULL, NULL, &timeout);
}

static long call_pselect(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	return pselect(pipe_fds[0] + 1, &set, NULL, NULL, NULL, NULL);
}

static long call_nanosleep(void)
{
	return nanosleep(&long_time, NULL);
}

static long call_clock_nanosleep(void)
{
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL);
	return -1;
}

static long call_futex(void)
{
	return syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static long call_futex_timed(void)
{
	return syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, &long_time, NULL, 0);
}

static long call_futex_lock_pi(void)
{
	return syscall(SYS_futex, &pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static long call_futex_waitv(void)
{
	struct futex_waitv wait = { .uaddr = (uintptr_t)&futex_word,
				    .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG };

	return syscall(SYS_futex_waitv, &wait, 1, 0, NULL, CLOCK_MONOTONIC);
}

static long call_msgsnd(void)
{
	long message[2] = { 1, 0 };

	return msgsnd(full_queue_id, message, sizeof(message[1]), 0);
}

static long call_msgrcv(void)
{
	long message[2];

	return msgrcv(queue_id, message, sizeof(message[1]), 0, 0);
}

static long call_mq_receive(void)
{
	char message[64];

	return mq_receive(mqueue, message, sizeof(message), NULL);
}

static long read_one(int fd)
{
	char bytes[4096];

	return read(fd, bytes, sizeof(bytes));
}

static long call_read_pipe(void)
{
	return read_one(pipe_fds[0]);
}

static long call_write_pipe(void)
{
	return write(full_pipe[1], big, 1);
}

static long call_read_eventfd(void)
{
	return read_one(event_fd);
}

static long call_read_timerfd(void)
{
	return read_one(timer_fd);
}

static long call_read_signalfd(void)
{
	return read_one(signal_fd);
}

static long call_read_inotify(void)
{
	return read_one(inotify_fd);
}

static long call_read_pty(void)
{
	return read_one(terminal);
}

static long call_recvmmsg(void)
{
	struct timespec timeout = long_time;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return recvmmsg(pair[0], &message, 1, 0, &timeout);
}

static long call_connect(void)
{
	return connect(connecting, (const struct sockaddr *)&full_addr, sizeof(full_addr));
}

static long call_recv(void)
{
	char byte;

	return recv(pair[0], &byte, 1, 0);
}

static long call_accept(void)
{
	return accept(listener, NULL, NULL);
}

static long call_wait4(void)
{
	return wait4(child, NULL, 0, NULL);
}

static long call_waitid(void)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
}

static long call_pause(void)
{
	return pause();
}

static long call_sigsuspend(void)
{
	sigset_t set;

	sigfillset(&set);
	return sigsuspend(&set);
}

static long call_flock(void)
{
	return flock(lock_again_fd, LOCK_EX);
}

static long call_setlkw(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(lock_again_fd, F_OFD_SETLKW, &lock);
}

static long call_open_fifo(void)
{
	return open(fifo_path, O_RDONLY | O_CLOEXEC);
}

/* ---- the objects ---- */

static void make_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[64];

	lock_fd = memfd_create("eintr-lock", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", lock_fd);
	lock_again_fd = open(path, O_RDWR | O_CLOEXEC);
	target_check(flock(lock_fd, LOCK_EX) == 0, "flock");
	target_check(fcntl(lock_fd, F_OFD_SETLK, &lock) == 0, "F_OFD_SETLK");
}

static void make_descriptors(void)
{
	sigset_t set;

	target_check(pipe(pipe_fds) == 0 && pipe2(full_pipe, O_NONBLOCK) == 0, "pipe");
	while (write(full_pipe[1], big, sizeof(big)) > 0)
		;
	fcntl(full_pipe[1], F_SETFL, 0);
	event_fd = eventfd(0, EFD_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	inotify_fd = inotify_init1(IN_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fds[0], &(struct epoll_event){ .events = EPOLLIN });
}

static int make_listener(const char *name, struct sockaddr_un *ret_addr)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "eintr-%s-%d", name, (int)getpid());
	target_check(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "bind");
	target_check(listen(fd, 1) == 0, "listen");
	*ret_addr = addr;
	return fd;
}

/* Ask until one has to wait: that one is `connecting`. */
static void make_connecting(void)
{
	int flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

	make_listener("full", &full_addr);
	do
		connecting = socket(AF_UNIX, flags, 0);
	while (connect(connecting, (struct sockaddr *)&full_addr, sizeof(full_addr)) == 0);
	target_check(errno == EAGAIN, "connect");
	fcntl(connecting, F_SETFL, 0);
}

static void make_terminal(void)
{
	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	target_check(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0, "pty");
	target_check(open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0, "pty");
}

static void make_sockets(void)
{
	struct timeval hour = { 3600, 0 };
	struct sockaddr_un addr;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	socketpair(AF_UNIX, SOCK_STREAM, 0, timed_pair);
	socketpair(AF_UNIX, SOCK_STREAM, 0, timed_full);
	while (send(timed_full[0], big, sizeof(big), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	listener = make_listener("plain", &addr);
	timed_listener = make_listener("timed", &addr);
	setsockopt(timed_pair[0], SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof(hour));
	setsockopt(timed_full[0], SOL_SOCKET, SO_SNDTIMEO, &hour, sizeof(hour));
	setsockopt(timed_listener, SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof(hour));
}

static void make_ipc(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	long message[2] = { 1, 0 };
	char name[32];

	snprintf(name, sizeof(name), "/eintr-%d", (int)getpid());
	mqueue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	mq_unlink(name);
	sem_id = semget(IPC_PRIVATE, 1, 0600);
	queue_id = msgget(IPC_PRIVATE, 0600);
	full_queue_id = msgget(IPC_PRIVATE, 0600);
	target_check(sem_id >= 0 && queue_id >= 0 && full_queue_id >= 0 && mqueue >= 0, "ipc");
	while (msgsnd(full_queue_id, message, sizeof(message[1]), IPC_NOWAIT) == 0)
		;
	snprintf(fifo_path, sizeof(fifo_path), "/tmp/eintr-fifo-%d", (int)getpid());
	target_check(mkfifo(fifo_path, 0600) == 0, "mkfifo");
}

static void make_rings(void)
{
	struct io_uring_params params = { 0 };

	if (syscall(SYS_io_setup, 1, &aio) != 0)
		aio = 0;
	ring_fd = (int)syscall(SYS_io_uring_setup, 2, &params);
}

static void make_child(void)
{
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_rest();
	}
}

/* ---- threads ---- */

struct caller {
	const char *name;
	long (*call)(void);
	struct arrival arrival;
	_Atomic int missing; /* the error that says so */
	_Atomic unsigned eintr, early;
};

#define CALLER(which)                                \
	{                                            \
		.name = #which, .call = call_##which \
	}

/* clang-format off */
static struct caller callers[] = {
	CALLER(epoll_wait),
	CALLER(epoll_wait_timed),
	CALLER(epoll_pwait),
	CALLER(epoll_pwait_timed),
	CALLER(epoll_pwait2),
	CALLER(semop),
	CALLER(semtimedop),
	CALLER(sigtimedwait),
	CALLER(sigwaitinfo),
	CALLER(recv_timed),
	CALLER(read_timed),
	CALLER(readv_timed),
	CALLER(send_timed),
	CALLER(write_timed),
	CALLER(accept_timed),
	CALLER(io_getevents),
	CALLER(io_uring_enter),
	CALLER(poll),
	CALLER(ppoll),
	CALLER(select),
	CALLER(pselect),
	CALLER(nanosleep),
	CALLER(clock_nanosleep),
	CALLER(futex),
	CALLER(futex_timed),
	CALLER(futex_lock_pi),
	CALLER(futex_waitv),
	CALLER(msgrcv),
	CALLER(msgsnd),
	CALLER(mq_receive),
	CALLER(read_pipe),
	CALLER(write_pipe),
	CALLER(read_eventfd),
	CALLER(read_timerfd),
	CALLER(read_signalfd),
	CALLER(read_inotify),
	CALLER(read_pty),
	CALLER(recv),
	CALLER(recvmmsg),
	CALLER(accept),
	CALLER(connect),
	CALLER(wait4),
	CALLER(waitid),
	CALLER(pause),
	CALLER(sigsuspend),
	CALLER(flock),
	CALLER(setlkw),
	CALLER(open_fifo),
};
/* clang-format on */

enum { CALLERS = sizeof(callers) / sizeof(callers[0]) };

static bool call_is_missing(int error)
{
	return error == ENOSYS || error == EPERM || error == EBADF || error == EINVAL;
}

static void *run(void *arg)
{
	struct caller *caller = arg;

	arrival_set(&caller->arrival);
	for (;;) {
		long result = caller->call();
		int error = errno;

		if (result < 0 && call_is_missing(error)) {
			caller->missing = error;
			target_rest();
		}
		if (result < 0 && error == EINTR)
			caller->eintr++;
		else
			caller->early++;
		target_nap_ms(1); /* if one returns at once, for ever */
	}
	return NULL;
}

static void report(void)
{
	for (int i = 0; i < CALLERS; i++)
		if (callers[i].eintr || callers[i].early)
			printf("%s eintr %u early %u\n", callers[i].name, callers[i].eintr,
			       callers[i].early);
	puts("end");
	fflush(stdout);
}

static void serve_signals(const sigset_t *set)
{
	for (;;) {
		int signo = sigwaitinfo(set, NULL);

		if (signo > 0)
			report();
		if (signo == SIGTERM)
			break;
	}
	msgctl(queue_id, IPC_RMID, NULL);
	msgctl(full_queue_id, IPC_RMID, NULL);
	semctl(sem_id, 0, IPC_RMID);
	unlink(fifo_path);
	_exit(0);
}

static void start_callers(void)
{
	for (int i = 0; i < CALLERS; i++)
		target_thread(callers[i].name, 128 * 1024, run, &callers[i]);
	for (int i = 0; i < CALLERS; i++)
		arrival_await_sleep(&callers[i].arrival);
	printf("calls %d\n", CALLERS);
	for (int i = 0; i < CALLERS; i++)
		if (callers[i].missing)
			printf("%s missing %s\n", callers[i].name,
			       strerrorname_np(callers[i].missing));
}

int main(void)
{
	sigset_t set;

	target_begin();
	pi_word = target_tid();
	make_child();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGWINCH);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGUSR2);
	sigdelset(&set, SIGWINCH);
	make_locks();
	make_descriptors();
	make_sockets();
	make_connecting();
	make_terminal();
	make_ipc();
	make_rings();
	start_callers();
	target_ready();
	serve_signals(&set);
}
