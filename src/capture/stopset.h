/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopset.h: the threads that one round stops, and the guarantee that all of them go on: whatever
 * way the round is left, stopset_release lets every thread go.
 *
 *	        seize            interrupt           wait              release
 *	IDLE ---------> SEIZED -----------> ASKED ---------> STOPPED ---------> RELEASED
 *	  |                                   |                 ^
 *	  +--> FAILED (errno)                 +--> LATE --------+  (stops by itself some time later)
 *	                                      +--> GONE  (exited)
 *
 * From the first interrupt to the release nothing here allocates, prints or opens a file.
 */
#ifndef SS_CAPTURE_STOPSET_H
#define SS_CAPTURE_STOPSET_H

#include <stddef.h>

#include "capture/regs-arch.h"

enum stop_state {
	STOP_IDLE,
	STOP_SEIZED,
	STOP_ASKED,
	STOP_STOPPED,
	STOP_LATE,
	STOP_GONE,
	STOP_FAILED,
	STOP_RELEASED,
};

struct stop {
	pid_t tid;
	size_t thread; /* index in the capture */
	enum stop_state state;
	int sys;     /* STOP_FAILED: positive errno */
	bool exited; /* STOP_GONE, and waitpid has told its status: */
	int exit_status;
	int signal;   /* to deliver when it goes on; 0 none */
	bool fetched; /* raw holds */
	struct regs_raw raw;
	uint64_t asked_ns, released_ns; /* CLOCK_MONOTONIC */
	uint64_t moved_ns;              /* the last time it was known not to stand still yet */
};

struct stopset {
	struct stop *stops;
	size_t n;
	/*
	 * CLOCK_MONOTONIC since when a thread is being attached, 0: none is. Meanwhile, and only then, the
	 * calling thread may be cancelled; see stopset_seize. NULL: nobody will
	 */
	_Atomic uint64_t *attaching_ns;
};

/*
 * Attach to all without stopping any. It may take for ever: exec holds a mutex of the process while
 * it waits for all other threads to be gone (cred_guard_mutex, de_thread in fs/exec.c); one that is
 * attached is not gone before its tracer has waited for it; and the tracer waits for that mutex
 * (ptrace_attach, kernel/ptrace.c). The end of the tracer unties the knot, whoever it was that died:
 *
 *	exec --waits for--> dead thread --waits for--> tracer --waits for--> mutex of exec
 */
void stopset_seize(struct stopset *set);

/* Ask all of them to stop. */
void stopset_interrupt(struct stopset *set);

/*
 * Wait until each has stopped, exited or deadline_ns (CLOCK_MONOTONIC) has passed: those are LATE.
 */
void stopset_wait(struct stopset *set, uint64_t deadline_ns);

/* Fetch the registers of those that stopped. */
void stopset_fetch(struct stopset *set);

/*
 * Let all go. A thread that has not stopped cannot be detached (ESRCH): it becomes LATE, and the
 * caller must go on asking stop_poll until it is STOPPED, then stop_release.
 */
void stopset_release(struct stopset *set);

/* Ask the kernel whether one thread has stopped or exited; does not wait. */
void stop_poll(struct stop *stop);

/* Let one thread go. */
void stop_release(struct stop *stop);

#endif
