/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-pidns.c: numbers of threads as a process itself has them: this one, its children, and one in a
 * pid namespace of its own where that can be made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/pidns.h"
#include "target/target.h"

struct fixture {
	struct target target;
	struct pidns pidns;
};

static void fixture_open(struct fixture *f, pid_t pid)
{
	struct ss_error err;

	assert_int_equal(target_open(pid, &f->target, &err), 0);
	pidns_init(&f->pidns, &f->target);
}

static void fixture_close(struct fixture *f)
{
	pidns_done(&f->pidns);
	target_close(&f->target);
}

static void assert_answer(struct fixture *f, pid_t theirs, enum pidns_answer answer, pid_t tid,
			  pid_t pid)
{
	struct pidns_thread found = pidns_find(&f->pidns, &f->target, theirs);

	assert_int_equal(found.answer, answer);
	assert_int_equal(found.tid, tid);
	assert_int_equal(found.pid, pid);
}

/* ---- children ---- */

/* A child that rests until it is killed; with `thread` another thread of it rests, too. */
struct child {
	pid_t pid;
	pid_t thread; /* as the child knows it */
};

static void *rest(void *arg)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	(void)!write(*(int *)arg, &tid, sizeof(tid));
	while (pause() < 0)
		continue;
	return NULL;
}

static void child_main(int fd)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pthread_create(&thread, NULL, rest, &fd) != 0)
		_exit(98);
	for (;;)
		pause();
}

/* In a new pid namespace if `flags` is CLONE_NEWPID: then errno is EPERM if that is forbidden. */
static int child_start(struct child *child, int flags)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	child->pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child->pid == 0)
		child_main(fds[1]);
	close(fds[1]);
	if (child->pid > 0)
		assert_int_equal(read(fds[0], &child->thread, sizeof(child->thread)),
				 sizeof(child->thread));
	close(fds[0]);
	return child->pid > 0 ? 0 : -1;
}

static void child_stop(const struct child *child)
{
	kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

/* ---- our namespace ---- */

static void test_threads_of_the_process(void **state)
{
	struct child child;
	struct fixture f;

	(void)state;
	assert_int_equal(child_start(&child, 0), 0);
	fixture_open(&f, child.pid);
	assert_true(f.pidns.ours);
	assert_answer(&f, child.pid, PIDNS_HERE, child.pid, child.pid);
	assert_answer(&f, child.thread, PIDNS_HERE, child.thread, child.pid);
	assert_answer(&f, 0, PIDNS_UNKNOWN, 0, 0);
	assert_answer(&f, -1, PIDNS_UNKNOWN, 0, 0);
	fixture_close(&f);
	child_stop(&child);
}

static void test_threads_of_others(void **state)
{
	struct child child, sibling;
	struct fixture f;

	(void)state;
	assert_int_equal(child_start(&child, 0), 0);
	assert_int_equal(child_start(&sibling, 0), 0);
	fixture_open(&f, child.pid);
	assert_answer(&f, getpid(), PIDNS_PARENT, getpid(), getpid());
	assert_answer(&f, sibling.thread, PIDNS_OTHER, sibling.thread, sibling.pid);
	child_stop(&sibling);
	assert_answer(&f, sibling.thread, PIDNS_GONE, 0, 0);
	assert_answer(&f, sibling.pid, PIDNS_GONE, 0, 0);
	fixture_close(&f);
	child_stop(&child);
}

/* It still has its number, but it will never unlock anything. */
static void test_zombie_is_gone(void **state)
{
	struct child child, zombie;
	struct fixture f;
	siginfo_t info;

	(void)state;
	assert_int_equal(child_start(&child, 0), 0);
	assert_int_equal(child_start(&zombie, 0), 0);
	fixture_open(&f, child.pid);
	kill(zombie.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)zombie.pid, &info, WEXITED | WNOWAIT), 0);
	assert_answer(&f, zombie.pid, PIDNS_GONE, 0, 0);
	assert_int_equal(waitpid(zombie.pid, NULL, 0), zombie.pid);
	fixture_close(&f);
	child_stop(&child);
}

/* ---- another one ---- */

static pid_t other_thread(const struct target *target)
{
	struct tids tids = { 0 };
	struct ss_error err;
	pid_t tid;

	assert_int_equal(target_list(target, &tids, &err), 0);
	assert_int_equal(tids.tid.n, 2);
	tid = tids.tid.data[tids.tid.data[0] == target->pid];
	vec_done(&tids.tid);
	return tid;
}

static void test_namespace_of_its_own(void **state)
{
	struct child child;
	struct fixture f;

	(void)state;
	if (child_start(&child, CLONE_NEWPID) < 0) {
		assert_int_equal(errno, EPERM);
		skip();
	}
	fixture_open(&f, child.pid);
	assert_false(f.pidns.ours);
	assert_answer(&f, 1, PIDNS_HERE, child.pid, child.pid);
	assert_answer(&f, child.thread, PIDNS_HERE, other_thread(&f.target), child.pid);
	/* who else may have such a number there is not to be seen from here */
	assert_answer(&f, child.pid, PIDNS_UNKNOWN, 0, 0);
	assert_answer(&f, getpid(), PIDNS_UNKNOWN, 0, 0);
	pidns_forget(&f.pidns);
	assert_answer(&f, 1, PIDNS_HERE, child.pid, child.pid);
	fixture_close(&f);
	child_stop(&child);
}

/* A thread in a namespace within ours has a number here by which it does not call itself. */
static void test_number_of_an_inner_namespace(void **state)
{
	struct child child, inner;
	struct fixture f;

	(void)state;
	assert_int_equal(child_start(&child, 0), 0);
	if (child_start(&inner, CLONE_NEWPID) < 0) {
		assert_int_equal(errno, EPERM);
		child_stop(&child);
		skip();
	}
	fixture_open(&f, child.pid);
	assert_answer(&f, inner.pid, PIDNS_UNKNOWN, 0, 0);
	fixture_close(&f);
	child_stop(&inner);
	child_stop(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_of_the_process),
		cmocka_unit_test(test_threads_of_others),
		cmocka_unit_test(test_zombie_is_gone),
		cmocka_unit_test(test_namespace_of_its_own),
		cmocka_unit_test(test_number_of_an_inner_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
