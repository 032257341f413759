/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/aside.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ASK_NS (5 * NS_PER_MS)

struct aside {
	struct copier *copier;
	pthread_t thread;
	pid_t tid;
	sem_t asked, done;
	bool ending, overdue;
	int result;
};

static void *serve(void *arg)
{
	struct aside *aside = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	aside->tid = gettid();
	sem_post(&aside->done);
	for (;;) {
		if (sem_wait(&aside->asked) < 0)
			continue; /* EINTR */
		if (aside->ending)
			return NULL;
		aside->result = copier_run(aside->copier);
		sem_post(&aside->done);
	}
}

static bool await(struct aside *aside, uint64_t deadline_ns)
{
	struct timespec until = { .tv_sec = (time_t)(deadline_ns / NS_PER_SEC),
				  .tv_nsec = (long)(deadline_ns % NS_PER_SEC) };
	int r;

	while ((r = sem_clockwait(&aside->done, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
		continue;
	return r == 0;
}

static void release(struct aside *aside)
{
	sem_destroy(&aside->asked);
	sem_destroy(&aside->done);
	free(aside);
}

int aside_start(struct copier *copier, struct aside **ret, struct ss_error *err)
{
	struct aside *aside = calloc(1, sizeof(*aside));
	int r;

	if (!aside)
		return ss_error_oom(err);
	aside->copier = copier;
	sem_init(&aside->asked, 0, 0);
	sem_init(&aside->done, 0, 0);
	r = pthread_create(&aside->thread, NULL, serve, aside);
	if (r) {
		release(aside);
		return ss_error_sys(err, r, "cannot start a thread");
	}
	while (sem_wait(&aside->done) < 0)
		continue; /* EINTR */
	*ret = aside;
	return 0;
}

pid_t aside_tid(const struct aside *aside)
{
	return aside->tid;
}

int aside_run(struct aside *aside, uint64_t deadline_ns)
{
	sem_post(&aside->asked);
	if (await(aside, deadline_ns))
		return aside->result;
	aside->overdue = true;
	return -ETIMEDOUT;
}

/* One that was cancelled and came out all the same ends, with or without having said so. */
static bool has_ended(struct aside *aside)
{
	while (aside->overdue) {
		if (await(aside, clock_mono_ns() + ASK_NS))
			aside->overdue = false;
		else if (pthread_tryjoin_np(aside->thread, NULL) == 0)
			return true;
		else if (copier_abandon(aside->copier, aside->thread))
			return true;
	}
	return false;
}

void aside_end(struct aside *aside)
{
	if (!aside)
		return;
	if (!has_ended(aside)) {
		aside->ending = true;
		sem_post(&aside->asked);
		pthread_join(aside->thread, NULL);
	}
	release(aside);
}
