/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch.c: see launch.h. The child reports a failed exec through a pipe that a successful one
 * closes: when launch_start returns, the program of argv is running.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NSIGNALS = 4 };

/* Whose dispositions main changes. */
static const int signals[NSIGNALS] = { SIGBUS, SIGCHLD, SIGPIPE, SIGXFSZ };

/* What main changes for itself. */
static struct {
	struct rlimit files;
	bool files_known;
	struct sigaction actions[NSIGNALS];
} world;

void launch_remember_world(void)
{
	world.files_known = getrlimit(RLIMIT_NOFILE, &world.files) == 0;
	for (int i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], NULL, &world.actions[i]);
}

static void restore_world(void)
{
	for (int i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &world.actions[i], NULL);
	if (world.files_known)
		setrlimit(RLIMIT_NOFILE, &world.files);
}

static void __attribute__((noreturn)) run_child(char *const *argv, int report)
{
	int error;

	restore_world();
	execvp(argv[0], argv);
	error = errno;
	(void)!write(report, &error, sizeof(error));
	_exit(LAUNCH_FAILED);
}

/* 0 once the exec has closed the pipe; else the child's errno. */
static int read_report(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == sizeof(error) ? error : 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int fail(const struct msg *msg, const char *what, int error)
{
	msg_error(msg, "cannot run %s: %s", what, strerror(error));
	return error == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE;
}

int launch_start(char *const *argv, struct launch *ret, const struct msg *msg)
{
	int report[2], error;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0) {
		msg_error(msg, "pipe: %s", strerror(errno));
		return LAUNCH_FAILED;
	}
	ret->began_ns = now_ns();
	pid = fork();
	if (pid == 0)
		run_child(argv, report[1]);
	error = pid < 0 ? errno : 0;
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		msg_error(msg, "fork: %s", strerror(error));
		return LAUNCH_FAILED;
	}
	error = read_report(report[0]);
	close(report[0]);
	if (error) {
		waitpid(pid, NULL, 0);
		return fail(msg, argv[0], error);
	}
	ret->pid = pid;
	return 0;
}

int launch_exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

bool launch_has_ended(const struct launch *launch)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == launch->pid;
}

bool launch_wait(const struct launch *launch, int *ret_status)
{
	pid_t got;

	do
		got = waitpid(launch->pid, ret_status, 0);
	while (got < 0 && errno == EINTR);
	return got == launch->pid;
}
