/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-procfs.c: looking at one thread: asleep in a known call, gone, and with descriptors short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/procfs.h"

struct fixture {
	pid_t pid;
	int to; /* a byte lets the child's read return, once */
	struct target target;
	struct procfs_thread thread;
	struct look look;
};

static void look_until_asleep(struct fixture *f)
{
	do {
		sched_yield();
		assert_int_equal(procfs_look(&f->target, &f->thread, &f->look), 0);
		/* it may fall asleep between the state and the call */
	} while (f->look.state != 'S' || f->look.call != CALL_NUMBER || f->look.nr != SYS_read);
}

static void start(struct fixture *f)
{
	struct ss_error err;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		char c;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a) R (\n");
		close(fds[1]);
		while (read(fds[0], &c, 1) == 1)
			continue;
		_exit(0);
	}
	close(fds[0]);
	f->to = fds[1];
	assert_int_equal(target_open(f->pid, &f->target, &err), 0);
	assert_int_equal(procfs_thread_open(&f->target, f->pid, &f->thread), 0);
	look_until_asleep(f);
}

static void stop(struct fixture *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	close(f->to);
	procfs_thread_close(&f->thread);
	target_close(&f->target);
}

static void test_look(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(f.look.tid, f.pid);
	assert_string_equal(f.look.comm, "a) R (\n");
	assert_int_equal(f.look.state, 'S');
	assert_true(f.look.cpu >= 0);
	assert_true(f.look.at_ns > 0);
	assert_int_equal(f.look.args[2], 1);
	assert_int_not_equal(f.look.sp, 0);
	assert_int_not_equal(f.look.pc, 0);
	stop(&f);
}

static void test_pcount_rises_when_it_ran(void **state)
{
	uint64_t before, same, after;
	struct fixture f;

	(void)state;
	start(&f);
	if (!f.look.sched_known)
		skip(); /* a kernel without CONFIG_SCHED_INFO */
	assert_int_equal(procfs_pcount(&f.target, &f.thread, &before), 0);
	assert_int_equal(procfs_pcount(&f.target, &f.thread, &same), 0);
	assert_int_equal(before, same);
	assert_int_equal(write(f.to, "", 1), 1);
	do {
		sched_yield();
		assert_int_equal(procfs_pcount(&f.target, &f.thread, &after), 0);
	} while (after == before);
	assert_true(after > before);
	stop(&f);
}

static void test_relook_keeps_the_wait(void **state)
{
	struct fixture f;
	struct look old;

	(void)state;
	start(&f);
	old = f.look;
	assert_int_equal(procfs_relook_call(&f.target, &f.thread, &f.look), 0);
	assert_int_equal(f.look.exec_start_ns, old.exec_start_ns);
	assert_string_equal(f.look.wchan, old.wchan);
	assert_int_equal(f.look.pc, old.pc);
	f.look.pcount--; /* as if it had run since */
	assert_int_equal(procfs_relook_call(&f.target, &f.thread, &f.look), 0);
	assert_int_equal(f.look.exec_start_ns, 0);
	assert_string_equal(f.look.wchan, "");
	assert_int_equal(f.look.call, CALL_NUMBER);
	stop(&f);
}

static void test_vanished(void **state)
{
	struct procfs_thread thread;
	struct fixture f;
	uint64_t count;
	pid_t pid;
	int r;

	(void)state;
	start(&f);
	pid = f.pid;
	kill(f.pid, SIGKILL);
	waitpid(f.pid, NULL, 0);
	assert_int_equal(procfs_look(&f.target, &f.thread, &f.look), 0);
	assert_int_equal(f.look.state, 0);
	assert_int_equal(f.look.call, CALL_UNREADABLE);
	assert_int_equal(procfs_pcount(&f.target, &f.thread, &count), -ESRCH);
	r = procfs_thread_open(&f.target, pid, &thread);
	assert_true(r == -ENOENT || r == -ESRCH);
	stop(&f);
}

static void test_without_descriptors(void **state)
{
	struct procfs_thread thread;
	struct rlimit limit, low;
	struct fixture f;
	struct look look;
	uint64_t kept, opened;

	(void)state;
	start(&f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 40; /* below the spare descriptors */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(procfs_thread_open(&f.target, f.pid, &thread), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(thread.schedstat_fd, -1);
	assert_int_equal(procfs_pcount(&f.target, &f.thread, &kept), 0);
	assert_int_equal(procfs_pcount(&f.target, &thread, &opened), 0);
	assert_int_equal(kept, opened);
	assert_int_equal(procfs_look(&f.target, &thread, &look), 0);
	assert_int_equal(look.state, 'S');
	procfs_thread_close(&thread);
	stop(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_pcount_rises_when_it_ran),
		cmocka_unit_test(test_relook_keeps_the_wait),
		cmocka_unit_test(test_vanished),
		cmocka_unit_test(test_without_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
