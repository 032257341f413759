/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * family.c: a process with children. Usage: family. Two of them, "elder", rest in elder_rest; the
 * first has a child of its own. SIGUSR1: the parent makes a "younger", which computes for 100 ms in
 * younger_work, rests in younger_rest until SIGTERM, and prints "younger PID" and "rests" before. SIGUSR2: the
 * parent exits, and the children live on.
 */
#include <sys/wait.h>

#include "target.h"

static volatile sig_atomic_t wanted, leave;

static void note(int signal)
{
	if (signal == SIGUSR1)
		wanted++;
	else
		leave = 1;
}

NOINLINE static void elder_rest(void)
{
	for (;;)
		target_nap_ms(60000);
}

NOINLINE static void younger_work(void)
{
	struct timespec used;

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
		KEEP_FRAME();
	} while (used.tv_sec == 0 && used.tv_nsec < 100 * NS_PER_MS);
}

NOINLINE static void younger_rest(void)
{
	for (;;)
		target_nap_ms(60000);
}

/* The children may outlive their parent, but not for long. */
static void child_begin(const char *name)
{
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	prctl(PR_SET_NAME, name);
	alarm(120);
}

static pid_t spawn(const char *name, void (*body)(void))
{
	pid_t pid = fork();

	target_check(pid >= 0, "fork");
	if (pid == 0) {
		child_begin(name);
		body();
		_exit(0);
	}
	return pid;
}

static void grandparent(void)
{
	spawn("grandchild", elder_rest);
	elder_rest();
}

static void younger(void)
{
	printf("younger %d\n", (int)getpid());
	younger_work();
	puts("rests");
	younger_rest();
}

int main(void)
{
	struct sigaction action = { .sa_handler = note };
	sigset_t empty;

	target_begin();
	signal(SIGCHLD, SIG_IGN);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	spawn("elder", grandparent);
	spawn("elder", elder_rest);
	target_ready();
	sigemptyset(&empty);
	while (!leave) {
		target_nap_ms(1);
		for (; wanted; wanted--)
			spawn("younger", younger);
	}
	return 0;
}
