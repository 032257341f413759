/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waits.c: one thread for each way of waiting. Thread w-NAME blocks in in_NAME, called by middle,
 * called by outer. The main thread holds the locks the others wait for and rests in sigwaitinfo;
 * SIGTERM ends the program and removes its message queue. With the argument "spin" one more
 * thread, w-spin, never sleeps.
 */
#include "target.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct {
	pthread_mutex_t mutex, cond_mutex;
	pthread_rwlock_t write_held, read_held;
	pthread_cond_t cond;
	pthread_barrier_t barrier;
	pthread_once_t once;
	pthread_t joined;
	sem_t sem;
	int futex;
	int empty_pipe[2], full_pipe[2];
	int tcp_listen, tcp[2], tcp_full[2], unix_pair[2], unix_full[2];
	int epoll, event;
	int lock_file, lock_file_again;
	int queue;
	mqd_t mqueue;
	pid_t child;
	struct sockaddr_un busy;
} held = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.cond_mutex = PTHREAD_MUTEX_INITIALIZER,
	.write_held = PTHREAD_RWLOCK_INITIALIZER,
	.read_held = PTHREAD_RWLOCK_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
	.once = PTHREAD_ONCE_INIT,
};

static char big[1 << 16];

/* ---- the waits ---- */

/* clang-format off */
#define WAITS(X) \
	X(mutex) X(rdlock) X(wrlock) X(cond) X(condtimed) X(sem) X(barrier) X(join) X(once) \
	X(sleep) X(piperead) X(pipewrite) X(epoll) X(poll) X(select) X(tcprecv) X(tcpsend) \
	X(unixrecv) X(unixsend) X(accept) X(connect) X(flock) X(ofdlock) X(child) X(sigwait) \
	X(pause) X(msgrcv) X(mq) X(eventfd) X(futex)
/* clang-format on */

#define WAIT_FUNCTION(name) static NOINLINE void in_##name(void)

WAIT_FUNCTION(mutex)
{
	pthread_mutex_lock(&held.mutex);
	KEEP_FRAME();
}

WAIT_FUNCTION(rdlock)
{
	pthread_rwlock_rdlock(&held.write_held);
	KEEP_FRAME();
}

WAIT_FUNCTION(wrlock)
{
	pthread_rwlock_wrlock(&held.read_held);
	KEEP_FRAME();
}

WAIT_FUNCTION(cond)
{
	pthread_mutex_lock(&held.cond_mutex);
	for (;;)
		pthread_cond_wait(&held.cond, &held.cond_mutex);
}

WAIT_FUNCTION(condtimed)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 3600;
	pthread_mutex_lock(&held.cond_mutex);
	for (;;)
		pthread_cond_timedwait(&held.cond, &held.cond_mutex, &end);
}

WAIT_FUNCTION(sem)
{
	sem_wait(&held.sem);
	KEEP_FRAME();
}

WAIT_FUNCTION(barrier)
{
	pthread_barrier_wait(&held.barrier);
	KEEP_FRAME();
}

WAIT_FUNCTION(join)
{
	pthread_join(held.joined, NULL);
	KEEP_FRAME();
}

WAIT_FUNCTION(once)
{
	pthread_once(&held.once, target_rest); /* hold_once is in there already */
	KEEP_FRAME();
}

WAIT_FUNCTION(sleep)
{
	target_nap_ms(3600 * 1000);
	KEEP_FRAME();
}

WAIT_FUNCTION(piperead)
{
	char byte;

	target_check(read(held.empty_pipe[0], &byte, 1) == 1, "pipe read");
}

WAIT_FUNCTION(pipewrite)
{
	target_check(write(held.full_pipe[1], big, 1) == 1, "pipe write");
}

WAIT_FUNCTION(epoll)
{
	struct epoll_event event;

	epoll_wait(held.epoll, &event, 1, -1);
	KEEP_FRAME();
}

WAIT_FUNCTION(poll)
{
	struct pollfd fd = { .fd = held.empty_pipe[0], .events = POLLIN };

	poll(&fd, 1, -1);
	KEEP_FRAME();
}

