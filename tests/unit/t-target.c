/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-target.c: opening processes of every kind, their threads and memory. Targets are children of
 * the test; each says when it is in its state, and is gone after its test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/maps.h"
#include "target/target.h"

/* Forks a child that runs body(fd) with fd its end of a pipe to us. */
struct child {
	pid_t pid;
	int from;
};

static struct child child_start(void (*body)(int fd))
{
	struct child child;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		body(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	child.from = fds[0];
	return child;
}

static void child_wait_ready(const struct child *child)
{
	char c;

	assert_int_equal(read(child->from, &c, 1), 1);
}

static void child_stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->from);
}

static void rest(int fd)
{
	(void)!write(fd, "", 1);
	for (;;)
		pause();
}

static void end_at_once(int fd)
{
	(void)fd;
}

static void *rest_thread(void *arg)
{
	rest(*(int *)arg);
	return NULL;
}

static void run_with_thread(int fd)
{
	pthread_t thread;

	pthread_create(&thread, NULL, rest_thread, &fd);
	rest(fd);
}

static int leaderless_fd;

static void *wait_for_leader(void *arg)
{
	char path[64], text[256];
	FILE *file;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	do {
		file = fopen(path, "r");
		text[0] = '\0';
		if (file) {
			(void)!fgets(text, sizeof(text), file);
			fclose(file);
		}
	} while (!strstr(text, ") Z "));
	rest(leaderless_fd);
	return NULL;
}

static void run_leaderless(int fd)
{
	pthread_t thread;

	leaderless_fd = fd;
	pthread_create(&thread, NULL, wait_for_leader, NULL);
	syscall(SYS_exit, 0); /* this thread only, with no clean-up that a sanitizer might check */
}

static void assert_refused(pid_t pid, enum ss_error_kind kind)
{
	struct target target;
	struct ss_error err = { 0 };

	assert_true(target_open(pid, &target, &err) < 0);
	assert_int_equal(err.kind, kind);
}

static void test_open_resting(void **state)
{
	struct child child = child_start(rest);
	struct target target;
	struct ss_error err;

	(void)state;
	child_wait_ready(&child);
	assert_int_equal(target_open(child.pid, &target, &err), 0);
	assert_int_equal(target.pid, child.pid);
	assert_int_equal(target.anchor, child.pid);
	assert_int_not_equal(target.start_stack, 0);
	assert_int_equal(target.tracer, 0);
	assert_true(target_alive(&target));
	assert_false(target_did_exec(&target));
	child_stop(&child);
	assert_false(target_alive(&target));
	assert_int_equal(target_refresh(&target, &err), -ESRCH);
	assert_int_equal(err.kind, SS_ERR_GONE);
	target_close(&target);
}

static void test_no_such_process(void **state)
{
	struct child child = child_start(end_at_once);

	(void)state;
	waitpid(child.pid, NULL, 0);
	close(child.from);
	assert_refused(child.pid, SS_ERR_NO_PROCESS);
	assert_refused(0, SS_ERR_NO_PROCESS);
	assert_refused(-1, SS_ERR_NO_PROCESS);
}

static void test_zombie(void **state)
{
	struct child child = child_start(end_at_once);
	siginfo_t info;

	(void)state;
	assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	assert_refused(child.pid, SS_ERR_ZOMBIE);
	child_stop(&child);
}

static void test_kernel_thread(void **state)
{
	char comm[32] = "";
	FILE *file = fopen("/proc/2/comm", "r");

	(void)state;
	if (file) {
		(void)!fgets(comm, sizeof(comm), file);
		fclose(file);
	}
	if (strcmp(comm, "kthreadd\n") != 0)
		skip(); /* another pid namespace: kernel threads are not seen */
	assert_refused(2, SS_ERR_KERNEL_THREAD);
}

