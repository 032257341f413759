/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ss_error_set(struct ss_error *err, enum ss_error_kind kind, int sys, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -sys;
	err->kind = kind;
	err->sys = sys;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return -sys;
}

int ss_error_sys(struct ss_error *err, int sys, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	if (!err)
		return -sys;
	err->kind = sys == ENOMEM ? SS_ERR_NO_MEMORY : SS_ERR_SYSTEM;
	err->sys = sys;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	len = strlen(err->message);
	snprintf(err->message + len, sizeof(err->message) - len, ": %s", strerror(sys));
	return -sys;
}

int ss_error_oom(struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_NO_MEMORY, ENOMEM, "out of memory");
}

int ss_error_wrap(struct ss_error *err, const char *fmt, ...)
{
	char old[sizeof(err->message)];
	size_t len;
	va_list ap;

	if (!err)
		return -EIO;
	memcpy(old, err->message, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	len = strlen(err->message);
	snprintf(err->message + len, sizeof(err->message) - len, ": %s", old);
	return -err->sys;
}

const char *ss_error_hint(enum ss_error_kind kind)
{
	static const char *const hints[] = {
#define X(name, what, hint) [SS_ERR_##name] = (hint),
		SS_ERROR_KINDS(X)
#undef X
	};

	return (size_t)kind < ARRAY_SIZE(hints) ? hints[kind] : NULL;
}
