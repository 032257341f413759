/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transfers.c MODE: moves data in blocking calls that return with less than was asked for if they are
 * interrupted, and checks that none does: nobody closes, and no signal has a handler. Beside them a
 * thread "spin" computes, and a thread "worker" computes and sleeps in turn: they make no such call.
 * The modes: pipe, writev, send, tcpsend, waitall, tcpwaitall, recvmmsg, sendfile. SIGUSR1 prints
 * "transfers N short N errors N", and counts anew.
 */
#include "target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { LARGE = 1 << 20, CHUNK = 16 << 10, MESSAGES = 64, MESSAGE = 512 };

static int in, out, file;
static char big[LARGE], other[LARGE];
static _Atomic uint64_t transfers, cut, failed, worked;

/* ---- the transfers: how much one has moved, of how much ---- */

static NOINLINE ssize_t move_write(void)
{
	return write(out, big, LARGE);
}

static NOINLINE ssize_t move_writev(void)
{
	struct iovec iov[2] = { { big, LARGE / 2 }, { big + LARGE / 2, LARGE / 2 } };

	return writev(out, iov, 2);
}

static NOINLINE ssize_t move_send(void)
{
	return send(out, big, LARGE, 0);
}

static NOINLINE ssize_t move_receive(void)
{
	return recv(in, big, LARGE, MSG_WAITALL);
}

static NOINLINE ssize_t move_messages(void)
{
	static struct mmsghdr messages[MESSAGES];
	static struct iovec iov[MESSAGES];

	for (int i = 0; i < MESSAGES; i++) {
		iov[i] = (struct iovec){ big + i * MESSAGE, MESSAGE };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	return recvmmsg(in, messages, MESSAGES, 0, NULL);
}

static NOINLINE ssize_t move_file(void)
{
	off_t offset = 0;

	return sendfile(out, file, &offset, LARGE);
}

/* ---- the other end ---- */

static void *serve_read(void *arg)
{
	while (read(in, other, 4 * CHUNK) > 0)
		;
	return arg;
}

static void *serve_write(void *arg)
{
	while (write(out, other, CHUNK) > 0)
		;
	return arg;
}

static void *serve_message(void *arg)
{
	while (send(out, other, MESSAGE, 0) > 0)
		;
	return arg;
}

/* ---- what they go through ---- */

static void open_pipe(void)
{
	int fds[2];

	target_check(pipe(fds) == 0, "pipe");
	in = fds[0];
	out = fds[1];
}

static void open_pair(int type)
{
	int fds[2];

	target_check(socketpair(AF_UNIX, type, 0, fds) == 0, "socketpair");
	in = fds[0];
	out = fds[1];
}

static void open_stream(void)
{
	open_pair(SOCK_STREAM);
}

static void open_datagram(void)
{
	open_pair(SOCK_DGRAM);
}

static void open_file(void)
{
	open_stream();
	file = memfd_create("transfers", MFD_CLOEXEC);
	target_check(write(file, big, LARGE) == LARGE, "memfd");
}

static void open_tcp(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	target_check(bind(listener, (struct sockaddr *)&addr, len) == 0, "bind");
	target_check(listen(listener, 1) == 0, "listen");
	getsockname(listener, (struct sockaddr *)&addr, &len);
	out = socket(AF_INET, SOCK_STREAM, 0);
	target_check(connect(out, (struct sockaddr *)&addr, len) == 0, "connect");
	in = accept(listener, NULL, NULL);
}

static const struct mode {
	const char *name;
	void (*open)(void);
	ssize_t (*move)(void);
	void *(*serve)(void *);
	ssize_t whole;
} modes[] = {
	{ "pipe", open_pipe, move_write, serve_read, LARGE },
	{ "writev", open_pipe, move_writev, serve_read, LARGE },
	{ "send", open_stream, move_send, serve_read, LARGE },
	{ "tcpsend", open_tcp, move_send, serve_read, LARGE },
	{ "waitall", open_stream, move_receive, serve_write, LARGE },
	{ "tcpwaitall", open_tcp, move_receive, serve_write, LARGE },
	{ "recvmmsg", open_datagram, move_messages, serve_message, MESSAGES },
	{ "sendfile", open_file, move_file, serve_read, LARGE },
};

/* ---- threads ---- */

static void *mover(void *arg)
{
	const struct mode *mode = arg;

	for (;;) {
		ssize_t n = mode->move();

		transfers++;
		failed += n < 0;
		cut += n >= 0 && n != mode->whole;
	}
	return NULL;
}

static NOINLINE void *spin(void *arg)
{
	for (volatile unsigned n = 0;; n++)
		;
	return arg;
}

/* Some milliseconds of CPU time, however long that takes. */
static NOINLINE void compute(void)
{
	for (volatile unsigned n = 0; n < 20000000; n++)
		;
}

static NOINLINE void *work(void *arg)
{
	for (;;) {
		compute();
		worked++;
		target_nap_ms(1);
	}
	return arg;
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	errno = EINVAL;
	target_check(false, name);
	return NULL;
}

static void report(void)
{
	printf("transfers %llu short %llu errors %llu\n",
	       (unsigned long long)atomic_exchange(&transfers, 0),
	       (unsigned long long)atomic_exchange(&cut, 0),
	       (unsigned long long)atomic_exchange(&failed, 0));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct mode *mode = find_mode(argc > 1 ? argv[1] : "");
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	mode->open();
	target_thread("server", 0, mode->serve, NULL);
	target_thread("mover", 0, mover, (void *)mode);
	target_thread("spin", 0, spin, NULL);
	target_thread("worker", 0, work, NULL);
	/* until it has spent so much time that its habits are known */
	while (transfers == 0 || worked < 40)
		target_nap_ms(1);
	target_ready();
	for (;;) {
		int signo = sigwaitinfo(&set, NULL);

		if (signo == SIGUSR1)
			report();
	}
}
