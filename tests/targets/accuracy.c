/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accuracy.c: threads that measure their own waits. Usage: accuracy LOG [SPINNERS]. Every wait is
 * logged in the file LOG, which is mapped, as it happens: the function that waits, CLOCK_MONOTONIC
 * before and after (0: it is still open), and how long the thread then queued for a CPU. So a
 * reader can tell, for any interval, how long each thread was blocked in each function. The layout
 * is struct thread_log, one after the other; a log that is full begins anew.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "target.h"

enum { THREADS = 16, WAITS = 1 << 16 };

struct wait {
	int64_t begin_ns, end_ns, queued_ns;
	char function[16];
};

struct thread_log {
	int64_t tid;
	char thread[24];
	struct wait waits[WAITS];
};

static struct thread_log *logs;
static _Atomic int nlogs;
static _Atomic int nready;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool cond_set;
static int long_ends[2], short_ends[2], sockets[2];

/* ---- the log of one thread ---- */

static _Thread_local struct thread_log *own_log;
static _Thread_local uint64_t own_waits, own_random;
static _Thread_local int own_schedstat;

/* The kernel's count of this thread's time in the run queue. */
static int64_t queued_ns(void)
{
	char text[64];
	ssize_t n = pread(own_schedstat, text, sizeof(text) - 1, 0);
	const char *second;

	if (n <= 0)
		return 0; /* no CONFIG_SCHED_INFO */
	text[n] = 0;
	second = strchr(text, ' ');
	return second ? atoll(second) : 0;
}

static struct wait *wait_begin(const char *function)
{
	struct wait *wait = &own_log->waits[own_waits++ % WAITS];

	wait->begin_ns = 0; /* nobody is to read the old wait under a new name */
	wait->end_ns = 0;
	strncpy(wait->function, function, sizeof(wait->function) - 1);
	wait->queued_ns = -queued_ns();
	wait->begin_ns = target_now_ns();
	return wait;
}

static void wait_end(struct wait *wait)
{
	int64_t now = target_now_ns();

	wait->queued_ns += queued_ns();
	wait->end_ns = now;
}

/* xorshift64: the waits must not beat with anyone's period */
static uint64_t random_below(uint64_t n)
{
	own_random ^= own_random << 13;
	own_random ^= own_random >> 7;
	own_random ^= own_random << 17;
	return own_random % n;
}

static int64_t around(int64_t ns)
{
	return ns / 2 + (int64_t)random_below((uint64_t)ns);
}

static void nap_ns(int64_t ns)
{
	struct timespec t = { ns / NS_PER_S, ns % NS_PER_S };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static void spin_ns(int64_t ns)
{
	int64_t end = target_now_ns() + ns;

	while (target_now_ns() < end)
		;
}

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
		nap_ns(ns);                            \
		wait_end(wait);                        \
	}

SLEEP(long_sleep, around(300 * NS_PER_MS))
SLEEP(hold_sleep, around(200 * NS_PER_MS))
SLEEP(free_sleep, 20 * NS_PER_MS)
SLEEP(rest_sleep, around(40 * NS_PER_MS))
SLEEP(feed_sleep, around(60 * NS_PER_MS))
SLEEP(mixed_long, around(100 * NS_PER_MS))
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

	waits[random_below(3)]();
}

static void spin(void)
{
	spin_ns(50 * NS_PER_MS);
}

static void spin_and_sleep(void)
{
	spin_ns(5 * NS_PER_MS);
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

	own_log = &logs[nlogs++];
	own_random = (uint64_t)target_now_ns() | 1;
	own_schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	strncpy(own_log->thread, role->thread, sizeof(own_log->thread) - 1);
	own_log->tid = target_tid();
	nready++;
	for (;;) {
		role->turn();
		KEEP_FRAME();
	}
	return NULL;
}

static void open_log(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = THREADS * sizeof(*logs);

	target_check(fd >= 0 && ftruncate(fd, (off_t)size) == 0, path);
	logs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	target_check(logs != MAP_FAILED, "mmap");
}

int main(int argc, char **argv)
{
	int nroles = sizeof(roles) / sizeof(*roles);
	int spinners = argc > 2 ? atoi(argv[2]) : 1;

	target_begin();
	target_check(argc > 1 && spinners <= THREADS - nroles, "usage: accuracy LOG [SPINNERS]");
	open_log(argv[1]);
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
