/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fds.h: what the target's file descriptors are: path, pipe, socket with both ends, epoll and its
 * kin. Sockets are looked up in the target's network namespace, through its /proc/PID/net.
 */
#ifndef SS_TARGET_FDS_H
#define SS_TARGET_FDS_H

#include "base/arena.h"
#include "model/fdinfo.h"
#include "target/target.h"

struct fds;

/*
 * A table for the descriptors asked for during one snapshot: each is looked up once. NULL only if
 * memory is out.
 */
struct fds *fds_new(const struct target *target, struct arena *arena);
void fds_free(struct fds *fds);

/*
 * What fd is; lives in the arena. Never NULL unless memory is out: an unreadable descriptor is
 * FD_UNKNOWN.
 */
const struct fd_info *fds_describe(struct fds *fds, int fd);

/* Only what kind of thing fd is, with one readlink: for those who ask often. */
enum fd_type fds_type(const struct target *target, int fd);

#endif
