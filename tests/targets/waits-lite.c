/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waits-lite.c: a few of the waits of waits.c with nothing that a small C library lacks; built
 * statically against glibc and against musl. Thread w-NAME blocks in in_NAME, called by outer.
 */
#include "target.h"

#include <poll.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int pipe_fds[2];

static NOINLINE void in_mutex(void)
{
	pthread_mutex_lock(&mutex);
	KEEP_FRAME();
}

static NOINLINE void in_cond(void)
{
	pthread_mutex_lock(&cond_mutex);
	for (;;)
		pthread_cond_wait(&cond, &cond_mutex);
}

static NOINLINE void in_sleep(void)
{
	target_nap_ms(3600 * 1000);
	KEEP_FRAME();
}

static NOINLINE void in_piperead(void)
{
	char byte;

	target_check(read(pipe_fds[0], &byte, 1) == 1, "read");
}

static NOINLINE void in_poll(void)
{
	struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };

	poll(&fd, 1, -1);
	KEEP_FRAME();
}

struct waiter {
	const char *name;
	void (*wait)(void);
	struct arrival arrival;
};

static struct waiter waiters[] = {
	{ "w-mutex", in_mutex, { 0 } }, { "w-cond", in_cond, { 0 } },
	{ "w-sleep", in_sleep, { 0 } }, { "w-piperead", in_piperead, { 0 } },
	{ "w-poll", in_poll, { 0 } },
};

static NOINLINE void outer(struct waiter *waiter)
{
	arrival_set(&waiter->arrival);
	waiter->wait();
	KEEP_FRAME();
}

static void *run(void *arg)
{
	outer(arg);
	return NULL;
}

int main(void)
{
	const size_t n = sizeof(waiters) / sizeof(waiters[0]);

	target_begin();
	target_check(pipe(pipe_fds) == 0, "pipe");
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < n; i++)
		target_thread(waiters[i].name, 0, run, &waiters[i]);
	for (size_t i = 0; i < n; i++)
		arrival_await_sleep(&waiters[i].arrival);
	target_ready();
	target_rest();
}
