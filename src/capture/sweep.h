/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep.h: one look at every thread: what /proc says, then registers and stack bytes, with as few
 * stops as the mode allows. The only user of ptrace is this folder.
 *
 * Every call works in a thread of its own, which has ended when the call returns: whatever happened,
 * no thread of the target is then stopped or traced by us.
 */
#ifndef SS_CAPTURE_SWEEP_H
#define SS_CAPTURE_SWEEP_H

#include "base/error.h"
#include "model/capture.h"

struct capturer;
struct maps;
struct target;
struct tids;

/* The target outlives the capturer. */
int capturer_new(const struct target *target, enum ss_stop mode, struct capturer **ret,
		 struct ss_error *err);
void capturer_free(struct capturer *capturer); /* NULL is fine */

/*
 * No thread is to stand still for longer than this (0: no limit). Where more are to be stopped than
 * that allows, a sweep stops them one batch after the other, which are then not of one instant; a tick
 * in auto stops one batch only, and the others at later ticks. How long a stop takes is known only
 * afterwards: capture->over_pause counts those that took longer.
 */
void capturer_limit_pause(struct capturer *capturer, uint64_t max_ns);

/*
 * Look through the observer of this name (observer_names) instead of /proc, before the first sweep;
 * NULL: the best there is. `like`: a capturer of another process, whose observer may share what took
 * time to make; or NULL. On failure everything is as before.
 */
int capturer_observe(struct capturer *capturer, const char *name, const struct capturer *like,
		     struct ss_error *err);
const char *capturer_observer(const struct capturer *capturer);

/*
 * From now on only what threads wait for is of interest, not who runs: ticks may pass over threads
 * that have not run by what the kernel has booked (capture/ledger.h).
 */
void capturer_watch_waits(struct capturer *capturer);

/*
 * Use the kernel's timer of this name (timer_names), or the best that is permitted (NULL), for threads
 * that are on a CPU. One that is asked for by name is opened at once, and it is an error if it may not
 * be used; else it is opened when it is first needed. `like`: as above; it lives until then.
 */
int capturer_time(struct capturer *capturer, const char *name, const struct capturer *like,
		  struct ss_error *err);

/*
 * The timer in use; "" if none was needed yet, "no" if none may be used. *ret_refusal: why the last one
 * that was tried could not be had, "" if nothing was refused.
 */
const char *capturer_timer(const struct capturer *capturer, const char **ret_refusal);

/*
 * From now on the kernel's timer samples each thread that is on a CPU `hz` times a second; sweep_tick
 * hands the samples on in capture->samples. False if no timer may be used: then running threads are
 * looked at in ticks only.
 */
bool capturer_sample(struct capturer *capturer, double hz);

/* Samples that found no room, in this capturer's life. */
uint64_t capturer_lost_samples(const struct capturer *capturer);

/* No more of that: the clocks stand still, and running threads are looked at as before. */
void capturer_end_samples(struct capturer *capturer);

/* A sampled stack was deeper than what samples hold: let them hold more from now on, within bounds. */
void capturer_deepen_samples(struct capturer *capturer);

/*
 * All threads that there are now; a sweep that follows at once need not look again. *ret is as the
 * call before left it, or empty.
 */
int capturer_list(struct capturer *capturer, struct tids *ret, struct ss_error *err);

/*
 * Sweep these threads. `maps` (read before) bounds the stacks. The capture's threads come in the
 * order of tids; its bytes stay valid until the next sweep_threads.
 */
int sweep_threads(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
		  struct capture *capture, struct ss_error *err);

/*
 * The same for one tick of many: a thread that was blocked at the sweep before and has not run
 * since costs one read of schedstat, and comes as CAPTURE_SAME (only tid, at_ns and the schedstat
 * fields of its look hold). Also CAPTURE_SAME, with woken_by_us: it ran only because we stopped it.
 */
int sweep_tick(struct capturer *capturer, const struct tids *tids, const struct maps *maps,
	       struct capture *capture, struct ss_error *err);

/* What the sweep before said was not used: the next sweep_tick says it of every thread anew. */
void capturer_forget(struct capturer *capturer);

/* What a thread's unwinding lacked. */
struct sweep_request {
	size_t thread;   /* index in the capture */
	bool registers;  /* the callee-saved registers: stop it once */
	uint64_t memory; /* else: bytes from this address on */
	size_t window;   /* how many bytes of stack, from sp or from `memory` */
};

/*
 * Fetch what is lacking: a thread that has not run since the sweep is extended and stays
 * consistent; one that has is captured anew and does not.
 */
int sweep_again(struct capturer *capturer, const struct sweep_request *requests, size_t n,
		const struct maps *maps, struct capture *capture, struct ss_error *err);

/* False if a stop would do harm to a thread that waits so, or if others would see it. */
bool sweep_may_stop(const struct target *target, const struct look *look);

/* True if the thread still waits in the call and at the place where it was captured. */
bool sweep_still_waits(const struct capturer *capturer, const struct capture *capture, size_t i);

/* How often the thread has been switched in by now; 0, or a negative errno. */
int sweep_pcount(const struct capturer *capturer, size_t i, uint64_t *ret);

/*
 * True if waitpid told us the exit status of the target's leader while we had it attached: a parent
 * in our process then cannot get it any more.
 */
bool capturer_leader_status(const struct capturer *capturer, int *ret_status);

#endif
