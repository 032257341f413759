#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A recvmmsg that has one datagram, waits for the next and is interrupted by a ptrace stop (no signal is
# delivered) returns 1, and the socket keeps the kernel's inner error for the call after it: that one
# fails with errno 512 (ERESTARTSYS), a number that no user program is ever to see and strerror does not
# know, though a datagram may be there to be read. The call after that one reads it.
#
# Seen on Linux 6.18 (x86-64). Why: do_recvmmsg stores what ended it as the socket's pending error
# (sk->sk_err = -err) when it has datagrams to return, unless that was EAGAIN; ERESTARTSYS is turned into
# a restart or EINTR only for results of system calls, which this one no longer is.
#
# Exit status 0: as described; 1: this kernel behaves otherwise; 77: no ptrace here.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/kept.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* The child: one recvmmsg for two datagrams, then two plain reads. */
static int receive(int fd, int go)
{
	char room[2][8], c;
	struct iovec iov[2] = { { room[0], 8 }, { room[1], 8 } };
	struct mmsghdr messages[2] = { { .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
				       { .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } } };
	int n = recvmmsg(fd, messages, 2, 0, NULL), first;
	ssize_t second;

	printf("recvmmsg returned %d of 2\n", n);
	(void)!read(go, &c, 1); /* another datagram is there */
	first = recv(fd, room[0], 8, 0) < 0 ? errno : 0;
	printf("the next recv: errno %d\n", first);
	second = recv(fd, room[0], 8, MSG_DONTWAIT);
	printf("the one after: %zd bytes\n", second);
	fflush(stdout);
	return !(n == 1 && first == 512 && second == 3);
}

int main(void)
{
	int fd[2], go[2], status;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) || pipe(go) || send(fd[1], "one", 3, 0) != 3)
		return 77;
	pid = fork();
	if (pid == 0)
		_exit(receive(fd[0], go[0]));
	do
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	while (state_of(pid) != 'S');
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
	    waitpid(pid, NULL, __WALL) != pid || ptrace(PTRACE_DETACH, pid, 0, 0))
		return 77;
	if (send(fd[1], "two", 3, 0) != 3 || write(go[1], "x", 1) != 1)
		return 77;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
C
cc -O1 -o "$dir/kept" "$dir/kept.c"
uname -sr
"$dir/kept"
