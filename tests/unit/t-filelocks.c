/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-filelocks.c: who holds the lock that a child waits for, for every kind of file lock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "target/filelocks.h"

enum { TRIES = 2000, TRY_US = 2000 };

#define ONLY(kind) (1u << (kind))

/* ---- children on one file ---- */

struct file {
	char path[64];
	uint64_t inode;
};

static struct file make_file(void)
{
	struct file file;
	struct stat st;
	int fd;

	snprintf(file.path, sizeof(file.path), "/tmp/t-filelocks-%d", (int)getpid());
	fd = open(file.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	file.inode = st.st_ino;
	close(fd);
	return file;
}

/* Takes one kind of lock, waiting if need be; the descriptor, or -1. */
typedef int taker(const char *path);

static int take_range(const char *path, int cmd, off_t start)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = start, .l_len = 10 };
	int fd = open(path, O_RDWR);

	return fcntl(fd, cmd, &lock) < 0 ? -1 : fd;
}

static int take_posix(const char *path)
{
	return take_range(path, F_SETLKW, 100);
}

static int take_ofd(const char *path)
{
	return take_range(path, F_OFD_SETLKW, 100);
}

static int take_flock(const char *path)
{
	int fd = open(path, O_RDONLY);

	return flock(fd, LOCK_EX) < 0 ? -1 : fd;
}

static int take_lease(const char *path)
{
	int fd = open(path, O_RDWR);

	signal(SIGIO, SIG_IGN);
	return fcntl(fd, F_SETLEASE, F_WRLCK) < 0 ? -1 : fd;
}

static int take_open(const char *path)
{
	return open(path, O_RDONLY);
}

/* A child that takes the lock and keeps it; *ret_said can be read once it has it. */
static pid_t start(const struct file *file, taker *take, int *ret_said)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(fds[1], take(file->path) < 0 ? "x" : "y", 1);
		for (;;)
			pause();
	}
	close(fds[1]);
	*ret_said = fds[0];
	return pid;
}

static pid_t start_holder(const struct file *file, taker *take)
{
	char c = 'x';
	int said;
	pid_t pid = start(file, take, &said);

	assert_int_equal(read(said, &c, 1), 1);
	assert_int_equal(c, 'y');
	close(said);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- asking ---- */

struct fixture {
	struct fdscan *scan;
	struct filelocks *locks;
};

static void read_locks(struct fixture *f)
{
	f->scan = fdscan_new(20 * FDSCAN_TIME_NS, FDSCAN_FDS_MAX);
	assert_non_null(f->scan);
	f->locks = filelocks_read(f->scan);
	assert_non_null(f->locks);
}

static void done(struct fixture *f)
{
	filelocks_free(f->locks);
	fdscan_free(f->scan);
}

static bool sees_all(struct fixture *f)
{
	const struct fdscan_coverage *coverage = fdscan_coverage(f->scan);

	return !coverage->denied && !coverage->hidden && !coverage->cut &&
	       !fdscan_maybe_in_flight(f->scan);
}

/* The child must come to wait first; or at least, somebody must hold what it will wait for. */
static struct filelock_result await_any(struct fixture *f, const struct file *file, pid_t pid,
					enum proc_lock_kind kind, bool waits)
{
	struct filelock_query query = { .pid = pid, .inode = file->inode, .kinds = ONLY(kind) };
	struct filelock_result result = { 0 };

	for (int i = 0; i < TRIES; i++) {
		read_locks(f);
		if (filelocks_find(f->locks, &query, &result) == 0 &&
		    (result.wanted.wait || !waits))
			return result;
		done(f);
		usleep(TRY_US);
	}
	fail_msg("process %d does not wait", (int)pid);
	return result;
}

static struct filelock_result await(struct fixture *f, const struct file *file, pid_t pid,
				    enum proc_lock_kind kind)
{
	return await_any(f, file, pid, kind, true);
}

static void assert_holder(const struct filelock_result *result, pid_t pid)
{
	assert_int_equal(result->nholders, 1);
	assert_int_equal(result->holders[0], pid);
	assert_false(result->ambiguous);
}

static pid_t start_waiter(const struct file *file, taker *take)
{
	int said;
	pid_t pid = start(file, take, &said);

	close(said);
	return pid;
}

/* ---- kinds ---- */

static void test_posix(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_posix), waiter = start_waiter(&file, take_posix);
	struct filelock_result result;
	struct fixture f;

	(void)state;
	result = await(&f, &file, waiter, LOCK_POSIX);
	assert_holder(&result, holder);
	assert_true(result.complete);
	assert_true(result.wanted.write);
	assert_int_equal(result.wanted.start, 100);
	assert_int_equal(result.held.end, 109);
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

static void test_flock(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_flock), waiter = start_waiter(&file, take_flock);
	struct filelock_result result;
	struct fixture f;

	(void)state;
	result = await(&f, &file, waiter, LOCK_FLOCK);
	assert_holder(&result, holder);
	assert_int_equal(result.complete, sees_all(&f));
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

static void test_ofd(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_ofd), waiter = start_waiter(&file, take_ofd);
	struct filelock_result result;
	struct fixture f;

	(void)state;
	result = await(&f, &file, waiter, LOCK_OFD);
	assert_holder(&result, holder);
	assert_int_equal(result.held.pid, -1);
	assert_int_equal(result.complete, sees_all(&f));
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

static void test_lease(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_lease), waiter = start_waiter(&file, take_open);
	struct filelock_result result;
	struct fixture f;

	(void)state;
	result = await(&f, &file, waiter, LOCK_LEASE);
	assert_holder(&result, holder);
	assert_false(result.complete);
	done(&f);
	stop(holder);
	stop(waiter);
	unlink(file.path);
}

