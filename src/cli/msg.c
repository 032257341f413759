/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * msg.c: the only user of standard error. A message is one line, `stacksnap: what happened`, and
 * may be followed by one line `  try: what to do`. Messages carry foreign text (process names,
 * paths, arguments), so control characters never reach the terminal. It never exits.
 */
#include "msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RED   "\033[31m"
#define PLAIN "\033[0m"

bool msg_wants_color(int fd, bool no_color)
{
	const char *env = getenv("NO_COLOR");

	/* no-color.org: the variable counts when it is present and not empty */
	return !no_color && !(env && *env) && isatty(fd);
}

/* C0, DEL, and C1 as UTF-8 writes it (c2 80 .. c2 9f), which some terminals obey too. */
static void hide_controls(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
		else if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

__attribute__((format(printf, 3, 0))) static void print_line(const char *color, const char *prefix,
							     const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	hide_controls(text);
	fprintf(stderr, "%s%s%s%s\n", color, prefix, *color ? PLAIN : "", text);
}

void msg_error(const struct msg *msg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(msg->color ? RED : "", "stacksnap: ", fmt, ap);
	va_end(ap);
}

void msg_warn(const struct msg *msg, const char *fmt, ...)
{
	va_list ap;

	if (msg->level < MSG_NORMAL)
		return;
	va_start(ap, fmt);
	print_line("", "stacksnap: ", fmt, ap);
	va_end(ap);
}

void msg_info(const struct msg *msg, const char *fmt, ...)
{
	va_list ap;

	if (msg->level < MSG_VERBOSE)
		return;
	va_start(ap, fmt);
	print_line("", "stacksnap: ", fmt, ap);
	va_end(ap);
}

void msg_failure(const struct msg *msg, const struct ss_error *err)
{
	const char *hint = ss_error_hint(err->kind);

	msg_error(msg, "%s", err->message);
	if (hint)
		fprintf(stderr, "  try: %s\n", hint);
}

bool msg_progress(const struct msg *msg, const char *fmt, ...)
{
	va_list ap;

	if (msg->level < MSG_NORMAL || !isatty(STDERR_FILENO))
		return false;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
	return true;
}

void msg_progress_end(const struct msg *msg)
{
	(void)msg;
	fputs("\r\033[K", stderr);
}

void msg_usage(void)
{
	fputs("usage: stacksnap [OPTION...] PID[,PID...]...\n"
	      "  try: stacksnap --help\n",
	      stderr);
}