static void test_threads(void **state)
{
	struct child child = child_start(run_with_thread);
	struct target target;
	struct ss_error err;
	struct tids tids = { 0 };

	(void)state;
	child_wait_ready(&child);
	child_wait_ready(&child);
	assert_int_equal(target_open(child.pid, &target, &err), 0);
	assert_int_equal(target_list(&target, &tids, &err), 0);
	assert_int_equal(tids.tid.n, 2);
	assert_int_equal(tids.tid.data[0], child.pid);
	assert_true(tids.tid.data[1] > child.pid);
	/* a second listing replaces the first */
	assert_int_equal(target_list(&target, &tids, &err), 0);
	assert_int_equal(tids.tid.n, 2);
	assert_refused(tids.tid.data[1], SS_ERR_NO_PROCESS);
	child_stop(&child);
	assert_int_equal(target_list(&target, &tids, &err), -ESRCH);
	assert_int_equal(err.kind, SS_ERR_GONE);
	vec_done(&tids.tid);
	target_close(&target);
}

static void test_leader_gone_threads_live(void **state)
{
	struct child child = child_start(run_leaderless);
	struct target target;
	struct ss_error err;
	struct maps maps;
	int here = 42, there = 0;

	(void)state;
	maps_init(&maps);
	child_wait_ready(&child);
	assert_int_equal(target_open(child.pid, &target, &err), 0);
	assert_int_not_equal(target.anchor, child.pid);
	assert_true(target_alive(&target));
	assert_int_equal(target_read_maps(&target, &maps, &err), 0);
	assert_true(maps.entries.n > 0);
	assert_int_equal(target_read(&target, (uintptr_t)&here, &there, sizeof(there)),
			 sizeof(there));
	assert_int_equal(target_changed(&target), TARGET_SAME);
	/* as it was if the leader lived when the target was opened */
	target.anchor = child.pid;
	assert_int_equal(target_changed(&target), TARGET_ANCHOR_ENDED);
	assert_int_equal(target_read_maps(&target, &maps, &err), -ESRCH);
	assert_int_equal(target_refresh(&target, &err), 0);
	assert_int_equal(target_changed(&target), TARGET_SAME);
	assert_int_equal(target_read_maps(&target, &maps, &err), 0);
	child_stop(&child);
	maps_done(&maps);
	target_close(&target);
}

static void test_read_memory_and_maps(void **state)
{
	static const char word[] = "the same in both";
	struct child child = child_start(rest);
	struct target target;
	struct ss_error err;
	char copy[sizeof(word)] = "";
	struct maps maps;

	(void)state;
	maps_init(&maps);
	child_wait_ready(&child);
	assert_int_equal(target_open(child.pid, &target, &err), 0);
	assert_int_equal(target_read(&target, (uintptr_t)word, copy, sizeof(copy)), sizeof(copy));
	assert_string_equal(copy, word);
	assert_true(target_read(&target, 16, copy, sizeof(copy)) < 0);
	assert_int_equal(target_read_maps(&target, &maps, &err), 0);
	assert_non_null(maps_find(&maps, (uintptr_t)word));
	assert_non_null(strstr(maps.text.data, "[stack]"));
	child_stop(&child);
	maps_done(&maps);
	target_close(&target);
}

static void exec_on_signal(int fd)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)!write(fd, "", 1);
	sigwait(&set, &sig);
	dup2(fd, 1);
	execl("/bin/sh", "sh", "-c", "echo; kill -STOP $$", (char *)NULL);
}

static void test_exec_is_seen(void **state)
{
	struct child child = child_start(exec_on_signal);
	struct target target;
	struct ss_error err;
	struct buf exe = { 0 }, cmdline = { 0 };

	(void)state;
	child_wait_ready(&child);
	assert_int_equal(target_open(child.pid, &target, &err), 0);
	assert_false(target_did_exec(&target));
	kill(child.pid, SIGUSR1);
	child_wait_ready(&child);
	assert_true(target_did_exec(&target));
	assert_int_equal(target_refresh(&target, &err), 0);
	assert_false(target_did_exec(&target));
	assert_string_equal(target.comm, "sh");
	target_read_exe(&target, &exe);
	assert_non_null(strstr(exe.data, "sh"));
	target_read_cmdline(&target, &cmdline);
	assert_int_equal(strncmp(cmdline.data, "sh -c echo;", 11), 0);
	buf_done(&exe);
	buf_done(&cmdline);
	child_stop(&child);
	target_close(&target);
}

/* ---- refusals, seen as another user ---- */

