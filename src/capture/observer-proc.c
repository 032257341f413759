/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The observer that reads /proc, one thread and one file at a time (target/procfs). It sees the
 * place of a blocked thread, never its other registers, and keeps nothing from round to round.
 */
#include <stdlib.h>

#include "capture/observer.h"
#include "target/target.h"

static int proc_open(const struct target *target, const struct observer *like,
		     struct observer **ret, struct ss_error *err)
{
	struct observer *observer = calloc(1, sizeof(*observer));

	(void)like;
	if (!observer)
		return ss_error_oom(err);
	*observer = (struct observer){ .ops = &observer_proc, .target = target };
	*ret = observer;
	return 0;
}

static void proc_close(struct observer *observer)
{
	free(observer);
}

static int proc_list(struct observer *observer, struct tids *ret, struct ss_error *err)
{
	return target_list(observer->target, ret, err);
}

static void proc_begin(struct observer *observer)
{
	(void)observer;
}

static int proc_counters(struct observer *observer, const struct procfs_thread *thread,
			 struct look *look)
{
	return procfs_schedstat(observer->target, thread, look);
}

static int proc_look(struct observer *observer, const struct procfs_thread *thread,
		     struct look *look, struct regs *regs)
{
	regs->known = 0;
	return procfs_look(observer->target, thread, look);
}

static int proc_relook(struct observer *observer, const struct procfs_thread *thread,
		       struct look *look, struct regs *regs)
{
	regs->known = 0;
	return procfs_relook_call(observer->target, thread, look);
}

static void proc_begin_proof(struct observer *observer, size_t n)
{
	(void)observer;
	(void)n;
}

static int proc_pcount(struct observer *observer, const struct procfs_thread *thread, uint64_t *ret)
{
	return procfs_pcount(observer->target, thread, ret);
}

const struct observer_ops observer_proc = {
	.name = "proc",
	.keeps_files = true,
	.open = proc_open,
	.close = proc_close,
	.list = proc_list,
	.begin = proc_begin,
	.counters = proc_counters,
	.look = proc_look,
	.relook = proc_relook,
	.begin_proof = proc_begin_proof,
	.pcount = proc_pcount,
};
