/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out.c: one output and its 64 KiB buffer. The only file of this folder that does system calls. It
 * assumes nothing about the bytes. It never closes standard output, never blocks SIGPIPE (that is
 * the program's choice) and never leaves a temporary behind, whatever failed.
 *
 *	path is...          written
 *	"-"                 to descriptor 1
 *	not there, a file   to path.XXXXXX, then fsync and rename
 *	a link to a file    the same for the link's target: the link stays a link
 *	anything else       as it is
 */
#include "write/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUT_BUFFER = 64 * 1024 };

struct out {
	int fd;
	bool borrowed;      /* standard output: not ours to close; memory: nothing to close */
	struct buf *memory; /* NULL: written to fd */
	char *name;         /* for messages */
	char *path;         /* NULL: written as it is */
	char *temp;         /* NULL: no temporary exists */
	int error;
	size_t len;
	char buf[OUT_BUFFER];
};

static void out_free(struct out *out)
{
	if (!out)
		return;
	if (out->temp)
		unlink(out->temp);
	if (out->fd >= 0 && !out->borrowed)
		close(out->fd);
	free(out->name);
	free(out->path);
	free(out->temp);
	free(out);
}

static void out_free_p(struct out **out)
{
	out_free(*out);
}

static int fail(struct ss_error *err, const char *name, int sys)
{
	if (sys == ENOMEM)
		return ss_error_oom(err);
	return ss_error_set(err, SS_ERR_OUTPUT, sys, "cannot write %s: %s", name, strerror(sys));
}

static int open_stdout(struct out *out)
{
	if (fcntl(STDOUT_FILENO, F_GETFL) < 0)
		return -errno;
	out->fd = STDOUT_FILENO;
	out->borrowed = true;
	return 0;
}

/* mkostemp gives mode 0600 and O_EXCL (mkostemp(3)). */
static int open_temp(struct out *out, const char *path)
{
	out->path = strdup(path);
	if (!out->path || asprintf(&out->temp, "%s.XXXXXX", path) < 0) {
		out->temp = NULL;
		return -ENOMEM;
	}
	out->fd = mkostemp(out->temp, O_CLOEXEC);
	if (out->fd < 0) {
		int r = -errno;

		free(out->temp);
		out->temp = NULL;
		return r;
	}
	return 0;
}

static void proc_name(char *buf, size_t len, int fd)
{
	snprintf(buf, len, "/proc/self/fd/%d", fd);
}

/* The very object that `place` stands for, whatever happens to its path meanwhile. */
static int open_as_it_is(struct out *out, int place)
{
	char name[64];

	proc_name(name, sizeof(name), place);
	out->fd = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	return out->fd < 0 ? -errno : 0;
}

/*
 * The path is asked of the kernel rather than resolved here: opening has already refused links
 * that fs.protected_symlinks forbids to follow, and nobody can change the answer in between.
 */
static int open_link_target(struct out *out, int place)
{
	char name[64], target[PATH_MAX];
	ssize_t len;

	proc_name(name, sizeof(name), place);
	len = readlink(name, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	return open_temp(out, target);
}

/* -o /dev/stdout >>log must append to the log, not replace it. */
static bool is_our_stdout(const struct stat *st)
{
	struct stat ours;

	return fstat(STDOUT_FILENO, &ours) == 0 && ours.st_dev == st->st_dev &&
	       ours.st_ino == st->st_ino;
}

static int open_existing(struct out *out, const char *path, int place)
{
	struct stat st, link;

	if (fstat(place, &st) < 0 || lstat(path, &link) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return open_as_it_is(out, place);
	if (!S_ISLNK(link.st_mode))
		return open_temp(out, path);
	return is_our_stdout(&st) ? open_stdout(out) : open_link_target(out, place);
}

static int open_path(struct out *out, const char *path)
{
	_cleanup_close_ int place = open(path, O_PATH | O_CLOEXEC);
	struct stat link;

	if (place >= 0)
		return open_existing(out, path, place);
	if (errno != ENOENT || !*path)
		return -errno;
	/* a link to nothing: what it means to replace is not for us to guess */
	if (lstat(path, &link) == 0)
		return -ENOLINK;
	return open_temp(out, path);
}

int out_open(const char *path, struct out **ret, struct ss_error *err)
{
	_cleanup_(out_free_p) struct out *out = calloc(1, sizeof(*out));
	bool is_stdout = strcmp(path, "-") == 0;
	int r;

	if (!out)
		return ss_error_oom(err);
	out->fd = -1;
	out->name = strdup(is_stdout ? "standard output" : path);
	if (!out->name)
		return ss_error_oom(err);
	r = is_stdout ? open_stdout(out) : open_path(out, path);
	if (r == -ENOLINK)
		return ss_error_set(err, SS_ERR_OUTPUT, ENOENT,
				    "cannot write %s: it is a symbolic link to nothing", path);
	if (r < 0)
		return fail(err, out->name, -r);
	*ret = steal_ptr(out);
	return 0;
}

int out_open_memory(struct buf *memory, struct out **ret, struct ss_error *err)
{
	_cleanup_(out_free_p) struct out *out = calloc(1, sizeof(*out));

	if (!out)
		return ss_error_oom(err);
	out->fd = -1;
	out->borrowed = true;
	out->memory = memory;
	out->name = strdup("memory");
	if (!out->name)
		return ss_error_oom(err);
	*ret = steal_ptr(out);
	return 0;
}

static void remember(struct out *out, int r)
{
	if (r < 0 && !out->error)
		out->error = r;
}

/* Descriptor 1 may be non-blocking: the flag belongs to the terminal or pipe, not to us. */
static int wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		int r = n < 0 ? -errno : 0;

		if (r == -EAGAIN)
			r = wait_writable(fd);
		if (r < 0 && r != -EINTR)
			return r;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int put(struct out *out, const char *data, size_t len)
{
	if (!out->memory)
		return write_all(out->fd, data, len);
	buf_add(out->memory, data, len);
	return out->memory->failed ? -ENOMEM : 0;
}

static void flush(struct out *out)
{
	if (!out->error)
		remember(out, put(out, out->buf, out->len));
	out->len = 0;
}

void out_write(struct out *out, const void *data, size_t len)
{
	if (len > OUT_BUFFER - out->len)
		flush(out);
	if (out->error)
		return;
	if (len > OUT_BUFFER) {
		remember(out, put(out, data, len));
	} else if (len) {
		memcpy(out->buf + out->len, data, len);
		out->len += len;
	}
}

void out_buf(struct out *out, struct buf *buf)
{
	if (buf->failed)
		remember(out, -ENOMEM);
	else
		out_write(out, buf->data, buf->len);
	buf_reset(buf);
}

int out_error(const struct out *out)
{
	return out->error;
}

int out_check(const struct out *out, struct ss_error *err)
{
	return out->error ? fail(err, out->name, -out->error) : 0;
}

/* Some FUSE file systems have no fsync. */
static int sync_file(int fd)
{
	return fsync(fd) < 0 && errno != EINVAL && errno != ENOSYS && errno != ENOTSUP ? -errno : 0;
}

/* NFS reports a full disk only here. EINTR: Linux has closed it all the same (close(2)). */
static int close_file(struct out *out)
{
	int fd = out->fd;

	out->fd = -1;
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int rename_temp(struct out *out)
{
	if (rename(out->temp, out->path) < 0)
		return -errno;
	free(out->temp);
	out->temp = NULL;
	return 0;
}

int out_commit(struct out *out, struct ss_error *err)
{
	_cleanup_(out_free_p) struct out *dying = out;

	flush(out);
	if (out->temp && !out->error)
		remember(out, sync_file(out->fd));
	if (!out->borrowed)
		remember(out, close_file(out));
	if (out->temp && !out->error)
		remember(out, rename_temp(out));
	return out_check(dying, err);
}

void out_discard(struct out *out)
{
	out_free(out);
}
