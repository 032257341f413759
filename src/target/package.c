/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * package.c: see package.h. Reads every list until one names the file: some hundred small files,
 * for somebody who asked what is missing. Runs no program.
 */
#include "target/package.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fileio.h"

enum { LIST_MAX = 32 << 20 };

int package_open(int root_fd)
{
	_cleanup_close_ int fd = file_open_name(root_fd, PACKAGE_LISTS, O_DIRECTORY);

	return fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += len)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

/* Since Debian merged / and /usr the mapped path and the packaged one may differ in that. */
static bool lists_file(const char *text, const char *path)
{
	static const char usr[] = "/usr";

	return has_line(text, path) ||
	       (strncmp(path, "/usr/", sizeof(usr)) == 0 && has_line(text, path + strlen(usr)));
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* "libc6:amd64.list" -> "libc6"; false if the name is none of a list. */
static bool package_of_list(const char *file, char *ret, size_t len)
{
	const char *dot = strrchr(file, '.');

	if (!dot || strcmp(dot, ".list") != 0)
		return false;
	snprintf(ret, len, "%.*s", (int)MIN(strcspn(file, ":"), (size_t)(dot - file)), file);
	return true;
}

/* Only a file: the root is that of the target, and its lists are what it likes. */
static bool read_list(int lists_fd, const char *name, struct buf *ret)
{
	_cleanup_close_ int fd = file_open_regular(lists_fd, name, O_NOFOLLOW);

	buf_reset(ret);
	return fd >= 0 && file_read_whole(fd, LIST_MAX, ret) == 0 && ret->len && !ret->failed;
}

bool package_find(int lists_fd, const char *path, char *ret, size_t len)
{
	int fd = openat(lists_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_(buf_done) struct buf text = { 0 };
	const struct dirent *entry;
	char package[256];

	while (dir && (entry = readdir(dir))) {
		if (!package_of_list(entry->d_name, package, sizeof(package)) ||
		    !read_list(lists_fd, entry->d_name, &text))
			continue;
		if (lists_file(text.data, path)) {
			snprintf(ret, len, "%s", package);
			return true;
		}
	}
	return false;
}

void package_debug_name(const char *package, char *ret, size_t len)
{
	snprintf(ret, len, strcmp(package, "libc6") == 0 ? "%s-dbg" : "%s-dbgsym", package);
}
