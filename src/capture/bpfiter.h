/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpfiter.h: one walk of the kernel over all threads of a process (a BPF task iterator): bpf(2)
 * alone, with instructions made here and offsets from the running kernel's BTF. Sees threads that
 * run as well as those that do not, and touches none. Linux 5.15 or later on x86-64, with BTF,
 * CAP_BPF and CAP_PERFMON, from the initial pid namespace; elsewhere bpfiter_open says what lacks.
 */
#ifndef SS_CAPTURE_BPFITER_H
#define SS_CAPTURE_BPFITER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/regs.h"

/*
 * Which words of a thread are wanted: two programs, two records. The time goes into the words that
 * are in no cache: a walk for counts takes 0.6 us a thread then, one for all of it 0.9.
 */
enum bpfiter_kind {
	BPFITER_TASKS,  /* struct bpf_task */
	BPFITER_COUNTS, /* struct bpf_count */
	BPFITER_KINDS,
};

/* What all records begin with. Numbers of threads are those of the initial pid namespace. */
struct bpf_count {
	uint64_t pcount;                 /* sched_info.pcount */
	uint64_t at_ns;                  /* CLOCK_MONOTONIC */
	uint64_t birth;                  /* start_boottime */
	uint64_t run_ns;                 /* se.sum_exec_runtime */
	uint64_t wait_ns;                /* sched_info.run_delay */
	uint64_t voluntary, involuntary; /* nvcsw, nivcsw: times switched out */
	uint32_t pid, tgid;
	uint32_t on_cpu;
	uint32_t cpu; /* where it runs, or last ran */
};

/*
 * A thread as task_struct has it. The counts are read first, then on_cpu, then the rest: if a later
 * struct bpf_count, which reads on_cpu first, shows it off the CPU with the same counts, the rest
 * holds.
 */
struct bpf_task {
	struct bpf_count count;
	uint64_t exec_start_ns; /* on the task clock of its CPU */
	/*
	 * rq->clock and rq->clock_task of its CPU, from which the latter lags behind by what was
	 * stolen; and rq->clock of the CPU that walks, brought up to date when the walk began. 0:
	 * this kernel does not tell.
	 */
	uint64_t clock_ns, task_clock_ns, own_clock_ns;
	uint32_t state, exit_state, flags;
	uint32_t thread_status; /* thread_info.status */
	char comm[16];
	/*
	 * As they were when it last left user space: they hold while it is off the CPU, and not
	 * while it runs. By DWARF number.
	 */
	uint64_t regs[REG_COUNT];
	uint64_t call; /* orig_ax: the number of its system call, -1 none */
	uint64_t code_segment;
};

struct bpfiter {
	int program[BPFITER_KINDS], link[BPFITER_KINDS];
};

/*
 * For the process `pid`. `like` shares its programs, which take some milliseconds to make; NULL:
 * make them. SS_ERR_OBSERVER says why not.
 */
int bpfiter_open(pid_t pid, const struct bpfiter *like, struct bpfiter *ret, struct ss_error *err);
void bpfiter_close(struct bpfiter *iter);

/*
 * Append the records of all its threads to *buf, in no certain order; before Linux 6.1 those of all
 * other processes too. 0 or a negative errno.
 */
int bpfiter_read(const struct bpfiter *iter, enum bpfiter_kind kind, struct buf *buf);

/*
 * Append the record of thread `tid` alone: nothing if there is none; before Linux 6.1 those of all
 * threads of the host. 0 or a negative errno. Some 4 us, ten times that with cold caches.
 */
int bpfiter_read_one(const struct bpfiter *iter, enum bpfiter_kind kind, pid_t tid,
		     struct buf *buf);

#endif
