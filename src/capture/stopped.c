/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopped.c: what a stop says of its thread, and what is done for each thread while it stands still:
 * its EINTR is mended, its stack is asked for. Nothing of that allocates or opens a file; what looks
 * into /proc is for threads that run again, or never stopped.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "capture/capturer.h"
#include "model/stopeffect.h"
#include "target/procparse.h"
#include "target/target.h"

enum ss_no_stack stopped_explain_failure(const struct capturer *capturer, const struct stop *stop)
{
	char path[32], text[4096];
	uint64_t tracer;
	struct look look = { .tid = stop->tid };
	struct procfs_thread proc = { .tid = stop->tid, .schedstat_fd = -1 };

	if (stop->sys == ESRCH || procfs_relook_call(capturer->target, &proc, &look) < 0 ||
	    look.state == 0)
		return SS_NO_STACK_VANISHED;
	if (look.state == 'Z' || look.state == 'X')
		return SS_NO_STACK_ZOMBIE;
	snprintf(path, sizeof(path), "%d/status", (int)stop->tid);
	if (file_read_at(capturer->target->task_fd, path, text, sizeof(text)) > 0 &&
	    procparse_status_number(text, "TracerPid", 10, &tracer) == 0 && tracer != 0)
		/* ourselves: it has taken this tid by exec while it was attached under another */
		return tracer == (uint64_t)gettid() ? SS_NO_STACK_UNSTABLE : SS_NO_STACK_TRACED;
	return SS_NO_STACK_REFUSED;
}

/*
 * What the registers at the stop say of the wait. The look stands if the thread is where the look
 * saw it; else the look is of an earlier moment, and its wait and times no longer hold.
 */
static void refresh_look(struct capture_thread *thread, const struct stop *stop)
{
	struct look *look = &thread->look;
	bool eintr;

	if (look_is_blocked(look) && look->sp == thread->regs.r[REG_SP] &&
	    look->pc == thread->regs.r[REG_PC])
		return;
	look->exec_start_ns = 0;
	look->wchan[0] = '\0';
	look->sp = thread->regs.r[REG_SP];
	look->pc = thread->regs.r[REG_PC];
	if (regs_interrupted_call(&stop->raw, &look->nr, look->args, &eintr)) {
		look->call = CALL_NUMBER;
		look->state = 'S';
	} else {
		look->call = CALL_RUNNING;
		look->state = 'R';
	}
}

/*
 * How long it stood still. From the interrupt on it may have waited for a CPU, where its run-queue
 * time goes on: taking that for a stop too made a thread's blocked time 3 % of the wall too short.
 */
static uint64_t stood_ns(const struct stop *stop)
{
	return stop->released_ns - stop->moved_ns;
}

void stopped_store(const struct capturer *capturer, struct work *work,
		   struct capture_thread *thread, const struct stop *stop, struct capture *capture)
{
	uint64_t ns = stop->released_ns - stop->asked_ns;
	bool same_instant = !work->late_look && (thread->how != CAPTURE_UNTOUCHED ||
						 work->pcount_asked == thread->look.pcount);

	capture->stops++;
	capture->total_stop_ns += ns;
	capture->longest_stop_ns = MAX(capture->longest_stop_ns, ns);
	if (capturer->pacing.max_ns && ns > capturer->pacing.max_ns)
		capture->over_pause++;
	thread->stops++;
	thread->stopped_ns += stood_ns(stop);
	work->sleeps_for_us += work->slept_asked ? 2 : 1;
	if (!stop->fetched)
		return;
	capture->calls_cut_short += cutshort_is_ours(capturer, work, stop);
	thread->how = CAPTURE_STOPPED;
	thread->none = SS_NO_STACK_HAS_STACK;
	thread->ncopies = 0;
	thread->consistent &= same_instant;
	thread->regs.known = 0;
	regs_decode(&stop->raw, &thread->regs);
	refresh_look(thread, stop);
}

/*
 * Whether a stop may turn the EINTR that it causes into a restart. In auto, a thread in such a
 * call entered it after our look, microseconds ago; in all, a finite timeout would start anew.
 */
static bool should_restart(const struct capturer *capturer, int64_t nr, const uint64_t args[6])
{
	return stopeffect_may_restart(nr) &&
	       (capturer->mode == SS_STOP_AUTO || !stopeffect_has_timeout(nr, args));
}

void stopped_mend_eintr(const struct capturer *capturer, struct stop *stop, struct capture *capture)
{
	uint64_t args[6];
	int64_t nr;
	bool eintr;

	if (!regs_interrupted_call(&stop->raw, &nr, args, &eintr) || !eintr)
		return;
	/* a thread in a group stop (SIGSTOP) has its EINTR from that, not from us */
	if (capture->threads.data[stop->thread].look.state == 'T')
		return;
	if (should_restart(capturer, nr, args) && regs_restart_call(stop->tid, &stop->raw) == 0)
		capture->eintr_avoided++;
	else
		capture->eintr_caused++;
}

void stopped_add_stack(struct capturer *capturer, const struct maps *maps, const struct stop *stop)
{
	const struct work *work = &capturer->work.data[stop->thread];

	copier_add_stack(&capturer->copier, maps, stop->thread, regs_sp(&stop->raw), work->window);
	if (work->extra_addr)
		copier_add(&capturer->copier, maps, stop->thread, work->extra_addr,
			   work->extra_addr, work->window);
}

void stopped_note_exit(struct capturer *capturer, const struct stop *stop)
{
	if (!stop->exited || stop->tid != capturer->target->pid)
		return;
	capturer->leader_exited = true;
	capturer->leader_status = stop->exit_status;
}