/* A process's record lock and another one's lock of the open file exclude each other. */
static void test_posix_behind_ofd(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_ofd), waiter = start_waiter(&file, take_posix);
	struct filelock_result result;
	struct fixture f;

	(void)state;
	result = await(&f, &file, waiter, LOCK_POSIX);
	assert_holder(&result, holder);
	assert_int_equal(result.held.kind, LOCK_OFD);
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

/* ---- who can let go ---- */

/* The one who took it has exited; its child has the open file still. */
static int take_and_fork(const char *path)
{
	pid_t pid;
	int fd, status;

	pid = fork();
	if (pid == 0) {
		pid = getpid();
		fd = take_flock(path);
		if (fork())
			_exit(fd < 0);
		/* To die with the test, not with the one who exits now. */
		while (getppid() == pid)
			usleep(TRY_US);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[1024] = "";
	struct proc_stat stat = { 0 };
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_int_equal(procparse_stat(text, &stat), 0);
	return stat.ppid;
}

static void test_flock_of_one_who_has_exited(void **state)
{
	struct file file = make_file();
	pid_t parent, waiter;
	struct filelock_result result;
	struct fixture f;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	parent = start_holder(&file, take_and_fork);
	waiter = start_waiter(&file, take_flock);
	/* In a pid namespace the table has neither the lock nor the waiter. */
	result = await_any(&f, &file, waiter, LOCK_FLOCK, false);
	assert_int_equal(result.nholders, 1);
	assert_int_not_equal(result.holders[0], result.held.pid);
	assert_int_equal(parent_of(result.holders[0]), getpid());
	stop(result.holders[0]);
	done(&f);
	stop(waiter);
	stop(parent);
	unlink(file.path);
}

static int take_and_share(const char *path)
{
	int fd = take_flock(path);

	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return fd;
}

static void test_flock_of_two(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_and_share);
	pid_t waiter = start_waiter(&file, take_flock);
	struct filelock_result result;
	struct fixture f;

	(void)state;
	result = await(&f, &file, waiter, LOCK_FLOCK);
	assert_int_equal(result.nholders, 2);
	assert_true(result.holders[0] == holder || result.holders[1] == holder);
	assert_false(result.ambiguous);
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

/* The second is queued behind the first, but what it waits for is the same lock. */
static void test_several_waiters(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_posix), waiters[3];
	struct filelock_result result;
	struct fixture f;

	(void)state;
	for (int i = 0; i < 3; i++) {
		waiters[i] = start_waiter(&file, take_posix);
		result = await(&f, &file, waiters[i], LOCK_POSIX);
		assert_holder(&result, holder);
		assert_int_equal(result.wanted.wait, i + 1);
		done(&f);
	}
	for (int i = 0; i < 3; i++)
		stop(waiters[i]);
	stop(holder);
	unlink(file.path);
}

static void test_who_does_not_wait(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_posix), waiter = start_waiter(&file, take_posix);
	struct filelock_query query = { .pid = holder };
	struct filelock_result result;
	struct fixture f;

	(void)state;
	await(&f, &file, waiter, LOCK_POSIX);
	assert_int_equal(filelocks_find(f.locks, &query, &result), -ENOENT);
	query.pid = waiter;
	assert_int_equal(filelocks_find(f.locks, &query, &result), 0);
	query.inode = file.inode + 1;
	assert_int_equal(filelocks_find(f.locks, &query, &result), -ENOENT);
	query.inode = 0;
	query.kinds = ONLY(LOCK_FLOCK) | ONLY(LOCK_OFD);
	assert_int_equal(filelocks_find(f.locks, &query, &result), -ENOENT);
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

/* The file as the table has it. */
static void test_locate(void **state)
{
	struct file file = make_file();
	pid_t holder = start_holder(&file, take_posix), waiter = start_waiter(&file, take_posix);
	uint64_t dev = 0, inode = 0;
	struct filelock_result result;
	struct target target;
	struct ss_error err;
	struct fixture f;
	int fd, r;

	(void)state;
	result = await(&f, &file, waiter, LOCK_POSIX);
	fd = open(file.path, O_RDONLY);
	assert_int_equal(target_open(getpid(), &target, &err), 0);
	r = filelocks_locate(&target, fd, &dev, &inode);
	if (r == -ENODATA)
		skip(); /* Linux before 5.14 */
	assert_int_equal(r, 0);
	assert_int_equal(inode, result.held.inode);
	assert_int_equal(dev, result.held.dev);
	assert_true(filelocks_locate(&target, 987654, &dev, &inode) < 0);
	target_close(&target);
	close(fd);
	done(&f);
	stop(waiter);
	stop(holder);
	unlink(file.path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_posix),
		cmocka_unit_test(test_flock),
		cmocka_unit_test(test_ofd),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_posix_behind_ofd),
		cmocka_unit_test(test_flock_of_one_who_has_exited),
		cmocka_unit_test(test_flock_of_two),
		cmocka_unit_test(test_several_waiters),
		cmocka_unit_test(test_who_does_not_wait),
		cmocka_unit_test(test_locate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
