/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procfs.h: what /proc says of one thread, read without touching it. schedstat stays open, because
 * its third field (times switched in) is the witness that a thread has not run, and is read often.
 * A thread that has ended is data (state 0 in its look), not an error.
 */
#ifndef SS_TARGET_PROCFS_H
#define SS_TARGET_PROCFS_H

#include <stdint.h>
#include <sys/types.h>

#include "model/capture.h"
#include "target/target.h"

struct procfs_thread {
	pid_t tid;
	int schedstat_fd; /* -1: descriptors are short, it is opened for each read */
};

/*
 * 0 or a negative errno; -ESRCH and -ENOENT: there is no such thread (any more). Leaves the last
 * few descriptors below the soft limit free for other uses.
 */
int procfs_thread_open(const struct target *target, pid_t tid, struct procfs_thread *ret);
void procfs_thread_close(struct procfs_thread *thread);

/*
 * Everything in struct look, in the order schedstat, stat, syscall, wchan, sched. The last two say
 * something of a thread that sleeps only, and are read for no other. Call it before anything is
 * stopped: a stop destroys what syscall and sched say. 0 (also for a thread that has vanished), or
 * a negative errno if stat could not be read (-EMFILE, -EACCES).
 */
int procfs_look(const struct target *target, const struct procfs_thread *thread, struct look *ret);

/*
 * Read schedstat, the state and syscall again. If the thread has run since, wchan and exec_start_ns
 * belong to an earlier wait and are emptied. Results as procfs_look's. Async-signal-safe.
 */
int procfs_relook_call(const struct target *target, const struct procfs_thread *thread,
		       struct look *look);

/*
 * Only the call of *look, and what holds of a thread that waits: its state and wchan. The state is
 * 0 if the thread is gone. Opens three files at most, one if it runs.
 */
void procfs_call(const struct target *target, struct look *look);

/* True if a seccomp filter is asked about its calls, or if that cannot be read. */
bool procfs_is_filtered(const struct target *target, pid_t tid);

/* Where a thread's time has gone since it began. */
struct procfs_habits {
	uint64_t user_ticks, kernel_ticks; /* of sysconf(_SC_CLK_TCK) */
	uint64_t voluntary;                /* how often it went to sleep */
};

/* 0, or a negative errno. */
int procfs_habits(const struct target *target, pid_t tid, struct procfs_habits *ret);

/*
 * Times the thread was switched in: 0, or a negative errno (-ESRCH, -ENOENT: vanished).
 * Async-signal-safe, allocates nothing: right while threads are stopped.
 */
int procfs_pcount(const struct target *target, const struct procfs_thread *thread, uint64_t *ret);

/*
 * Only the schedstat fields of *look, and at_ns. 0 or a negative errno; -ENODATA if the kernel does
 * not count. Async-signal-safe.
 */
int procfs_schedstat(const struct target *target, const struct procfs_thread *thread,
		     struct look *look);

/* Only look->wchan, by its tid and state: "" for a thread that does not sleep. */
void procfs_wchan(const struct target *target, struct look *look);

/* voluntary_ctxt_switches of status: 0, or a negative errno. */
int procfs_voluntary(const struct target *target, pid_t tid, uint64_t *ret);

#endif
