/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SEIZE and INTERRUPT, never ATTACH: that sends a SIGSTOP, which stays behind when we are killed.
 * With SEIZE the kernel lets every tracee go the moment its tracer exits, at whatever instant.
 * No ptrace option is set: no EXITKILL, and no clone, exec or exit events to answer.
 */
#include "capture/stopset.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

enum {
	/*
	 * Threads on a CPU stop within some ten microseconds. Others need one first: if no CPU is
	 * idle they need ours, and with a spin of 200 us the pause of 11 threads beside a busy one
	 * was twice as long.
	 */
	SPIN_NS = 20 * 1000,
	NAP_NS = 20 * 1000,
};

/* At any instruction: a system call that waits for a mutex is no cancellation point. */
static void begin_cancellable(_Atomic uint64_t *since_ns)
{
	*since_ns = clock_mono_ns();
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}

static void end_cancellable(_Atomic uint64_t *since_ns)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	*since_ns = 0;
}

static void seize(struct stop *stop)
{
	if (ptrace(PTRACE_SEIZE, stop->tid, 0, 0) == 0) {
		stop->state = STOP_SEIZED;
	} else {
		stop->state = STOP_FAILED;
		stop->sys = errno;
	}
}

void stopset_seize(struct stopset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct stop *stop = &set->stops[i];

		if (set->attaching_ns)
			begin_cancellable(set->attaching_ns);
		seize(stop);
		if (set->attaching_ns)
			end_cancellable(set->attaching_ns);
	}
}

void stopset_interrupt(struct stopset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct stop *stop = &set->stops[i];

		if (stop->state != STOP_SEIZED)
			continue;
		stop->asked_ns = stop->moved_ns = clock_mono_ns();
		/* ESRCH: it is exiting, and will be reported by waitpid */
		(void)ptrace(PTRACE_INTERRUPT, stop->tid, 0, 0);
		stop->state = STOP_ASKED;
	}
}

/*
 * What a stop means for the release. An event stop (group stop, or our interrupt) carries no
 * signal; a signal-delivery stop must hand its signal on.
 */
static int signal_to_deliver(int code)
{
	return code >> 8 == PTRACE_EVENT_STOP ? 0 : code;
}

static void note_exit(struct stop *stop)
{
	int status = 0;

	stop->exited = waitpid(stop->tid, &status, __WALL | WNOHANG) == stop->tid;
	stop->exit_status = status;
	stop->state = STOP_GONE;
}

/*
 * A stop is looked at, not taken away (WNOWAIT): what wait(2) takes is also where the kernel keeps the
 * signal of a signal-delivery stop (wait_task_stopped, kernel/exit.c), and if we are killed before
 * the release the thread goes on with what is there. So nothing is lost then.
 */
static void note_status(struct stop *stop)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)stop->tid, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL) <
	    0) {
		if (errno != EINTR)
			stop->state = STOP_GONE; /* ECHILD: no longer ours after an exec */
	} else if (info.si_pid == stop->tid && info.si_code == CLD_TRAPPED) {
		stop->state = STOP_STOPPED;
		stop->signal = signal_to_deliver(info.si_status);
	} else if (info.si_pid == stop->tid) {
		note_exit(stop);
	}
}

void stop_poll(struct stop *stop)
{
	uint64_t now = clock_mono_ns();

	note_status(stop);
	if (stop->state == STOP_ASKED || stop->state == STOP_LATE)
		stop->moved_ns = now;
}

/*
 * Ask for each once; true if some have yet to stop. Never waitpid(-1): it walks all tracees
 * (quadratic), and it would reap the caller's children.
 */
static bool poll_all(struct stopset *set)
{
	bool more = false;

	for (size_t i = 0; i < set->n; i++) {
		struct stop *stop = &set->stops[i];

		if (stop->state == STOP_ASKED)
			stop_poll(stop);
		more |= stop->state == STOP_ASKED;
	}
	return more;
}

static void give_up(struct stopset *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->stops[i].state == STOP_ASKED)
			set->stops[i].state = STOP_LATE;
}

/* All in turn, not one after the other: a slow one must not hide when the next one stopped. */
void stopset_wait(struct stopset *set, uint64_t deadline_ns)
{
	uint64_t begin = clock_mono_ns();

	while (poll_all(set)) {
		uint64_t now = clock_mono_ns();

		if (now >= deadline_ns)
			break;
		if (now - begin < SPIN_NS)
			sched_yield();
		else
			nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	}
	give_up(set);
}

void stopset_fetch(struct stopset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct stop *stop = &set->stops[i];

		if (stop->state == STOP_STOPPED)
			stop->fetched = regs_fetch(stop->tid, &stop->raw) == 0;
	}
}

void stop_release(struct stop *stop)
{
	if (ptrace(PTRACE_DETACH, stop->tid, 0, stop->signal) == 0)
		stop->state = STOP_RELEASED;
	else
		stop->state = STOP_LATE; /* ESRCH: killed while it stood; it has yet to be reaped */
	stop->released_ns = clock_mono_ns();
}

void stopset_release(struct stopset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct stop *stop = &set->stops[i];

		switch (stop->state) {
		case STOP_STOPPED:
			stop_release(stop);
			break;
		case STOP_SEIZED: /* never asked: an early way out of the round */
			(void)ptrace(PTRACE_INTERRUPT, stop->tid, 0, 0);
			stop->state = STOP_LATE;
			break;
		case STOP_ASKED:
			stop->state = STOP_LATE;
			break;
		default:
			break;
		}
	}
}
