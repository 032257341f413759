/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copier.h: copying stacks out of the target in batches (process_vm_readv, at most 1024 ranges a
 * call) into memory that was mapped and touched beforehand, so that copying while threads are
 * stopped costs neither an allocation nor a page fault. Nor does it cost the target one: only pages
 * are copied that are in memory.
 */
#ifndef SS_CAPTURE_COPIER_H
#define SS_CAPTURE_COPIER_H

#include <stdbool.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/vec.h"
#include "capture/passage.h"
#include "model/capture.h"

struct maps;
struct target;

/* One range to copy for one thread. */
struct copy_job {
	size_t thread;       /* index in the capture */
	uint64_t addr, want; /* what is below `want` may be left out */
	size_t len, got;
	uint64_t absent; /* so many bytes behind them are not in memory */
	bool to_map_end;
	unsigned char *bytes;
};

struct copier_chunk {
	unsigned char *data;
	size_t size, used;
};

struct copier {
	const struct target *target;
	VEC(struct copier_chunk) chunks; /* the last one is filled; earlier ones are full */
	VEC(struct copy_job) jobs;       /* of the batch at hand */
	VEC(struct present_range) ranges;
	struct iovec *local, *remote; /* COPIER_BATCH of each */
	struct passage *passage;      /* of the thread that copies */
};

int copier_init(struct copier *copier, const struct target *target, struct ss_error *err);
void copier_done(struct copier *copier);

/* Forget all copies; their memory is used again. */
void copier_reset(struct copier *copier);

/* Begin a batch of at most n jobs and `bytes` bytes in all: everything that may allocate. */
int copier_reserve(struct copier *copier, size_t n, size_t bytes, struct ss_error *err);

/*
 * Add the range [addr, addr + window) cut at the end of its mapping; what is below `want`, an address
 * in it, is a bonus. No allocation. False if no mapping holds addr and it cannot be read either.
 */
bool copier_add(struct copier *copier, const struct maps *maps, size_t thread, uint64_t addr,
		uint64_t want, size_t window);

/*
 * Add the stack at sp, with the bytes below it that a leaf function may use (REGS_RED_ZONE, to be
 * reserved too) where they are mapped.
 */
bool copier_add_stack(struct copier *copier, const struct maps *maps, size_t thread, uint64_t sp,
		      size_t window);

/*
 * Copy all jobs. Afterwards each has the length of what is in memory, and behind a gap another job
 * goes on, for which copier_reserve has made some room; what could not be read has got < len. No
 * allocation. 0 or a negative errno.
 *
 * Where pagemap may not be read, /proc/PID/mem is: it brings absent pages in, but for those that
 * userfaultfd waits for, where it fails.
 */
int copier_run(struct copier *copier);

/*
 * If this thread has waited in copier_run for the target's memory for too long, leave it behind: see
 * passage.h. Then the copier begins anew, what it has copied stays where it is, and the memory for
 * that is never freed.
 */
bool copier_abandon(struct copier *copier, pthread_t thread);

/* Give the thread the bytes of a job; more than CAPTURE_COPIES pieces are dropped. */
void copy_job_store(const struct copy_job *job, struct capture_thread *thread);

#endif
