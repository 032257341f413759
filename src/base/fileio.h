/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fileio.h: reading small files whole and writing all of a buffer, with EINTR and short counts
 * dealt with.
 */
#ifndef SS_BASE_FILEIO_H
#define SS_BASE_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/*
 * Read at most len - 1 bytes of a small file relative to dirfd into buf and end them with NUL.
 * Returns the number of bytes, or a negative errno. One read(2): right for the /proc files that
 * fill one seq_file page.
 */
ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t len);

/* The same from an open descriptor, from its start, without moving its position. */
ssize_t file_pread(int fd, char *buf, size_t len);

/* Append the whole file to *buf; 0 or a negative errno (-EFBIG beyond max bytes). */
int file_read_whole_at(int dirfd, const char *path, size_t max, struct buf *buf);

/* The same of what is left of an open file. */
int file_read_whole(int fd, size_t max, struct buf *buf);

/*
 * Open a regular file for reading as a process with this root directory would: neither ".." nor a
 * symbolic link leads out of it (openat2; before Linux 5.6 the last component may not be a link).
 * AT_FDCWD: as ourselves. `flags`: O_NOFOLLOW or 0. The descriptor, or -1; anything else that has
 * the name, such as a FIFO or a device, is not opened, which alone could have effects.
 */
int file_open_regular(int root_fd, const char *path, int flags);

/* What an O_PATH descriptor stands for, opened for reading if it is a regular file; else -1. */
int file_reopen_regular(int path_fd);

/* The same for whatever there is, as an O_PATH descriptor. */
int file_open_name(int root_fd, const char *path, int flags);

/*
 * Which file, and as of when. Its owner may choose size and time of modification, but neither number
 * nor time of change. All 0: no file.
 */
struct file_stamp {
	uint64_t device, number, size;
	uint64_t modified_ns, changed_ns; /* since 1970 */
};

/* 0 or a negative errno. */
int file_stamp(int fd, struct file_stamp *ret);

/* How many bytes it has that are not in holes, which cost nobody a disk. Moves the position to 0. */
uint64_t file_count_data(int fd);

/* False if nearly all of a large file is holes: then its size says nothing. */
bool file_is_filled(int fd);

/* Read exactly len bytes at offset; 0, a negative errno, or -ENODATA if the file is shorter. */
int file_pread_exact(int fd, void *data, size_t len, off_t offset);

/* Write all of it; 0 or a negative errno. */
int file_write_all(int fd, const void *data, size_t len);

#endif
