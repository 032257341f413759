/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filelocks.c: /proc/locks as a list of held locks, each followed by those who wait for it, and,
 * when first needed, the locks of all open files from their fdinfo. Owns both, and its answers. A
 * line that cannot be parsed is passed over with those who wait for it: they are not found, which
 * is not to say that they do not wait.
 */
#include "target/filelocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/vec.h"

enum {
	PATH_LEN = 64,
	FDINFO_MAX = 1 << 20,
	TABLE_MAX = 16 << 20,
};

struct entry {
	struct proc_lock lock;
	size_t held; /* index of the lock it waits for, its own if it is held */
};

/* A lock that the open file of a process's descriptor has. */
struct open_lock {
	struct proc_lock lock;
	pid_t pid;
};

typedef VEC(pid_t) pids;

struct filelocks {
	struct fdscan *scan;
	VEC(struct entry) entries;
	bool searched;
	bool search_cut;
	VEC(struct open_lock) open_locks;
	struct arena arena;
};

void filelocks_free(struct filelocks *locks)
{
	if (!locks)
		return;
	vec_done(&locks->entries);
	vec_done(&locks->open_locks);
	arena_done(&locks->arena);
	free(locks);
}

/* ---- the table ---- */

/* A waiter comes after the lock that it waits for, and has its number. */
static int add_line(struct filelocks *locks, const char *line)
{
	size_t n = locks->entries.n;
	struct entry entry = { .held = n };
	const struct entry *last = n ? &locks->entries.data[n - 1] : NULL;

	if (procparse_lock(line, &entry.lock) < 0)
		return 0;
	if (entry.lock.wait) {
		if (!last || last->lock.id != entry.lock.id)
			return 0;
		entry.held = last->held;
	}
	return vec_push(&locks->entries, entry);
}

