/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-effects.c: what a stop really does to each blocking call, on this kernel: a child of ours makes
 * the call, is seized, interrupted and let go like any target, and says what the call returned. That
 * must be what model/stopeffect says. A call that this kernel or container refuses is left out, and
 * printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__x86_64__)

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "model/stopeffect.h"
#include "target/procparse.h"

enum { SOME = 100, LARGE = 1 << 20, HUGE = 16 << 20, TRIES = 300 };

#define WAIT_NS (20 * NS_PER_SEC)

/* Between the child, which makes the call, and us. */
static struct shared {
	_Atomic int begun, ended;
	_Atomic long result;
	_Atomic int error;
	int word, other_word;
} * shared;

static char *big; /* LARGE bytes; HUGE for some */

/* The last thing that a child does before its call. */
static void begin(void)
{
	errno = 0;
	shared->begun = 1;
}

/* An object that cannot be made: the child gives up before its call. */
static int need(long result)
{
	if (result < 0)
		_exit(77);
	return (int)result;
}

/* ---- what the calls work on ---- */

static struct timespec hour = { 3600, 0 };

static void make_pipe(int fds[2])
{
	need(pipe(fds));
}

static void make_pair(int type, int fds[2])
{
	need(socketpair(AF_UNIX, type, 0, fds));
}

static void fill(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, big, 4096) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void limit_socket(int fd, int option)
{
	struct timeval timeout = { 3600, 0 };

	need(setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout)));
}

static int make_file(size_t size)
{
	int fd = need(memfd_create("effects", MFD_CLOEXEC));

	need(ftruncate(fd, (off_t)size));
	return fd;
}

/* The same file once more. */
static int open_again(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return need(open(path, O_RDWR | O_CLOEXEC));
}

static int make_listener(struct sockaddr_in *ret)
{
	socklen_t len = sizeof(*ret);
	int fd = need(socket(AF_INET, SOCK_STREAM, 0));

	*ret = (struct sockaddr_in){ .sin_family = AF_INET };
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(bind(fd, (struct sockaddr *)ret, len));
	need(listen(fd, 0));
	need(getsockname(fd, (struct sockaddr *)ret, &len));
	return fd;
}

/* Both ends of a connection, whose reader reads nothing. */
static void make_tcp(int fds[2])
{
	struct sockaddr_in addr;
	int listener = make_listener(&addr);

	fds[1] = need(socket(AF_INET, SOCK_STREAM, 0));
	need(connect(fds[1], (struct sockaddr *)&addr, sizeof(addr)));
	fds[0] = need(accept(listener, NULL, NULL));
}

static int make_lingering(void)
{
	struct linger linger = { 1, 3600 };
	int fds[2];

	make_tcp(fds);
	fill(fds[1]);
	need(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	return fds[1];
}

/* Both sides of a terminal that changes nothing of what passes, and reads at least so many bytes. */
static void make_terminal(int fds[2], unsigned char min)
{
	struct termios termios;

	fds[0] = need(posix_openpt(O_RDWR | O_NOCTTY));
	need(grantpt(fds[0]));
	need(unlockpt(fds[0]));
	fds[1] = need(open(ptsname(fds[0]), O_RDWR | O_NOCTTY));
	need(tcgetattr(fds[1], &termios));
	cfmakeraw(&termios);
	termios.c_cc[VMIN] = min;
	need(tcsetattr(fds[1], TCSANOW, &termios));
}

/* ---- one function for each call: it returns only because of a stop ---- */

#define BEGUN(call) (begin(), (call))

static long call_write_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	return BEGUN(write(fds[1], big, LARGE));
}

static long call_write_full_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	fill(fds[1]);
	return BEGUN(write(fds[1], big, LARGE));
}

static struct iovec two_halves[2];

static void make_halves(void)
{
	two_halves[0] = (struct iovec){ big, LARGE / 2 };
	two_halves[1] = (struct iovec){ big + LARGE / 2, LARGE / 2 };
}

static long call_writev_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	make_halves();
	return BEGUN(writev(fds[1], two_halves, 2));
}

static long call_pwritev2_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	make_halves();
	return BEGUN(pwritev2(fds[1], two_halves, 2, -1, 0));
}

