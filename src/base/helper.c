/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper.c: see helper.h. The helper waits for requests on a socket and ends when that is closed, or
 * when the thread that made it ends (PR_SET_PDEATHSIG). It keeps no other descriptor: an output that
 * only a stuck helper still had open would never end for its reader.
 */
#include "base/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/vec.h"

enum {
	FDS_MAX = 1 << 16, /* that are closed one by one, before Linux 5.9 */
	SLICE_MS = 50,     /* between two questions whether it has been long enough */
	TRIES = 2,         /* the thread that made the last helper may have ended, and it with it */
};

struct helper {
	pid_t pid; /* 0: none */
	int socket;
	VEC(pid_t) left; /* killed, and not seen to end yet */
};

/* What goes through the socket. The program is the same on both ends, so work is where it was. */
struct message {
	helper_work *work;
	uint64_t number;
	char name[HELPER_NAME_MAX];
	char path[PATH_MAX];
};

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(HELPER_FDS * sizeof(int))];
};

/* ---- messages with descriptors ---- */

static void attach_fds(struct msghdr *header, union control *control, const int *fds, size_t n)
{
	struct cmsghdr *cmsg;

	if (n == 0)
		return;
	memset(control, 0, sizeof(*control));
	header->msg_control = control;
	header->msg_controllen = CMSG_SPACE(n * sizeof(int));
	cmsg = CMSG_FIRSTHDR(header);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
}

/* Descriptors that are -1 are left out: only the last ones may be. */
static bool send_message(int socket, const void *data, size_t len, const int *fds, size_t max)
{
	struct iovec part = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	size_t n = 0;
	ssize_t sent;

	while (n < max && fds[n] >= 0)
		n++;
	attach_fds(&header, &control, fds, n);
	do
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)len;
}

static void take_fds(struct msghdr *header, int *fds, size_t max)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);

	for (size_t i = 0; i < max; i++)
		fds[i] = -1;
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(cmsg), MIN(cmsg->cmsg_len - CMSG_LEN(0), max * sizeof(int)));
}

static bool receive_message(int socket, void *data, size_t len, int *fds, size_t max)
{
	struct iovec part = { .iov_base = data, .iov_len = len };
	union control control;
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got;

	do
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	take_fds(&header, fds, max);
	return got == (ssize_t)len;
}

/* ---- the helper ---- */

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The socket becomes 0, and nothing else stays open. */
static void keep_only(int socket)
{
	dup2(socket, 0);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 1, ~0U, 0) == 0)
		return;
#endif
	for (int fd = 1; fd < FDS_MAX; fd++)
		close(fd);
}

static void serve(void)
{
	struct helper_answer answer;
	struct message message;
	int fds[HELPER_FDS];

	while (receive_message(0, &message, sizeof(message), fds, HELPER_FDS)) {
		answer = (struct helper_answer){ .fd = -1 };
		message.work(message.path, message.name, message.number, fds, &answer);
		if (!send_message(0, &answer, sizeof(answer), &answer.fd, 1))
			break;
		close_all(&answer.fd, 1);
		close_all(fds, HELPER_FDS);
	}
}

/* ---- its life ---- */

static void reap_left(struct helper *helper)
{
	for (size_t i = helper->left.n; i-- > 0;)
		if (waitpid(helper->left.data[i], NULL, WNOHANG | __WALL) != 0)
			helper->left.data[i] = helper->left.data[--helper->left.n];
}

/*
 * As fork, but the child's end raises no signal here: programs count their children by SIGCHLD, and
 * those that ignore it would have ours reaped by the kernel. Signals are blocked in it: its handlers
 * are ours, and Ctrl-C is for us to act on. All arguments but the flags are 0, so their order, which
 * is the machine's, does not matter.
 */
static pid_t fork_silently(void)
{
	sigset_t all, saved;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pid = (pid_t)syscall(SYS_clone, 0UL, NULL, NULL, NULL, NULL);
	if (pid != 0)
		pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return pid;
}

static int start(struct helper *helper)
{
	int ends[2];

	if (helper->pid)
		return 0;
	reap_left(helper);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	helper->pid = fork_silently();
	if (helper->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		keep_only(ends[1]);
		serve();
		syscall(SYS_exit_group, 0);
	}
	close(ends[1]);
	if (helper->pid > 0) {
		helper->socket = ends[0];
		return 0;
	}
	close(ends[0]);
	helper->pid = 0;
	return -EAGAIN;
}

/* Not waited for: a process that waits for a dead file server may end much later than it was killed. */
static void leave_behind(struct helper *helper)
{
	kill(helper->pid, SIGKILL);
	close(helper->socket);
	(void)vec_push(&helper->left, helper->pid);
	helper->pid = 0;
	reap_left(helper);
}

struct helper *helper_new(void)
{
	return calloc(1, sizeof(struct helper));
}

/* A helper with nothing to do can be killed at once. */
void helper_free(struct helper *helper)
{
	if (!helper)
		return;
	if (helper->pid) {
		kill(helper->pid, SIGKILL);
		close(helper->socket);
		while (waitpid(helper->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	reap_left(helper);
	vec_done(&helper->left);
	free(helper);
}

/* ---- requests ---- */

static int await(int socket, const struct helper_patience *patience)
{
	for (;;) {
		struct pollfd poller = { .fd = socket, .events = POLLIN };
		uint64_t now_ns = clock_mono_ns();
		int ms = (int)MIN((patience->deadline_ns - MIN(now_ns, patience->deadline_ns) +
				   NS_PER_MS - 1) /
					  NS_PER_MS,
				  (uint64_t)SLICE_MS);

		if (poll(&poller, 1, ms) > 0)
			return 0;
		if (clock_mono_ns() >= patience->deadline_ns)
			return -ETIMEDOUT;
		if (patience->give_up && patience->give_up(patience->arg))
			return -ECANCELED;
	}
}

static bool make_message(const struct helper_request *request, struct message *ret)
{
	const char *name = request->name ? request->name : "";

	if (strlen(request->path) >= sizeof(ret->path) || strlen(name) >= sizeof(ret->name))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->work = request->work;
	ret->number = request->number;
	strcpy(ret->name, name);
	strcpy(ret->path, request->path);
	return true;
}

/* -EPIPE if the helper has ended. */
static int ask(struct helper *helper, const struct message *message, const int *fds,
	       const struct helper_patience *patience, struct helper_answer *ret)
{
	struct helper_answer answer;
	int r, fd;

	if (!send_message(helper->socket, message, sizeof(*message), fds, HELPER_FDS))
		return -EPIPE;
	r = await(helper->socket, patience);
	if (r < 0)
		return r;
	if (!receive_message(helper->socket, &answer, sizeof(answer), &fd, 1))
		return -EPIPE;
	/* the kernel leaves out what there is no room for (scm_detach_fds, net/core/scm.c) */
	if (answer.fd >= 0 && fd < 0)
		answer.result = -EMFILE;
	*ret = answer;
	ret->fd = fd;
	return 0;
}

int helper_run(struct helper *helper, const struct helper_request *request,
	       const struct helper_patience *patience, struct helper_answer *ret)
{
	struct message message;
	int r = -ENAMETOOLONG;

	if (!make_message(request, &message))
		return r;
	for (unsigned i = 0; i < TRIES; i++) {
		r = start(helper);
		if (r < 0)
			return r;
		r = ask(helper, &message, request->fds, patience, ret);
		if (r < 0)
			leave_behind(helper);
		if (r != -EPIPE)
			return r;
	}
	return r;
}
