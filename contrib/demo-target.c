/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program that contrib/demo looks at: a service in trouble. One worker holds the cache's lock
 * while it waits for a reply that does not come; two others want the lock; a logger is stuck on a
 * full pipe; a poller waits for events; one thread computes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t started;
static int backend[2], log_pipe[2];
static volatile unsigned long checksum;

static void read_reply(char *reply, size_t len)
{
	if (recv(backend[0], reply, len, 0) < 0)
		perror("recv");
}

static void refresh_cache(void)
{
	char reply[64];

	pthread_mutex_lock(&cache_lock);
	pthread_barrier_wait(&started);
	read_reply(reply, sizeof(reply));
	pthread_mutex_unlock(&cache_lock);
}

static void lookup(const char *key)
{
	pthread_mutex_lock(&cache_lock);
	checksum += strlen(key);
	pthread_mutex_unlock(&cache_lock);
}

static void *refresher(void *arg)
{
	pthread_setname_np(pthread_self(), "refresher");
	refresh_cache();
	return arg;
}

static void *worker(void *arg)
{
	pthread_setname_np(pthread_self(), arg);
	pthread_barrier_wait(&started);
	lookup("customer/4711");
	return NULL;
}

static void *logger(void *arg)
{
	char line[4096];

	pthread_setname_np(pthread_self(), "logger");
	memset(line, '.', sizeof(line));
	pthread_barrier_wait(&started);
	while (write(log_pipe[1], line, sizeof(line)) > 0)
		;
	return arg;
}

static void *poller(void *arg)
{
	struct epoll_event event;

	pthread_setname_np(pthread_self(), "poller");
	pthread_barrier_wait(&started);
	epoll_wait(epoll_create1(0), &event, 1, -1);
	return arg;
}

static unsigned long hash_block(unsigned long seed)
{
	for (int i = 0; i < 1000; i++)
		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return seed;
}

static void *computer(void *arg)
{
	pthread_setname_np(pthread_self(), "computer");
	pthread_barrier_wait(&started);
	for (;;)
		checksum = hash_block(checksum);
	return arg;
}

static void start(void *(*run)(void *), const char *name)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, (void *)name) != 0)
		perror("pthread_create");
}

int main(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, backend) < 0 || pipe(log_pipe) < 0)
		return 1;
	pthread_barrier_init(&started, NULL, 7);
	start(refresher, NULL);
	start(worker, "worker-1");
	start(worker, "worker-2");
	start(logger, NULL);
	start(poller, NULL);
	start(computer, NULL);
	pthread_barrier_wait(&started);
	usleep(300000); /* so that the waits have some age */
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
