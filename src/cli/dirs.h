/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirs.h: a directory that was named and is not there is a mistake, found before anything is done.
 */
#ifndef SS_CLI_DIRS_H
#define SS_CLI_DIRS_H

#include <limits.h>

#include "parse.h"

/* SS_ERR_ARGUMENT if it is no directory, or cannot be seen. */
int dir_check(const char *option, const char *dir, struct ss_error *err);
int dirs_check(const char *option, const struct dir_list *dirs, struct ss_error *err);

/* Where users' caches are: $XDG_CACHE_HOME, else $HOME/.cache; NULL if neither is told. */
const char *dirs_cache(char ret[PATH_MAX]);

#endif
