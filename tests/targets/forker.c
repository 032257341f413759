/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forker.c: three threads that make children without a break, by fork, by vfork and exec, and by
 * posix_spawn; each child must end as it was meant to. SIGUSR1 prints "forked N wrong N failed N":
 * wrong counts exit statuses, failed counts calls. Usage: forker (it calls itself with a status).
 */
#include "target.h"

#include <spawn.h>
#include <sys/wait.h>

static _Atomic uint64_t forked, wrong, failed;
static char *self;

static void reap(pid_t pid, int want)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		failed++;
	else
		wrong += !WIFEXITED(status) || WEXITSTATUS(status) != want;
	forked++;
}

static void *by_fork(void *unused)
{
	for (int n = 0;; n = (n + 1) % 100) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(n);
		reap(pid, n);
	}
	return unused;
}

static void *by_vfork(void *unused)
{
	char *args[] = { self, (char *)"7", NULL };

	for (;;) {
		pid_t pid = vfork();

		if (pid == 0) {
			execv(self, args);
			_exit(99);
		}
		reap(pid, 7);
	}
	return unused;
}

static void *by_spawn(void *unused)
{
	char *args[] = { self, (char *)"9", NULL };
	char *none[] = { NULL };

	for (;;) {
		pid_t pid = -1;

		posix_spawn(&pid, self, NULL, NULL, args, none);
		reap(pid, 9);
	}
	return unused;
}

int main(int argc, char **argv)
{
	sigset_t set;

	if (argc > 1)
		return atoi(argv[1]);
	target_begin();
	self = argv[0];
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	target_thread("fork", 0, by_fork, NULL);
	target_thread("vfork", 0, by_vfork, NULL);
	target_thread("spawn", 0, by_spawn, NULL);
	target_ready();
	for (;;)
		if (sigwaitinfo(&set, NULL) == SIGUSR1)
			printf("forked %llu wrong %llu failed %llu\n", (unsigned long long)forked,
			       (unsigned long long)wrong, (unsigned long long)failed);
}
