/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ends.h: who has the other end of a descriptor that the target waits on: of a pipe or FIFO, a
 * UNIX socket, a TCP connection within the host, an eventfd.
 */
#ifndef SS_TARGET_ENDS_H
#define SS_TARGET_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/fdscan.h"
#include "target/target.h"

enum ends_use {
	ENDS_READ,  /* the target waits for data: who could write? */
	ENDS_WRITE, /* it waits for room: who could read? */
};

enum ends_kind { ENDS_OTHER, ENDS_PIPE, ENDS_FIFO, ENDS_UNIX, ENDS_INET, ENDS_EVENTFD };

/* Why somebody who is not among the parties could end the wait too. */
enum ends_gap {
	ENDS_DENIED = 1 << 0,    /* there are processes whose descriptors we may not read */
	ENDS_CUT = 1 << 1,       /* the scan ran out of time or number */
	ENDS_HIDDEN = 1 << 2,    /* /proc does not, or may not, show all processes */
	ENDS_OPEN = 1 << 3,      /* anybody may come: FIFO, listening or named datagram socket */
	ENDS_IN_FLIGHT = 1 << 4, /* some descriptor is under way in a socket's message */
	ENDS_REMOTE = 1 << 5,    /* beyond the network namespace, or not accepted yet */
	ENDS_UNSEEN = 1 << 6,    /* nobody was seen to have the other end, but somebody must */
	ENDS_UNKNOWN = 1 << 7,   /* not a descriptor whose other end can be followed */
};

/* A process that has the other end; also the target itself, if it does. */
struct ends_party {
	pid_t pid;
	int fd; /* the lowest that refers to it */
	bool may_read, may_write;
	char comm[FDSCAN_COMM_MAX]; /* raw */
};

struct ends_result {
	enum ends_kind kind;
	bool listens;                     /* waits for whoever connects */
	const struct ends_party *parties; /* by pid; those who could end a wait of this use */
	size_t nparties;
	unsigned gaps;      /* of enum ends_gap */
	bool complete;      /* no gaps: nobody but the parties can end the wait */
	unsigned denied;    /* how many processes ENDS_DENIED stands for */
	const char *remote; /* "10.0.0.1:9" for a connected ENDS_INET, else NULL */
};

struct ends;

/* For one snapshot; the scan may be shared between targets. NULL only if memory is out. */
struct ends *ends_new(const struct target *target, struct fdscan *scan);
void ends_free(struct ends *ends);

/*
 * Who has the other end of the target's descriptor fd. 0 or -ENOMEM; the result lives as long as
 * the ends. The first call scans (fdscan.h says what a scan can miss without knowing).
 *
 * Of a socket not counted: whoever has the target's own end could shut it down, and it may have a
 * timeout (SO_RCVTIMEO, keepalive) that nobody can see from outside.
 */
int ends_find(struct ends *ends, int fd, enum ends_use use, struct ends_result *ret);

#endif
