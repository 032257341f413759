/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out.h: where bytes go. A file output appears only when it is whole: a temporary beside it (0600,
 * O_EXCL), then fsync and rename. Errors are sticky: the first one is remembered, later writes do
 * nothing, commit reports it.
 */
#ifndef SS_WRITE_OUT_H
#define SS_WRITE_OUT_H

#include "base/buf.h"
#include "base/error.h"

struct out;

int out_open(const char *path, struct out **ret, struct ss_error *err);
/* To the end of *memory, which outlives the out; all of it is there after out_commit. */
int out_open_memory(struct buf *memory, struct out **ret, struct ss_error *err);
void out_write(struct out *out, const void *data, size_t len);
void out_buf(struct out *out,
	     struct buf *buf); /* write and reset buf; a failed buf becomes the sticky error */
int out_error(const struct out *out); /* 0, or the negative errno of the first failure */
int out_check(const struct out *out, struct ss_error *err); /* the same, described in *err */
int out_commit(struct out *out, struct ss_error *err);      /* frees out whatever happens */
void out_discard(struct out *out);

#endif
