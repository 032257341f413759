/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capturer.h: the inside of a capturer, shared by the files of this folder, and the rounds that a
 * sweep is made of:
 *
 *	observer*.c  what is said of each thread, and by whom
 *	plan.c       which threads there are, what is to be done with each
 *	cutshort.c   what a stop did to its thread's call
 *	guard.c      which threads a stop would do harm
 *	copying.c    copies without a stop, and the proof that the threads stood still
 *	sampling.c   threads on a CPU, as the kernel's timer sees them
 *	aside.c      the thread that copies while others stand stopped
 *	stopping.c   the only round that stops threads
 *	stopped.c    what a stop says of its thread
 *	late.c       threads that stop after their round
 *	realtime.c   the priority of the thread that stops others
 *	sweep.c      the order of the rounds
 */
#ifndef SS_CAPTURE_CAPTURER_H
#define SS_CAPTURE_CAPTURER_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/vec.h"
#include "capture/aside.h"
#include "capture/copier.h"
#include "capture/ledger.h"
#include "capture/observer.h"
#include "capture/pacing.h"
#include "capture/stopset.h"
#include "capture/sweep.h"
#include "capture/timer.h"
#include "model/capture.h"

struct maps;
struct target;
struct tids;

enum {
	WINDOW_COPY = 4 * 1024,      /* first bytes of a stack that is copied without a stop */
	WINDOW_STOP = 16 * 1024,     /* at a stop, where a second one would be needed for more */
	WINDOW_SAMPLE_MAX = 1 << 20, /* of each sample of a capture */
};

enum plan {
	PLAN_DONE,
	PLAN_LOOK,   /* before any other plan can be made */
	PLAN_COPY,   /* copy without a stop */
	PLAN_SAMPLE, /* by the kernel's timer */
	PLAN_STOP,
	PLAN_RETRY, /* it moved while it was copied */
};

/* What the capturer keeps per thread, beside the capture's own. */
struct work {
	struct procfs_thread proc;
	enum plan plan;
	size_t window;            /* bytes of stack to copy */
	uint64_t extra_addr;      /* PLAN_STOP: copy `window` bytes from here too; 0: no */
	uint64_t pcount_asked;    /* just before the interrupt; 0 unknown */
	uint64_t voluntary_asked; /* its voluntary switches then; 0 if it slept */
	bool slept_asked;         /* it slept then ... */
	int64_t call_asked;       /* ... in this call; -1: in none ... */
	unsigned effects_asked;   /* ... to which a stop may do this (enum stopeffect) */
	bool late_look;           /* looked at anew: not of the sweep's instant */
	/* for the guard */
	bool watched;
	uint64_t harm_seen_ns; /* CLOCK_MONOTONIC when a stop would last have done harm; 0: never */
	uint64_t sleeps_passed; /* how often it had slept when it was last let pass; 0: never was */
	uint64_t sleeps_for_us; /* how often it slept only because of a stop of ours */
	uint64_t unsampled_ns;  /* its time on CPU when it was first to be sampled; 0: not yet */
	/* of the sweep before, for sweep_tick */
	struct look last;
	unsigned stops; /* that we made */
	bool settled;   /* blocked and captured without a stop: unchanged while pcount is */
	/* for the ledger */
	uint64_t cpu_ns, queue_ns; /* its counters when they were last read */
	unsigned looks_idle;       /* looks in a row at which it had not run, up to a maximum */
	bool stands;               /* the balance at hand says that it has not run */
};

struct capturer {
	const struct target *target;
	struct observer *observer;
	enum ss_stop mode;
	/*
	 * The kernel's timer, opened when it is first needed: timer_like and timer_name say how,
	 * timer_refusal why it could not be had.
	 */
	struct timer *timer;
	bool timer_wanted; /* none has been tried yet */
	const char *timer_name;
	const struct capturer *timer_like;
	struct ss_error timer_refusal;
	struct timer_rate sampling_rate; /* of a capture; period 0: no samples are collected */
	struct arena samples;            /* bytes of what was sampled in this sweep */
	uint64_t patience_ns;            /* how long a sweep waits for threads that stop late */
	bool leader_exited; /* we reaped the leader: if it was our child, nobody else can */
	int leader_status;
	struct pacing pacing;
	struct ledger ledger;
	size_t turn;           /* where the threads begin that a round may stop */
	bool reuse;            /* sweep_tick: threads that have not run are not captured again */
	VEC(struct work) work; /* by tid, like capture.threads */
	struct copier copier;
	struct aside *aside;           /* once this sweep has attached a thread */
	_Atomic uint64_t attaching_ns; /* see struct stopset */
	bool crowded;                  /* more threads want a CPU than there are */
	bool realtime;                 /* so the tracer has real-time priority */
	VEC(struct stop) stops;        /* of the round at hand */
	VEC(struct stop) late;         /* asked in some round, not yet let go */
};

/* ---- plan.c ---- */

/* Make the table hold just these threads; descriptors of those that stay are kept open. */
int plan_update_table(struct capturer *capturer, const struct tids *tids, struct ss_error *err);

/* Have the observer look at every thread, and plan. */
void plan_look(struct capturer *capturer, struct capture *capture);

/* Keep what the next sweep_tick compares with. */
void plan_remember(struct capturer *capturer, const struct capture *capture);

