/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * children.c: see children.h. Keeps what it knows of every process of /proc: whether it is followed.
 * /proc/PID/task/TID/children would name a thread's children at once, but has to be read for every
 * thread of every process, and a process of a thousand threads is what we are made for.
 */
#include "target/children.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "base/map64.h"
#include "base/vec.h"
#include "target/procparse.h"

enum known { KNOWN_OTHER, KNOWN_FOLLOWED };

struct newcomer {
	pid_t pid, ppid;
};

struct children {
	struct map64 known;   /* pid -> enum known, of the latest listing */
	struct map64 listing; /* the one under way */
	VEC(struct newcomer) newcomers;
	pid_t last_pid; /* that the kernel gave to a process or thread, at the latest listing */
};

struct children *children_new(void)
{
	struct children *children = calloc(1, sizeof(*children));

	if (!children)
		return NULL;
	map64_init(&children->known);
	map64_init(&children->listing);
	return children;
}

void children_free(struct children *children)
{
	if (!children)
		return;
	map64_done(&children->known);
	map64_done(&children->listing);
	vec_done(&children->newcomers);
	free(children);
}

int children_follow(struct children *children, pid_t pid)
{
	return map64_put(&children->known, (uint64_t)pid, KNOWN_FOLLOWED);
}

/* ---- the listing ---- */

static int read_parent(const char *pid, pid_t *ret)
{
	char path[32], text[1024];
	struct proc_stat stat;
	ssize_t n;
	int r;

	if (strlen(pid) + sizeof("/proc//stat") > sizeof(path))
		return -EINVAL;
	stpcpy(stpcpy(stpcpy(path, "/proc/"), pid), "/stat");
	n = file_read_at(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	r = procparse_stat(text, &stat);
	if (r == 0)
		*ret = stat.ppid;
	return r;
}

static int note_process(struct children *children, const char *name)
{
	pid_t pid = (pid_t)strtol(name, NULL, 10);
	const uint64_t *known = map64_find(&children->known, (uint64_t)pid);
	struct newcomer newcomer = { .pid = pid };

	if (map64_put(&children->listing, (uint64_t)pid, known ? *known : KNOWN_OTHER) < 0)
		return -ENOMEM;
	/* one that cannot be read has ended: the next listing drops it */
	if (known || read_parent(name, &newcomer.ppid) < 0)
		return 0;
	return vec_push(&children->newcomers, newcomer);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int list_processes(struct children *children)
{
	_cleanup_(close_dir) DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (!dir)
		return -errno;
	map64_clear(&children->listing);
	children->newcomers.n = 0;
	while ((errno = 0, entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    note_process(children, entry->d_name) < 0)
			return -ENOMEM;
	return -errno;
}

static bool is_followed(const struct children *children, pid_t pid)
{
	const uint64_t *known = map64_find(&children->listing, (uint64_t)pid);

	/* a parent that has just ended is in the listing before only */
	if (!known)
		known = map64_find(&children->known, (uint64_t)pid);
	return known && *known == KNOWN_FOLLOWED;
}

/* A process may be listed before its parent: once round more than generations are new. */
static int choose(struct children *children, struct tids *ret)
{
	pid_t self = getpid();
	size_t before;

	ret->tid.n = 0;
	do {
		before = ret->tid.n;
		vec_each(newcomer, &children->newcomers) {
			/* we are a child of the shell that is looked at, and nobody's business */
			if (newcomer->pid == self || newcomer->ppid <= 0 ||
			    !is_followed(children, newcomer->ppid))
				continue;
			newcomer->ppid = 0;
			if (map64_put(&children->listing, (uint64_t)newcomer->pid, KNOWN_FOLLOWED) <
				    0 ||
			    vec_push(&ret->tid, newcomer->pid) < 0)
				return -ENOMEM;
		}
	} while (ret->tid.n > before);
	return 0;
}

/* The last field of /proc/loadavg: proc(5); of the pid namespace that /proc was mounted in. */
static pid_t read_last_pid(void)
{
	char text[128];
	const char *last;

	if (file_read_at(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) <= 0)
		return 0;
	last = strrchr(text, ' ');
	return last ? (pid_t)strtol(last, NULL, 10) : 0;
}

int children_find(struct children *children, struct tids *ret, struct ss_error *err)
{
	pid_t last_pid = read_last_pid();
	struct map64 old;
	int r;

	ret->tid.n = 0;
	if (last_pid && last_pid == children->last_pid)
		return 0;
	r = list_processes(children);
	if (r == 0)
		r = choose(children, ret);
	if (r == -ENOMEM)
		return ss_error_oom(err);
	if (r < 0)
		return ss_error_sys(err, -r, "cannot list the processes of /proc");
	children->last_pid = last_pid;
	old = children->known;
	children->known = children->listing;
	children->listing = old;
	return 0;
}
