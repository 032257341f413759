/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observers.h: two looks at the same thread, through two observers, held against each other. Shared
 * by t-observer, over children in known states, and compare-observers, over any process.
 */
#ifndef OBSERVERS_H
#define OBSERVERS_H

#include <stdio.h>
#include <string.h>

#include "capture/observer.h"
#include "target/target.h"

enum { OBSERVERS_TRIES = 20 };

struct two_looks {
	struct look a, b;
	struct regs a_regs, b_regs;
};

static inline int observers_look(struct observer *observer, pid_t tid, struct look *look,
				 struct regs *regs)
{
	const struct procfs_thread thread = { .tid = tid, .schedstat_fd = -1 };

	observer->ops->begin(observer);
	observer->ops->begin_looks(observer, 1);
	return observer->ops->look(observer, &thread, look, regs);
}

/* Looks between which the thread did not run; false if there were none, or it is gone. */
static inline bool observers_look_twice(struct observer *a, struct observer *b, pid_t tid,
					struct two_looks *ret)
{
	for (int i = 0; i < OBSERVERS_TRIES; i++) {
		if (observers_look(a, tid, &ret->a, &ret->a_regs) < 0 ||
		    observers_look(b, tid, &ret->b, &ret->b_regs) < 0)
			return false;
		if (ret->a.state && ret->a.state != 'R' && ret->a.call != CALL_RUNNING &&
		    ret->a.pcount == ret->b.pcount)
			return true;
	}
	return false;
}

/* What of two looks at a blocked thread differs; NULL: nothing. */
static inline const char *observers_differ(const struct two_looks *looks)
{
	const struct look *a = &looks->a, *b = &looks->b;

	if (a->state != b->state)
		return "state";
	if (strcmp(a->comm, b->comm) != 0)
		return "comm";
	if (a->cpu != b->cpu)
		return "cpu";
	if (a->on_cpu_ns != b->on_cpu_ns || a->run_queue_ns != b->run_queue_ns)
		return "schedstat";
	if (a->call != b->call)
		return "call";
	if (a->call == CALL_NUMBER && a->nr != b->nr)
		return "nr";
	if (a->call == CALL_NUMBER && memcmp(a->args, b->args, sizeof(a->args)) != 0)
		return "args";
	if (a->sp != b->sp || a->pc != b->pc)
		return "sp or pc";
	if (strcmp(a->wchan, b->wchan) != 0)
		return "wchan";
	if (a->exec_start_ns && b->exec_start_ns && a->exec_start_ns != b->exec_start_ns)
		return "exec_start";
	return NULL;
}

#endif
