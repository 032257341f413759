/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procfs.c: one thread's /proc files. Owns one descriptor per thread at most. May run while threads
 * of the target are stopped (procfs_pcount, procfs_relook_call): so it allocates nothing, uses no
 * stdio, and every text lands in a buffer on the stack.
 */
#include "target/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "target/procparse.h"

/* include/linux/sched.h; what PF_USER_WORKER was before 6.4 is long gone */
enum {
	TASK_IS_IO_WORKER = 0x10,
	TASK_IS_USER_WORKER = 0x4000,
};

enum {
	SPARE_FDS = 64, /* kept free for ELF files, maps and output */
	TEXT_MAX = 512, /* stat is about 350 bytes at most, all numbers at full length */
	STATUS_MAX = 4096,
	SCHED_MAX = 1024, /* exec_start stands in the third line of sched */
	PATH_LEN = 32,    /* "4194304/schedstat" */
};

/* "TID/file"; snprintf is not async-signal-safe. */
static void task_path(char path[PATH_LEN], pid_t tid, const char *file)
{
	char digits[12];
	size_t n = 0;
	char *p = path;

	do {
		digits[n++] = (char)('0' + tid % 10);
		tid /= 10;
	} while (tid > 0);
	while (n)
		*p++ = digits[--n];
	*p++ = '/';
	stpcpy(p, file);
}

static ssize_t read_task(const struct target *target, pid_t tid, const char *file, char *text,
			 size_t len)
{
	char path[PATH_LEN];

	task_path(path, tid, file);
	return file_read_at(target->task_fd, path, text, len);
}

/* ENOENT: it was gone before the open; ESRCH: between open and read. */
static bool is_vanished(ssize_t r)
{
	return r == -ENOENT || r == -ESRCH;
}

int procfs_thread_open(const struct target *target, pid_t tid, struct procfs_thread *ret)
{
	struct rlimit limit;
	char path[PATH_LEN];
	int fd;

	task_path(path, tid, "schedstat");
	fd = openat(target->task_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != EMFILE && errno != ENFILE)
		return -errno;
	if (fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    (rlim_t)fd + SPARE_FDS >= limit.rlim_cur) {
		close(fd);
		fd = -1;
	}
	*ret = (struct procfs_thread){ .tid = tid, .schedstat_fd = fd };
	return 0;
}

void procfs_thread_close(struct procfs_thread *thread)
{
	if (thread->schedstat_fd >= 0)
		close(thread->schedstat_fd);
	thread->schedstat_fd = -1;
}

static int read_schedstat(const struct target *target, const struct procfs_thread *thread,
			  struct look *look)
{
	char text[TEXT_MAX];
	ssize_t n;

	if (thread->schedstat_fd >= 0)
		n = file_pread(thread->schedstat_fd, text, sizeof(text));
	else
		n = read_task(target, thread->tid, "schedstat", text, sizeof(text));
	return n < 0 ? (int)n : procparse_schedstat(text, look);
}

/* State, CPU and name; state 0 if the thread is gone. */
static int read_stat(const struct target *target, struct look *look)
{
	struct proc_stat stat;
	char text[TEXT_MAX];
	ssize_t n = read_task(target, look->tid, "stat", text, sizeof(text));

	if (is_vanished(n)) {
		look->state = 0;
		return 0;
	}
	if (n < 0)
		return (int)n;
	if (procparse_stat(text, &stat) < 0)
		return -EINVAL;
	look->state = stat.state;
	look->cpu = stat.cpu;
	look->start_time = stat.start_time;
	if (stat.flags & (TASK_IS_IO_WORKER | TASK_IS_USER_WORKER))
		look->worker = stat.flags & TASK_IS_IO_WORKER ? WORKER_IO_URING : WORKER_OTHER;
	memcpy(look->comm, stat.comm, sizeof(look->comm));
	return 0;
}

static void read_syscall(const struct target *target, struct look *look)
{
	char text[TEXT_MAX];

	look->call = CALL_UNREADABLE;
	if (read_task(target, look->tid, "syscall", text, sizeof(text)) > 0)
		procparse_syscall(text, look);
}

static bool is_asleep(char state)
{
	return state == 'S' || state == 'D' || state == 'I';
}

