/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.c: one process's identity, its /proc directory and its memory. Owns five descriptors. All
 * files are read through the directory opened first, which dies with the process; only
 * process_vm_readv takes a number, so callers ask target_alive after it before they trust the
 * bytes. Never attaches, never writes to the process. target_readv may run while threads are
 * stopped.
 */
#include "target/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "target/maps.h"
#include "target/procparse.h"

#define TASK_IS_KTHREAD 0x00200000u /* PF_KTHREAD, include/linux/sched.h */

#if defined(__x86_64__)
static const char our_machine[] = "x86-64";
#else
static const char our_machine[] = "aarch64";
#endif

enum {
	STAT_MAX = 1024,
	TRACER_TRIES = 20,
	STATUS_MAX = 8192, /* about 1.5 KiB, more with long Groups and Mems_allowed lines */
	PATH_LEN = 64,
	MAPS_MAX = 64 << 20, /* 65530 mappings (vm.max_map_count) need about 8 MiB */
	CMDLINE_MAX = 1 << 20,
};

static const char *task_path(char path[PATH_LEN], pid_t tid, const char *file)
{
	snprintf(path, PATH_LEN, "%d/%s", (int)tid, file);
	return path;
}

static int read_stat(int dirfd, const char *path, struct proc_stat *ret)
{
	char text[STAT_MAX];
	ssize_t n = file_read_at(dirfd, path, text, sizeof(text));

	return n < 0 ? (int)n : procparse_stat(text, ret);
}

static int read_task_stat(const struct target *target, pid_t tid, struct proc_stat *ret)
{
	char path[PATH_LEN];

	return read_stat(target->task_fd, task_path(path, tid, "stat"), ret);
}

static bool is_dead(char state)
{
	return state == 'Z' || state == 'X';
}

/* ---- threads ---- */

static int compare_tids(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A descriptor of its own: the position in a directory belongs to the open file. */
static DIR *open_task_dir(int proc_fd)
{
	int fd = openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return dir;
}

/* 0 or a negative errno; readdir gives -ENOENT or -ESRCH when the process ends meanwhile. */
static int list_tids(int proc_fd, struct tids *ret)
{
	_cleanup_(close_dir) DIR *dir = open_task_dir(proc_fd);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	ret->tid.n = 0;
	while ((errno = 0, entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0 && vec_push(&ret->tid, tid) < 0)
			return -ENOMEM;
	}
	if (errno)
		return -errno;
	if (ret->tid.n)
		qsort(ret->tid.data, ret->tid.n, sizeof(pid_t), compare_tids);
	return 0;
}

static int gone(const struct target *target, struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_GONE, ESRCH, "process %d has ended", (int)target->pid);
}

int target_list(const struct target *target, struct tids *ret, struct ss_error *err)
{
	int r = list_tids(target->proc_fd, ret);

	if (r == -ENOMEM)
		return ss_error_oom(err);
	if (r == -ENOENT || r == -ESRCH || (r == 0 && ret->tid.n == 0))
		return gone(target, err);
	if (r < 0)
		return ss_error_sys(err, -r, "cannot list the threads of process %d",
				    (int)target->pid);
	return 0;
}

size_t target_count(const struct target *target)
{
	struct stat st;

	/* proc_task_getattr() (fs/proc/base.c): a link for each, beside "." and ".." */
	return fstat(target->task_fd, &st) == 0 && st.st_nlink > 2 ? st.st_nlink - 2 : 0;
}

/*
 * The leader while it lives, else any live thread: a leader that has exited has no memory map, no
 * descriptors and no root in /proc, while its threads run on. *ret keeps the thread's stat. 0,
 * -ESRCH if nobody lives, or another negative errno.
 */
static int find_live_thread(const struct target *target, struct proc_stat *ret)
{
	struct tids tids = { 0 };
	struct proc_stat stat;
	int r;

	if (read_task_stat(target, target->pid, &stat) == 0 && !is_dead(stat.state)) {
		*ret = stat;
		return 0;
	}
	r = list_tids(target->proc_fd, &tids);
	if (r == 0)
		r = -ESRCH;
	for (size_t i = 0; r == -ESRCH && i < tids.tid.n; i++) {
		if (read_task_stat(target, tids.tid.data[i], &stat) == 0 && !is_dead(stat.state)) {
			*ret = stat;
			r = 0;
		}
	}
	vec_done(&tids.tid);
	return r == -ENOENT ? -ESRCH : r;
}

/* ---- opening ---- */

static int no_process(pid_t pid, struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_NO_PROCESS, ESRCH, "no such process: %d", (int)pid);
}

