/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timer.h: threads that are on a CPU, seen without a stop: the kernel's own timer interrupts the CPU
 * and stores the thread's user registers and a piece of its stack. A sample is of one instant: the
 * thread cannot run meanwhile. No page of the target comes in because of it: a stack ends at the
 * first page that is not there. A timer is a name and a few functions, one const instance a file:
 *
 *	bpf     a clock on each CPU, with a program that stores the threads of some processes: its cost
 *	        is that of CPUs, not of threads. Needs CAP_BPF and CAP_PERFMON, Linux 5.15
 *	perf    a clock for each thread: needs what ptrace needs and kernel.perf_event_paranoid <= 2;
 *	        with 2 it does not see a thread that stays in the kernel
 *
 * Its user names the threads (want), arms it, drains it from time to time, and disarms it. Never used
 * while a thread stands still for us.
 */
#ifndef SS_CAPTURE_TIMER_H
#define SS_CAPTURE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/regs.h"

struct target;
struct timer;

enum {
	TIMER_NO_CALL = -1,      /* it was in no system call */
	TIMER_UNKNOWN_CALL = -2, /* the timer does not tell */
};

enum { TIMER_HOLES = 7 };

struct timer_hole {
	uint64_t addr;
	size_t len;
};

struct timer_sample {
	pid_t tid;
	int cpu;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	int64_t nr;     /* of its system call, or one of the above */
	struct regs regs;
	/* its stack from `addr` on, which is at or below sp; bytes hold until the sink returns */
	uint64_t addr;
	size_t len;
	const unsigned char *bytes;
	bool faulted; /* the stack ends where a page was not present */
	/* parts of these bytes whose pages were not present, in the order of addresses */
	unsigned nholes;
	struct timer_hole holes[TIMER_HOLES];
};

typedef void timer_sink(void *arg, const struct timer_sample *sample);

struct timer_rate {
	uint64_t period_ns;
	size_t window; /* bytes of stack wanted, at most TIMER_WINDOW_MAX: copying them costs time */
	bool once;     /* a thread that stays on its CPU need not be sampled twice */
};

enum { TIMER_WINDOW_MAX = 8 << 20 };

struct timer_ops {
	const char *name;

	/*
	 * `like`: a timer of another process, of the same kind, whose clocks and programs may be
	 * shared; NULL: there is none. The target outlives the timer.
	 */
	int (*open)(const struct target *target, const struct timer *like, struct timer **ret,
		    struct ss_error *err);
	void (*close)(struct timer *timer);

	/*
	 * This thread, which was last seen on `cpu` (-1: unknown), is to be sampled from now on.
	 * False if there is no room for it beside the others, or it is gone.
	 */
	bool (*want)(struct timer *timer, pid_t tid, int cpu);
	/* No more. */
	void (*unwant)(struct timer *timer, pid_t tid);

	/* Begin to sample, or go on at another rate. */
	void (*arm)(struct timer *timer, const struct timer_rate *rate);
	void (*disarm)(struct timer *timer);

	/* Hand on what was sampled since the last drain, in the order of time for each thread. */
	void (*drain)(struct timer *timer, timer_sink *sink, void *arg);

	/* Samples that were lost since the timer was opened, for want of room. */
	uint64_t (*lost)(const struct timer *timer);
};

/* Each instance begins with one. */
struct timer {
	const struct timer_ops *ops;
	const struct target *target;
	bool user_mode_only; /* a thread is sampled only while it is not in the kernel */
};

extern const struct timer_ops timer_bpf;
extern const struct timer_ops timer_perf;

/* NULL-terminated names, in the order of preference; the last one stands for none of them. */
extern const char *const timer_names[];

/*
 * Open the timer of this name, or the first of them that is permitted (NULL). On failure *err says
 * what the last one lacks. `like` may be of any kind, or NULL.
 */
int timer_open(const char *name, const struct target *target, const struct timer *like,
	       struct timer **ret, struct ss_error *err);
void timer_close(struct timer *timer); /* NULL is fine */

#endif