/* Look again at the threads with PLAN_RETRY, and plan anew. */
void plan_retry(struct capturer *capturer, struct capture *capture);

/* Do without this thread's stack; returns PLAN_DONE. */
enum plan plan_give_up(struct capture_thread *thread, enum ss_no_stack why);

/* How many threads have this plan, and the bytes that they may copy. */
size_t plan_count(const struct capturer *capturer, enum plan plan, size_t *ret_bytes);

/* False for what would not stop soon: state D (a vfork parent too), a frozen cgroup. */
bool look_can_interrupt(const struct look *look);
/* In a system call, or stopped outside any; not if it waits for a CPU. */
bool look_is_blocked(const struct look *look);

/* The timer, if one may be used here; NULL else. */
struct timer *plan_timer(struct capturer *capturer);

/* ---- guard.c ---- */

/* What a stop may do to the call that the thread waits in (enum stopeffect). */
unsigned guard_effects(const struct target *target, const struct look *look);

/*
 * In auto: leave alone those threads with PLAN_STOP whose system call a stop would break off or cut
 * short, as far as can be seen without a stop; may watch them for a millisecond. PLAN_RETRY for
 * `waiting`: those that are seen to wait are to be looked at again; PLAN_STOP: they may be stopped if
 * that does no harm.
 */
void guard_round(struct capturer *capturer, struct capture *capture, enum plan waiting);

/* After the last retry: stop those with PLAN_RETRY that may be stopped; the others are unstable. */
void guard_restless(struct capturer *capturer, struct capture *capture);

/* Just before the interrupt: do without this thread. */
void guard_refuse(struct work *work, struct capture_thread *thread);

/* ---- copying.c ---- */

/* Copy the stacks of all threads with PLAN_COPY. The proof follows in copying_verify. */
int copying_round(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		  struct ss_error *err);

/* Threads with PLAN_COPY that have not run since their look are done; the others: PLAN_RETRY. */
void copying_verify(struct capturer *capturer, struct capture *capture);

/* True if the thread has not run since its look. Within a proof of the observer's. */
bool copying_stood_still(const struct capturer *capturer, const struct work *work,
			 struct capture_thread *thread);

/*
 * Copy what was asked for. -ETIMEDOUT if that takes too long while threads stand stopped, or may come
 * to: copying_settle then, once those that did have been let go.
 */
int copying_run(struct capturer *capturer);

/* The result of copying_run; jobs that were not copied in time hold nothing. */
int copying_settle(struct capturer *capturer, int r);

/* The error for copier_run having returned r < 0; returns it. */
int copying_failed(const struct capturer *capturer, int r, struct ss_error *err);

/* Give each thread the bytes that a batch has fetched. */
void copying_store(struct capturer *capturer, struct capture *capture);

/* ---- sampling.c ---- */

/*
 * Sample the threads with PLAN_SAMPLE: those that were sampled are done, the others have PLAN_RETRY.
 */
void sampling_round(struct capturer *capturer, const struct maps *maps, struct capture *capture);

/* Of a capture: what was sampled since the sweep before goes to capture->samples. */
void sampling_collect(struct capturer *capturer, const struct maps *maps, struct capture *capture);

/* ---- stopping.c ---- */

/* Stop, capture and release all threads with PLAN_STOP. */
int stopping_round(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		   struct ss_error *err);

/* ---- stopped.c ---- */

/* Why a thread could not be attached. EPERM is also what an exiting thread gives. */
enum ss_no_stack stopped_explain_failure(const struct capturer *capturer, const struct stop *stop);

/* In the stop: keep the target from seeing an EINTR that it would not have seen without us. */
void stopped_mend_eintr(const struct capturer *capturer, struct stop *stop,
			struct capture *capture);

/* In the stop: ask for this thread's stack. */
void stopped_add_stack(struct capturer *capturer, const struct maps *maps, const struct stop *stop);

/* The thread's facts from its stop. Called when it runs again: it may open files. */
void stopped_store(const struct capturer *capturer, struct work *work,
		   struct capture_thread *thread, const struct stop *stop, struct capture *capture);

/* The target may be a child of our own process, which then has no other way to learn this. */
void stopped_note_exit(struct capturer *capturer, const struct stop *stop);

/* ---- cutshort.c ---- */

/*
 * True if the stop may have made its thread's call return with less than was asked for, or before its
 * time. Called when the thread runs again.
 */
bool cutshort_is_ours(const struct capturer *capturer, const struct work *work,
		      const struct stop *stop);

/* ---- late.c ---- */

/*
 * Capture and let go those that have stopped after their round's deadline: soon, they stand still
 * already.
 */
int late_take_arrived(struct capturer *capturer, const struct maps *maps, struct capture *capture,
		      struct ss_error *err);

/* The same for all that are late, waiting a bounded time. */
int late_await(struct capturer *capturer, const struct maps *maps, struct capture *capture,
	       struct ss_error *err);

/* ---- realtime.c ---- */

/* More threads want a CPU than there are: the target's, or others and we. */
bool realtime_is_needed(const struct capture *capture);

/*
 * For the calling thread and the one that copies for it, if CPUs are short. Where it is not permitted
 * nothing changes.
 */
void realtime_begin(struct capturer *capturer);

/* Unless threads are late: they may come to stand still for us at any time. */
void realtime_end(struct capturer *capturer);

#endif
