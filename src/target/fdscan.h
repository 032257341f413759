/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdscan.h: the descriptors of all processes that we may look into, by what they refer to: who else
 * has this pipe, this socket? One scan, made when first asked for, bounded in time and number; what
 * it could not see it says.
 *
 * It is no snapshot: a descriptor that a process passes on or inherits while the scan goes by may
 * be missed, or be seen at a process that has closed it since (fdscan_is_open asks again). Threads
 * with a descriptor table of their own (unshare(CLONE_FILES)) are seen only if their leader has
 * exited. References of the kernel's own (io_uring's registered files, loop devices) cannot be
 * seen; descriptors under way in a UNIX socket's messages can, as such.
 */
#ifndef SS_TARGET_FDSCAN_H
#define SS_TARGET_FDSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum fdscan_kind {
	FDSCAN_PIPE,    /* key: inode */
	FDSCAN_SOCKET,  /* key: inode */
	FDSCAN_EVENTFD, /* key: eventfd-id (Linux 5.2 and later) */
	FDSCAN_PATH,    /* a file with a name: fdscan_path_key of the link's text */
};

struct fdscan_fd {
	enum fdscan_kind kind;
	pid_t pid;
	pid_t via; /* the thread in whose /proc directory it is: pid, unless the leader has exited */
	int fd;
	uint64_t key;
};

struct fdscan_coverage {
	unsigned processes;   /* seen, without kernel threads */
	unsigned denied;      /* whose descriptors we may not read, init apart */
	unsigned descriptors; /* of the others */
	bool cut;             /* time or number ran out */
	bool hidden;          /* there are or may be processes that /proc does not show us */
	uint64_t took_ns;
};

#define FDSCAN_TIME_NS 250000000ull /* the usual bounds */
#define FDSCAN_FDS_MAX 200000u

struct fdscan;

/* NULL only if memory is out. Nothing is read yet. */
struct fdscan *fdscan_new(uint64_t max_ns, size_t max_fds);
void fdscan_free(struct fdscan *scan);

/*
 * What was seen of one kind, with this key or (fdscan_all) any, sorted by key, pid and fd; the
 * first calls make the scan. NULL and 0 if there is none, or memory is out.
 */
const struct fdscan_fd *fdscan_find(struct fdscan *scan, enum fdscan_kind kind, uint64_t key,
				    size_t *ret_n);
const struct fdscan_fd *fdscan_all(struct fdscan *scan, enum fdscan_kind kind, size_t *ret_n);
const struct fdscan_coverage *fdscan_coverage(struct fdscan *scan);

/*
 * True unless all sockets that were seen carry no descriptor in a message that nobody has received
 * yet (fdinfo's scm_fds, Linux 5.6 and later; before that they cannot be seen). Asked once.
 */
bool fdscan_maybe_in_flight(struct fdscan *scan);

/* False if the descriptor is no longer what it was in the scan. */
bool fdscan_is_open(const struct fdscan *scan, const struct fdscan_fd *fd);

/* Append its fdinfo; 0 or a negative errno. */
int fdscan_read_info(const struct fdscan *scan, const struct fdscan_fd *fd, struct buf *ret);

/* The process's name, raw; "" if it has gone. */
enum { FDSCAN_COMM_MAX = 64 };
void fdscan_read_comm(const struct fdscan *scan, pid_t pid, char ret[FDSCAN_COMM_MAX]);
bool fdscan_has_process(const struct fdscan *scan, pid_t pid);

/*
 * What a link of /proc/PID/fd says; false if it is of no kind above. The key of an eventfd is not
 * in its link: *ret_key is 0.
 */
bool fdscan_parse_link(const char *link, enum fdscan_kind *ret_kind, uint64_t *ret_key);

/* The key of an eventfd, from its fdinfo; 0 if there is none. */
uint64_t fdscan_eventfd_key(const char *fdinfo);

#endif