static long call_write_socket(void)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	return BEGUN(write(fds[1], big, LARGE));
}

static long call_write_tcp(void)
{
	int fds[2];

	make_tcp(fds);
	return BEGUN(write(fds[1], big, HUGE));
}

static long call_write_full_timed_socket(void)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	fill(fds[1]);
	limit_socket(fds[1], SO_SNDTIMEO);
	return BEGUN(write(fds[1], big, LARGE));
}

static long call_write_terminal(void)
{
	int fds[2];

	make_terminal(fds, 1);
	return BEGUN(write(fds[1], big, LARGE));
}

static long call_write_eventfd(void)
{
	uint64_t most = UINT64_MAX - 1;
	int fd = need(eventfd(0, 0));

	need(write(fd, &most, sizeof(most)));
	return BEGUN(write(fd, &most, sizeof(most)));
}

static long call_send(void)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	return BEGUN(send(fds[1], big, LARGE, 0));
}

static long call_sendmsg(void)
{
	struct msghdr message = { .msg_iov = two_halves, .msg_iovlen = 2 };
	int fds[2];

	make_halves();
	make_pair(SOCK_STREAM, fds);
	return BEGUN(sendmsg(fds[1], &message, 0));
}

static long call_send_datagram(void)
{
	int fds[2];

	make_pair(SOCK_DGRAM, fds);
	fill(fds[1]);
	return BEGUN(send(fds[1], big, SOME, 0));
}

static struct mmsghdr messages[1024];

static void make_messages(void)
{
	static struct iovec iov;

	iov = (struct iovec){ big, SOME };
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
}

static long call_sendmmsg(void)
{
	int fds[2];

	make_messages();
	make_pair(SOCK_DGRAM, fds);
	return BEGUN(sendmmsg(fds[1], messages, ARRAY_SIZE(messages), 0));
}

static long call_recvmmsg(void)
{
	int fds[2];

	make_messages();
	make_pair(SOCK_DGRAM, fds);
	need(send(fds[1], big, SOME, 0));
	return BEGUN(recvmmsg(fds[0], messages, 2, 0, NULL));
}

static long call_recvmmsg_timed(void)
{
	int fds[2];

	make_messages();
	make_pair(SOCK_DGRAM, fds);
	return BEGUN(recvmmsg(fds[0], messages, 1, 0, &hour));
}

/* A socket with a little to read. */
static int make_reader(int type)
{
	int fds[2];

	make_pair(type, fds);
	need(send(fds[1], big, SOME, 0));
	return fds[0];
}

static long call_recv_waitall(void)
{
	int fd = make_reader(SOCK_STREAM);

	return BEGUN(recv(fd, big, LARGE, MSG_WAITALL));
}

static long call_recvmsg_waitall(void)
{
	struct msghdr message = { .msg_iov = two_halves, .msg_iovlen = 2 };
	int fd = make_reader(SOCK_STREAM);

	make_halves();
	return BEGUN(recvmsg(fd, &message, MSG_WAITALL));
}

static long call_recv(void)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	return BEGUN(recv(fds[0], big, LARGE, 0));
}

static long call_recv_timed(void)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	limit_socket(fds[0], SO_RCVTIMEO);
	return BEGUN(recv(fds[0], big, LARGE, 0));
}

static long call_read_timed_socket(void)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	limit_socket(fds[0], SO_RCVTIMEO);
	return BEGUN(read(fds[0], big, LARGE));
}

static long call_read_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	return BEGUN(read(fds[0], big, LARGE));
}

static long call_readv_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	make_halves();
	return BEGUN(readv(fds[0], two_halves, 2));
}

/* VMIN is more than there is. */
static long call_read_terminal(void)
{
	int fds[2];

	make_terminal(fds, 40);
	need(write(fds[0], big, 10));
	return BEGUN(read(fds[1], big, 4096));
}

static long read_fd(int fd)
{
	need(fd);
	return BEGUN(read(fd, big, 4096));
}

static long call_read_eventfd(void)
{
	return read_fd(eventfd(0, 0));
}

