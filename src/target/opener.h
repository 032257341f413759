/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opener.h: opening files for a limited time. A file of a local mount that the kernel finds in its
 * caches is opened at once. Any other is opened by a helper process; if its mount is not local, the
 * helper copies it into memory as well, so that no later read or page fault can wait for a server. A
 * file that does not come in time is counted, and so is each further one of that mount, which is not
 * tried again.
 */
#ifndef SS_TARGET_OPENER_H
#define SS_TARGET_OPENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/helper.h"

struct opener;
struct target;

struct opener_options {
	uint64_t file_ns; /* for one file; 0: 2 s */
	uint64_t all_ns;  /* for all that are not local; grows again by 5 % of the time; 0: 5 s */
	bool (*give_up)(
		void *arg); /* asked while a file is awaited; true: wait no more. NULL: none */
	void *arg;
};

/*
 * `like`: one for another process, whose helper, time and memory of dead mounts it shares; NULL: none.
 * NULL only if memory is out.
 */
struct opener *opener_new(const struct opener_options *options, const struct opener *like);
void opener_free(struct opener *opener);

/* The process whose files are opened; a descriptor of its root directory, the opener's; -1: none. */
int opener_begin(struct opener *opener, const struct target *target);

enum opener_root {
	OPENER_OURS,   /* paths are ours */
	OPENER_THEIRS, /* paths are the target's, and no link leads out of its root */
};

/* Which files that do not come in time are missing from what is shown. */
enum opener_care {
	OPENER_NEEDED,    /* each */
	OPENER_CANDIDATE, /* one of a mount: it may not be there at all */
	OPENER_IGNORED,   /* none */
};

struct opener_name {
	enum opener_root root;
	const char *path;
	int flags; /* O_NOFOLLOW or 0 */
	enum opener_care care;
};

struct opened {
	int fd;         /* for reading, or a copy in memory */
	struct stat st; /* of the file itself */
};

/*
 * A regular file. 0; -ETIMEDOUT if it did not come in time; -EINVAL if what is there is none, or may
 * not be read; another negative errno.
 */
int opener_open(struct opener *opener, const struct opener_name *name, struct opened *ret);

/*
 * A candidate by the directory that its path starts from, AT_FDCWD: OPENER_OURS. The descriptor or a
 * negative errno. Without an opener (NULL) it is opened directly and without a limit.
 */
int opener_open_at(struct opener *opener, int root_fd, const char *path);

/*
 * A regular file through a link of /proc, which says that it is `path` and on the device `dev` (as
 * /proc/PID/maps has it).
 */
int opener_open_link(struct opener *opener, int dir_fd, const char *link, const char *path,
		     uint64_t dev, struct opened *ret);

/* Type and inode of what the target's descriptor is, whose link says that it is `path`. */
int opener_stat_fd(const struct target *target, int fd, const char *path, mode_t *ret_mode,
		   uint64_t *ret_inode);

/* True if the target's root directory, open as root_fd, is ours. opener may be NULL. */
bool opener_has_our_root(struct opener *opener, int root_fd);

/* True if our directory is local, or missing; without an opener all are. */
bool opener_is_local(struct opener *opener, const char *directory);

/* False if our directory does not answer in time. */
bool opener_answers(struct opener *opener, const char *directory);

/* 0 if our path is a directory, else a negative errno. */
int opener_check_directory(struct opener *opener, const char *path);

/* Have work done by the helper that touches `request->path`, ours. */
int opener_run(struct opener *opener, const struct helper_request *request,
	       struct helper_answer *ret);

/* How many files did not come in time; the first one, "" if none. */
unsigned opener_late(const struct opener *opener, const char **ret_path);

/* The contents of a regular file in memory, for work: a descriptor or a negative errno. */
int opener_copy_fd(int fd, const struct stat *st);

#endif
