/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of the stacks of threads that are on no CPU, without a stop, and the proof that each thread
 * stood still meanwhile: it has not been switched in since the look. Never uses ptrace.
 */
#include <errno.h>
#include <string.h>

#include "capture/capturer.h"
#include "target/maps.h"
#include "target/target.h"

/* The page that takes longer has gone since it was seen, or a CPU is very hard to get. */
#define LIMIT_NS      (100 * NS_PER_MS)
#define LIMIT_MIN_NS  (10 * NS_PER_MS)
#define LIMIT_EACH_NS (50 * NS_PER_US)

/* How long threads may stand stopped for copies, beside what each of them takes to copy. */
static uint64_t copying_limit_ns(const struct capturer *capturer)
{
	uint64_t limit_ns = capturer->pacing.max_ns;

	limit_ns = limit_ns ? MAX(limit_ns, (uint64_t)LIMIT_MIN_NS) : LIMIT_NS;
	return limit_ns + capturer->copier.jobs.n * LIMIT_EACH_NS;
}

int copying_run(struct capturer *capturer)
{
	if (!capturer->aside)
		return copier_run(&capturer->copier);
	return aside_run(capturer->aside, clock_mono_ns() + copying_limit_ns(capturer));
}

int copying_settle(struct capturer *capturer, int r)
{
	struct ss_error err;

	if (r != -ETIMEDOUT)
		return r;
	aside_end(capturer->aside);
	capturer->aside = NULL;
	vec_each(job, &capturer->copier.jobs) {
		job->absent += job->len;
		job->len = job->got = 0;
		job->to_map_end = false;
	}
	/* others that are late may stop at any time */
	return aside_start(&capturer->copier, &capturer->aside, &err);
}

int copying_failed(const struct capturer *capturer, int r, struct ss_error *err)
{
	if (r == -EPERM || r == -EACCES)
		return target_explain_denied(capturer->target->pid, "process_vm_readv", err);
	return ss_error_sys(err, -r, "cannot read the memory of process %d",
			    (int)capturer->target->pid);
}

void copying_store(struct capturer *capturer, struct capture *capture)
{
	vec_each(job, &capturer->copier.jobs) {
		copy_job_store(job, &capture->threads.data[job->thread]);
		capture->bytes_copied += job->got;
	}
}

/* True if the thread has not run since its look. */
bool copying_stood_still(const struct capturer *capturer, const struct work *work,
			 struct capture_thread *thread)
{
	struct observer *observer = capturer->observer;
	struct look now = thread->look;

	if (thread->look.sched_known)
		return observer->ops->stood_still(observer, &work->proc, &thread->look);
	/* a kernel without CONFIG_SCHED_INFO: the same call at the same place is no proof */
	thread->consistent = false;
	return procfs_relook_call(capturer->target, &work->proc, &now) == 0 &&
	       now.call == thread->look.call && now.nr == thread->look.nr &&
	       now.sp == thread->look.sp && now.pc == thread->look.pc;
}

/*
 * What a look alone tells: where it is, and the arguments of its call (vfork returns through one).
 */
static void set_known_registers(struct capture_thread *thread)
{
	static const unsigned char args[] = REGS_CALL_ARGS;
	const struct look *look = &thread->look;

	regs_set(&thread->regs, REG_SP, look->sp);
	regs_set(&thread->regs, REG_PC, look->pc);
	for (unsigned i = 0; look->call == CALL_NUMBER && i < sizeof(args); i++)
		regs_set(&thread->regs, args[i], look->args[i]);
}

static void verify_copy(struct capturer *capturer, struct work *work, struct capture_thread *thread)
{
	if (!copying_stood_still(capturer, work, thread)) {
		thread->ncopies = 0;
		work->plan = PLAN_RETRY;
		return;
	}
	work->plan = PLAN_DONE;
	if (thread->ncopies == 0) {
		plan_give_up(thread, SS_NO_STACK_UNREADABLE);
		return;
	}
	thread->how = CAPTURE_UNTOUCHED;
	if (thread->look.queued)
		thread->run = RUN_RUNNABLE;
	thread->none = SS_NO_STACK_HAS_STACK;
	thread->consistent &= !work->late_look;
	set_known_registers(thread);
}

/* Copy the stacks of all threads with PLAN_COPY. The proof follows in copying_verify. */
int copying_round(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		  struct ss_error *err)
{
	size_t bytes, n = plan_count(capturer, PLAN_COPY, &bytes);
	int r;

	if (n == 0)
		return 0;
	r = copier_reserve(&capturer->copier, n, bytes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < capturer->work.n; i++) {
		const struct work *work = &capturer->work.data[i];

		if (work->plan == PLAN_COPY)
			copier_add_stack(&capturer->copier, maps, i,
					 capture->threads.data[i].look.sp, work->window);
	}
	r = copying_settle(capturer, copying_run(capturer));
	if (r < 0)
		return copying_failed(capturer, r, err);
	copying_store(capturer, capture);
	return 0;
}

void copying_verify(struct capturer *capturer, struct capture *capture)
{
	struct observer *observer = capturer->observer;
	size_t bytes, n = plan_count(capturer, PLAN_COPY, &bytes);

	if (n == 0)
		return;
	observer->ops->begin_proof(observer, n);
	for (size_t i = 0; i < capturer->work.n; i++)
		if (capturer->work.data[i].plan == PLAN_COPY)
			verify_copy(capturer, &capturer->work.data[i], &capture->threads.data[i]);
}
