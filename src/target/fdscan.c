/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdscan.c: /proc, all processes, their fd directories. Owns the sorted list of what it found. Only
 * reads links and fdinfo, so that nothing can block: what a descriptor refers to is never opened.
 * A process that vanishes meanwhile has no descriptors; one that we may not read is counted.
 */
#include "target/fdscan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/vec.h"
#include "target/procparse.h"

enum {
	PATH_LEN = 64,
	FDINFO_MAX = 1 << 20,
	STAT_MAX = 1024,
	PF_KTHREAD = 0x00200000,
};

struct fdscan {
	int proc_fd;
	uint64_t max_ns;
	size_t max_fds;
	uint64_t deadline_ns;
	bool done;
	bool asked_in_flight, maybe_in_flight;
	VEC(struct fdscan_fd) fds;
	struct fdscan_coverage coverage;
	struct buf text; /* fdinfo at hand */
};

struct fdscan *fdscan_new(uint64_t max_ns, size_t max_fds)
{
	struct fdscan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scan->max_ns = max_ns;
	scan->max_fds = max_fds;
	return scan;
}

void fdscan_free(struct fdscan *scan)
{
	if (!scan)
		return;
	close_p(&scan->proc_fd);
	vec_done(&scan->fds);
	buf_done(&scan->text);
	free(scan);
}

/* ---- links ---- */

/* FNV-1a */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

/* "pipe:[77]" */
static bool parse_bracketed(const char *link, const char *prefix, uint64_t *ret)
{
	size_t len = strlen(prefix);
	char *end;

	if (strncmp(link, prefix, len) != 0 || !isdigit((unsigned char)link[len]))
		return false;
	*ret = strtoull(link + len, &end, 10);
	return strcmp(end, "]") == 0;
}

bool fdscan_parse_link(const char *link, enum fdscan_kind *ret_kind, uint64_t *ret_key)
{
	*ret_key = 0;
	if (parse_bracketed(link, "pipe:[", ret_key)) {
		*ret_kind = FDSCAN_PIPE;
	} else if (parse_bracketed(link, "socket:[", ret_key)) {
		*ret_kind = FDSCAN_SOCKET;
	} else if (strcmp(link, "anon_inode:[eventfd]") == 0) {
		*ret_kind = FDSCAN_EVENTFD;
	} else if (link[0] == '/') {
		*ret_kind = FDSCAN_PATH;
		*ret_key = hash_text(link);
	} else {
		return false;
	}
	return true;
}

uint64_t fdscan_eventfd_key(const char *fdinfo)
{
	uint64_t id;

	/* Ids count from 0 (eventfd_ida). */
	return procparse_status_number(fdinfo, "eventfd-id", 10, &id) == 0 ? id + 1 : 0;
}

int fdscan_read_info(const struct fdscan *scan, const struct fdscan_fd *fd, struct buf *ret)
{
	char path[PATH_LEN];
	int r;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)fd->via, fd->fd);
	r = file_read_whole_at(scan->proc_fd, path, FDINFO_MAX, ret);
	return r < 0 ? r : ret->len ? 0 : -ENODATA;
}

static const char *read_info(struct fdscan *scan, const struct fdscan_fd *fd)
{
	buf_reset(&scan->text);
	return fdscan_read_info(scan, fd, &scan->text) == 0 ? scan->text.data : "";
}