/* "0": it is not asleep, or we may not know (proc_pid_wchan). */
void procfs_wchan(const struct target *target, struct look *look)
{
	ssize_t n;

	look->wchan[0] = '\0';
	if (!is_asleep(look->state))
		return;
	n = read_task(target, look->tid, "wchan", look->wchan, sizeof(look->wchan));

	if (n <= 0 || strcmp(look->wchan, "0") == 0)
		look->wchan[0] = '\0';
}

static void read_exec_start(const struct target *target, struct look *look)
{
	char text[SCHED_MAX];

	look->exec_start_ns = 0;
	if (read_task(target, look->tid, "sched", text, sizeof(text)) > 0)
		procparse_exec_start(text, &look->exec_start_ns);
}

/* The first three files, in the order that makes pcount a witness for what follows it. */
static int read_run_state(const struct target *target, const struct procfs_thread *thread,
			  struct look *look)
{
	int r = read_schedstat(target, thread, look);

	look->at_ns = clock_mono_ns();
	if (r < 0)
		look->sched_known = false;
	r = read_stat(target, look);
	look->call = CALL_UNREADABLE;
	if (r == 0 && look->worker)
		look->call = is_asleep(look->state) ? CALL_NONE : CALL_RUNNING;
	else if (r == 0 && look->state != 0)
		read_syscall(target, look);
	return r;
}

int procfs_look(const struct target *target, const struct procfs_thread *thread, struct look *ret)
{
	struct look look = { .tid = thread->tid, .cpu = -1 };
	int r = read_run_state(target, thread, &look);

	if (r < 0)
		return r;
	procfs_wchan(target, &look);
	if (is_asleep(look.state))
		read_exec_start(target, &look);
	*ret = look;
	return 0;
}

int procfs_relook_call(const struct target *target, const struct procfs_thread *thread,
		       struct look *look)
{
	struct look new = *look;
	int r = read_run_state(target, thread, &new);

	if (r < 0)
		return r;
	if (!new.sched_known || new.pcount != look->pcount) {
		new.wchan[0] = '\0';
		new.exec_start_ns = 0;
	}
	*look = new;
	return 0;
}

void procfs_call(const struct target *target, struct look *look)
{
	look->wchan[0] = '\0';
	read_syscall(target, look);
	if (look->call == CALL_RUNNING)
		look->state = 'R';
	else if (read_stat(target, look) == 0)
		procfs_wchan(target, look);
}

bool procfs_is_filtered(const struct target *target, pid_t tid)
{
	char text[STATUS_MAX];
	uint64_t mode;

	return read_task(target, tid, "status", text, sizeof(text)) <= 0 ||
	       procparse_status_number(text, "Seccomp", 10, &mode) < 0 || mode != 0;
}

int procfs_habits(const struct target *target, pid_t tid, struct procfs_habits *ret)
{
	struct procfs_habits habits;
	struct proc_stat stat;
	char text[TEXT_MAX];
	ssize_t n = read_task(target, tid, "stat", text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (procparse_stat(text, &stat) < 0)
		return -EINVAL;
	habits.user_ticks = stat.user_ticks;
	habits.kernel_ticks = stat.kernel_ticks;
	n = procfs_voluntary(target, tid, &habits.voluntary);
	if (n == 0)
		*ret = habits;
	return (int)n;
}

int procfs_pcount(const struct target *target, const struct procfs_thread *thread, uint64_t *ret)
{
	struct look look;
	int r = read_schedstat(target, thread, &look);

	if (r < 0)
		return r;
	*ret = look.pcount;
	return 0;
}

int procfs_schedstat(const struct target *target, const struct procfs_thread *thread,
		     struct look *look)
{
	int r = read_schedstat(target, thread, look);

	look->at_ns = clock_mono_ns();
	return r == 0 && !look->sched_known ? -ENODATA : r;
}

int procfs_voluntary(const struct target *target, pid_t tid, uint64_t *ret)
{
	char text[STATUS_MAX];
	ssize_t n = read_task(target, tid, "status", text, sizeof(text));

	return n < 0 ? (int)n : procparse_status_number(text, "voluntary_ctxt_switches", 10, ret);
}
