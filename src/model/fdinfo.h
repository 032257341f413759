/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdinfo.h: what a file descriptor of the target is.
 */
#ifndef SS_MODEL_FDINFO_H
#define SS_MODEL_FDINFO_H

#include <stdint.h>

enum fd_type {
	FD_UNKNOWN, /* could not be read; text says so or is "" */
	FD_FILE,    /* regular file or directory: text is its path */
	FD_DEVICE,  /* character or block device, terminals too */
	FD_PIPE,    /* pipe or FIFO */
	FD_SOCKET,
	FD_EPOLL,
	FD_EVENTFD,
	FD_TIMERFD,
	FD_SIGNALFD,
	FD_INOTIFY,
	FD_PIDFD,
	FD_IO_URING,
	FD_OTHER, /* another anonymous inode: text has its name */
};

struct fd_info {
	int fd;
	enum fd_type type;
	uint64_t inode;   /* of a pipe or socket; 0 if none */
	const char *text; /* for people, raw foreign bytes: "/var/log/x", "pipe:[77]", "tcp
			     127.0.0.1:80 -> 10.0.0.1:9" */
};

#endif