static int read_table(struct filelocks *locks, struct buf *text)
{
	char *line, *rest = NULL;

	/* Without the table, or beyond its limit, waiters are not found. */
	if (file_read_whole_at(AT_FDCWD, "/proc/locks", TABLE_MAX, text) == -ENOMEM)
		return -ENOMEM;
	if (!text->len)
		return 0;
	for (line = strtok_r(text->data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (add_line(locks, line) < 0)
			return -ENOMEM;
	return 0;
}

struct filelocks *filelocks_read(struct fdscan *scan)
{
	struct filelocks *locks = calloc(1, sizeof(*locks));
	_cleanup_(buf_done) struct buf text = { 0 };

	if (!locks)
		return NULL;
	locks->scan = scan;
	arena_init(&locks->arena);
	if (read_table(locks, &text) == 0)
		return locks;
	filelocks_free(locks);
	return NULL;
}

/* ---- locks of open files ---- */

/* "lock:\t1: FLOCK  ADVISORY  WRITE 13369 fe:00:10952831 0 EOF" (__show_fd_locks, fs/locks.c) */
static int add_open_locks(struct filelocks *locks, const struct fdscan_fd *fd, char *fdinfo)
{
	static const char prefix[] = "lock:";
	struct open_lock found = { .pid = fd->pid };
	char *line, *rest = NULL;

	for (line = strtok_r(fdinfo, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, prefix, strlen(prefix)) == 0 &&
		    procparse_lock(line + strlen(prefix), &found.lock) == 0 &&
		    vec_push(&locks->open_locks, found) < 0)
			return -ENOMEM;
	return 0;
}

/* Once; bounded like the scan of links. */
static int search_open_locks(struct filelocks *locks)
{
	uint64_t deadline_ns = clock_mono_ns() + FDSCAN_TIME_NS;
	_cleanup_(buf_done) struct buf text = { 0 };
	const struct fdscan_fd *fds;
	size_t n;

	if (locks->searched)
		return 0;
	fds = fdscan_all(locks->scan, FDSCAN_PATH, &n);
	for (size_t i = 0; i < n; i++) {
		if (clock_mono_ns() > deadline_ns) {
			locks->search_cut = true;
			break;
		}
		buf_reset(&text);
		if (fdscan_read_info(locks->scan, &fds[i], &text) == 0 &&
		    add_open_locks(locks, &fds[i], text.data) < 0)
			return -ENOMEM;
	}
	locks->searched = true;
	return 0;
}

static bool is_same_lock(const struct proc_lock *a, const struct proc_lock *b)
{
	return a->kind == b->kind && a->write == b->write && a->pid == b->pid && a->dev == b->dev &&
	       a->inode == b->inode && a->start == b->start && a->end == b->end;
}

/* ---- holders ---- */

static int add_holder(pids *holders, pid_t pid)
{
	size_t at = 0;
	int r;

	while (at < holders->n && holders->data[at] < pid)
		at++;
	if (at < holders->n && holders->data[at] == pid)
		return 0;
	r = vec_push(holders, pid);
	if (r < 0)
		return r;
	memmove(holders->data + at + 1, holders->data + at,
		(holders->n - 1 - at) * sizeof(*holders->data));
	holders->data[at] = pid;
	return 0;
}

static bool saw_all_descriptors(struct filelocks *locks)
{
	const struct fdscan_coverage *coverage = fdscan_coverage(locks->scan);

	/* The costly question last. */
	return !coverage->denied && !coverage->cut && !coverage->hidden && !locks->search_cut &&
	       !fdscan_maybe_in_flight(locks->scan);
}

/* The process that took it, if it is there still. */
static int add_taker(struct filelocks *locks, const struct proc_lock *held, pids *holders,
		     bool *complete)
{
	if (held->pid <= 0 || !fdscan_has_process(locks->scan, held->pid)) {
		*complete = false;
		return 0;
	}
	return add_holder(holders, held->pid);
}

/* Whoever has the open file. Two alike on one file are not told apart: then it is all of both. */
static int add_openers(struct filelocks *locks, const struct proc_lock *held, pids *holders,
		       bool *complete)
{
	bool found = false;

	if (search_open_locks(locks) < 0)
		return -ENOMEM;
	vec_each(open, &locks->open_locks) {
		if (!is_same_lock(&open->lock, held))
			continue;
		found = true;
		if (add_holder(holders, open->pid) < 0)
			return -ENOMEM;
	}
	*complete &= found && saw_all_descriptors(locks);
	/* One whose descriptors we may not read is named by the table at least. */
	return found ? 0 : add_taker(locks, held, holders, complete);
}

static int add_holders(struct filelocks *locks, const struct proc_lock *held, pids *holders,
		       bool *complete)
{
	if (held->kind == LOCK_FLOCK || held->kind == LOCK_OFD)
		return add_openers(locks, held, holders, complete);
	*complete &= held->kind == LOCK_POSIX;
	return add_taker(locks, held, holders, complete);
}

/* ---- waiters ---- */

/* One who waits for a lease has no file of its own, but the lease has. */
static bool fits(const struct filelocks *locks, const struct entry *entry,
		 const struct filelock_query *query)
{
	const struct proc_lock *lock = &entry->lock;
	const struct proc_lock *held = &locks->entries.data[entry->held].lock;

	if (!lock->wait || (query->kinds && !(query->kinds & 1u << lock->kind)))
		return false;
	if ((query->inode && held->inode != query->inode) ||
	    (query->dev && held->dev != query->dev))
		return false;
	/* OFD locks are nobody's: only the file speaks, so kind and file must be known. */
	return lock->pid == query->pid || (lock->kind == LOCK_OFD && query->kinds && query->inode);
}

static int collect(struct filelocks *locks, const struct filelock_query *query, pids *holders,
		   struct filelock_result *ret)
{
	bool found = false;

	ret->complete = true;
	vec_each(entry, &locks->entries) {
		const struct proc_lock *held = &locks->entries.data[entry->held].lock;

		if (!fits(locks, entry, query))
			continue;
		if (!found) {
			ret->wanted = entry->lock;
			ret->held = *held;
		} else if (held->id == ret->held.id) {
			continue;
		} else {
			ret->ambiguous = true;
		}
		found = true;
		if (add_holders(locks, held, holders, &ret->complete) < 0)
			return -ENOMEM;
	}
	return found ? 0 : -ENOENT;
}

/*
 * In a pid namespace of its own the table has no lock whose taker has exited, nor its waiters
 * (locks_show passes over pids that it cannot translate); fdinfo has it.
 */
static int collect_hidden(struct filelocks *locks, const struct filelock_query *query,
			  pids *holders, struct filelock_result *ret)
{
	if (!(query->kinds & 1u << LOCK_FLOCK) || !query->inode)
		return -ENOENT;
	if (search_open_locks(locks) < 0)
		return -ENOMEM;
	vec_each(open, &locks->open_locks) {
		const struct proc_lock *lock = &open->lock;

		if (lock->kind != LOCK_FLOCK || lock->pid || lock->inode != query->inode ||
		    (query->dev && lock->dev != query->dev))
			continue;
		ret->held = *lock;
		if (add_holder(holders, open->pid) < 0)
			return -ENOMEM;
	}
	ret->complete = false;
	return holders->n ? 0 : -ENOENT;
}

int filelocks_find(struct filelocks *locks, const struct filelock_query *query,
		   struct filelock_result *ret)
{
	struct filelock_result result = { 0 };
	pids holders = { 0 };
	int r = collect(locks, query, &holders, &result);

	if (r == -ENOENT)
		r = collect_hidden(locks, query, &holders, &result);
	if (r == 0) {
		result.nholders = holders.n;
		result.holders = arena_memdup(&locks->arena, holders.data,
					      holders.n * sizeof(*holders.data));
		r = result.holders ? 0 : -ENOMEM;
	}
	if (r == 0)
		*ret = result;
	vec_done(&holders);
	return r;
}

/* ---- which file ---- */

static int read_proc(const struct target *target, const char *name, struct buf *ret)
{
	char path[PATH_LEN];
	int r;

	snprintf(path, sizeof(path), "%d/%s", (int)target->anchor, name);
	r = file_read_whole_at(target->task_fd, path, TABLE_MAX, ret);
	return r < 0 ? r : ret->len ? 0 : -ENODATA;
}

/* "36 35 98:0 /root /mnt ...": mount id, its parent's, device in decimal (proc_pid_mountinfo(5)) */
static int find_mount_dev(const char *mountinfo, uint64_t mount, uint64_t *ret)
{
	for (const char *line = mountinfo; line; line = strchr(line, '\n')) {
		unsigned long id;
		unsigned major, minor;

		line += *line == '\n';
		if (sscanf(line, "%lu %*u %u:%u", &id, &major, &minor) == 3 && id == mount) {
			*ret = makedev(major, minor);
			return 0;
		}
	}
	return -ENODATA;
}

int filelocks_locate(const struct target *target, int fd, uint64_t *ret_dev, uint64_t *ret_inode)
{
	_cleanup_(buf_done) struct buf fdinfo = { 0 }, mounts = { 0 };
	uint64_t inode, mount;
	char name[PATH_LEN / 2];
	int r;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	r = read_proc(target, name, &fdinfo);
	if (r < 0)
		return r;
	if (procparse_status_number(fdinfo.data, "ino", 10, &inode) < 0 ||
	    procparse_status_number(fdinfo.data, "mnt_id", 10, &mount) < 0)
		return -ENODATA;
	r = read_proc(target, "mountinfo", &mounts);
	if (r == 0)
		r = find_mount_dev(mounts.data, mount, ret_dev);
	if (r == 0)
		*ret_inode = inode;
	return r;
}
