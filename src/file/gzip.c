/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzip.c: inflating bytes in memory with zlib. It assumes nothing about its input. It never holds more than
 * the bound it is given and one chunk.
 */
#include "file/gzip.h"

#include <errno.h>
#include <zlib.h>

enum {
	GZIP_ONLY = MAX_WBITS + 16, /* zlib.h, inflateInit2: neither zlib nor raw data */
	CHUNK = 32 * 1024,
	PIECE = 1 << 30, /* zlib counts in unsigned int */
};

bool gzip_is(const uint8_t *data, size_t len)
{
	return len >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

struct inflater {
	z_stream z;
	const uint8_t *data;
	size_t len; /* not given to zlib yet */
	size_t given;
};

/* Where zlib stands in the input. */
static size_t position(const struct inflater *in)
{
	return in->given - in->z.avail_in;
}

static void refill(struct inflater *in)
{
	size_t piece = MIN(in->len, (size_t)PIECE);

	if (in->z.avail_in)
		return;
	in->z.next_in = (Bytef *)(uintptr_t)in->data; /* zlib's own type has no const */
	in->z.avail_in = (uInt)piece;
	in->data += piece;
	in->len -= piece;
	in->given += piece;
}

static int explain(struct inflater *in, int z_error, struct ss_error *err)
{
	if (z_error == Z_MEM_ERROR)
		return ss_error_oom(err);
	if (z_error == Z_OK || z_error == Z_BUF_ERROR)
		return ss_error_set(err, SS_ERR_FORMAT, EBADMSG,
				    "the gzip data is cut off after %zu bytes", position(in));
	return ss_error_set(err, SS_ERR_FORMAT, EBADMSG, "the gzip data is damaged at byte %zu: %s",
			    position(in), in->z.msg ? in->z.msg : "not gzip");
}

static int fail_large(size_t max, size_t len, struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_FORMAT, EFBIG,
			    "the gzip data is a decompression bomb or too large: %zu bytes become "
			    "more than %zu",
			    len, max);
}

/* One call of inflate: Z_OK, Z_STREAM_END or an error; *ret_n bytes are in chunk. */
static int inflate_chunk(struct inflater *in, unsigned char *chunk, size_t *ret_n)
{
	int r;

	refill(in);
	in->z.next_out = chunk;
	in->z.avail_out = CHUNK;
	r = inflate(&in->z, Z_NO_FLUSH);
	*ret_n = CHUNK - in->z.avail_out;
	/* RFC 1952, 2.2: a file is a series of members */
	if (r == Z_STREAM_END && (in->z.avail_in || in->len))
		r = inflateReset(&in->z);
	return r;
}

static int inflate_all(struct inflater *in, size_t max, struct buf *buf, struct ss_error *err)
{
	size_t total = in->len, start = buf->len, n;
	unsigned char chunk[CHUNK];
	int r;

	do {
		r = inflate_chunk(in, chunk, &n);
		if (r != Z_OK && r != Z_STREAM_END)
			return explain(in, r, err);
		if (n > max - (buf->len - start))
			return fail_large(max, total, err);
		buf_add(buf, chunk, n);
	} while (r != Z_STREAM_END && !buf->failed);
	return buf->failed ? ss_error_oom(err) : 0;
}

int gzip_inflate(const uint8_t *data, size_t len, size_t max, struct buf *buf, struct ss_error *err)
{
	struct inflater in = { .data = data, .len = len };
	int r;

	if (inflateInit2(&in.z, GZIP_ONLY) != Z_OK)
		return ss_error_oom(err);
	r = inflate_all(&in, max, buf, err);
	inflateEnd(&in.z);
	return r;
}
