/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filelocks.h: who holds the file lock that a process waits for, from /proc/locks. That table names
 * processes, never threads, and of locks that belong to an open file (flock, F_OFD_SETLKW) only
 * the process that took it, or none: who can give those up is searched for among the descriptors
 * of all processes.
 */
#ifndef SS_TARGET_FILELOCKS_H
#define SS_TARGET_FILELOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/fdscan.h"
#include "target/procparse.h"
#include "target/target.h"

struct filelock_query {
	pid_t pid;      /* process (thread group) that waits */
	uint64_t inode; /* of the file, from filelocks_locate; 0: unknown, any */
	uint64_t dev;   /* its file system's device; 0: unknown, any */
	/*
	 * The kinds that it may wait for, as a mask of 1 << enum proc_lock_kind; 0: any but
	 * LOCK_OFD, which the table knows no process of: such waiters are found by kind and file
	 * only, and may be others. flock(2) is LOCK_FLOCK; fcntl(2) LOCK_POSIX for F_SETLKW,
	 * LOCK_OFD for F_OFD_SETLKW; open(2) and truncate(2) LOCK_LEASE.
	 */
	unsigned kinds;
};

struct filelock_result {
	struct proc_lock
		wanted;        /* as the waiter asked for it; its `wait` is 0 if that is unknown */
	struct proc_lock held; /* in its way; there may be more, but this one must go */
	/*
	 * The processes ANY of which may let that lock go, ascending: those that have the open file
	 * for LOCK_FLOCK and LOCK_OFD, the one that took it for the others.
	 */
	const pid_t *holders;
	size_t nholders;
	/*
	 * Nobody else can let it go. Never for LOCK_LEASE: the kernel breaks it after
	 * /proc/sys/fs/lease-break-time. Processes that share descriptor tables without being
	 * threads (clone with CLONE_FILES alone) are not seen.
	 */
	bool complete;
	/*
	 * Several threads of the process wait for different locks that fit the query: `held` is the
	 * first, and holders are those of all.
	 */
	bool ambiguous;
};

struct filelocks;

/* Reads /proc/locks now; descriptors through the scan when needed. NULL only if memory is out. */
struct filelocks *filelocks_read(struct fdscan *scan);
void filelocks_free(struct filelocks *locks);

/*
 * 0, -ENOENT: the process is not in the table as a waiter (its lock's holder may be outside our pid
 * namespace, or a file server), or -ENOMEM. The result lives as long as the locks.
 */
int filelocks_find(struct filelocks *locks, const struct filelock_query *query,
		   struct filelock_result *ret);

/*
 * Which file the target's descriptor is, as /proc/locks has it: not what stat says, whose device is
 * another one on btrfs and overlayfs. Asks no file system. 0 or a negative errno; -ENODATA before
 * Linux 5.14.
 */
int filelocks_locate(const struct target *target, int fd, uint64_t *ret_dev, uint64_t *ret_inode);

#endif