WAIT_FUNCTION(select)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(held.empty_pipe[0], &set);
	select(held.empty_pipe[0] + 1, &set, NULL, NULL, NULL);
	KEEP_FRAME();
}

WAIT_FUNCTION(tcprecv)
{
	char byte;

	recv(held.tcp[0], &byte, 1, 0);
	KEEP_FRAME();
}

WAIT_FUNCTION(tcpsend)
{
	/* Socket buffers grow while they are filled: go on until the kernel holds us. */
	while (send(held.tcp_full[0], big, sizeof(big), MSG_NOSIGNAL) > 0)
		;
}

WAIT_FUNCTION(unixrecv)
{
	char byte;

	recv(held.unix_pair[0], &byte, 1, 0);
	KEEP_FRAME();
}

WAIT_FUNCTION(unixsend)
{
	while (send(held.unix_full[0], big, sizeof(big), MSG_NOSIGNAL) > 0)
		;
}

WAIT_FUNCTION(accept)
{
	accept(held.tcp_listen, NULL, NULL);
	KEEP_FRAME();
}

WAIT_FUNCTION(connect)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	connect(fd, (const struct sockaddr *)&held.busy, sizeof(held.busy));
	KEEP_FRAME();
}

WAIT_FUNCTION(flock)
{
	flock(held.lock_file_again, LOCK_EX);
	KEEP_FRAME();
}

WAIT_FUNCTION(ofdlock)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	fcntl(held.lock_file_again, F_OFD_SETLKW, &lock);
	KEEP_FRAME();
}

WAIT_FUNCTION(child)
{
	waitpid(held.child, NULL, 0);
	KEEP_FRAME();
}

WAIT_FUNCTION(sigwait)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwaitinfo(&set, NULL);
	KEEP_FRAME();
}

WAIT_FUNCTION(pause)
{
	pause();
	KEEP_FRAME();
}

WAIT_FUNCTION(msgrcv)
{
	long message[2];

	msgrcv(held.queue, message, sizeof(message[1]), 0, 0);
	KEEP_FRAME();
}

WAIT_FUNCTION(mq)
{
	char message[64];

	mq_receive(held.mqueue, message, sizeof(message), NULL);
	KEEP_FRAME();
}

WAIT_FUNCTION(eventfd)
{
	eventfd_t value;

	eventfd_read(held.event, &value);
	KEEP_FRAME();
}

WAIT_FUNCTION(futex)
{
	syscall(SYS_futex, &held.futex, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	KEEP_FRAME();
}

static NOINLINE void in_spin(void)
{
	for (;;)
		KEEP_FRAME();
}

/* ---- what they wait for ---- */

static void nonblocking_fill(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, big, sizeof(big)) > 0)
		;
	while (write(fd, big, 1) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void make_pipes(void)
{
	target_check(pipe2(held.empty_pipe, O_CLOEXEC) == 0, "pipe2");
	target_check(pipe2(held.full_pipe, O_CLOEXEC) == 0, "pipe2");
	nonblocking_fill(held.full_pipe[1]);
	held.event = eventfd(0, EFD_CLOEXEC);
	held.epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(held.epoll, EPOLL_CTL_ADD, held.empty_pipe[0],
		  &(struct epoll_event){ .events = EPOLLIN });
}

static void make_tcp_pair(const struct sockaddr_in *addr, int pair[2])
{
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	target_check(connect(pair[0], (const struct sockaddr *)addr, sizeof(*addr)) == 0,
		     "connect");
	pair[1] = accept4(held.tcp_listen, NULL, NULL, SOCK_CLOEXEC);
	target_check(pair[1] >= 0, "accept4");
}

static void make_tcp(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	held.tcp_listen = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	target_check(bind(held.tcp_listen, (struct sockaddr *)&addr, len) == 0, "bind");
	target_check(listen(held.tcp_listen, 4) == 0, "listen");
	getsockname(held.tcp_listen, (struct sockaddr *)&addr, &len);
	make_tcp_pair(&addr, held.tcp);
	make_tcp_pair(&addr, held.tcp_full);
}

/* A listening unix socket in the abstract namespace whose queue is full already. */
static void make_unix(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, held.unix_pair);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, held.unix_full);
	held.busy.sun_family = AF_UNIX;
	snprintf(held.busy.sun_path + 1, sizeof(held.busy.sun_path) - 1, "waits-%d", (int)getpid());
	target_check(bind(listener, (struct sockaddr *)&held.busy, sizeof(held.busy)) == 0, "bind");
	target_check(listen(listener, 0) == 0, "listen");
	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (connect(fd, (struct sockaddr *)&held.busy, sizeof(held.busy)) == 0);
	target_check(errno == EAGAIN, "fill the backlog");
}

