/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cachedir.c: see cachedir.h. What touches the directory allocates nothing, because the helper process
 * does it where the directory is not local.
 */
#include "symbol/cachedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "target/opener.h"

enum {
	ID_MIN = 8, /* hex digits of a build id that is worth the name */
	TOTAL_MAX = 64 << 20,
	FILES_MAX = 1024,
	NAME_LEN = 80,
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
	char parent[PATH_MAX];
	struct stat st;

	if (snprintf(parent, sizeof(parent), "%.*s", slash > path ? (int)(slash - path) : 1,
		     path) >= (int)sizeof(parent))
		return false;
	return stat(parent, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0);
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

static int open_entry(const char *base, const char *name, struct stat *ret)
{
	_cleanup_close_ int dir = open_dir(base, false);
	int fd = dir < 0 ? dir : open_file(dir, name, ret);

	if (fd >= 0)
		touch(fd, ret);
	return fd;
}

static void work_load(const char *base, const char *name, uint64_t number,
		      const int fds[HELPER_FDS], struct helper_answer *ret)
{
	_cleanup_close_ int fd = open_entry(base, name, &ret->stat);

	(void)number, (void)fds;
	ret->fd = fd < 0 ? fd : opener_copy_fd(fd, &ret->stat);
	ret->result = MIN(ret->fd, 0);
}

/* A directory that is not local may be that of a server that does not answer. */
static int open_entry_in_time(const struct cachedir *place, const char *name, struct stat *ret)
{
	const struct helper_request request = {
		.work = work_load, .path = place->base, .name = name, .fds = { -1, -1 }
	};
	struct helper_answer answer;
	int r;

	if (opener_is_local(place->opener, place->base))
		return open_entry(place->base, name, ret);
	r = opener_run(place->opener, &request, &answer);
	*ret = answer.stat;
	return r < 0 ? r : answer.fd;
}

bool cachedir_load(const struct cachedir *place, const struct namecache_key *key,
		   struct namecache *cache)
{
	const char *name = file_name(key);
	_cleanup_free_ void *bytes = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t len;

	if (!name)
		return false;
	fd = open_entry_in_time(place, name, &st);
	if (fd < 0)
		return false;
	len = (size_t)st.st_size;
	bytes = malloc(len + 1);
	return bytes && file_pread_exact(fd, bytes, len, 0) == 0 &&
	       namecache_decode(cache, key, bytes, len) == 0;
}

/* ---- keeping it small ---- */

/* What a walk over the directory found. */
struct usage {
	size_t total, n;
	time_t oldest;
	char name[NAME_LEN]; /* of the file that was not used for longest; "": there is none */
};

static bool is_our_name(const char *name)
{
	size_t len = strlen(name);

	return len >= ID_MIN && len < NAME_LEN && strspn(name, "0123456789abcdef.") == len &&
	       *name != '.';
}

/* Files only, and none with a name that we would not give. */
static void count_file(int dir, const char *name, struct usage *usage)
{
	struct stat st;

	if (!is_our_name(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	usage->total += (size_t)st.st_size;
	if (usage->n++ && st.st_mtime >= usage->oldest)
		return;
	usage->oldest = st.st_mtime;
	strcpy(usage->name, name);
}

/* getdents64 and no opendir, which allocates: this may run in the helper. */
static bool count_files(int dir, struct usage *ret)
{
	_cleanup_close_ int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char room[8192];
	ssize_t n;

	*ret = (struct usage){ 0 };
	if (own < 0)
		return false;
	while ((n = getdents64(own, room, sizeof(room))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(room + at);

			count_file(dir, entry->d_name, ret);
			at += entry->d_reclen;
		}
	return n == 0;
}

/* Make room for one more of len bytes. */
static void trim(int dir, size_t len)
{
	struct usage usage;

	while (count_files(dir, &usage) && usage.n &&
	       (usage.total + len > TOTAL_MAX || usage.n >= FILES_MAX))
		if (unlinkat(dir, usage.name, 0) < 0)
			break;
}

/* ---- writing ---- */

static int copy_all(int from, int to)
{
	char piece[1 << 14];
	off_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = pread(from, piece, sizeof(piece), at)) != 0) {
		r = n < 0 ? -errno : file_write_all(to, piece, (size_t)n);
		at += n;
	}
	return r;
}

static int write_new(int dir, const char *name, int from)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : copy_all(from, fd);

	if (fd >= 0 && r < 0)
		unlinkat(dir, name, 0);
	return r;
}

static int replace(int dir, const char *name, int from)
{
	char temp[NAME_LEN + 16];
	int r;

	/* two of our threads do not write the same file; what died here left one to be trimmed */
	snprintf(temp, sizeof(temp), "%s.%d", name, (int)getpid());
	r = write_new(dir, temp, from);
	if (r == -EEXIST && unlinkat(dir, temp, 0) == 0)
		r = write_new(dir, temp, from);
	if (r < 0)
		return r;
	if (renameat(dir, temp, dir, name) == 0)
		return 0;
	r = -errno;
	unlinkat(dir, temp, 0);
	return r;
}

static void work_store(const char *base, const char *name, uint64_t number,
		       const int fds[HELPER_FDS], struct helper_answer *ret)
{
	_cleanup_close_ int dir = open_dir(base, true);

	ret->result = dir;
	if (dir < 0)
		return;
	trim(dir, (size_t)number);
	ret->result = replace(dir, name, fds[0]);
}

static int store(const struct cachedir *place, const char *name, const struct buf *bytes)
{
	_cleanup_close_ int from = memfd_create("stacksnap-names", MFD_CLOEXEC);
	const struct helper_request request = {
		.work = work_store,
		.path = place->base,
		.name = name,
		.number = bytes->len,
		.fds = { from, -1 },
	};
	struct helper_answer answer = { .fd = -1 };
	int r = from < 0 ? -errno : file_write_all(from, bytes->data, bytes->len);

	if (r < 0)
		return r;
	if (!opener_is_local(place->opener, place->base))
		return opener_run(place->opener, &request, &answer);
	work_store(place->base, name, bytes->len, request.fds, &answer);
	return answer.result;
}

int cachedir_store(const struct cachedir *place, const struct namecache_key *key,
		   const struct namecache *cache)
{
	const char *name = file_name(key);
	_cleanup_(buf_done) struct buf bytes;

	buf_init(&bytes);
	if (!name)
		return -EINVAL;
	namecache_encode(cache, key, &bytes);
	if (bytes.failed)
		return -ENOMEM;
	return bytes.len > NAMECACHE_BYTES_MAX ? -EFBIG : store(place, name, &bytes);
}