/* A file of /proc/PID could not be read, for r: that the process has gone is one reason of several. */
static int cannot_read(const struct target *target, const char *file, ssize_t r,
		       struct ss_error *err)
{
	if (r == -ENOENT || r == -ESRCH)
		return no_process(target->pid, err);
	return ss_error_sys(err, (int)-r, "cannot read /proc/%d/%s", (int)target->pid, file);
}

static int open_proc_dirs(struct target *target, struct ss_error *err)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d", (int)target->pid);
	target->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target->proc_fd < 0 && errno == ENOENT)
		return no_process(target->pid, err);
	if (target->proc_fd < 0)
		return ss_error_sys(err, errno, "cannot open %s", path);
	target->task_fd = openat(target->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target->task_fd < 0 && (errno == ENOENT || errno == ESRCH))
		return no_process(target->pid, err);
	if (target->task_fd < 0)
		return ss_error_sys(err, errno, "cannot open %s/task", path);
	return 0;
}

#define TRACER_NAP_NS (2 * NS_PER_MS)

/* A debugger stays. Another stacksnap holds a thread for some microseconds: that is no tracer. */
static pid_t await_tracer(const struct target *target, uint64_t tracer)
{
	char text[STATUS_MAX];

	for (unsigned i = 0; tracer && i < TRACER_TRIES; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = TRACER_NAP_NS }, NULL);
		if (file_read_at(target->proc_fd, "status", text, sizeof(text)) < 0 ||
		    procparse_status_number(text, "TracerPid", 10, &tracer) < 0)
			break;
	}
	return (pid_t)tracer;
}

static int check_status(struct target *target, struct ss_error *err)
{
	char text[STATUS_MAX];
	uint64_t tgid, tracer;
	ssize_t n = file_read_at(target->proc_fd, "status", text, sizeof(text));

	if (n < 0)
		return cannot_read(target, "status", n, err);
	if (procparse_status_number(text, "Tgid", 10, &tgid) < 0 ||
	    procparse_status_number(text, "TracerPid", 10, &tracer) < 0)
		return no_process(target->pid, err);
	if (tgid != (uint64_t)target->pid)
		return ss_error_set(err, SS_ERR_NO_PROCESS, ESRCH, "%d is a thread of process %d",
				    (int)target->pid, (int)tgid);
	target->tracer = await_tracer(target, tracer);
	return 0;
}

static int check_stat(struct target *target, struct ss_error *err)
{
	struct proc_stat stat;
	int r = read_stat(target->proc_fd, "stat", &stat);

	if (r < 0)
		return cannot_read(target, "stat", r, err);
	memcpy(target->comm, stat.comm, sizeof(target->comm));
	target->start_time = stat.start_time;
	if (stat.flags & TASK_IS_KTHREAD)
		return ss_error_set(err, SS_ERR_KERNEL_THREAD, EINVAL,
				    "process %d (%s) is a kernel thread", (int)target->pid,
				    stat.comm);
	return 0;
}

static void close_memory(struct target *target)
{
	present_close(&target->present);
	close_p(&target->mem_fd);
	target->mem_fd = -1;
}

/* What is open here stays that of the memory which the process had at that moment. */
static void open_memory(struct target *target)
{
	char path[PATH_LEN];

	present_open(&target->present, target->task_fd, target->anchor);
	target->mem_fd = openat(target->task_fd, task_path(path, target->anchor, "mem"),
				O_RDONLY | O_CLOEXEC);
}

static void take_anchor(struct target *target, const struct proc_stat *stat)
{
	target->anchor = stat->pid;
	target->start_stack = stat->start_stack;
	close_memory(target);
	open_memory(target);
}

static int choose_anchor(struct target *target, struct ss_error *err)
{
	struct proc_stat stat;
	int r = find_live_thread(target, &stat);

	if (r == -ESRCH)
		return ss_error_set(err, SS_ERR_ZOMBIE, ESRCH, "process %d (%s) is a zombie",
				    (int)target->pid, target->comm);
	if (r < 0)
		return ss_error_sys(err, -r, "cannot list the threads of process %d",
				    (int)target->pid);
	take_anchor(target, &stat);
	return 0;
}

/*
 * Reading syscall asks the kernel for the very permission that ptrace would need
 * (PTRACE_MODE_ATTACH_FSCREDS in lock_trace) and touches nothing. ENOENT: a kernel without
 * CONFIG_HAVE_ARCH_TRACEHOOK, or the anchor has just ended.
 */
