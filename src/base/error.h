/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * error.h: making and wrapping struct ss_error values. An error is a value on the caller's stack:
 * nothing is allocated, nothing is released. `err` may be NULL everywhere: then only the return
 * value speaks.
 */
#ifndef SS_BASE_ERROR_H
#define SS_BASE_ERROR_H

#include <stacksnap.h>

#include "base/attr.h"

/*
 * Fill *err and return -sys, so that a failure is one line: return ss_error_set(err, SS_ERR_UID,
 * EPERM, "...", ...). `sys` is a positive errno.
 */
int ss_error_set(struct ss_error *err, enum ss_error_kind kind, int sys, const char *fmt, ...)
	_printf_(4, 5);

/* The same for SS_ERR_SYSTEM: the message is followed by ": " and strerror(sys). */
int ss_error_sys(struct ss_error *err, int sys, const char *fmt, ...) _printf_(3, 4);

/* Out of memory; returns -ENOMEM. */
int ss_error_oom(struct ss_error *err);

/* Put "context: " before the message; once per layer. Returns -err->sys. */
int ss_error_wrap(struct ss_error *err, const char *fmt, ...) _printf_(2, 3);

#endif
