/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unixpeer.h: who is at the other end of a UNIX socket, asked of the kernel over NETLINK_SOCK_DIAG.
 */
#ifndef SS_TARGET_UNIXPEER_H
#define SS_TARGET_UNIXPEER_H

#include <stdint.h>

#include "target/target.h"

/*
 * A descriptor for questions about the target's network namespace; a negative errno if there can be
 * none (-EPERM: it is another namespace than ours, and we may not enter it).
 */
int unixpeer_open(const struct target *target);

/* The inode of the socket connected to the one with this inode; 0, or -ENOENT. */
int unixpeer_find(int fd, uint32_t inode, uint32_t *ret);

#endif
