/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack.h: bytes in memory to a gzip file.
 */
#ifndef SS_WRITE_PACK_H
#define SS_WRITE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "write/out.h"

/* Write the bytes as one member; they are not changed (zlib wants them so). */
int pack_gzip(struct out *out, uint8_t *data, size_t len, struct ss_error *err);

#endif
