/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof-write.h: a profile to the bytes of a pprof file.
 */
#ifndef SS_FILE_PPROF_WRITE_H
#define SS_FILE_PPROF_WRITE_H

#include "base/error.h"
#include "file/pprof.h"
#include "write/out.h"

/* Gzipped profile.proto; ids are dense and in file order. */
int pprof_write(const struct pprof *profile, struct out *out, struct ss_error *err);

#endif
