/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"

enum {
	PIECES_MAX = 1 << 16, /* of a file, between its holes; more are not counted */
	UNFILLED_MAX = 16 << 20,
	UNFILLED_TIMES = 8,
};

ssize_t file_pread(int fd, char *buf, size_t len)
{
	ssize_t n;

	do
		n = pread(fd, buf, len - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t len)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_pread(fd, buf, len);
}

int file_read_whole_at(int dirfd, const char *path, size_t max, struct buf *buf)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_whole(fd, max, buf);
}

int file_read_whole(int fd, size_t max, struct buf *buf)
{
	char chunk[16384];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return buf->failed ? -ENOMEM : 0;
		total += (size_t)n;
		if (total > max)
			return -EFBIG;
		buf_add(buf, chunk, (size_t)n);
	}
}

int file_open_name(int root_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_PATH | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	long fd;

	if (root_fd == AT_FDCWD)
		return open(path, (int)how.flags);
	fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	/* seccomp filters that do not know openat2 say EPERM */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(root_fd, path + strspn(path, "/"), (int)how.flags | O_NOFOLLOW);
	return (int)fd;
}

int file_reopen_regular(int path_fd)
{
	char self[32];
	struct stat st;

	if (path_fd < 0 || fstat(path_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	return open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int file_open_regular(int root_fd, const char *path, int flags)
{
	_cleanup_close_ int fd = file_open_name(root_fd, path, flags);

	return file_reopen_regular(fd);
}

int file_stamp(int fd, struct file_stamp *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct file_stamp){
		.device = st.st_dev,
		.number = st.st_ino,
		.size = (uint64_t)st.st_size,
		.modified_ns = clock_timespec_ns(&st.st_mtim),
		.changed_ns = clock_timespec_ns(&st.st_ctim),
	};
	return 0;
}

uint64_t file_count_data(int fd)
{
	uint64_t sum = 0;
	struct stat st;
	off_t end = 0, start;

	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return 0;
	for (unsigned n = 0; n < PIECES_MAX; n++, sum += (uint64_t)(end - start)) {
		start = lseek(fd, end, SEEK_DATA);
		end = start < 0 ? -1 : lseek(fd, start, SEEK_HOLE);
		if (end <= start)
			break;
	}
	/* lseek(2): ENXIO is the end; a file system that knows of no holes says that all is data */
	lseek(fd, 0, SEEK_SET);
	return sum;
}

bool file_is_filled(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (st.st_size <= UNFILLED_MAX ||
		(uint64_t)st.st_size / UNFILLED_TIMES <= file_count_data(fd));
}

int file_pread_exact(int fd, void *data, size_t len, off_t offset)
{
	char *p = data;

	while (len) {
		ssize_t n = pread(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
