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

/* The other end of a socket. */
struct sockets_peer {
	bool listens; /* it waits for whoever connects */
	bool open;    /* anybody may send to it: a datagram socket with a name */
	bool inet;    /* TCP or UDP; else UNIX */
	/*
	 * The socket at the other end, if it is in the same network namespace; 0: it is not, or no
	 * process has accepted it yet.
	 */
	uint64_t inode;
	bool connected;  /* inet: there is a remote address */
	char remote[64]; /* it, "10.0.0.1:9" or "[::1]:9", if connected; else "" */
};

/* False if the socket is not known. */
bool sockets_find_peer(struct sockets *sockets, uint64_t inode, struct sockets_peer *ret);

#endif
