/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fds.c: one descriptor of the target in words. Owns a cache for one snapshot, and the socket
 * tables once a socket is asked about. Reads links and fdinfo only; never opens what a descriptor
 * refers to, and asks no remote file system about it.
 */
#include "target/fds.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fileio.h"
#include "base/map64.h"
#include "target/opener.h"
#include "target/procparse.h"
#include "target/sockets.h"

enum {
	PATH_LEN = 64,
	FDINFO_MAX = 4 << 20, /* an epoll with 40000 descriptors has about 3 MiB */
};

struct fds {
	const struct target *target;
	struct arena *arena;
	struct map64 known;      /* descriptor -> its struct fd_info */
	struct sockets *sockets; /* NULL until a socket is asked about */
	struct buf text;         /* of the descriptor at hand */
};

struct fds *fds_new(const struct target *target, struct arena *arena)
{
	struct fds *fds = calloc(1, sizeof(*fds));

	if (!fds)
		return NULL;
	fds->target = target;
	fds->arena = arena;
	map64_init(&fds->known);
	buf_init(&fds->text);
	return fds;
}

void fds_free(struct fds *fds)
{
	if (!fds)
		return;
	map64_done(&fds->known);
	sockets_free(fds->sockets);
	buf_done(&fds->text);
	free(fds);
}

/* "TID/fd/N" or "TID/fdinfo/N" */
static const char *fd_path(const struct fds *fds, char path[PATH_LEN], const char *dir, int fd)
{
	snprintf(path, PATH_LEN, "%d/%s/%d", (int)fds->target->anchor, dir, fd);
	return path;
}

static int read_fdinfo(const struct fds *fds, int fd, struct buf *ret)
{
	char path[PATH_LEN];
	int r = file_read_whole_at(fds->target->task_fd, fd_path(fds, path, "fdinfo", fd),
				   FDINFO_MAX, ret);

	return r < 0 ? r : ret->len ? 0 : -ENODATA;
}

/* ---- what fdinfo adds to the name ---- */

static void add_count(struct buf *text, const char *fdinfo, const char *word, const char *one,
		      const char *more)
{
	size_t len = strlen(word);
	unsigned n = 0;

	while (fdinfo) {
		n += strncmp(fdinfo, word, len) == 0;
		fdinfo = strchr(fdinfo, '\n');
		fdinfo = fdinfo ? fdinfo + 1 : NULL;
	}
	buf_printf(text, " (%u %s)", n, n == 1 ? one : more);
}

static void add_epoll(struct buf *text, const char *fdinfo)
{
	add_count(text, fdinfo, "tfd:", "descriptor", "descriptors");
}

static void add_inotify(struct buf *text, const char *fdinfo)
{
	add_count(text, fdinfo, "inotify wd:", "watch", "watches");
}

static void add_eventfd(struct buf *text, const char *fdinfo)
{
	uint64_t count;

	if (procparse_status_number(fdinfo, "eventfd-count", 16, &count) == 0)
		buf_printf(text, " (count %llu)", (unsigned long long)count);
}

/* Pid is -1 once the process has ended. */
static void add_pidfd(struct buf *text, const char *fdinfo)
{
	uint64_t pid;

	if (procparse_status_number(fdinfo, "Pid", 10, &pid) == 0)
		buf_printf(text, " (process %llu)", (unsigned long long)pid);
}

/*
 * Links of descriptors without a file (fs/eventpoll.c and so on). pidfds have a file system of
 * their own since Linux 6.9.
 */
static const struct anon_kind {
	const char *link; /* prefix */
	enum fd_type type;
	const char *name;
	void (*add)(struct buf *text, const char *fdinfo); /* NULL: nothing to add */
} anon_kinds[] = {
	{ "anon_inode:[eventpoll]", FD_EPOLL, "epoll", add_epoll },
	{ "anon_inode:[eventfd]", FD_EVENTFD, "eventfd", add_eventfd },
	{ "anon_inode:[timerfd]", FD_TIMERFD, "timerfd", NULL },
	{ "anon_inode:[signalfd]", FD_SIGNALFD, "signalfd", NULL },
	{ "anon_inode:inotify", FD_INOTIFY, "inotify", add_inotify },
	{ "anon_inode:[pidfd]", FD_PIDFD, "pidfd", add_pidfd },
	{ "pidfd:[", FD_PIDFD, "pidfd", add_pidfd },
	{ "anon_inode:[io_uring]", FD_IO_URING, "io_uring", NULL },
};

static bool begins_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void describe_anon(struct fds *fds, struct fd_info *info, const char *link)
{
	struct buf fdinfo = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(anon_kinds); i++) {
		const struct anon_kind *kind = &anon_kinds[i];

		if (!begins_with(link, kind->link))
			continue;
		info->type = kind->type;
		buf_puts(&fds->text, kind->name);
		if (kind->add && read_fdinfo(fds, info->fd, &fdinfo) == 0)
			kind->add(&fds->text, fdinfo.data);
		buf_done(&fdinfo);
		return;
	}
	info->type = FD_OTHER;
	buf_puts(&fds->text,
		 begins_with(link, "anon_inode:") ? link + strlen("anon_inode:") : link);
}

/* ---- sockets ---- */

/*
 * The protocol's name ("NETLINK") for sockets that no table has; an attribute of socket inodes
 * (net/socket.c, sockfs_xattr_get), read through the link without opening anything.
 */