static long call_read_timerfd(void)
{
	return read_fd(timerfd_create(CLOCK_MONOTONIC, 0));
}

static long call_read_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return read_fd(signalfd(-1, &set, 0));
}

static long call_read_inotify(void)
{
	return read_fd(inotify_init());
}

static int make_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = need(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));

	need(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

static long call_read_userfaultfd(void)
{
	return read_fd(make_userfaultfd());
}

static long call_sendfile_socket(void)
{
	int fds[2], file = make_file(LARGE);

	make_pair(SOCK_STREAM, fds);
	return BEGUN(sendfile(fds[1], file, NULL, LARGE));
}

static long call_splice_socket(void)
{
	int fds[2], pair[2];

	make_pipe(fds);
	need(fcntl(fds[1], F_SETPIPE_SZ, LARGE));
	fill(fds[1]);
	make_pair(SOCK_STREAM, pair);
	return BEGUN(splice(fds[0], NULL, pair[1], NULL, LARGE, 0));
}

static long call_splice_full_pipe(void)
{
	int fds[2], file = make_file(LARGE);

	make_pipe(fds);
	fill(fds[1]);
	return BEGUN(splice(file, NULL, fds[1], NULL, LARGE, 0));
}

static long call_tee(void)
{
	int in[2], out[2];

	make_pipe(in);
	fill(in[1]);
	make_pipe(out);
	fill(out[1]);
	return BEGUN(tee(in[0], out[1], LARGE, 0));
}

static long call_tee_empty(void)
{
	int in[2], out[2];

	make_pipe(in);
	make_pipe(out);
	return BEGUN(tee(in[0], out[1], LARGE, 0));
}

static long call_vmsplice(void)
{
	int fds[2];

	make_pipe(fds);
	make_halves();
	fill(fds[1]);
	return BEGUN(vmsplice(fds[1], two_halves, 2, 0));
}

static long call_close(void)
{
	int fd = make_lingering();

	return BEGUN(close(fd));
}

static long call_dup2(void)
{
	int fd = make_lingering();

	return BEGUN(dup2(0, fd)) < 0 ? -1 : 0;
}

static long call_close_range(void)
{
	int fd = make_lingering();

	return BEGUN(syscall(SYS_close_range, fd, fd, 0));
}

static long call_connect(void)
{
	struct sockaddr_in addr;
	int fd;

	make_listener(&addr);
	for (int i = 0; i < 8; i++) {
		fd = need(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		(void)connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	}
	fd = need(socket(AF_INET, SOCK_STREAM, 0));
	return BEGUN(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
}

static long call_accept(void)
{
	struct sockaddr_in addr;
	int fd = make_listener(&addr);

	return BEGUN(accept(fd, NULL, NULL));
}

static long call_accept_timed(void)
{
	struct sockaddr_in addr;
	int fd = make_listener(&addr);

	limit_socket(fd, SO_RCVTIMEO);
	return BEGUN(accept4(fd, NULL, NULL, 0));
}

static long call_ring(void)
{
	struct io_uring_params params = { 0 };
	int fd = need(syscall(SYS_io_uring_setup, 2, &params));

	return BEGUN(syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
}

/* One operation is submitted and waited for, which ends after an hour. */
static long call_ring_submit(void)
{
	struct io_uring_params params = { 0 };
	int fd = need(syscall(SYS_io_uring_setup, 2, &params));
	struct __kernel_timespec timeout = { 3600, 0 };
	size_t len = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
	struct io_uring_sqe *entries;
	char *ring;

	ring = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	entries = mmap(NULL, sizeof(*entries) * 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       IORING_OFF_SQES);
	if (ring == MAP_FAILED || entries == MAP_FAILED)
		need(-1);
	entries[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (uintptr_t)&timeout, .len = 1
	};
	*(uint32_t *)(ring + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(ring + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	return BEGUN(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
}

static long call_io_getevents(void)
{
	struct io_event event;
	aio_context_t context = 0;

	need(syscall(SYS_io_setup, 1, &context));
	return BEGUN(syscall(SYS_io_getevents, context, 1, 1, &event, NULL));
}

static int semaphore;

static long call_semop(void)
{
	struct sembuf op = { .sem_op = -1 };

	return BEGUN(semop(semaphore, &op, 1));
}

static long call_semtimedop(void)
{
	struct sembuf op = { .sem_op = -1 };

	return BEGUN(semtimedop(semaphore, &op, 1, &hour));
}

static int queue;

static long call_msgrcv(void)
{
	long message[2];

	return BEGUN(msgrcv(queue, message, sizeof(message[1]), 0, 0));
}

static long call_msgsnd(void)
{
	long message[2] = { 1, 0 };

	while (msgsnd(queue, message, sizeof(message[1]), IPC_NOWAIT) == 0)
		;
	return BEGUN(msgsnd(queue, message, sizeof(message[1]), 0));
}

static mqd_t make_mqueue(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	char name[32];
	mqd_t fd;

	snprintf(name, sizeof(name), "/effects-%d", (int)getpid());
	fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	mq_unlink(name);
	return need(fd);
}

static long call_mq_receive(void)
{
	mqd_t fd = make_mqueue();
	char message[64];

	return BEGUN(mq_receive(fd, message, sizeof(message), NULL));
}

static long call_mq_send(void)
{
	mqd_t fd = make_mqueue();

	need(mq_send(fd, big, 1, 0));
	return BEGUN(mq_send(fd, big, 1, 0));
}

static void make_set(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGUSR1);
}

static long call_sigwaitinfo(void)
{
	sigset_t set;

	make_set(&set);
	return BEGUN(sigwaitinfo(&set, NULL));
}

static long call_sigtimedwait(void)
{
	sigset_t set;

	make_set(&set);
	return BEGUN(sigtimedwait(&set, NULL, &hour));
}

static int make_epoll(void)
{
	return need(epoll_create1(0));
}

static long call_epoll_wait(void)
{
	struct epoll_event event;
	int fd = make_epoll();

	return BEGUN(epoll_wait(fd, &event, 1, -1));
}

static long call_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t set;
	int fd = make_epoll();

	make_set(&set);
	return BEGUN(epoll_pwait(fd, &event, 1, 3600000, &set));
}

static long call_epoll_pwait2(void)
{
	struct epoll_event event;
	int fd = make_epoll();

	return BEGUN(syscall(SYS_epoll_pwait2, fd, &event, 1, &hour, NULL, 0));
}

static long call_poll(void)
{
	return BEGUN(poll(NULL, 0, -1));
}

static long call_poll_timed(void)
{
	return BEGUN(poll(NULL, 0, 3600000));
}

static long call_ppoll(void)
{
	return BEGUN(ppoll(NULL, 0, &hour, NULL));
}

static long call_select(void)
{
	struct timeval timeout = { 3600, 0 };

	return BEGUN(syscall(SYS_select, 0, NULL, NULL, NULL, &timeout));
}

static long call_pselect(void)
{
	return BEGUN(pselect(0, NULL, NULL, NULL, &hour, NULL));
}

static long call_nanosleep(void)
{
	return BEGUN(syscall(SYS_nanosleep, &hour, NULL));
}

static long call_clock_nanosleep(void)
{
	return BEGUN(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &hour, NULL));
}

static long futex(int op, int value)
{
	return syscall(SYS_futex, &shared->word, op, value, NULL, NULL, 0);
}

static long call_futex(void)
{
	return BEGUN(futex(FUTEX_WAIT, 0));
}

static long call_futex_timed(void)
{
	return BEGUN(syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, &hour, NULL, 0));
}

/* The word says that we, its parent, hold it. */
static long call_futex_lock_pi(void)
{
	shared->word = getppid();
	return BEGUN(futex(FUTEX_LOCK_PI, 0));
}

/* We move the child on to other_word, which is held by us. */
static long call_futex_requeue_pi(void)
{
	shared->other_word = getppid();
	return BEGUN(syscall(SYS_futex, &shared->word, FUTEX_WAIT_REQUEUE_PI, 0, NULL,
			     &shared->other_word, 0));
}

static void prepare_requeue(void)
{
	(void)syscall(SYS_futex, &shared->word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1,
		      &shared->other_word, 0);
}

static long call_futex_waitv(void)
{
	struct futex_waitv wait = { .uaddr = (uintptr_t)&shared->word, .flags = FUTEX_32 };

	return BEGUN(syscall(SYS_futex_waitv, &wait, 1, 0, NULL, CLOCK_MONOTONIC));
}

static pid_t make_child(void)
{
	pid_t pid = need(fork());

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static long call_wait4(void)
{
	pid_t pid = make_child();

	return BEGUN(wait4(pid, NULL, 0, NULL));
}

static long call_waitid(void)
{
	siginfo_t info;
	pid_t pid = make_child();

	return BEGUN(waitid(P_PID, (id_t)pid, &info, WEXITED));
}

static long call_pause(void)
{
	return BEGUN(pause());
}

static long call_sigsuspend(void)
{
	sigset_t set;

	make_set(&set);
	return BEGUN(sigsuspend(&set));
}

static long call_flock(void)
{
	int fd = make_file(1), again = open_again(fd);

	need(flock(fd, LOCK_EX));
	return BEGUN(flock(again, LOCK_EX));
}

static long call_setlkw(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = make_file(1), again = open_again(fd);

	need(fcntl(fd, F_OFD_SETLK, &lock));
	return BEGUN(fcntl(again, F_OFD_SETLKW, &lock));
}

static char fifo[64];

static long call_open_fifo(void)
{
	return BEGUN(open(fifo, O_RDONLY));
}

/* This one goes on. What needs hardware does not: TCSBRK waits for a serial line. */
static long call_ioctl(void)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = { .len = 1, .filter = &code };
	struct seccomp_notif notification = { 0 };
	int fd;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &filter));
	return BEGUN(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notification));
}