/* Two open file descriptions of one file, the first with both kinds of lock. */
static void make_file_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[64];

	held.lock_file = memfd_create("waits-lock", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", held.lock_file);
	held.lock_file_again = open(path, O_RDWR | O_CLOEXEC);
	target_check(held.lock_file_again >= 0, "open");
	target_check(flock(held.lock_file, LOCK_EX) == 0, "flock");
	target_check(fcntl(held.lock_file, F_OFD_SETLK, &lock) == 0, "fcntl");
}

static void make_queues(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	char name[32];

	held.queue = msgget(IPC_PRIVATE, 0600);
	snprintf(name, sizeof(name), "/waits-%d", (int)getpid());
	held.mqueue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	target_check(held.queue >= 0 && held.mqueue >= 0, "message queues");
	mq_unlink(name);
}

static void make_child(void)
{
	held.child = fork();
	if (held.child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_rest();
	}
}

static struct arrival once_held;

static void once_init(void)
{
	arrival_set(&once_held);
	target_rest();
}

static void *hold_once(void *unused)
{
	pthread_once(&held.once, once_init);
	return unused;
}

static void *rest_thread(void *unused)
{
	target_rest();
	return unused;
}

static void make_locks(void)
{
	pthread_mutex_lock(&held.mutex);
	pthread_rwlock_wrlock(&held.write_held);
	pthread_rwlock_rdlock(&held.read_held);
	pthread_barrier_init(&held.barrier, NULL, 2);
	sem_init(&held.sem, 0, 0);
	held.joined = target_thread("h-join", 0, rest_thread, NULL);
	target_thread("h-once", 0, hold_once, NULL);
	arrival_await_sleep(&once_held);
}

/* ---- threads ---- */

struct waiter {
	const char *name;
	void (*wait)(void);
	struct arrival arrival;
};

static struct waiter waiters[] = {
#define X(name) { "w-" #name, in_##name, { 0 } },
	WAITS(X)
#undef X
};

static NOINLINE void middle(struct waiter *waiter)
{
	arrival_set(&waiter->arrival);
	waiter->wait();
	KEEP_FRAME();
}

static NOINLINE void outer(struct waiter *waiter)
{
	middle(waiter);
	KEEP_FRAME();
}

static void *waiter_run(void *arg)
{
	outer(arg);
	return NULL;
}

static void start_spinner(void)
{
	static struct waiter spinner = { "w-spin", in_spin, { 0 } };

	target_thread(spinner.name, 0, waiter_run, &spinner);
}

static void await_sigterm(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	while (sigwaitinfo(&set, NULL) < 0)
		;
	msgctl(held.queue, IPC_RMID, NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	const size_t n = sizeof(waiters) / sizeof(waiters[0]);
	sigset_t set;

	target_begin();
	make_child(); /* with the default signal mask, before there are threads */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	make_pipes();
	make_tcp();
	make_unix();
	make_file_locks();
	make_queues();
	make_locks();
	for (size_t i = 0; i < n; i++)
		target_thread(waiters[i].name, 0, waiter_run, &waiters[i]);
	for (size_t i = 0; i < n; i++)
		arrival_await_sleep(&waiters[i].arrival);
	if (argc > 1 && strcmp(argv[1], "spin") == 0)
		start_spinner();
	target_ready();
	await_sigterm();
}
