/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzip.h: inflating gzip in memory. It comes from strangers, so its size is bounded.
 */
#ifndef SS_FILE_GZIP_H
#define SS_FILE_GZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* True if the bytes begin as gzip does (RFC 1952, 2.3.1). */
bool gzip_is(const uint8_t *data, size_t len);

/*
 * Append all members to *buf. More than `max` bytes are an error of kind FORMAT, as are damaged,
 * cut off or trailing bytes.
 */
int gzip_inflate(const uint8_t *data, size_t len, size_t max, struct buf *buf,
		 struct ss_error *err);

#endif
