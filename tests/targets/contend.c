/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contend.c: the two bottlenecks that a block profile is for. Four workers want one mutex, and each
 * sleeps 5 ms while it holds it; a producer fills a pipe that a slow consumer empties a page every
 * 20 ms. Usage: contend [SECONDS]: ends by itself after that time with status 7.
 */
#include "target.h"

enum { WORKERS = 4, PAGE = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ends[2];
static volatile unsigned long done;

static NOINLINE void hold_lock(void)
{
	usleep(5000);
	done++;
}

static NOINLINE void contended_line(void)
{
	pthread_mutex_lock(&lock);
	hold_lock();
	pthread_mutex_unlock(&lock);
	KEEP_FRAME();
}

static void *work(void *unused)
{
	for (;;)
		contended_line();
	return unused;
}

static NOINLINE void produce(const char *page)
{
	if (write(ends[1], page, PAGE) < 0)
		perror("write");
	KEEP_FRAME();
}

static void *run_producer(void *unused)
{
	static const char page[PAGE];

	for (;;)
		produce(page);
	return unused;
}

static void *run_consumer(void *unused)
{
	char page[PAGE];

	while (read(ends[0], page, sizeof(page)) > 0)
		usleep(20000);
	return unused;
}

int main(int argc, char **argv)
{
	target_begin();
	if (pipe(ends) < 0)
		return 1;
	for (int i = 0; i < WORKERS; i++)
		target_thread("worker", 0, work, NULL);
	target_thread("producer", 0, run_producer, NULL);
	target_thread("consumer", 0, run_consumer, NULL);
	target_ready();
	if (argc > 1) {
		sleep((unsigned)atoi(argv[1]));
		_exit(7);
	}
	target_rest();
	return 0;
}
