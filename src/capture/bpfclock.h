/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpfclock.h: the program that runs on each CPU when its clock's period is over. It looks whether
 * the thread that was interrupted is of a watched process, and puts its registers and stack into the
 * ring: a sample with up to five pages of stack; where the window is larger and the stack goes on,
 * pieces of 64 KiB follow, or where one is not there as a whole its pages, until 256 KiB
 * were missing. Between pieces there are holes. x86-64 only.
 */
#ifndef SS_CAPTURE_BPFCLOCK_H
#define SS_CAPTURE_BPFCLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/regs.h"

/* Descriptors of the maps that the program works with. */
struct bpfclock_maps {
	int control; /* an array of one struct bpfclock_control */
	int cpus;    /* an array of struct bpfclock_cpu, one for each CPU */
	int watched; /* a hash of the processes (tgid) whose threads are stored */
	int ring;    /* a ring buffer: struct bpf_sample, each with its bytes */
};

struct bpfclock_control {
	uint64_t window; /* bytes of stack wanted */
	uint64_t look;   /* a thread that does not leave its CPU is stored once a look; 0: always */
};

struct bpfclock_cpu {
	uint64_t look, tid; /* whom it stored last, and in which look */
	uint64_t lost;      /* samples and pieces that found no room */
	/* in the middle of a sample: pages of the piece at hand to come, and all that were missing */
	uint64_t pages, missing;
};

/* What the program writes. A piece has no registers: its bytes begin at `regs`. */
struct bpf_sample {
	uint64_t at_ns; /* CLOCK_MONOTONIC; a piece has that of its sample */
	uint32_t pid, tgid;
	uint32_t cpu;
	uint32_t piece;     /* 0: a sample, 1: a piece */
	uint64_t addr, len; /* of the bytes of stack that follow */
	uint64_t holes;     /* bit i: the i-th page of these bytes was not there; they are 0 */
	uint64_t regs[REG_COUNT]; /* by DWARF number */
	uint64_t call;            /* orig_ax: the number of its system call, -1 none */
	uint64_t code_segment;
};

enum {
	BPFCLOCK_HEAD = sizeof(struct bpf_sample),
	BPFCLOCK_PIECE_HEAD = offsetof(struct bpf_sample, regs),
};

/*
 * Two programs: the second one stores pieces, too. The kernel takes ten times as long to check it
 * (milliseconds), and few stacks are so deep.
 */
enum bpfclock_kind {
	BPFCLOCK_SHALLOW,
	BPFCLOCK_DEEP,
	BPFCLOCK_KINDS,
};

/* Bytes of stack that a sample holds at least, if they are there. */
enum { BPFCLOCK_SAMPLE_BYTES = 16 << 10 };

/* Load it: a descriptor, or a negative errno and SS_ERR_OBSERVER. */
int bpfclock_load(const struct bpfclock_maps *maps, enum bpfclock_kind kind, struct ss_error *err);

#endif
