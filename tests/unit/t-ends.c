/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-ends.c: who has the other end of pipes, sockets and eventfds, in forked children that keep
 * only some of the descriptors; and what is said of the ends that cannot be seen.
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
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "target/ends.h"

enum {
	NOBODY = 65534,
	CANNOT = 77,
	/* What the machine that runs the tests may add. */
	LOCAL_GAPS = ENDS_DENIED | ENDS_CUT | ENDS_HIDDEN | ENDS_IN_FLIGHT,
};

/* ---- children ---- */

static void *pause_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void ready(int out)
{
	(void)!write(out, "", 1);
	close(out);
}

static void child_main(int out)
{
	ready(out);
	pause_thread(NULL);
}

/* As child_main, but the leader has exited: /proc/PID/fd is empty. */
static void leaderless_main(int out)
{
	pthread_t thread;

	pthread_create(&thread, NULL, pause_thread, NULL);
	ready(out);
	pthread_exit(NULL);
}

/* A child with those of our descriptors that are in keep, ended by -1, and no other above 2. */
static pid_t start_main(const int *keep, void (*run)(int out))
{
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "ends-child");
		for (int fd = 3; fd < 256; fd++) {
			const int *k = keep;

			while (*k >= 0 && *k != fd)
				k++;
			if (*k < 0 && fd != fds[1])
				close(fd);
		}
		run(fds[1]);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

#define start(...) start_main((const int[]){ __VA_ARGS__, -1 }, child_main)

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- asking ---- */

struct fixture {
	struct target target;
	struct fdscan *scan;
	struct ends *ends;
};

static void open_bounded(struct fixture *f, pid_t pid, uint64_t max_ns, size_t max_fds)
{
	struct ss_error err;

	assert_int_equal(target_open(pid, &f->target, &err), 0);
	f->scan = fdscan_new(max_ns, max_fds);
	assert_non_null(f->scan);
	f->ends = ends_new(&f->target, f->scan);
	assert_non_null(f->ends);
}

static void open_on(struct fixture *f, pid_t pid)
{
	open_bounded(f, pid, 20 * FDSCAN_TIME_NS, FDSCAN_FDS_MAX);
}

static void done(struct fixture *f)
{
	ends_free(f->ends);
	fdscan_free(f->scan);
	target_close(&f->target);
}

static struct ends_result find(struct fixture *f, int fd, enum ends_use use)
{
	struct ends_result result;

	assert_int_equal(ends_find(f->ends, fd, use, &result), 0);
	assert_int_equal(result.complete, result.gaps == 0);
	return result;
}

static void assert_party(const struct ends_result *result, size_t i, pid_t pid, int fd)
{
	assert_in_range(i + 1, 1, result->nparties);
	assert_int_equal(result->parties[i].pid, pid);
	assert_int_equal(result->parties[i].fd, fd);
}

/* Exactly this process has the other end. */
static void assert_end(struct fixture *f, int fd, enum ends_use use, enum ends_kind kind, pid_t pid,
		       int other_fd)
{
	struct ends_result result = find(f, fd, use);

	assert_int_equal(result.kind, kind);
	assert_int_equal(result.nparties, 1);
	assert_party(&result, 0, pid, other_fd);
	assert_string_equal(result.parties[0].comm, "ends-child");
	assert_int_equal(result.gaps & ~(unsigned)LOCAL_GAPS, 0);
}

/* ---- pipes ---- */

static void test_pipe(void **state)
{
	struct fixture f;
	pid_t reader, writer;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reader = start(fds[0]);
	writer = start(fds[1]);
	close(fds[0]);
	close(fds[1]);
	open_on(&f, reader);
	assert_end(&f, fds[0], ENDS_READ, ENDS_PIPE, writer, fds[1]);
	done(&f);
	open_on(&f, writer);
	assert_end(&f, fds[1], ENDS_WRITE, ENDS_PIPE, reader, fds[0]);
	done(&f);
	stop(reader);
	stop(writer);
}