/* ---- calls that do not wait, but last ---- */

static long call_getrandom(void)
{
	return BEGUN(getrandom(big, HUGE, 0));
}

static long read_device(const char *path)
{
	int fd = need(open(path, O_RDONLY));

	return BEGUN(read(fd, big, HUGE));
}

static long call_read_zero(void)
{
	return read_device("/dev/zero");
}

static long call_pread_urandom(void)
{
	int fd = need(open("/dev/urandom", O_RDONLY));

	return BEGUN(pread(fd, big, HUGE, 0));
}

static long call_sendfile_file(void)
{
	int in = make_file(HUGE), out = make_file(0);

	return BEGUN(sendfile(out, in, NULL, HUGE));
}

static long call_copy_file_range(void)
{
	int in = make_file(HUGE), out = make_file(0);

	return BEGUN(copy_file_range(in, NULL, out, NULL, HUGE, 0));
}

static long call_write_file(void)
{
	int fd = make_file(0);

	return BEGUN(write(fd, big, HUGE));
}

static long call_read_file(void)
{
	int fd = make_file(HUGE);

	return BEGUN(read(fd, big, HUGE));
}

static long call_process_vm_readv(void)
{
	struct iovec to = { big, HUGE / 2 }, from = { big + HUGE / 2, HUGE / 2 };

	return BEGUN(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
}

static long call_fsync(void)
{
	int fd = need(open("/var/tmp", O_TMPFILE | O_RDWR, 0600));

	need(write(fd, big, HUGE));
	return BEGUN(fsync(fd));
}

/* ---- the list ---- */

struct probe {
	const char *name;
	long (*call)(void);
	void (*prepare)(void); /* in the parent, when the child waits */
	enum fd_type type;     /* of its descriptor, if stopeffect_depends_on_fd */
	bool lasts;            /* it runs: the moment to stop it is found by trying */
	bool may_go_on;        /* what the table says holds for other descriptors of the kind */
	long whole;            /* what it returns when it has done all, if it ends by itself */
};

#define WAITS(which, ...)                                         \
	{                                                         \
		.name = #which, .call = call_##which, __VA_ARGS__ \
	}
#define LASTS(which, whole_, ...)                                                                 \
	{                                                                                         \
		.name = #which, .call = call_##which, .lasts = true, .whole = whole_, __VA_ARGS__ \
	}

/* clang-format off */
static const struct probe probes[] = {
	WAITS(write_pipe, .type = FD_PIPE),
	WAITS(write_full_pipe, .type = FD_PIPE, .may_go_on = true),
	WAITS(writev_pipe, .type = FD_PIPE),
	WAITS(pwritev2_pipe, .type = FD_PIPE),
	WAITS(write_socket, .type = FD_SOCKET),
	WAITS(write_tcp, .type = FD_SOCKET),
	WAITS(write_full_timed_socket, .type = FD_SOCKET),
	WAITS(write_terminal, .type = FD_DEVICE),
	WAITS(write_eventfd, .type = FD_EVENTFD),
	WAITS(send),
	WAITS(sendmsg),
	WAITS(send_datagram, .may_go_on = true),
	WAITS(sendmmsg),
	WAITS(recvmmsg),
	WAITS(recvmmsg_timed, .may_go_on = true),
	WAITS(recv_waitall),
	WAITS(recvmsg_waitall),
	WAITS(recv, .may_go_on = true),
	WAITS(recv_timed),
	WAITS(read_timed_socket, .type = FD_SOCKET),
	WAITS(read_pipe, .type = FD_PIPE),
	WAITS(readv_pipe, .type = FD_PIPE),
	WAITS(read_terminal, .type = FD_DEVICE),
	WAITS(read_eventfd, .type = FD_EVENTFD),
	WAITS(read_timerfd, .type = FD_TIMERFD),
	WAITS(read_signalfd, .type = FD_SIGNALFD),
	WAITS(read_inotify, .type = FD_INOTIFY),
	WAITS(read_userfaultfd, .type = FD_OTHER),
	WAITS(sendfile_socket),
	WAITS(splice_socket),
	WAITS(splice_full_pipe, .may_go_on = true),
	WAITS(tee),
	WAITS(tee_empty),
	WAITS(vmsplice),
	WAITS(close),
	WAITS(dup2),
	WAITS(close_range),
	WAITS(connect, .may_go_on = true),
	WAITS(accept, .may_go_on = true),
	WAITS(accept_timed),
	WAITS(ring),
	WAITS(ring_submit),
	WAITS(io_getevents),
	WAITS(semop),
	WAITS(semtimedop),
	WAITS(msgrcv),
	WAITS(msgsnd),
	WAITS(mq_receive),
	WAITS(mq_send),
	WAITS(sigwaitinfo),
	WAITS(sigtimedwait),
	WAITS(epoll_wait),
	WAITS(epoll_pwait),
	WAITS(epoll_pwait2),
	WAITS(poll),
	WAITS(poll_timed),
	WAITS(ppoll),
	WAITS(select),
	WAITS(pselect),
	WAITS(nanosleep),
	WAITS(clock_nanosleep),
	WAITS(futex),
	WAITS(futex_timed),
	WAITS(futex_lock_pi),
	WAITS(futex_requeue_pi, .prepare = prepare_requeue),
	WAITS(futex_waitv),
	WAITS(wait4),
	WAITS(waitid),
	WAITS(pause),
	WAITS(sigsuspend),
	WAITS(flock),
	WAITS(setlkw),
	WAITS(open_fifo),
	WAITS(ioctl, .may_go_on = true),
	LASTS(getrandom, HUGE),
	LASTS(read_zero, HUGE, .type = FD_DEVICE),
	LASTS(pread_urandom, HUGE, .type = FD_DEVICE),
	LASTS(sendfile_file, HUGE),
	LASTS(copy_file_range, HUGE),
	LASTS(write_file, HUGE, .type = FD_FILE),
	LASTS(read_file, HUGE, .type = FD_FILE),
	LASTS(process_vm_readv, HUGE / 2),
	LASTS(fsync, 0),
};
/* clang-format on */

/* ---- the stop ---- */

struct seen {
	bool in_call; /* the stop found it in a call: */
	int64_t nr;
	uint64_t args[6];
};

static pid_t start(const struct probe *probe)
{
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = fork();
	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	shared->result = probe->call();
	shared->error = errno;
	shared->ended = 1;
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static char state_of(pid_t pid)
{
	char path[64], text[512];
	struct proc_stat stat;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	assert_int_equal(procparse_stat(text, &stat), 0);
	return stat.state;
}

/* Until it waits in its call, or has returned from it; false if it gave up before. */
static bool await_wait(pid_t pid)
{
	uint64_t end_ns = clock_mono_ns() + WAIT_NS;

	while (clock_mono_ns() < end_ns) {
		bool begun = shared->begun;
		char state = state_of(pid);

		if (state == 'Z')
			return false;
		if (begun && (shared->ended || state == 'S'))
			return true;
		sched_yield();
	}
	print_message("it neither waits nor returns\n");
	return false;
}

/* As stacksnap does, without a look before or a mend in it. */
static void stop_once(pid_t pid, struct seen *ret)
{
	struct user_regs_struct regs;
	int status;

	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
	*ret = (struct seen){ .in_call = (int64_t)regs.orig_rax >= 0,
			      .nr = (int64_t)regs.orig_rax,
			      .args = { regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8,
					regs.r9 } };
	assert_int_equal(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
}

static unsigned effect_of(const struct probe *probe)
{
	if (!shared->ended || (probe->lasts && shared->result == probe->whole))
		return STOPEFFECT_NONE;
	if (shared->result < 0 && shared->error == EINTR)
		return STOPEFFECT_EINTR;
	return shared->result > 0 && probe->call != call_ring_submit ? STOPEFFECT_SHORT
								     : STOPEFFECT_ENDS;
}

static const char *word_for(unsigned effect)
{
	return effect == STOPEFFECT_NONE    ? "goes on"
	       : effect == STOPEFFECT_EINTR ? "EINTR"
	       : effect == STOPEFFECT_SHORT ? "short"
	       : effect == STOPEFFECT_ENDS  ? "ends"
					    : "several";
}

/* Does what was seen agree with the table? */
static bool agrees(const struct probe *probe, const struct seen *seen, unsigned effect)
{
	unsigned table = stopeffect_get(seen->nr, seen->args, probe->type);
	uint64_t length, n;

	print_message("%-24s %-8s (table: %s)\n", probe->name, word_for(effect), word_for(table));
	if (table == STOPEFFECT_UNKNOWN)
		return false;
	if (effect == STOPEFFECT_SHORT &&
	    stopeffect_find_length(seen->nr, seen->args, &length, &n) == LENGTH_VALUE &&
	    (uint64_t)shared->result >= length)
		return false;
	return effect == STOPEFFECT_NONE ? table == STOPEFFECT_NONE || probe->may_go_on
					 : (table & effect) != 0;
}

/* Two stops: after the first a sleep may have become another call (restart_syscall). */
static bool check_wait(const struct probe *probe)
{
	bool good = true;
	pid_t pid = start(probe);

	for (int i = 0; i < 2 && good; i++) {
		struct seen seen;
		bool waits = await_wait(pid) && !shared->ended;

		if (i == 0 && !waits) {
			print_message("%-24s not here: %s\n", probe->name,
				      shared->ended ? strerror(shared->error) : "refused");
			break;
		}
		if (i == 1 && !waits)
			break;
		if (probe->prepare)
			probe->prepare();
		stop_once(pid, &seen);
		await_wait(pid);
		good = agrees(probe, &seen, effect_of(probe));
	}
	end(pid);
	return good;
}

/* Stops at random moments, until one has an effect. */
static bool check_last(const struct probe *probe)
{
	unsigned table = STOPEFFECT_NONE, effect = STOPEFFECT_NONE;
	bool good = true, met = false;

	for (int i = 0; i < TRIES && effect == STOPEFFECT_NONE; i++) {
		struct seen seen;
		pid_t pid = start(probe);

		while (!shared->begun && state_of(pid) != 'Z')
			sched_yield();
		if (state_of(pid) == 'Z') {
			end(pid);
			break;
		}
		for (int k = rand() % 64; k > 0; k--)
			sched_yield();
		stop_once(pid, &seen);
		await_wait(pid);
		if (seen.in_call && seen.nr != SYS_pause) {
			met = true;
			effect = effect_of(probe);
			table = stopeffect_get(seen.nr, seen.args, probe->type);
		}
		end(pid);
		/* without an effect, a few that met it are enough */
		if (table == STOPEFFECT_NONE && met && i >= 20)
			break;
	}
	if (met)
		print_message("%-24s %-8s (table: %s)\n", probe->name, word_for(effect),
			      word_for(table));
	else
		print_message("%-24s not met\n", probe->name);
	good = effect == STOPEFFECT_NONE ? !met || table == STOPEFFECT_NONE : (table & effect) != 0;
	return good;
}

static void test_calls_that_wait(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		bad += !probes[i].lasts && !check_wait(&probes[i]);
	assert_int_equal(bad, 0);
}

static void test_calls_that_last(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		bad += probes[i].lasts && !check_last(&probes[i]);
	assert_int_equal(bad, 0);
}

/* ---- stops that others see ---- */

static int handed[2]; /* a socket pair, for a descriptor of the child's */

static void hand_over(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { big, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	need(sendmsg(handed[1], &message, 0));
}

/* -1: the child could not make one. */
static int take_over(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(handed[0], &message, 0) <= 0 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* A call that our supervisor is asked about. */
static long call_supervised(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	hand_over(need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			       SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter)));
	return BEGUN(syscall(SYS_getppid));
}

static bool take_notification(int fd)
{
	struct seccomp_notif notification = { 0 };

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0;
}

/* A page that our handler is asked for. */
static long call_faulting(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = make_userfaultfd();
	struct uffdio_register range = { .range = { (uintptr_t)p, page },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };

	need(ioctl(fd, UFFDIO_REGISTER, &range));
	hand_over(fd);
	return BEGUN(*(volatile char *)p);
}

static bool take_fault(int fd)
{
	struct uffd_msg message;

	return read(fd, &message, sizeof(message)) == sizeof(message);
}

static void read_wchan(pid_t pid, char wchan[64])
{
	uint64_t end_ns = clock_mono_ns() + 2 * NS_PER_SEC;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)pid);
	do { /* "0" while it is still in the run queue, or where nobody may know */
		file = fopen(path, "re");
		assert_non_null(file);
		wchan[fread(wchan, 1, 63, file)] = '\0';
		fclose(file);
		sched_yield();
	} while (strcmp(wchan, "0") == 0 && clock_mono_ns() < end_ns);
}

static bool comes_again(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, 20000) == 1;
}

