/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accuracy.c: threads that measure their own waits, long and short, of one kind and mixed. Usage:
 * accuracy LOG [SPINNERS]. The file LOG is that of waitlog.h.
 */
#include <sys/socket.h>

#include "waitlog.h"

static _Atomic int nready;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool cond_set;
static int long_ends[2], short_ends[2], sockets[2];

static void read_byte(int fd)
{
	char byte;

	target_check(read(fd, &byte, 1) == 1, "read");
}

static void write_byte(int fd)
{
	target_check(write(fd, "", 1) == 1, "write");
}

/* ---- one function a wait ---- */

#define SLEEP(name, ns)                                \
	NOINLINE static void name(void)                \
	{                                              \
		struct wait *wait = wait_begin(#name); \
                                                       \
		target_nap_ns(ns);                     \
		wait_end(wait);                        \
	}

SLEEP(long_sleep, target_around(300 * NS_PER_MS))
SLEEP(hold_sleep, target_around(200 * NS_PER_MS))
SLEEP(free_sleep, 20 * NS_PER_MS)
SLEEP(rest_sleep, target_around(40 * NS_PER_MS))
SLEEP(feed_sleep, target_around(60 * NS_PER_MS))
SLEEP(mixed_long, target_around(100 * NS_PER_MS))
SLEEP(short_sleep, 2 * NS_PER_MS)
SLEEP(short_feed, 2 * NS_PER_MS)
SLEEP(short_one, NS_PER_MS)
SLEEP(short_two, 2 * NS_PER_MS)
SLEEP(short_three, 3 * NS_PER_MS)
SLEEP(off_sleep, 5 * NS_PER_MS)

NOINLINE static void long_mutex(void)
{
	struct wait *wait = wait_begin("long_mutex");

	pthread_mutex_lock(&held);
	wait_end(wait);
}

NOINLINE static void long_cond(void)
{
	struct wait *wait = wait_begin("long_cond");

	while (!cond_set)
		pthread_cond_wait(&cond, &cond_lock);
	wait_end(wait);
}

NOINLINE static void long_pipe(void)
{
	struct wait *wait = wait_begin("long_pipe");

	read_byte(long_ends[0]);
	wait_end(wait);
}

NOINLINE static void long_socket(void)
{
	struct wait *wait = wait_begin("long_socket");

	read_byte(sockets[0]);
	wait_end(wait);
}

NOINLINE static void short_pipe(void)
{
	struct wait *wait = wait_begin("short_pipe");

	read_byte(short_ends[0]);
	wait_end(wait);
}

/* ---- one turn of each thread ---- */

static void hold(void)
{
	pthread_mutex_lock(&held);
	hold_sleep();
	pthread_mutex_unlock(&held);
	free_sleep();
}

static void lock(void)
{
	long_mutex();
	pthread_mutex_unlock(&held);
	rest_sleep();
}

static void wait_cond(void)
{
	pthread_mutex_lock(&cond_lock);
	long_cond();
	cond_set = false;
	pthread_mutex_unlock(&cond_lock);
}

/* Its three clients are served in turn. */
static void feed(void)
{
	feed_sleep();
	pthread_mutex_lock(&cond_lock);
	cond_set = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&cond_lock);
	feed_sleep();
	write_byte(long_ends[1]);
	feed_sleep();
	write_byte(sockets[1]);
}

static void feed_short(void)
{
	short_feed();
	write_byte(short_ends[1]);
}

static void mix(void)
{
	mixed_long();
	for (int i = 0; i < 20; i++)
		short_sleep();
}

static void mix_short(void)
{
	static void (*const waits[])(void) = { short_one, short_two, short_three };

	waits[target_random_below(3)]();
}

static void spin(void)
{
	target_spin_ns(50 * NS_PER_MS);
}

static void spin_and_sleep(void)
{
	target_spin_ns(5 * NS_PER_MS);
	off_sleep();
}

struct role {
	const char *thread;
	void (*turn)(void);
};

static const struct role roles[] = {
	{ "sleeper", long_sleep },
	{ "holder", hold },
	{ "locker", lock },
	{ "cond", wait_cond },
	{ "pipe", long_pipe },
	{ "socket", long_socket },
	{ "feeder", feed },
	{ "short", short_sleep },
	{ "short-pipe", short_pipe },
	{ "short-feeder", feed_short },
	{ "mixed", mix },
	{ "mixed-short", mix_short },
	{ "half-busy", spin_and_sleep },
};

static const struct role spinner = { "busy", spin };

static void *play(void *arg)
{
	const struct role *role = arg;

	log_thread(role->thread);
	nready++;
	for (;;) {
		role->turn();
		KEEP_FRAME();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int nroles = sizeof(roles) / sizeof(*roles);
	int spinners = argc > 2 ? atoi(argv[2]) : 1;

	target_begin();
	target_check(argc > 1 && spinners <= LOG_THREADS - nroles,
		     "usage: accuracy LOG [SPINNERS]");
	log_open(argv[1]);
	target_check(pipe(long_ends) == 0 && pipe(short_ends) == 0 &&
			     socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0,
		     "pipes");
	for (int i = 0; i < nroles; i++)
		target_thread(roles[i].thread, 0, play, (void *)&roles[i]);
	for (int i = 0; i < spinners; i++)
		target_thread(spinner.thread, 0, play, (void *)&spinner);
	while (nready < nroles + spinners)
		target_nap_ms(1);
	target_ready();
	target_rest();
}