static void test_pipe_that_only_its_reader_could_write(void **state)
{
	struct fixture f;
	struct ends_result result;
	int fds[2], twin;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	twin = dup(fds[1]);
	pid = start(fds[0], fds[1], twin);
	close(fds[0]);
	close(fds[1]);
	close(twin);
	open_on(&f, pid);
	assert_end(&f, fds[0], ENDS_READ, ENDS_PIPE, pid, fds[1]);
	result = find(&f, fds[0], ENDS_READ);
	assert_false(result.parties[0].may_read);
	assert_true(result.parties[0].may_write);
	done(&f);
	stop(pid);
}

static void test_several_writers(void **state)
{
	struct fixture f;
	struct ends_result result;
	pid_t reader, writers[3];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reader = start(fds[0]);
	for (int i = 0; i < 3; i++)
		writers[i] = start(fds[1], fds[0]);
	close(fds[0]);
	close(fds[1]);
	open_on(&f, reader);
	result = find(&f, fds[0], ENDS_READ);
	assert_int_equal(result.nparties, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(i == 0 || result.parties[i - 1].pid < result.parties[i].pid);
		assert_int_equal(result.parties[i].fd, fds[1]);
	}
	stop(writers[1]);
	result = find(&f, fds[0], ENDS_READ);
	assert_int_equal(result.nparties, 2); /* the scan is older than that */
	done(&f);
	stop(reader);
	stop(writers[0]);
	stop(writers[2]);
}

/* Put fd into a message on the socket. */
static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	assert_int_equal(sendmsg(socket, &msg, 0), 1);
}

static void test_writer_in_flight(void **state)
{
	struct fixture f;
	struct ends_result result;
	int fds[2], pair[2];
	pid_t reader, writer, receiver;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_fd(pair[0], fds[1]);
	receiver = start(pair[1]);
	reader = start(fds[0]);
	open_on(&f, reader);
	close(fds[1]);
	result = find(&f, fds[0], ENDS_READ);
	assert_int_equal(result.nparties, 0);
	assert_true(result.gaps & ENDS_UNSEEN);
	assert_true(fdscan_maybe_in_flight(f.scan));
	done(&f);
	stop(reader);

	/* With one to be seen the other can only be suspected. */
	close(fds[0]);
	assert_int_equal(pipe(fds), 0);
	reader = start(fds[0]);
	writer = start(fds[1]);
	close(fds[0]);
	close(fds[1]);
	open_on(&f, reader);
	result = find(&f, fds[0], ENDS_READ);
	assert_int_equal(result.nparties, 1);
	assert_false(result.complete);
	done(&f);
	stop(reader);
	stop(writer);
	stop(receiver);
	close(pair[0]);
	close(pair[1]);
}

static void test_leader_has_exited(void **state)
{
	struct fixture f;
	struct ends_result result;
	pid_t reader, writer;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reader = start(fds[0]);
	writer = start_main((const int[]){ fds[1], -1 }, leaderless_main);
	close(fds[0]);
	close(fds[1]);
	open_on(&f, reader);
	/* The leader may be on its way out still. */
	for (int i = 0; i < 1000 && fdscan_has_process(f.scan, writer); i++) {
		char path[64], link[64];

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)writer, fds[1]);
		if (readlink(path, link, sizeof(link)) < 0)
			break;
		usleep(1000);
	}
	result = find(&f, fds[0], ENDS_READ);
	assert_int_equal(result.nparties, 1);
	assert_party(&result, 0, writer, fds[1]);
	done(&f);
	stop(reader);
	stop(writer);
}

static void test_fifo(void **state)
{
	struct ends_result result;
	struct fixture f;
	pid_t reader, writer;
	int in, out;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/t-ends-%d.fifo", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	in = open(path, O_RDONLY | O_NONBLOCK);
	out = open(path, O_WRONLY);
	reader = start(in);
	writer = start(out);
	close(in);
	close(out);
	open_on(&f, reader);
	result = find(&f, in, ENDS_READ);
	assert_int_equal(result.kind, ENDS_FIFO);
	assert_int_equal(result.nparties, 1);
	assert_party(&result, 0, writer, out);
	assert_true(result.gaps & ENDS_OPEN);
	done(&f);
	stop(reader);
	stop(writer);
	unlink(path);
}