static void check_seen(long (*call)(void), bool (*take)(int fd))
{
	const struct probe probe = { .call = call };
	struct seen seen;
	char wchan[64];
	pid_t pid;
	int fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, handed), 0);
	pid = start(&probe);
	close(handed[1]);
	fd = take_over();
	close(handed[0]);
	if (fd < 0) {
		end(pid);
		skip();
	}
	assert_true(take(fd));
	await_wait(pid);
	read_wchan(pid, wchan);
	stop_once(pid, &seen);
	print_message("asked again after a stop in %s: %d\n", wchan, comes_again(fd));
	assert_true(stopeffect_is_seen_at(wchan) || strcmp(wchan, "0") == 0);
	assert_true(comes_again(fd));
	end(pid);
	close(fd);
}

static void test_supervisor_is_asked_again(void **state)
{
	(void)state;
	check_seen(call_supervised, take_notification);
}

static void test_fault_handler_is_asked_again(void **state)
{
	(void)state;
	check_seen(call_faulting, take_fault);
}

static int set_up(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	big = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	queue = msgget(IPC_PRIVATE, 0600);
	snprintf(fifo, sizeof(fifo), "/tmp/stacksnap-effects-%d", (int)getpid());
	return mkfifo(fifo, 0600);
}

static int tear_down(void **state)
{
	(void)state;
	semctl(semaphore, 0, IPC_RMID);
	msgctl(queue, IPC_RMID, NULL);
	unlink(fifo);
	munmap(big, HUGE);
	munmap(shared, sizeof(*shared));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_that_wait),
		cmocka_unit_test(test_calls_that_last),
		cmocka_unit_test(test_supervisor_is_asked_again),
		cmocka_unit_test(test_fault_handler_is_asked_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

#else

int main(void)
{
	return 77; /* automake: skipped */
}

#endif