static int check_permission(const struct target *target, struct ss_error *err)
{
	char path[PATH_LEN], text[256];
	ssize_t n = file_read_at(target->task_fd, task_path(path, target->anchor, "syscall"), text,
				 sizeof(text));

	if (n >= 0)
		return 0;
	if (n == -EPERM || n == -EACCES)
		return target_explain_denied(target->pid, "cannot look into it", err);
	if (n == -ESRCH)
		return gone(target, err);
	return ss_error_sys(err, (int)-n, "cannot read /proc/%d/task/%d/syscall", (int)target->pid,
			    (int)target->anchor);
}

/*
 * The auxiliary vector tells how wide the process is, and no file has to be opened, which might be on
 * a dead file server: of two 32-bit words the second is no 0 for AT_SYSINFO_EHDR, AT_HWCAP or
 * AT_PHDR, whichever comes first. The kernel runs programs of other machines through an interpreter
 * that is one of ours. A process that is in the middle of exec has none, and is let through.
 */
static int check_machine(const struct target *target, struct ss_error *err)
{
	char path[PATH_LEN];
	uint64_t first[4];
	ssize_t n = file_read_at(target->task_fd, task_path(path, target->anchor, "auxv"),
				 (char *)first, sizeof(first));

	if (n < (ssize_t)sizeof(first) - 1 || (first[0] <= UINT32_MAX && first[2] <= UINT32_MAX))
		return 0;
	return ss_error_set(err, SS_ERR_ARCH, ENOEXEC,
			    "process %d (%s) runs a 32-bit program, this stacksnap is for %s",
			    (int)target->pid, target->comm, our_machine);
}

/*
 * The pid may have been recycled between the two opens; if /proc/PID still answers afterwards, it
 * had not been when the pidfd was made.
 */
static int open_pidfd(struct target *target, struct ss_error *err)
{
#ifdef SYS_pidfd_open
	target->pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
	if (target->pidfd < 0 && errno == ESRCH)
		return no_process(target->pid, err);
#endif
	return check_stat(target, err);
}

static int open_steps(struct target *target, struct ss_error *err)
{
	static int (*const steps[])(struct target *, struct ss_error *) = {
		open_proc_dirs,
		check_status,
		open_pidfd,
		choose_anchor,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](target, err);
	if (r == 0)
		r = check_permission(target, err);
	return r == 0 ? check_machine(target, err) : r;
}

int target_open(pid_t pid, struct target *ret, struct ss_error *err)
{
	struct target target = TARGET_NONE;
	int r;

	if (pid <= 0)
		return ss_error_set(err, SS_ERR_NO_PROCESS, ESRCH, "%d is no pid", (int)pid);
	if (!target_proc_is_ours())
		return ss_error_set(
			err, SS_ERR_NO_PROCESS, ESRCH,
			"/proc shows another pid namespace, where %d is another process", (int)pid);
	target.pid = pid;
	r = open_steps(&target, err);
	if (r < 0)
		target_close(&target);
	else
		*ret = target;
	return r;
}

void target_close(struct target *target)
{
	close_memory(target);
	close_p(&target->task_fd);
	close_p(&target->proc_fd);
	close_p(&target->pidfd);
	target->task_fd = target->proc_fd = target->pidfd = -1;
}

/* ---- life ---- */

bool target_alive(const struct target *target)
{
	/* Readable once the last thread of the process has exited (pidfd_poll, Linux 5.3). */
	struct pollfd poller = { .fd = target->pidfd, .events = POLLIN };
	struct proc_stat stat;

	if (target->pidfd >= 0)
		return poll(&poller, 1, 0) == 0;
	return find_live_thread(target, &stat) != -ESRCH;
}

/*
 * exec gives the process a new stack, placed at random. The thread that called exec becomes the
 * leader, so the leader is asked; its memory is gone (0) if it has exited and others run on. Its own
 * file: for that of the process the kernel adds up all threads (do_task_stat).
 */
static bool has_another_stack(const struct target *target, const struct proc_stat *leader)
{
	return leader->start_stack != 0 && target->start_stack != 0 &&
	       leader->start_stack != target->start_stack;
}

enum target_change target_changed(const struct target *target)
{
	struct proc_stat stat;
	bool lives = read_task_stat(target, target->pid, &stat) == 0 && !is_dead(stat.state);

	if (lives && has_another_stack(target, &stat))
		return TARGET_EXECED;
	if (target->anchor != target->pid)
		lives = read_task_stat(target, target->anchor, &stat) == 0 && !is_dead(stat.state);
	return lives ? TARGET_SAME : TARGET_ANCHOR_ENDED;
}

bool target_did_exec(const struct target *target)
{
	return target_changed(target) == TARGET_EXECED;
}