static void test_eventfd(void **state)
{
	struct fixture f;
	struct ends_result result;
	int counter = eventfd(0, 0), other = eventfd(0, 0);
	pid_t a, b;

	(void)state;
	a = start(counter, other);
	b = start(counter);
	close(counter);
	close(other);
	open_on(&f, a);
	result = find(&f, counter, ENDS_READ);
	assert_int_equal(result.kind, ENDS_EVENTFD);
	if (result.gaps & ENDS_UNKNOWN)
		skip(); /* Linux before 5.2 */
	assert_int_equal(result.nparties, 2);
	assert_party(&result, a < b ? 0 : 1, a, counter);
	assert_party(&result, a < b ? 1 : 0, b, counter);
	assert_end(&f, other, ENDS_READ, ENDS_EVENTFD, a, other);
	done(&f);
	stop(a);
	stop(b);
}

static void test_others_are_unknown(void **state)
{
	static const int no_fd = 987654;
	struct fixture f;
	int null = open("/dev/null", O_RDONLY);
	pid_t pid = start(null);

	(void)state;
	open_on(&f, pid);
	assert_true(find(&f, null, ENDS_READ).gaps & ENDS_UNKNOWN);
	assert_true(find(&f, no_fd, ENDS_READ).gaps & ENDS_UNKNOWN);
	done(&f);
	stop(pid);
	close(null);
}

/* ---- sockets ---- */

static void test_unix_pair(void **state)
{
	struct fixture f;
	int pair[2];
	pid_t a, b;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	a = start(pair[0]);
	b = start(pair[1]);
	close(pair[0]);
	close(pair[1]);
	open_on(&f, a);
	assert_end(&f, pair[0], ENDS_READ, ENDS_UNIX, b, pair[1]);
	assert_end(&f, pair[0], ENDS_WRITE, ENDS_UNIX, b, pair[1]);
	done(&f);
	stop(a);
	stop(b);
}

static int bound_unix(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "t-ends-%d-%d", (int)getpid(),
		 type);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_unix_that_anybody_may_reach(void **state)
{
	int listener = bound_unix(SOCK_STREAM), datagrams = bound_unix(SOCK_DGRAM);
	struct ends_result result;
	struct fixture f;
	pid_t pid;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	pid = start(listener, datagrams);
	open_on(&f, pid);
	result = find(&f, listener, ENDS_READ);
	assert_int_equal(result.kind, ENDS_UNIX);
	assert_true(result.listens);
	assert_true(result.gaps & ENDS_OPEN);
	result = find(&f, datagrams, ENDS_READ);
	assert_false(result.listens);
	assert_true(result.gaps & ENDS_OPEN);
	done(&f);
	stop(pid);
	close(listener);
	close(datagrams);
}

struct tcp {
	int listener, client, server;
	char server_address[64];
};

/* The server's socket is IPv6 and takes IPv4 too, if there is IPv6. */
static void tcp_listen(struct tcp *tcp, struct sockaddr_in *ret)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 bound;
	socklen_t len = sizeof(bound);

	tcp->listener = socket(AF_INET6, SOCK_STREAM, 0);
	if (tcp->listener < 0 || bind(tcp->listener, (struct sockaddr *)&v6, sizeof(v6)) < 0) {
		close(tcp->listener);
		tcp->listener = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(bind(tcp->listener, (struct sockaddr *)&v4, sizeof(v4)), 0);
	}
	assert_int_equal(listen(tcp->listener, 2), 0);
	assert_int_equal(getsockname(tcp->listener, (struct sockaddr *)&bound, &len), 0);
	v4.sin_port = bound.sin6_port; /* at the same place in both */
	snprintf(tcp->server_address, sizeof(tcp->server_address), "127.0.0.1:%u",
		 ntohs(v4.sin_port));
	*ret = v4;
}

