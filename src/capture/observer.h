/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observer.h: who tells what the threads do, without touching them. An observer is a name and a few
 * functions, one const instance a file:
 *
 *	bpf     a walk over the kernel's own tasks: all threads at once, with their registers
 *	proc    the files of /proc, thread by thread: works wherever ptrace does
 *
 * Whatever is asked is announced: `begin` comes before counters, `begin_looks` before looks,
 * `begin_proof` before stood_still. Only between the stops of a sweep, never while a thread stands still:
 * observers may allocate and open files.
 */
#ifndef SS_CAPTURE_OBSERVER_H
#define SS_CAPTURE_OBSERVER_H

#include "base/error.h"
#include "model/capture.h"
#include "target/procfs.h"

struct observer;
struct tids;

struct observer_ops {
	const char *name;
	bool tells_who_runs; /* a look says whether a thread is on a CPU or waits for one */
	bool keeps_files;    /* works best with a descriptor of each thread's schedstat kept open */

	/*
	 * `like`: an observer of another process, of the same kind, that may share what took time
	 * to make; NULL: there is none. The target outlives the observer.
	 */
	int (*open)(const struct target *target, const struct observer *like, struct observer **ret,
		    struct ss_error *err);
	void (*close)(struct observer *observer);

	/* All threads that there are now. *ret is as the call before left it, or empty. */
	int (*list)(struct observer *observer, struct tids *ret, struct ss_error *err);

	/* Counters that follow are not older than this call, or than the list made just before it. */
	void (*begin)(struct observer *observer);

	/*
	 * Only the counters of *look, its birth and at_ns. 0 or a negative errno, among them
	 * -ENODATA if the kernel does not count.
	 */
	int (*counters)(struct observer *observer, const struct procfs_thread *thread,
			struct look *look);

	/* Looks at some n threads follow, none older than this call. */
	void (*begin_looks)(struct observer *observer, size_t n);

	/*
	 * Everything in struct look (voluntary perhaps not), and in *regs what is known of the
	 * registers of a thread that is on no CPU, perhaps none. Results as procfs_look's.
	 */
	int (*look)(struct observer *observer, const struct procfs_thread *thread,
		    struct look *look, struct regs *regs);

	/* The same again, for a thread with such a look already. Results as procfs_relook_call's. */
	int (*relook)(struct observer *observer, const struct procfs_thread *thread,
		      struct look *look, struct regs *regs);

	/* Proofs for some n threads follow, none older than this call. */
	void (*begin_proof)(struct observer *observer, size_t n);

	/*
	 * True if the thread has not run since this look, which has its counters (sched_known). False
	 * also if another thread has its tid by now.
	 */
	bool (*stood_still)(struct observer *observer, const struct procfs_thread *thread,
			    const struct look *look);
};

/* Each instance begins with one. */
struct observer {
	const struct observer_ops *ops;
	const struct target *target;
};

extern const struct observer_ops observer_bpf;
extern const struct observer_ops observer_proc;

/* NULL-terminated, in the order of preference; the names alone likewise. */
extern const struct observer_ops *const observers[];
extern const char *const observer_names[];

/* Open the observer of this name; NULL: the first of them all. */
int observer_open(const char *name, const struct target *target, const struct observer *like,
		  struct observer **ret, struct ss_error *err);
void observer_close(struct observer *observer); /* NULL is fine */

#endif
