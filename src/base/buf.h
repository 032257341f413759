/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buf.h: a growable byte buffer, always NUL-terminated after the last byte. Failure is sticky: once
 * memory is out, every later call does nothing, and buf.failed says so; callers check once at the
 * end.
 */
#ifndef SS_BASE_BUF_H
#define SS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while empty */
	size_t len, cap;
	bool failed;
};

void buf_init(struct buf *buf);
void buf_done(struct buf *buf);
void buf_reset(struct buf *buf); /* empty again, keeps the room */

/* Back to its first len bytes; nothing if it is shorter, or memory was out. */
void buf_cut(struct buf *buf, size_t len);

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_puts(struct buf *buf, const char *s);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Foreign text (a thread's name, a path, a symbol) with control characters and bytes of no valid
 * UTF-8 as \xNN.
 */
void buf_puts_escaped(struct buf *buf, const char *s);

#endif