static void tcp_connect(struct tcp *tcp, bool accepts)
{
	struct sockaddr_in address;

	tcp_listen(tcp, &address);
	tcp->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(tcp->client, (struct sockaddr *)&address, sizeof(address)), 0);
	tcp->server = accepts ? accept(tcp->listener, NULL, NULL) : -1;
}

static void test_tcp(void **state)
{
	struct fixture f;
	pid_t client, server;
	struct tcp tcp;

	(void)state;
	tcp_connect(&tcp, true);
	client = start(tcp.client);
	server = start(tcp.server, tcp.listener);
	close(tcp.client);
	close(tcp.server);
	close(tcp.listener);
	open_on(&f, client);
	assert_end(&f, tcp.client, ENDS_READ, ENDS_INET, server, tcp.server);
	assert_string_equal(find(&f, tcp.client, ENDS_READ).remote, tcp.server_address);
	done(&f);
	open_on(&f, server);
	assert_end(&f, tcp.server, ENDS_WRITE, ENDS_INET, client, tcp.client);
	assert_true(find(&f, tcp.listener, ENDS_READ).listens);
	assert_true(find(&f, tcp.listener, ENDS_READ).gaps & ENDS_OPEN);
	done(&f);
	stop(client);
	stop(server);
}

/* Until it is accepted, the other end has no inode, as if it were on another machine. */
static void test_tcp_without_peer(void **state)
{
	struct ends_result result;
	struct fixture f;
	struct tcp tcp;
	pid_t pid;

	(void)state;
	tcp_connect(&tcp, false);
	pid = start(tcp.client);
	open_on(&f, pid);
	result = find(&f, tcp.client, ENDS_READ);
	assert_int_equal(result.nparties, 0);
	assert_true(result.gaps & ENDS_REMOTE);
	assert_string_equal(result.remote, tcp.server_address);
	done(&f);
	stop(pid);
	close(tcp.client);
	close(tcp.listener);
}

/* ---- the scan ---- */

static void test_bounds(void **state)
{
	struct fixture f;
	pid_t pid;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = start(fds[0]);
	open_bounded(&f, pid, FDSCAN_TIME_NS, 3);
	assert_true(find(&f, fds[0], ENDS_READ).gaps & ENDS_CUT);
	assert_int_equal(fdscan_coverage(f.scan)->descriptors, 3);
	done(&f);
	open_bounded(&f, pid, 0, FDSCAN_FDS_MAX);
	assert_true(find(&f, fds[0], ENDS_READ).gaps & ENDS_CUT);
	done(&f);
	stop(pid);
	close(fds[0]);
	close(fds[1]);
}

/* In a process without rights: this one is denied, kernel threads are not counted. */
static int look_as_nobody(void)
{
	const struct fdscan_coverage *coverage;
	struct fdscan *scan;

	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return CANNOT;
	scan = fdscan_new(20 * FDSCAN_TIME_NS, FDSCAN_FDS_MAX);
	coverage = fdscan_coverage(scan);
	return coverage->denied >= 1 && coverage->denied <= coverage->processes ? 0 : 1;
}

static void test_denied(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs another user */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(look_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		skip(); /* a user namespace without that user */
	assert_int_equal(status, 0);
}

static void test_links(void **state)
{
	static const char *const bad[] = { "",           "pipe:[",    "pipe:[x]",
					   "pipe:[1] ",  "socket:[]", "anon_inode:[eventpoll]",
					   "mnt:[40265]" };
	enum fdscan_kind kind;
	uint64_t key;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(fdscan_parse_link(bad[i], &kind, &key));
	assert_true(fdscan_parse_link("socket:[77]", &kind, &key));
	assert_int_equal(kind, FDSCAN_SOCKET);
	assert_int_equal(key, 77);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_pipe_that_only_its_reader_could_write),
		cmocka_unit_test(test_several_writers),
		cmocka_unit_test(test_writer_in_flight),
		cmocka_unit_test(test_leader_has_exited),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_eventfd),
		cmocka_unit_test(test_others_are_unknown),
		cmocka_unit_test(test_unix_pair),
		cmocka_unit_test(test_unix_that_anybody_may_reach),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_without_peer),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
