/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

void buf_init(struct buf *buf)
{
	*buf = (struct buf){ 0 };
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	buf_init(buf);
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

void buf_cut(struct buf *buf, size_t len)
{
	if (buf->failed || len >= buf->len)
		return;
	buf->len = len;
	buf->data[len] = '\0';
}

/* Room for `more` bytes and the NUL; false once memory is out. */
static bool make_room(struct buf *buf, size_t more)
{
	size_t want;

	if (buf->failed)
		return false;
	if (__builtin_add_overflow(buf->len, more, &want) || want == SIZE_MAX ||
	    (want + 1 > buf->cap && vec_grow(&buf->data, &buf->cap, want + 1, 1) < 0))
		buf->failed = true;
	return !buf->failed;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
	if (!make_room(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

void buf_putc(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (len < 0) {
		buf->failed = true;
	} else if ((size_t)len < sizeof(small)) {
		buf_add(buf, small, (size_t)len);
	} else if (make_room(buf, (size_t)len)) {
		va_start(ap, fmt);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, ap);
		va_end(ap);
		buf->len += (size_t)len;
	}
}

/*
 * The length of the UTF-8 sequence at s, or 0 if it is none that may be printed (RFC 3629; C1
 * controls are not).
 */
static size_t utf8_length(const unsigned char *s)
{
	uint32_t c;
	size_t len;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2, c = s[0] & 0x1f;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3, c = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4, c = s[0] & 0x07;
	else
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < 0xa0 || (len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

void buf_puts_escaped(struct buf *buf, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t len = utf8_length(p);

		if (len) {
			buf_add(buf, p, len);
			p += len;
		} else {
			buf_printf(buf, "\\x%02x", *p++);
		}
	}
}