int target_refresh(struct target *target, struct ss_error *err)
{
	struct proc_stat live, leader;
	int r = find_live_thread(target, &live);

	if (r == -ENOMEM)
		return ss_error_oom(err);
	if (r == 0)
		r = read_stat(target->proc_fd, "stat", &leader);
	if (r == -ESRCH || r == -ENOENT)
		return gone(target, err);
	if (r < 0)
		return cannot_read(target, "stat", r, err);
	take_anchor(target, &live);
	memcpy(target->comm, leader.comm, sizeof(target->comm));
	return 0;
}

/* ---- memory ---- */

bool tids_contain(const struct tids *tids, pid_t tid)
{
	size_t low = 0, high = tids->tid.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (tids->tid.data[mid] == tid)
			return true;
		if (tids->tid.data[mid] < tid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* The link's text is our pid in the namespace that /proc was mounted for. */
bool target_proc_is_ours(void)
{
	char text[32];
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strtol(text, NULL, 10) == getpid();
}

bool target_shares_pidns(const struct target *target)
{
	struct stat theirs, ours;

	return fstatat(target->proc_fd, "ns/pid", &theirs, 0) == 0 &&
	       stat("/proc/self/ns/pid", &ours) == 0 && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}

int target_read_maps(const struct target *target, struct maps *ret, struct ss_error *err)
{
	char path[PATH_LEN];
	int r;

	buf_reset(&ret->text);
	r = file_read_whole_at(target->task_fd, task_path(path, target->anchor, "maps"), MAPS_MAX,
			       &ret->text);
	/* a thread that has ended has an empty file: it has no memory any more */
	if (r == -ENOENT || r == -ESRCH || (r == 0 && ret->text.len == 0))
		return gone(target, err);
	if (r == -EACCES || r == -EPERM)
		return target_explain_denied(target->pid, "cannot read its mappings", err);
	if (r == 0)
		r = maps_parse(ret, ret->text.data ? ret->text.data : "", ret->text.len);
	if (r < 0)
		return ss_error_sys(err, -r, "cannot read the mappings of process %d",
				    (int)target->pid);
	return 0;
}

ssize_t target_readv(const struct target *target, const struct iovec *local, size_t nlocal,
		     const struct iovec *remote, size_t nremote)
{
	ssize_t n =
		syscall(SYS_process_vm_readv, target->anchor, local, nlocal, remote, nremote, 0ul);

	return n < 0 ? -errno : n;
}

/*
 * Through the file mem, which at a page that userfaultfd waits for fails at once, where
 * process_vm_readv waits for ever: access_remote_vm() gives the fault handler no way to let go of the
 * memory's lock, and without that handle_userfault() does not wait (mm/memory.c, fs/userfaultfd.c).
 * So a page that goes between present_find and here costs an error. One of a file is read from it
 * again: the page cache would have to drop it within these microseconds.
 */
ssize_t target_pread(const struct target *target, uint64_t addr, void *data, size_t len)
{
	struct iovec local = { .iov_base = data, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n;

	if (target->mem_fd < 0)
		return target_readv(target, &local, 1, &remote, 1);
	n = pread(target->mem_fd, data, len, (off_t)addr);
	return n < 0 ? -errno : n;
}

ssize_t target_read(const struct target *target, uint64_t addr, void *data, size_t len)
{
	struct present_range range = { .start = addr, .want = addr, .end = addr + len };

	if (range.end < addr)
		return -EFAULT;
	if (present_find(&target->present, &range, 1) < 0)
		return target_pread(target, addr, data, len);
	return range.from < range.to ? target_pread(target, addr, data, range.to - addr) : -EFAULT;
}

/* ---- what it runs ---- */

void target_read_exe(const struct target *target, struct buf *buf)
{
	static const char mark[] = " (deleted)";
	size_t mark_len = sizeof(mark) - 1;
	char path[PATH_LEN], exe[PATH_MAX];
	ssize_t n = readlinkat(target->task_fd, task_path(path, target->anchor, "exe"), exe,
			       sizeof(exe));

	if (n <= 0)
		return;
	if ((size_t)n > mark_len && memcmp(exe + n - mark_len, mark, mark_len) == 0)
		n -= (ssize_t)mark_len;
	buf_add(buf, exe, (size_t)n);
}

void target_read_cmdline(const struct target *target, struct buf *buf)
{
	size_t start = buf->len;
	char path[PATH_LEN];

	if (file_read_whole_at(target->task_fd, task_path(path, target->anchor, "cmdline"),
			       CMDLINE_MAX, buf) < 0 ||
	    buf->failed)
		return;
	while (buf->len > start && buf->data[buf->len - 1] == '\0')
		buf->len--;
	for (size_t i = start; i < buf->len; i++) {
		if (buf->data[i] == '\0')
			buf->data[i] = ' ';
	}
}
