/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fds.h: what the target's file descriptors are: path, pipe, socket with both ends, epoll and its
 * kin. Sockets are looked up in the target's network namespace, through its /proc/PID/net.
 */
#ifndef SS_TARGET_FDS_H
#define SS_TARGET_FDS_H

#include <stdbool.h>
#include <stdint.h>

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

/*
 * Only what kind of thing fd is, with one readlink: for those who ask often. A FIFO with a name is
 * FD_FILE here.
 */
enum fd_type fds_type(const struct target *target, int fd);

/* True if its file is known to be open with O_NONBLOCK. */
bool fds_is_nonblocking(const struct target *target, int fd);

/*
 * How long a recv (send: a send) on the target's socket may block: SO_RCVTIMEO or SO_SNDTIMEO, 0:
 * for ever. The socket is borrowed for the question (pidfd_getfd, Linux 5.6), and nothing is done
 * with it but asking. 0, or a negative errno.
 */
int fds_socket_timeout(const struct target *target, int fd, bool send, uint64_t *ret_ns);

#endif