/* 0, or a negative errno; -ENOTSUP for a kind that is not followed. */
static int read_link(const struct fdscan *scan, struct fdscan_fd *fd)
{
	char path[PATH_LEN], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/fd/%d", (int)fd->via, fd->fd);
	n = readlinkat(scan->proc_fd, path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	return fdscan_parse_link(link, &fd->kind, &fd->key) ? 0 : -ENOTSUP;
}

bool fdscan_is_open(const struct fdscan *scan, const struct fdscan_fd *fd)
{
	struct fdscan_fd now = *fd;

	return read_link(scan, &now) == 0 && now.kind == fd->kind &&
	       (now.kind == FDSCAN_EVENTFD || now.key == fd->key);
}

/* ---- one process ---- */

static bool is_over(struct fdscan *scan)
{
	if (scan->coverage.descriptors >= scan->max_fds || clock_mono_ns() > scan->deadline_ns)
		scan->coverage.cut = true;
	return scan->coverage.cut;
}

/* 0 or a negative errno; a descriptor that was closed meanwhile is none. */
static int scan_fd(struct fdscan *scan, pid_t pid, pid_t via, int fd)
{
	struct fdscan_fd found = { .pid = pid, .via = via, .fd = fd };
	int r = read_link(scan, &found);

	if (r == -EACCES || r == -EPERM)
		return -EACCES;
	scan->coverage.descriptors++;
	if (r < 0)
		return 0;
	if (found.kind == FDSCAN_EVENTFD)
		found.key = fdscan_eventfd_key(read_info(scan, &found));
	return vec_push(&scan->fds, found);
}

/* The number that a name is; -1 for any other. */
static int name_number(const char *name)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)name[0]))
		return -1;
	n = strtol(name, &end, 10);
	return *end || n > INT_MAX ? -1 : (int)n;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static DIR *open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

/* How many descriptors there were, or a negative errno. */
static int scan_table(struct fdscan *scan, pid_t pid, pid_t via)
{
	_cleanup_(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_LEN];
	int n = 0;

	snprintf(path, sizeof(path), "%d/fd", (int)via);
	dir = open_dir(scan->proc_fd, path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && !is_over(scan)) {
		int fd = name_number(entry->d_name), r;

		if (fd < 0)
			continue;
		r = scan_fd(scan, pid, via, fd);
		if (r < 0)
			return r;
		n++;
	}
	return n;
}

/* After the leader's exit its directory is empty; those of the other threads are not. */
static int scan_other_thread(struct fdscan *scan, pid_t pid)
{
	_cleanup_(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_LEN];
	int r = 0;

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	dir = open_dir(scan->proc_fd, path);
	if (!dir)
		return 0;
	while (r == 0 && (entry = readdir(dir))) {
		int tid = name_number(entry->d_name);

		if (tid > 0 && tid != pid)
			r = scan_table(scan, pid, tid);
	}
	return r;
}

static int read_stat(const struct fdscan *scan, pid_t pid, struct proc_stat *ret)
{
	char path[PATH_LEN], text[STAT_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	n = file_read_at(scan->proc_fd, path, text, sizeof(text));
	return n < 0 ? (int)n : procparse_stat(text, ret);
}

/* Kernel threads and most zombies have no descriptors, whatever reading them said (r). */
static int scan_empty(struct fdscan *scan, pid_t pid, int r)
{
	struct proc_stat stat;
	int error = read_stat(scan, pid, &stat);

	if (error < 0)
		return error == -ENOENT || error == -ESRCH ? 0 : r;
	if (stat.flags & PF_KTHREAD) {
		scan->coverage.processes--;
		return 0;
	}
	return stat.state == 'Z' ? scan_other_thread(scan, pid) : r;
}

/* 0 or -ENOMEM */
static int scan_process(struct fdscan *scan, pid_t pid)
{
	int r = scan_table(scan, pid, pid);

	scan->coverage.processes++;
	if (r == 0 || r == -EACCES || r == -EPERM)
		r = scan_empty(scan, pid, r);
	/* init keeps no end of others' pipes and connections, and is often denied even to root */
	if (r < 0 && r != -ENOMEM && r != -ENOENT && r != -ESRCH && pid != 1)
		scan->coverage.denied++;
	return r == -ENOMEM ? r : 0;
}

/* ---- all of them ---- */

static int compare_fds(const void *a_p, const void *b_p)
{
	const struct fdscan_fd *a = a_p, *b = b_p;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->fd > b->fd) - (a->fd < b->fd);
}

/*
 * In another pid namespace than the first one processes outside are not in /proc; with hidepid=2
 * those of others are not, among them the first (Documentation/filesystems/proc.rst).
 */
