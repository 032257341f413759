/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper.h: a process of our own that does what may never end, such as opening a file of a server
 * that does not answer. It is a copy of this process as it was when the helper was first needed. Who
 * waits for it waits for a limited time only; a helper that is late is killed and left behind, and
 * the next request gets a new one. One thread at a time.
 */
#ifndef SS_BASE_HELPER_H
#define SS_BASE_HELPER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
	HELPER_FDS = 2,
	HELPER_NAME_MAX = 160,
};

struct helper_answer {
	int result; /* 0 or a negative errno, as the work likes */
	int fd;     /* passed on to who asked, and closed in the helper; -1: none */
	struct stat stat;
};

/*
 * Runs in the helper, which is a fork of a process that may have threads: no allocation, no stdio, no
 * locks. fds[] are those of the request, -1 where there are none; they are closed afterwards.
 */
typedef void helper_work(const char *path, const char *name, uint64_t number,
			 const int fds[HELPER_FDS], struct helper_answer *ret);

struct helper_request {
	helper_work *work;
	const char *path;    /* below PATH_MAX bytes */
	const char *name;    /* below HELPER_NAME_MAX; NULL: "" */
	uint64_t number;     /* means what the work likes */
	int fds[HELPER_FDS]; /* lent; -1: none */
};

/* Until when, CLOCK_MONOTONIC, and who may say before that it has been long enough; NULL: nobody. */
struct helper_patience {
	uint64_t deadline_ns;
	bool (*give_up)(void *arg);
	void *arg;
};

struct helper;

struct helper *helper_new(void); /* no process yet; NULL only if memory is out */

/* Ends the helper. One that was left behind and cannot be killed ends by itself, some time. */
void helper_free(struct helper *helper);

/*
 * 0 and what the work answered, whose descriptor is the caller's; -ETIMEDOUT, -ECANCELED after
 * give_up, or another negative errno if no helper can be had. It is the child of the calling thread,
 * sends no SIGCHLD, and is seen by no wait(2) without __WALL or __WCLONE.
 */
int helper_run(struct helper *helper, const struct helper_request *request,
	       const struct helper_patience *patience, struct helper_answer *ret);

#endif
