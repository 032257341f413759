/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-fds.c: descriptors of every kind, of a forked child that has inherited them, in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/fds.h"

struct fixture {
	pid_t pid;
	struct target target;
	struct arena arena;
	struct fds *fds;
};

/* A child with all descriptors that are open now; `prepare` runs in it first. */
static void start_with(struct fixture *f, int (*prepare)(void))
{
	struct ss_error err;
	int fds[2];
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prepare && prepare() < 0)
			_exit(1);
		(void)!write(fds[1], "", 1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	assert_int_equal(target_open(f->pid, &f->target, &err), 0);
	arena_init(&f->arena);
	f->fds = fds_new(&f->target, &f->arena);
	assert_non_null(f->fds);
}

static void start(struct fixture *f)
{
	start_with(f, NULL);
}

static void stop(struct fixture *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	fds_free(f->fds);
	arena_done(&f->arena);
	target_close(&f->target);
}

static const struct fd_info *describe(struct fixture *f, int fd)
{
	const struct fd_info *info = fds_describe(f->fds, fd);

	assert_non_null(info);
	assert_int_equal(info->fd, fd);
	return info;
}

static void assert_fd(struct fixture *f, int fd, enum fd_type type, const char *text)
{
	const struct fd_info *info = describe(f, fd);

	assert_string_equal(info->text, text);
	assert_int_equal(info->type, type);
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void test_pipe(void **state)
{
	struct fixture f;
	char text[64];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	start(&f);
	snprintf(text, sizeof(text), "pipe:[%llu]", (unsigned long long)inode_of(fds[0]));
	assert_fd(&f, fds[0], FD_PIPE, text);
	assert_fd(&f, fds[1], FD_PIPE, text);
	assert_int_equal(describe(&f, fds[0])->inode, inode_of(fds[0]));
	stop(&f);
	close(fds[0]);
	close(fds[1]);
}

static void test_files(void **state)
{
	int null = open("/dev/null", O_RDONLY), dir = open("/proc", O_RDONLY | O_DIRECTORY);
	struct fixture f;

	(void)state;
	start(&f);
	assert_fd(&f, null, FD_DEVICE, "/dev/null");
	assert_fd(&f, dir, FD_FILE, "/proc");
	stop(&f);
	close(null);
	close(dir);
}

static void test_fifo(void **state)
{
	struct fixture f;
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/t-fds-%d.fifo", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	start(&f);
	assert_fd(&f, fd, FD_PIPE, path);
	assert_int_equal(describe(&f, fd)->inode, inode_of(fd));
	stop(&f);
	close(fd);
	unlink(path);
}

static void test_not_open(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_fd(&f, 987654, FD_UNKNOWN, "not open");
	assert_fd(&f, -1, FD_UNKNOWN, "not open");
	stop(&f);
}

static void test_answers_are_kept(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_ptr_equal(describe(&f, 0), describe(&f, 0));
	stop(&f);
}

static void test_epoll_and_eventfd(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0), counter = eventfd(17, 0), empty = epoll_create1(0);
	struct fixture f;

	(void)state;
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event), 0);
	start(&f);
	assert_fd(&f, epoll, FD_EPOLL, "epoll (1 descriptor)");
	assert_fd(&f, empty, FD_EPOLL, "epoll (0 descriptors)");
	assert_fd(&f, counter, FD_EVENTFD, "eventfd (count 17)");
	stop(&f);
	close(epoll);
	close(counter);
	close(empty);
}

static void test_other_anonymous(void **state)
{
	sigset_t set;
	int timer = timerfd_create(CLOCK_MONOTONIC, 0), watches = inotify_init(), signals;
	struct fixture f;

	(void)state;
	sigemptyset(&set);
	signals = signalfd(-1, &set, 0);
	assert_true(inotify_add_watch(watches, "/tmp", IN_CREATE) > 0);
	start(&f);
	assert_fd(&f, timer, FD_TIMERFD, "timerfd");
	assert_fd(&f, signals, FD_SIGNALFD, "signalfd");
	assert_fd(&f, watches, FD_INOTIFY, "inotify (1 watch)");
	stop(&f);
	close(timer);
	close(signals);
	close(watches);
}

static void test_pidfd(void **state)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct fixture f;
	char text[64];

	(void)state;
	if (fd < 0)
		skip(); /* Linux before 5.3 */
	start(&f);
	snprintf(text, sizeof(text), "pidfd (process %d)", (int)getpid());
	assert_fd(&f, fd, FD_PIDFD, text);
	stop(&f);
	close(fd);
}

/* ---- sockets ---- */

struct tcp {
	int listener, client, server;
	unsigned port, client_port;
};

static unsigned port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

static void tcp_connect(struct tcp *tcp)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	tcp->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(tcp->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(tcp->listener, 1), 0);
	tcp->port = port_of(tcp->listener);
	address.sin_port = htons((uint16_t)tcp->port);
	tcp->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(tcp->client, (struct sockaddr *)&address, sizeof(address)), 0);
	tcp->client_port = port_of(tcp->client);
	tcp->server = accept(tcp->listener, NULL, NULL);
	assert_true(tcp->server >= 0);
}

