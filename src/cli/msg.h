/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * msg.h: what people read on standard error. Nothing else of the program writes there.
 */
#ifndef SS_CLI_MSG_H
#define SS_CLI_MSG_H

#include <stacksnap.h>

enum msg_level {
	MSG_QUIET,   /* errors only */
	MSG_NORMAL,  /* and warnings */
	MSG_VERBOSE, /* and information */
};

struct msg {
	enum msg_level level;
	bool color; /* standard error is a terminal and wants colours */
};

/* True if escape sequences are welcome on this descriptor; respects NO_COLOR (no-color.org). */
bool msg_wants_color(int fd, bool no_color);

void msg_error(const struct msg *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void msg_warn(const struct msg *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void msg_info(const struct msg *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The library's error and, as a second line, what to do about it. */
void msg_failure(const struct msg *msg, const struct ss_error *err);

/*
 * A line that the next one replaces: only if standard error is a terminal and not --quiet; false if
 * it is not shown. msg_progress_end clears it.
 */
bool msg_progress(const struct msg *msg, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void msg_progress_end(const struct msg *msg);

/* How to call the program, for somebody who gave it nothing. */
void msg_usage(void);

#endif