static bool is_hiding(const struct fdscan *scan)
{
	/* PROC_PID_INIT_INO of include/linux/proc_ns.h, 0xeffffffc */
	static const char initial[] = "pid:[4026531836]";
	char link[PATH_LEN] = "";

	return readlinkat(scan->proc_fd, "self/ns/pid", link, sizeof(link) - 1) < 0 ||
	       strcmp(link, initial) != 0 || faccessat(scan->proc_fd, "1", F_OK, 0) < 0;
}

static int scan_processes(struct fdscan *scan)
{
	_cleanup_(close_dir) DIR *dir = open_dir(scan->proc_fd, ".");
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && !is_over(scan)) {
		int pid = name_number(entry->d_name);

		/* what we have inherited we neither read nor write */
		if (pid > 0 && pid != getpid() && scan_process(scan, pid) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void run_once(struct fdscan *scan)
{
	uint64_t start_ns = clock_mono_ns();

	if (scan->done)
		return;
	scan->done = true;
	scan->deadline_ns = start_ns + scan->max_ns;
	scan->coverage.hidden = is_hiding(scan);
	if (scan_processes(scan) < 0)
		scan->coverage.cut = true;
	if (scan->fds.n)
		qsort(scan->fds.data, scan->fds.n, sizeof(*scan->fds.data), compare_fds);
	scan->coverage.took_ns = clock_mono_ns() - start_ns;
}

const struct fdscan_coverage *fdscan_coverage(struct fdscan *scan)
{
	run_once(scan);
	return &scan->coverage;
}

/* ---- questions ---- */

/* The first that is not before (kind, key). */
static size_t lower_bound(const struct fdscan *scan, enum fdscan_kind kind, uint64_t key)
{
	size_t low = 0, high = scan->fds.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct fdscan_fd *fd = &scan->fds.data[middle];

		if (fd->kind < kind || (fd->kind == kind && fd->key < key))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct fdscan_fd *fdscan_find(struct fdscan *scan, enum fdscan_kind kind, uint64_t key,
				    size_t *ret_n)
{
	size_t first, n = 0;

	run_once(scan);
	first = lower_bound(scan, kind, key);
	while (first + n < scan->fds.n && scan->fds.data[first + n].kind == kind &&
	       scan->fds.data[first + n].key == key)
		n++;
	*ret_n = n;
	return n ? &scan->fds.data[first] : NULL;
}

const struct fdscan_fd *fdscan_all(struct fdscan *scan, enum fdscan_kind kind, size_t *ret_n)
{
	size_t first, end;

	run_once(scan);
	first = lower_bound(scan, kind, 0);
	end = lower_bound(scan, kind + 1, 0);
	*ret_n = end - first;
	return end > first ? &scan->fds.data[first] : NULL;
}

/* One descriptor for each socket: they all have the same queue. */
static bool may_carry(struct fdscan *scan)
{
	size_t n;
	const struct fdscan_fd *sockets = fdscan_all(scan, FDSCAN_SOCKET, &n);
	uint64_t deadline_ns = clock_mono_ns() + scan->max_ns, carried;

	for (size_t i = 0; i < n; i++) {
		if (i && sockets[i].key == sockets[i - 1].key)
			continue;
		if (procparse_status_number(read_info(scan, &sockets[i]), "scm_fds", 10,
					    &carried) == 0 &&
		    carried)
			return true;
		if (clock_mono_ns() > deadline_ns)
			return true;
	}
	return false;
}

bool fdscan_maybe_in_flight(struct fdscan *scan)
{
	if (!scan->asked_in_flight)
		scan->maybe_in_flight = may_carry(scan);
	scan->asked_in_flight = true;
	return scan->maybe_in_flight;
}

void fdscan_read_comm(const struct fdscan *scan, pid_t pid, char ret[FDSCAN_COMM_MAX])
{
	char path[PATH_LEN];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/comm", (int)pid);
	n = file_read_at(scan->proc_fd, path, ret, FDSCAN_COMM_MAX);
	/* The newline is the kernel's, one before it the process's own. */
	ret[n > 0 ? n - 1 : 0] = '\0';
}

bool fdscan_has_process(const struct fdscan *scan, pid_t pid)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%d", (int)pid);
	return faccessat(scan->proc_fd, path, F_OK, 0) == 0;
}