static void test_tcp(void **state)
{
	struct fixture f;
	struct tcp tcp;
	char text[96];

	(void)state;
	tcp_connect(&tcp);
	start(&f);
	snprintf(text, sizeof(text), "tcp listen 127.0.0.1:%u", tcp.port);
	assert_fd(&f, tcp.listener, FD_SOCKET, text);
	snprintf(text, sizeof(text), "tcp 127.0.0.1:%u -> 127.0.0.1:%u", tcp.client_port, tcp.port);
	assert_fd(&f, tcp.client, FD_SOCKET, text);
	snprintf(text, sizeof(text), "tcp 127.0.0.1:%u -> 127.0.0.1:%u", tcp.port, tcp.client_port);
	assert_fd(&f, tcp.server, FD_SOCKET, text);
	assert_int_equal(describe(&f, tcp.server)->inode, inode_of(tcp.server));
	stop(&f);
	close(tcp.listener);
	close(tcp.client);
	close(tcp.server);
}

static void test_tcp6(void **state)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct fixture f;
	char text[96];

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0)
		skip(); /* a machine without IPv6 */
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	start(&f);
	snprintf(text, sizeof(text), "tcp6 listen [::1]:%u", ntohs(address.sin6_port));
	assert_fd(&f, fd, FD_SOCKET, text);
	stop(&f);
	close(fd);
}

static void test_udp(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct fixture f;
	char text[96];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	start(&f);
	snprintf(text, sizeof(text), "udp 127.0.0.1:%u", port_of(fd));
	assert_fd(&f, fd, FD_SOCKET, text);
	stop(&f);
	close(fd);
}

static void test_unix_pair(void **state)
{
	struct fixture f;
	char text[96];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	start(&f);
	snprintf(text, sizeof(text), "unix (unnamed) -> inode %llu",
		 (unsigned long long)inode_of(fds[1]));
	assert_fd(&f, fds[0], FD_SOCKET, text);
	snprintf(text, sizeof(text), "unix (unnamed) -> inode %llu",
		 (unsigned long long)inode_of(fds[0]));
	assert_fd(&f, fds[1], FD_SOCKET, text);
	stop(&f);
	close(fds[0]);
	close(fds[1]);
}

struct named {
	struct sockaddr_un address;
	int listener, client, server;
};

static void unix_connect(struct named *n)
{
	socklen_t len;

	n->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(n->address.sun_path, sizeof(n->address.sun_path), "/tmp/t-fds-%d.sock",
		 (int)getpid());
	len = sizeof(n->address);
	n->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(n->listener, (struct sockaddr *)&n->address, len), 0);
	assert_int_equal(listen(n->listener, 1), 0);
	n->client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(n->client, (struct sockaddr *)&n->address, len), 0);
	n->server = accept(n->listener, NULL, NULL);
	assert_true(n->server >= 0);
}

static void unix_close(struct named *n)
{
	unlink(n->address.sun_path);
	close(n->listener);
	close(n->client);
	close(n->server);
}

static void test_unix_named(void **state)
{
	struct fixture f;
	struct named n;
	char text[192];

	(void)state;
	unix_connect(&n);
	start(&f);
	snprintf(text, sizeof(text), "unix %s", n.address.sun_path);
	assert_fd(&f, n.listener, FD_SOCKET, text);
	assert_fd(&f, n.server, FD_SOCKET, text);
	snprintf(text, sizeof(text), "unix (unnamed) -> inode %llu %s",
		 (unsigned long long)inode_of(n.server), n.address.sun_path);
	assert_fd(&f, n.client, FD_SOCKET, text);
	stop(&f);
	unix_close(&n);
}

static void test_netlink_socket_has_its_protocol(void **state)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, 0);
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(describe(&f, fd)->type, FD_SOCKET);
	assert_int_equal(strncmp(describe(&f, fd)->text, "netlink socket:[", 16), 0);
	stop(&f);
	close(fd);
}

enum { PAIR_A = 100, PAIR_B = 101 };

static int pair_in_new_network(void)
{
	int fds[2];

	if (unshare(CLONE_NEWNET) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -1;
	return dup2(fds[0], PAIR_A) < 0 || dup2(fds[1], PAIR_B) < 0 ? -1 : 0;
}

/* The peer is found there too, and this thread has not moved. */
static void test_other_network_namespace(void **state)
{
	struct stat before, after;
	struct fixture f;

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs CAP_SYS_ADMIN */
	assert_int_equal(stat("/proc/thread-self/ns/net", &before), 0);
	start_with(&f, pair_in_new_network);
	assert_int_equal(strncmp(describe(&f, PAIR_A)->text, "unix (unnamed) -> inode ", 24), 0);
	assert_int_equal(strtoull(describe(&f, PAIR_A)->text + 24, NULL, 10),
			 describe(&f, PAIR_B)->inode);
	assert_int_equal(stat("/proc/thread-self/ns/net", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	stop(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_not_open),
		cmocka_unit_test(test_answers_are_kept),
		cmocka_unit_test(test_epoll_and_eventfd),
		cmocka_unit_test(test_other_anonymous),
		cmocka_unit_test(test_pidfd),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp6),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_unix_pair),
		cmocka_unit_test(test_unix_named),
		cmocka_unit_test(test_netlink_socket_has_its_protocol),
		cmocka_unit_test(test_other_network_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
