/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * package.h: which Debian package a file came from, by the lists that dpkg keeps of every package.
 */
#ifndef SS_TARGET_PACKAGE_H
#define SS_TARGET_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

/* dpkg's lists, under a root directory. */
#define PACKAGE_LISTS "var/lib/dpkg/info"

/* Open the directory of the lists below root_fd; -1 if there is none. */
int package_open(int root_fd);

/* The name ("libc6") of the package that holds the file at this absolute path; false if none does. */
bool package_find(int lists_fd, const char *path, char *ret, size_t len);

/* The package of its debug files: "libc6-dbg" for libc6, "NAME-dbgsym" else. */
void package_debug_name(const char *package, char *ret, size_t len);

#endif
