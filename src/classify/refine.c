/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls whose meaning depends on an argument: flags, counts, pointers to one small
 * structure. Each function finds the wait as its rule has filled it and corrects what the arguments
 * tell better. Arguments are the target's: an int is its low 32 bits, the rest is noise.
 */
#include "classify/rules.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* linux/wait.h has it since 5.4; <sys/wait.h> has an enum, which differs between C libraries */
enum { ID_PID = 1, ID_PIDFD = 3 };

/* io_uring.h has it since 5.18 */
#ifndef IORING_ENTER_REGISTERED_RING
#define IORING_ENTER_REGISTERED_RING (1u << 4)
#endif

/* poll and select without a descriptor: people sleep with them, or wait for a signal only */
static void wait_on_nothing(struct wait *wait)
{
	wait->kind = wait->timeout_ns == WAIT_NO_TIMEOUT ? WAIT_SIGNAL : WAIT_SLEEP;
}

void refine_poll(struct query *query)
{
	const unsigned char *bytes;
	struct pollfd one;

	if (query->args[1] == 0)
		wait_on_nothing(&query->ret->wait);
	if (query->args[1] != 1)
		return;
	bytes = query_memory(query, query->args[0], sizeof(one));
	if (!bytes)
		return;
	memcpy(&one, bytes, sizeof(one));
	query_fd(query, (uint64_t)one.fd);
	if (one.fd < 0) /* poll(2): it is ignored */
		wait_on_nothing(&query->ret->wait);
}

void refine_select(struct query *query)
{
	const uint64_t *args = query->args;

	if ((int32_t)args[0] == 0 || (!args[1] && !args[2] && !args[3]))
		wait_on_nothing(&query->ret->wait);
}

void refine_clock_nanosleep(struct query *query)
{
	bool absolute = query->args[1] & TIMER_ABSTIME;

	query_timeout(query, absolute ? TIMEOUT_DEADLINE : TIMEOUT_TIMESPEC, query->args[2]);
}

void refine_fcntl(struct query *query)
{
	int32_t command = (int32_t)query->args[1];

	if (command == F_SETLKW || command == F_OFD_SETLKW)
		query->ret->wait.kind = WAIT_FILE_LOCK;
}

/* 0 and below: any child, or a process group */
void refine_wait4(struct query *query)
{
	int32_t pid = (int32_t)query->args[0];

	if (pid > 0)
		query->ret->wait.owner = pid;
}

void refine_waitid(struct query *query)
{
	int32_t type = (int32_t)query->args[0], id = (int32_t)query->args[1];

	if (type == ID_PID && id > 0)
		query->ret->wait.owner = id;
	if (type == ID_PIDFD)
		query_fd(query, query->args[1]);
}

/* With CLONE_VFORK the parent waits until the child calls exec or exits. */
static void refine_clone_flags(struct query *query, uint64_t flags)
{
	if (flags & CLONE_VFORK)
		query->ret->wait.kind = WAIT_CHILD;
}

void refine_clone(struct query *query)
{
	refine_clone_flags(query, query->args[0]);
}

/* The flags are the first member of struct clone_args. */
void refine_clone3(struct query *query)
{
	const unsigned char *bytes = query_memory(query, query->args[0], sizeof(uint64_t));
	uint64_t flags;

	if (!bytes)
		return;
	memcpy(&flags, bytes, sizeof(flags));
	refine_clone_flags(query, flags);
}

void refine_io_uring_enter(struct query *query)
{
	uint32_t flags = (uint32_t)query->args[3];

	if (!(flags & IORING_ENTER_REGISTERED_RING)) /* else it is an index */
		query_fd(query, query->args[0]);
	if (flags & IORING_ENTER_EXT_ARG) /* struct io_uring_getevents_arg may hold one */
		query_timeout(query, TIMEOUT_HIDDEN, 0);
}
