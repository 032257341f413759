/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The observer that reads /proc, one thread and one file at a time (target/procfs). It sees the
 * place of a blocked thread, never its other registers. A list of the threads holds while there are
 * as many of them and none was found to be gone: one that came for one that went is a round late.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "capture/observer.h"
#include "target/target.h"

/* Threads that nobody asks for may come and go in pairs. */
#define LIST_AGE_NS (100 * NS_PER_MS)

struct proc_observer {
	struct observer base;
	uint64_t listed_ns; /* CLOCK_MONOTONIC of the last list; 0: it does not hold */
};

static struct proc_observer *self(struct observer *observer)
{
	return (struct proc_observer *)observer;
}

/* What a read gave; if the thread is gone, so is the list. */
static int note(struct observer *observer, int r)
{
	if (r == -ESRCH || r == -ENOENT)
		self(observer)->listed_ns = 0;
	return r;
}

static int proc_open(const struct target *target, const struct observer *like,
		     struct observer **ret, struct ss_error *err)
{
	struct proc_observer *proc = calloc(1, sizeof(*proc));

	(void)like;
	if (!proc)
		return ss_error_oom(err);
	proc->base = (struct observer){ .ops = &observer_proc, .target = target };
	*ret = &proc->base;
	return 0;
}

static void proc_close(struct observer *observer)
{
	free(observer);
}

static int proc_list(struct observer *observer, struct tids *ret, struct ss_error *err)
{
	struct proc_observer *proc = self(observer);
	uint64_t now = clock_mono_ns();
	int r;

	if (proc->listed_ns && now - proc->listed_ns < LIST_AGE_NS && ret->tid.n &&
	    ret->tid.n == target_count(observer->target))
		return 0;
	r = target_list(observer->target, ret, err);
	proc->listed_ns = r == 0 ? now : 0;
	return r;
}

static void proc_begin(struct observer *observer)
{
	(void)observer;
}

static void proc_begin_some(struct observer *observer, size_t n)
{
	(void)observer;
	(void)n;
}

static int proc_counters(struct observer *observer, const struct procfs_thread *thread,
			 struct look *look)
{
	return note(observer, procfs_schedstat(observer->target, thread, look));
}

static int proc_look(struct observer *observer, const struct procfs_thread *thread,
		     struct look *look, struct regs *regs)
{
	int r = note(observer, procfs_look(observer->target, thread, look));

	regs->known = 0;
	if (look->state == 0)
		self(observer)->listed_ns = 0;
	return r;
}

static int proc_relook(struct observer *observer, const struct procfs_thread *thread,
		       struct look *look, struct regs *regs)
{
	regs->known = 0;
	return procfs_relook_call(observer->target, thread, look);
}

/*
 * What the look says of a blocked thread was read when it was off the run queue (wait_task_inactive,
 * kernel/sched/core.c): when it comes back, pcount rises.
 */
static bool proc_stood_still(struct observer *observer, const struct procfs_thread *thread,
			     const struct look *look)
{
	uint64_t pcount;

	return note(observer, procfs_pcount(observer->target, thread, &pcount)) == 0 &&
	       pcount == look->pcount;
}

const struct observer_ops observer_proc = {
	.name = "proc",
	.keeps_files = true,
	.open = proc_open,
	.close = proc_close,
	.list = proc_list,
	.begin = proc_begin,
	.counters = proc_counters,
	.begin_looks = proc_begin_some,
	.look = proc_look,
	.relook = proc_relook,
	.begin_proof = proc_begin_some,
	.stood_still = proc_stood_still,
};
