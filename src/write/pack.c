/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack.c: gzip of bytes on their way out. Equal bytes give equal files. It keeps nothing: a chunk
 * at a time goes to the output.
 */
#include "write/pack.h"

#include <errno.h>
#include <zlib.h>

/*
 * Level 1, as Go does: the file is small and the reader waits. zlib's own gzip header has no name
 * and time 0 (zlib.h, deflateSetHeader), so equal profiles are equal files.
 */
static int deflate_to(struct out *out, uint8_t *data, size_t len)
{
	enum { GZIP = 16, MEM_LEVEL = 8 };
	unsigned char chunk[32 * 1024];
	z_stream z = { 0 };
	int r = Z_OK;

	if (deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + GZIP, MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	z.next_in = data;
	while (r != Z_STREAM_END) {
		/* zlib counts in unsigned int */
		uInt piece = (uInt)MIN(len, (size_t)1 << 30);
		bool last = piece == len;

		z.avail_in = piece;
		do {
			z.next_out = chunk;
			z.avail_out = sizeof(chunk);
			r = deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
			out_write(out, chunk, sizeof(chunk) - z.avail_out);
		} while (z.avail_out == 0 && r != Z_STREAM_END);
		len -= piece;
	}
	deflateEnd(&z);
	return 0;
}

int pack_gzip(struct out *out, uint8_t *data, size_t len, struct ss_error *err)
{
	if (deflate_to(out, data, len) < 0)
		return ss_error_oom(err);
	return out_check(out, err);
}
