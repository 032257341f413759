/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freezer.h: whether a process's cgroup is frozen: none of its threads runs, or stops for a tracer,
 * before somebody thaws it.
 */
#ifndef SS_TARGET_FREEZER_H
#define SS_TARGET_FREEZER_H

#include <stdbool.h>
#include <stddef.h>

#include "target/target.h"

/*
 * True if it is; *ret is then a shell command that thaws it. False too where cgroups cannot be read.
 */
bool freezer_find(const struct target *target, char *ret, size_t len);

/* The directory named on the line of /proc/PID/cgroup that begins with `prefix`; "" if none. Pure. */
void freezer_parse_cgroup(const char *text, const char *prefix, char *ret, size_t len);

#endif
