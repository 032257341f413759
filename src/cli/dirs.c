/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirs.c: see dirs.h. Apart from parse.c, which looks at no file.
 */
#include "dirs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int dir_check(const char *option, const char *dir, struct ss_error *err)
{
	struct stat st;

	if (stat(dir, &st) < 0 || (S_ISDIR(st.st_mode) ? 0 : (errno = ENOTDIR)))
		return parse_fail(err, "%s: %.120s: %s", option, dir, strerror(errno));
	return 0;
}

int dirs_check(const char *option, const struct dir_list *dirs, struct ss_error *err)
{
	int r = 0;

	for (size_t i = 0; i < dirs->n && r == 0; i++)
		r = dir_check(option, dirs->list[i], err);
	return r;
}

/* The base directory specification: an empty or relative path is as none. */
static const char *absolute(const char *path)
{
	return path && *path == '/' ? path : NULL;
}

const char *dirs_cache(char ret[PATH_MAX])
{
	const char *base = absolute(getenv("XDG_CACHE_HOME")), *home = absolute(getenv("HOME"));
	int n = base || !home ? snprintf(ret, PATH_MAX, "%s", base ? base : "")
			      : snprintf(ret, PATH_MAX, "%s/.cache", home);

	return n > 0 && n < PATH_MAX ? ret : NULL;
}
