/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof-read.h: bytes of a pprof file to a profile. Pure.
 */
#ifndef SS_FILE_PPROF_READ_H
#define SS_FILE_PPROF_READ_H

#include "base/error.h"
#include "file/pprof.h"

#define PPROF_MAX_FILE ((size_t)512 << 20) /* bytes of a file */

/*
 * profile.proto, gzipped or not, from any writer. What is damaged, cut off, too large or does not
 * hold together is an error of kind FORMAT that says what and where; the caller puts the file's
 * name before it. Memory is bounded by a multiple of the size (see pprof-read.c).
 */
int pprof_read(const uint8_t *data, size_t len, struct pprof **ret, struct ss_error *err);

#endif
