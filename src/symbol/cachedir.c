/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/cachedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "base/vec.h"

enum {
	ID_MIN = 8, /* hex digits of a build id that is worth the name */
	TOTAL_MAX = 64 << 20,
	FILES_MAX = 1024,
	TOUCH_AGE = 3600, /* seconds: how old a file's time of use may be */
};

#define DIR_NAME "stacksnap"

/* ---- what is ours alone ---- */

static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static int open_own_dir(int at, const char *path)
{
	_cleanup_close_ int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !is_ours(&st))
		return -EPERM;
	return steal_fd(&fd);
}

/* A home that is somebody else's (sudo may keep HOME) is left alone. */
static bool has_own_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = strndup(path, slash > path ? (size_t)(slash - path) : 1);
	struct stat st;

	return parent && stat(parent, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0);
}

/* BASE may be missing in a new home; what is above it may not. */
static int open_dir(const char *base, bool make)
{
	_cleanup_close_ int fd = -1;

	if (*base != '/') /* the base directory specification: anything else is to be ignored */
		return -EINVAL;
	if (make && has_own_parent(base) && mkdir(base, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_own_dir(AT_FDCWD, base);
	if (fd < 0)
		return fd;
	if (make && mkdirat(fd, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_own_dir(fd, DIR_NAME);
}

/* The name of its file, or NULL: nothing that could lead anywhere else. */
static const char *file_name(const struct namecache_key *key)
{
	size_t len = strspn(key->build_id, "0123456789abcdef");

	return len >= ID_MIN && key->build_id[len] == '\0' ? key->build_id : NULL;
}

/* ---- reading ---- */

static int open_file(int dir, const char *name, struct stat *ret)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode) || !is_ours(ret) ||
	    ret->st_size > NAMECACHE_BYTES_MAX)
		return -EPERM;
	return steal_fd(&fd);
}

/* So that what is in use stays. */
static void touch(int fd, const struct stat *st)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - st->st_mtime > TOUCH_AGE)
		futimens(fd, NULL);
}

bool cachedir_load(const char *base, const struct namecache_key *key, struct namecache *cache)
{
	const char *name = file_name(key);
	_cleanup_close_ int dir = name ? open_dir(base, false) : -1;
	_cleanup_free_ void *bytes = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t len;

	if (dir < 0)
		return false;
	fd = open_file(dir, name, &st);
	if (fd < 0)
		return false;
	len = (size_t)st.st_size;
	bytes = malloc(len + 1);
	if (!bytes || file_pread_exact(fd, bytes, len, 0) < 0 ||
	    namecache_decode(cache, key, bytes, len) < 0)
		return false;
	touch(fd, &st);
	return true;
}

/* ---- keeping it small ---- */

struct kept {
	char name[80];
	time_t used;
	size_t size;
};

struct kept_list {
	VEC(struct kept) all;
};

static int compare_use(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Files only, and none with a name that we would not give. */
static int list_files(int dir_fd, struct kept_list *ret, size_t *ret_total)
{
	int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_dir) DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *entry;
	struct stat st;

	if (!dir) {
		close_p(&own);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		struct kept kept;
		size_t len = strlen(entry->d_name);

		if (len < ID_MIN || len >= sizeof(kept.name) ||
		    strspn(entry->d_name, "0123456789abcdef.") != len || *entry->d_name == '.' ||
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		memcpy(kept.name, entry->d_name, len + 1);
		kept.used = st.st_mtime;
		kept.size = (size_t)st.st_size;
		*ret_total += kept.size;
		if (vec_push(&ret->all, kept) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Make room for one more of len bytes. */
static void trim(int dir, size_t len)
{
	struct kept_list list = { 0 };
	size_t total = len, n;

	if (list_files(dir, &list, &total) == 0 && list.all.n > 0)
		qsort(list.all.data, list.all.n, sizeof(*list.all.data), compare_use);
	n = list.all.n;
	vec_each(kept, &list.all) {
		if (total <= TOTAL_MAX && n < FILES_MAX)
			break;
		unlinkat(dir, kept->name, 0);
		total -= kept->size;
		n--;
	}
	vec_done(&list.all);
}

/* ---- writing ---- */

static int write_new(int dir, const char *name, const struct buf *bytes)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : file_write_all(fd, bytes->data, bytes->len);

	if (fd >= 0 && r < 0)
		unlinkat(dir, name, 0);
	return r;
}

static int replace(int dir, const char *name, const struct buf *bytes)
{
	char temp[96];
	int r;

	/* two of our threads do not write the same file; what died here left one to be trimmed */
	snprintf(temp, sizeof(temp), "%s.%d", name, (int)getpid());
	r = write_new(dir, temp, bytes);
	if (r == -EEXIST && unlinkat(dir, temp, 0) == 0)
		r = write_new(dir, temp, bytes);
	if (r < 0)
		return r;
	if (renameat(dir, temp, dir, name) == 0)
		return 0;
	r = -errno;
	unlinkat(dir, temp, 0);
	return r;
}

int cachedir_store(const char *base, const struct namecache_key *key, const struct namecache *cache)
{
	const char *name = file_name(key);
	_cleanup_close_ int dir = name ? open_dir(base, true) : -EINVAL;
	_cleanup_(buf_done) struct buf bytes;

	buf_init(&bytes);
	if (dir < 0)
		return dir;
	namecache_encode(cache, key, &bytes);
	if (bytes.failed)
		return -ENOMEM;
	if (bytes.len > NAMECACHE_BYTES_MAX)
		return -EFBIG;
	trim(dir, bytes.len);
	return replace(dir, name, &bytes);
}