static void describe_other_socket(struct fds *fds, int fd, const char *link)
{
	char path[PATH_LEN + 32], protocol[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%d/fd/%d", fds->target->task_fd,
		 (int)fds->target->anchor, fd);
	n = getxattr(path, "system.sockprotoname", protocol, sizeof(protocol) - 1);
	if (n > 0) {
		protocol[n] = '\0';
		for (char *p = protocol; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		buf_printf(&fds->text, "%s ", protocol);
	}
	buf_puts(&fds->text, link);
}

static void describe_socket(struct fds *fds, struct fd_info *info, const char *link)
{
	info->type = FD_SOCKET;
	info->inode = strtoull(link + strlen("socket:["), NULL, 10);
	if (!fds->sockets)
		fds->sockets = sockets_read(fds->target);
	if (!fds->sockets || !sockets_describe(fds->sockets, info->inode, &fds->text))
		describe_other_socket(fds, info->fd, link);
}

/* ---- files ---- */

static void describe_file(struct fds *fds, struct fd_info *info, const char *link)
{
	uint64_t inode;
	mode_t mode;

	info->type = FD_FILE;
	buf_puts(&fds->text, link);
	if (opener_stat_fd(fds->target, info->fd, link, &mode, &inode) < 0)
		return;
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		info->type = FD_DEVICE;
	} else if (S_ISFIFO(mode)) {
		info->type = FD_PIPE;
		info->inode = inode;
	}
}

static void describe_link(struct fds *fds, struct fd_info *info, const char *link)
{
	if (begins_with(link, "/")) {
		describe_file(fds, info, link);
	} else if (begins_with(link, "pipe:[")) {
		info->type = FD_PIPE;
		info->inode = strtoull(link + strlen("pipe:["), NULL, 10);
		buf_puts(&fds->text, link);
	} else if (begins_with(link, "socket:[")) {
		describe_socket(fds, info, link);
	} else {
		describe_anon(fds, info, link);
	}
}

/* ---- the table ---- */

static void describe_unreadable(struct fds *fds, int sys)
{
	if (sys == ENOENT)
		buf_puts(&fds->text, "not open");
	else if (sys == EACCES || sys == EPERM)
		buf_puts(&fds->text, "unreadable");
}

static const struct fd_info *describe_new(struct fds *fds, int fd)
{
	struct fd_info *info = arena_alloc(fds->arena, sizeof(*info));
	char path[PATH_LEN], link[PATH_MAX];
	ssize_t n;

	if (!info)
		return NULL;
	info->fd = fd;
	buf_reset(&fds->text);
	n = readlinkat(fds->target->task_fd, fd_path(fds, path, "fd", fd), link, sizeof(link) - 1);
	if (n < 0) {
		describe_unreadable(fds, errno);
	} else {
		link[n] = '\0';
		describe_link(fds, info, link);
	}
	info->text = arena_strdup(fds->arena, fds->text.len ? fds->text.data : "");
	return info->text && !fds->text.failed ? info : NULL;
}

const struct fd_info *fds_describe(struct fds *fds, int fd)
{
	const uint64_t *known = map64_find(&fds->known, (uint32_t)fd);
	const struct fd_info *info;

	if (known)
		return (const struct fd_info *)(uintptr_t)*known;
	info = describe_new(fds, fd);
	/* Without memory for the cache the answer still holds. */
	if (info)
		map64_put(&fds->known, (uint32_t)fd, (uintptr_t)info);
	return info;
}

enum fd_type fds_type(const struct target *target, int fd)
{
	char path[PATH_LEN], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/fd/%d", (int)target->anchor, fd);
	n = readlinkat(target->task_fd, path, link, sizeof(link) - 1);
	if (n < 0)
		return FD_UNKNOWN;
	link[n] = '\0';
	if (begins_with(link, "/dev/") && !begins_with(link, "/dev/shm/"))
		return FD_DEVICE;
	if (begins_with(link, "/"))
		return FD_FILE;
	if (begins_with(link, "pipe:["))
		return FD_PIPE;
	if (begins_with(link, "socket:["))
		return FD_SOCKET;
	for (size_t i = 0; i < ARRAY_SIZE(anon_kinds); i++)
		if (begins_with(link, anon_kinds[i].link))
			return anon_kinds[i].type;
	return FD_OTHER;
}

bool fds_is_nonblocking(const struct target *target, int fd)
{
	static const char label[] = "flags:";
	char path[PATH_LEN], text[256];
	const char *flags;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)target->anchor, fd);
	if (file_read_at(target->task_fd, path, text, sizeof(text)) <= 0)
		return false;
	flags = strstr(text, label);
	return flags && strtoul(flags + strlen(label), NULL, 8) & O_NONBLOCK;
}

int fds_socket_timeout(const struct target *target, int fd, bool send, uint64_t *ret_ns)
{
	_cleanup_close_ int borrowed = (int)syscall(SYS_pidfd_getfd, target->pidfd, fd, 0);
	struct timeval timeout;
	socklen_t len = sizeof(timeout);

	if (borrowed < 0 ||
	    getsockopt(borrowed, SOL_SOCKET, send ? SO_SNDTIMEO : SO_RCVTIMEO, &timeout, &len) < 0)
		return -errno;
	*ret_ns = (uint64_t)timeout.tv_sec * 1000000000 + (uint64_t)timeout.tv_usec * 1000;
	return 0;
}
