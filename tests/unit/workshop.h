/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workshop.h: a directory of the test's own, and commands that make there the files a test is about.
 * What the latest command said is in its file "log".
 */
#ifndef WORKSHOP_H
#define WORKSHOP_H

#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

static char directory[] = "/tmp/stacksnap-unit-XXXXXX";

/* 0 or -1, for setup functions; so workshop_close, for teardown functions. */
static inline int workshop_open(void)
{
	return mkdtemp(directory) ? 0 : -1;
}

static inline int workshop_close(void)
{
	_cleanup_free_ char *line = NULL;

	return asprintf(&line, "rm -r %s", directory) < 0 ? -1 : system(line);
}

/* In the directory; returns what system(3) does. */
static inline int run(const char *command)
{
	_cleanup_free_ char *line = NULL;

	if (asprintf(&line, "cd %s && { %s; } >log 2>&1", directory, command) < 0)
		return -1;
	return system(line);
}

#endif
