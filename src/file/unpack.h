/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unpack.h: the bytes of a profile.proto to protobuf-c's messages, in bounded memory: 40 times the
 * bytes and 1 MiB, at most 4 GiB.
 */
#ifndef SS_FILE_UNPACK_H
#define SS_FILE_UNPACK_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/* Where the messages live, and what may still be allocated. Zeroed at first. */
struct budget {
	struct arena arena;
	size_t limit, left;
	bool exceeded, failed;
};

void budget_done(struct budget *budget); /* and with it all messages */

/* *ret is a Pprof__Profile. An error of kind FORMAT names the byte of the field that is to blame. */
int unpack(const uint8_t *data, size_t len, struct budget *budget, ProtobufCMessage **ret,
	   struct ss_error *err);

#endif
