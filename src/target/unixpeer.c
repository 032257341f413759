/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unixpeer.c: the one netlink client of the project. Owns nothing but the socket it hands out. A
 * socket keeps the network namespace it was made in; to make one in another namespace a short-lived
 * thread of ours enters it, so that the caller's thread never leaves its own: the way back may be
 * forbidden (setns needs CAP_SYS_ADMIN over the namespace gone back to).
 */
#include "target/unixpeer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/attr.h"

static int open_here(void)
{
	struct timeval patience = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

struct visit {
	int ns_fd;
	int result;
};

static void *visit_run(void *arg)
{
	struct visit *visit = arg;

	visit->result = setns(visit->ns_fd, CLONE_NEWNET) < 0 ? -errno : open_here();
	return NULL;
}

/* With all signals blocked: those of the process are for its other threads. */
static int open_in(int ns_fd)
{
	struct visit visit = { .ns_fd = ns_fd };
	sigset_t all, saved;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	r = pthread_create(&thread, NULL, visit_run, &visit);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (r)
		return -r;
	pthread_join(thread, NULL);
	return visit.result;
}

static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int unixpeer_open(const struct target *target)
{
	_cleanup_close_ int ns_fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/net", (int)target->anchor);
	ns_fd = openat(target->task_fd, path, O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0)
		return -errno;
	return is_same_file(ns_fd, "/proc/thread-self/ns/net") ? open_here() : open_in(ns_fd);
}

static int send_question(int fd, uint32_t inode)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req body;
	} question = {
		.header = {
			.nlmsg_len = sizeof(question),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = inode,
		},
		.body = {
			.sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_ino = inode,
			.udiag_show = UDIAG_SHOW_PEER,
			.udiag_cookie = { UINT32_MAX, UINT32_MAX }, /* any */
		},
	};

	return send(fd, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

static int find_peer(const struct nlmsghdr *header, uint32_t *ret)
{
	struct unix_diag_msg *body = NLMSG_DATA(header);
	struct rtattr *attr = (struct rtattr *)(body + 1);
	unsigned len;

	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return -ENOENT;
	len = header->nlmsg_len - (unsigned)NLMSG_LENGTH(sizeof(*body));
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attr) >= sizeof(*ret)) {
			memcpy(ret, RTA_DATA(attr), sizeof(*ret));
			return *ret ? 0 : -ENOENT;
		}
	}
	return -ENOENT;
}

int unixpeer_find(int fd, uint32_t inode, uint32_t *ret)
{
	_Alignas(struct nlmsghdr) char answer[1024];
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	int r = send_question(fd, inode);
	ssize_t n;

	if (r < 0)
		return r;
	/* An answer that came too late for an earlier question is passed over. */
	do {
		n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0)
			return -errno;
		if (!NLMSG_OK(header, (size_t)n))
			return -ENOENT;
	} while (header->nlmsg_seq != inode);
	return find_peer(header, ret);
}
