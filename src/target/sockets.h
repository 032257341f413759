/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets.h: the sockets of the target's network namespace, by inode, as people name them.
 */
#ifndef SS_TARGET_SOCKETS_H
#define SS_TARGET_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "target/target.h"

struct sockets;

/* NULL only if memory is out. What cannot be read is left out. */
struct sockets *sockets_read(const struct target *target);
void sockets_free(struct sockets *sockets);

/*
 * Append "tcp 127.0.0.1:80 -> 10.0.0.1:9", "tcp listen 0.0.0.0:80", "udp 0.0.0.0:53",
 * "unix /run/x.sock" or "unix (unnamed) -> inode 123 /run/x.sock"; false and nothing if the socket
 * is not known.
 */
bool sockets_describe(struct sockets *sockets, uint64_t inode, struct buf *ret);

#endif
