/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sigframe.c: threads that block inside a signal handler: "on-stack" on its own stack, "alt-stack"
 * on a sigaltstack, "nested" in a handler that interrupted a handler. The interrupted function is
 * interrupted, called by before_signal.
 */
#include "target.h"

static struct arrival arrivals[3];

static NOINLINE void in_handler(struct arrival *arrival)
{
	arrival_set(arrival);
	target_rest();
}

static void handle_usr1(int signo)
{
	(void)signo;
	in_handler(&arrivals[0]);
	KEEP_FRAME();
}

static void handle_usr2(int signo)
{
	(void)signo;
	in_handler(&arrivals[1]);
	KEEP_FRAME();
}

static void handle_second(int signo)
{
	(void)signo;
	in_handler(&arrivals[2]);
	KEEP_FRAME();
}

static void handle_first(int signo)
{
	(void)signo;
	raise(SIGIO);
	KEEP_FRAME();
}

static NOINLINE void interrupted(int signo)
{
	raise(signo);
	KEEP_FRAME();
}

static NOINLINE void before_signal(int signo)
{
	interrupted(signo);
	KEEP_FRAME();
}

static void *run(void *arg)
{
	before_signal((int)(intptr_t)arg);
	return NULL;
}

static void *run_alt(void *arg)
{
	static char room[64 * 1024];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };

	target_check(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	before_signal((int)(intptr_t)arg);
	return NULL;
}

static void handle(int signo, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	target_check(sigaction(signo, &action, NULL) == 0, "sigaction");
}

int main(void)
{
	target_begin();
	handle(SIGUSR1, handle_usr1, 0);
	handle(SIGUSR2, handle_usr2, SA_ONSTACK);
	handle(SIGHUP, handle_first, 0);
	handle(SIGIO, handle_second, 0);
	target_thread("on-stack", 0, run, (void *)SIGUSR1);
	target_thread("alt-stack", 0, run_alt, (void *)SIGUSR2);
	target_thread("nested", 0, run, (void *)SIGHUP);
	for (int i = 0; i < 3; i++)
		arrival_await_sleep(&arrivals[i]);
	target_ready();
	target_rest();
}
