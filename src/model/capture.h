/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h: the raw result of one sweep: for every thread what /proc said before anything was
 * stopped, its registers and copies of its stack. Nothing in here has been interpreted.
 */
#ifndef SS_MODEL_CAPTURE_H
#define SS_MODEL_CAPTURE_H

#include <stacksnap.h>
#include <string.h>

#include "base/vec.h"
#include "model/regs.h"

enum look_call {
	CALL_UNREADABLE, /* /proc/TID/syscall could not be read */
	CALL_RUNNING,    /* it said "running" */
	CALL_NONE,       /* blocked outside any system call (page fault, stop); sp and pc hold */
	CALL_NUMBER,     /* blocked in system call `nr`; all fields hold */
};

/* A thread that the kernel made in the process, and that never leaves the kernel: no user stack. */
enum look_worker {
	WORKER_NONE,
	WORKER_IO_URING, /* iou-wrk, iou-sqp */
	WORKER_OTHER,    /* vhost */
};

/* What the kernel says of one thread, read without touching it. */
struct look {
	pid_t tid;
	uint64_t at_ns;                           /* CLOCK_MONOTONIC when it was read */
	char comm[64];                            /* raw, not escaped */
	char state;                               /* R S D T t Z X I ...; 0: it vanished */
	int cpu;                                  /* where it last ran, -1 unknown */
	bool sched_known;                         /* the next three hold (CONFIG_SCHED_INFO) */
	uint64_t on_cpu_ns, run_queue_ns, pcount; /* schedstat */
	uint64_t birth;      /* when the kernel says that it began, to tell it from another with its
			   tid; 0 unknown */
	uint64_t start_time; /* the same in clock ticks since boot, rounded down; 0 unknown */
	bool switches_known;
	uint64_t switches;    /* times switched out; observer bpf only */
	bool voluntary_known; /* through /proc: read by sweep_tick only */
	uint64_t voluntary;   /* voluntary_ctxt_switches */
	enum look_call call;
	int64_t nr;
	uint64_t args[6], sp, pc;
	bool queued; /* it waits for a CPU: call, sp and pc are where it goes on */
	enum look_worker worker;
	char wchan[48];         /* "" if none or unreadable */
	uint64_t exec_start_ns; /* /proc/TID/sched se.exec_start, on the scheduler clock of its CPU;
				   0 unknown */
	bool clock_known;       /* else see target/schedclock */
	int64_t clock_offset_ns; /* CLOCK_MONOTONIC - that clock */
};

/*
 * In a cgroup's freezer, if the place may be known: do_freezer_trap, or get_signal if that is inlined,
 * where only the freezer sleeps (kernel/cgroup/freezer.c, kernel/signal.c); version 1 of cgroups has
 * __refrigerator, but freezes some sleeps where they are (kernel/freezer.c), which does not show.
 */
static inline bool look_is_frozen(const struct look *look)
{
	return strcmp(look->wchan, "do_freezer_trap") == 0 ||
	       strcmp(look->wchan, "__refrigerator") == 0 ||
	       (look->state == 'S' && strcmp(look->wchan, "get_signal") == 0);
}

/* Somebody has to let it go on: it is frozen, or stopped by a signal or a debugger. */
static inline bool look_is_halted(const struct look *look)
{
	return look->state == 'T' || look->state == 't' || look_is_frozen(look);
}

enum capture_how {
	CAPTURE_NONE,      /* no stack was read: see `none` */
	CAPTURE_UNTOUCHED, /* copied while blocked, proved by an unchanged pcount */
	CAPTURE_SAMPLED,   /* the kernel's timer stored registers and stack while it was on a CPU */
	CAPTURE_STOPPED,   /* copied in a ptrace stop */
	CAPTURE_SAME,      /* not read again: it has not run since the sweep before */
};

enum capture_run {
	RUN_UNKNOWN,
	RUN_ON_CPU,   /* pcount did not rise between our interrupt and the stop */
	RUN_RUNNABLE, /* it rose: the thread was waiting for a CPU */
};

enum { CAPTURE_COPIES = 8 };

/* A piece of the thread's memory, perhaps empty. The bytes belong to the capture. */
struct stack_copy {
	uint64_t addr;
	size_t len;
	const unsigned char *bytes;
	bool to_map_end; /* it reaches the end of its mapping: there is no more */
	uint64_t absent; /* bytes above it that are known not to be in memory */
};

struct capture_thread {
	struct look look;
	enum capture_how how;
	enum ss_no_stack none;
	enum capture_run run;
	bool woken_by_us; /* CAPTURE_SAME: it ran, but only because of our own stop */
	bool consistent;  /* of the sweep's one instant */
	struct regs regs; /* UNTOUCHED: sp and pc, and what the observer knows besides */
	unsigned ncopies;
	struct stack_copy copies[CAPTURE_COPIES];
	uint64_t stopped_ns; /* how long it stood stopped for us, in all */
	unsigned stops;
};

struct capture {
	VEC(struct capture_thread) threads; /* by tid, ascending */
	/*
	 * Of sweep_tick, after capturer_sample: what the kernel's timer saw since the tick before, in
	 * the order of time. CAPTURE_SAMPLED; of their looks only tid, at_ns, cpu and the call hold.
	 */
	VEC(struct capture_thread) samples;
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC of the sweep */
	uint64_t wall_ns;          /* CLOCK_REALTIME at start */
	uint64_t pause_ns;         /* first interrupt to last release of the longest round */
	unsigned stops, eintr_avoided, eintr_caused, calls_cut_short;
	unsigned timer_sampled;
	uint64_t timer_begin_ns; /* CLOCK_MONOTONIC when it was first armed; 0: it was not */
	uint64_t timer_within_ns;
	unsigned over_pause; /* threads that stood still for longer than they were to */
	uint64_t longest_stop_ns, total_stop_ns, bytes_copied;
};

#endif
