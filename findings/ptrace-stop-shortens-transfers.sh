#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A ptrace stop that delivers no signal (PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH) is not
# transparent: a blocking write to a pipe, send to a stream socket or recv with MSG_WAITALL that has
# moved some bytes already returns with what it has, without an error, in a program that has no signal
# handler. A read of an empty pipe goes on as if nothing had been. Tracers count EINTR; this they miss.
#
# Seen on Linux 6.18 (x86-64). Why: the stop is asked for like a signal (TIF_SIGPENDING), and the loops
# of anon_pipe_write, unix_stream_sendmsg and unix_stream_read_generic end when one is pending; what has
# been moved becomes the result, and only -ERESTARTSYS is restarted.
#
# Prints a line a call. Exit status 0: as described; 1: this kernel behaves otherwise; 77: no ptrace here.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/stop.c" <<'C'
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WANT = 1 << 20, HAS = 1000, PATIENCE_MS = 1000 };
static char bytes[WANT];

static ssize_t pipe_write(const int fd[2]) { return write(fd[1], bytes, WANT); }
static ssize_t socket_send(const int fd[2]) { return send(fd[1], bytes, WANT, 0); }
static ssize_t recv_all(const int fd[2]) { return recv(fd[0], bytes, WANT, MSG_WAITALL); }
static ssize_t pipe_read(const int fd[2]) { return read(fd[0], bytes, 1); }

static const struct call {
	const char *name;
	int socket;   /* else a pipe */
	ssize_t has;  /* bytes that are there to be read */
	int cut;      /* what is expected of the stop */
	ssize_t (*run)(const int fd[2]);
} calls[] = {
	{ "write to a pipe", 0, 0, 1, pipe_write },
	{ "send to a stream socket", 1, 0, 1, socket_send },
	{ "recv with MSG_WAITALL", 1, HAS, 1, recv_all },
	{ "read from a pipe", 0, 0, 0, pipe_read },
};

static char state_of(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	(void)!fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	return strrchr(text, ')') ? strrchr(text, ')')[2] : 0;
}

static void await_sleep(pid_t pid)
{
	do
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	while (state_of(pid) != 'S');
}

/* What the stopped call returned; -1: it goes on. */
static ssize_t stop_in(const struct call *call)
{
	int fd[2], out[2];
	struct pollfd ready = { .events = POLLIN };
	ssize_t result = -1;
	pid_t pid;

	if (pipe(out) || (call->socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd)))
		exit(77);
	if (call->has && write(fd[1], bytes, call->has) != call->has)
		exit(77);
	pid = fork();
	if (pid == 0) {
		result = call->run(fd);
		_exit(write(out[1], &result, sizeof(result)) != sizeof(result));
	}
	await_sleep(pid);
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
	    waitpid(pid, NULL, __WALL) != pid || ptrace(PTRACE_DETACH, pid, 0, 0))
		exit(77);
	ready.fd = out[0];
	if (poll(&ready, 1, PATIENCE_MS) == 1)
		(void)!read(out[0], &result, sizeof(result));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return result;
}

int main(void)
{
	int as_described = 1;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		ssize_t n = stop_in(&calls[i]);

		if (n < 0)
			printf("%-24s goes on\n", calls[i].name);
		else
			printf("%-24s returned %zd of %d\n", calls[i].name, n, WANT);
		as_described &= calls[i].cut ? n > 0 && n < WANT : n < 0;
	}
	return !as_described;
}
C
cc -O1 -o "$dir/stop" "$dir/stop.c"
uname -sr
"$dir/stop"