enum { SOME_UID = 54321, OTHER_UID = 54322 };

static int become(uid_t uid)
{
	return setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ? -1 : 0;
}

static void rest_as_some(int fd)
{
	if (become(SOME_UID) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0)
		rest(fd);
}

static void rest_as_some_undumpable(int fd)
{
	if (become(SOME_UID) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0)
		rest(fd);
}

/* The kind of error that a process of this uid gets for the target. */
static int kind_seen_by(uid_t uid, pid_t pid)
{
	pid_t viewer = fork();
	int status;

	if (viewer == 0) {
		struct target target;
		struct ss_error err = { 0 };

		if (become(uid) < 0)
			_exit(255);
		_exit(target_open(pid, &target, &err) == 0 ? SS_ERR_NONE : (int)err.kind);
	}
	waitpid(viewer, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_other_user(void **state)
{
	struct child child;

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs root to become two other users */
	child = child_start(rest_as_some);
	child_wait_ready(&child);
	assert_int_equal(kind_seen_by(OTHER_UID, child.pid), SS_ERR_UID);
	assert_int_equal(kind_seen_by(0, child.pid), SS_ERR_NONE);
	child_stop(&child);
}

static void test_not_dumpable(void **state)
{
	struct child child;

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs root to become another user */
	child = child_start(rest_as_some_undumpable);
	child_wait_ready(&child);
	assert_int_equal(kind_seen_by(SOME_UID, child.pid), SS_ERR_DUMPABLE);
	child_stop(&child);
}

static void rest_traced(int fd)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	rest(fd);
}

static void test_explain_tracer(void **state)
{
	struct child child = child_start(rest_traced);
	struct target target;
	struct ss_error err = { 0 };
	char pid[32];

	(void)state;
	child_wait_ready(&child);
	/* It can be opened, and read: only attaching is refused. */
	assert_int_equal(target_open(child.pid, &target, &err), 0);
	assert_int_equal(target.tracer, getpid());
	target_close(&target);
	assert_int_equal(target_explain_denied(child.pid, "test", &err), -EPERM);
	assert_int_equal(err.kind, SS_ERR_TRACED);
	snprintf(pid, sizeof(pid), "by process %d (", (int)getpid());
	assert_non_null(strstr(err.message, pid));
	child_stop(&child);
}

/* Attached when this returns, and let go at once. */
static pid_t pass_by(pid_t pid)
{
	int ready[2];
	pid_t tracer;
	char c;

	assert_int_equal(pipe(ready), 0);
	tracer = fork();
	if (tracer == 0) {
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
			(void)!write(ready[1], "", 1);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return tracer;
}

static void test_who_passes_by_is_no_tracer(void **state)
{
	struct child child = child_start(rest);
	struct target target;
	struct ss_error err;

	(void)state;
	child_wait_ready(&child);
	for (int i = 0; i < 5; i++) {
		pid_t tracer = pass_by(child.pid);

		assert_int_equal(target_open(child.pid, &target, &err), 0);
		assert_int_equal(target.tracer, 0);
		target_close(&target);
		waitpid(tracer, NULL, 0);
	}
	child_stop(&child);
}

/* After a success there is nothing to explain but the missing capability, or a filter. */
static void test_explain_without_evidence(void **state)
{
	struct child child = child_start(rest);
	struct ss_error err = { 0 };

	(void)state;
	child_wait_ready(&child);
	assert_int_equal(target_explain_denied(child.pid, "test", &err), -EPERM);
	assert_int_equal(strncmp(err.message, "test: process ", 14), 0);
	child_stop(&child);
	assert_int_equal(target_explain_denied(child.pid, "test", &err), -ESRCH);
	assert_int_equal(err.kind, SS_ERR_GONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_resting),
		cmocka_unit_test(test_no_such_process),
		cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_leader_gone_threads_live),
		cmocka_unit_test(test_read_memory_and_maps),
		cmocka_unit_test(test_exec_is_seen),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_not_dumpable),
		cmocka_unit_test(test_explain_tracer),
		cmocka_unit_test(test_who_passes_by_is_no_tracer),
		cmocka_unit_test(test_explain_without_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
