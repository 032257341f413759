/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/copier.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/attr.h"
#include "base/clock.h"
#include "capture/regs-arch.h"
#include "target/maps.h"
#include "target/target.h"

enum {
	COPIER_BATCH = 1024, /* IOV_MAX, on each side */
	COPIER_PAGE = 4096,
	COPIER_CHUNK_MIN = 1 << 20,
};

/* Most is copied in microseconds; what has to come from a disk, in milliseconds. */
#define COPIER_PATIENCE_NS NS_PER_SEC

int copier_init(struct copier *copier, const struct target *target, struct ss_error *err)
{
	*copier = (struct copier){ .target = target };
	copier->local = calloc(COPIER_BATCH, sizeof(*copier->local));
	copier->remote = calloc(COPIER_BATCH, sizeof(*copier->remote));
	copier->passage = calloc(1, sizeof(*copier->passage));
	if (copier->local && copier->remote && copier->passage)
		return 0;
	copier_done(copier);
	return ss_error_oom(err);
}

void copier_done(struct copier *copier)
{
	vec_each(chunk, &copier->chunks)
		munmap(chunk->data, chunk->size);
	vec_done(&copier->chunks);
	vec_done(&copier->jobs);
	vec_done(&copier->ranges);
	free(copier->local);
	free(copier->remote);
	free(copier->passage);
	copier->local = copier->remote = NULL;
	copier->passage = NULL;
}

/* The kernel has copies of its own of the iovecs (import_iovec, lib/iov_iter.c). */
bool copier_abandon(struct copier *copier, pthread_t thread)
{
	struct passage *fresh;

	if (!passage_abandon(copier->passage, thread, COPIER_PATIENCE_NS))
		return false;
	copier->chunks.n = 0;
	fresh = calloc(1, sizeof(*fresh));
	/* else the old one serves again: the thread that is in there looks at it no more */
	if (fresh)
		copier->passage = fresh;
	return true;
}

/* Keeps the largest chunk only: the next sweep most likely needs as much in one piece. */
void copier_reset(struct copier *copier)
{
	size_t best = 0;

	copier->jobs.n = 0;
	if (copier->chunks.n == 0)
		return;
	for (size_t i = 1; i < copier->chunks.n; i++)
		if (copier->chunks.data[i].size > copier->chunks.data[best].size)
			best = i;
	for (size_t i = 0; i < copier->chunks.n; i++)
		if (i != best)
			munmap(copier->chunks.data[i].data, copier->chunks.data[i].size);
	copier->chunks.data[0] = copier->chunks.data[best];
	copier->chunks.data[0].used = 0;
	copier->chunks.n = 1;
}

int copier_reserve(struct copier *copier, size_t n, size_t bytes, struct ss_error *err)
{
	struct copier_chunk *last = copier->chunks.n ? &copier->chunks.data[copier->chunks.n - 1]
						     : NULL;
	struct copier_chunk chunk = { .size = MAX(bytes, (size_t)COPIER_CHUNK_MIN) };

	copier->jobs.n = 0;
	n = 2 * n + CAPTURE_COPIES; /* most stacks have no gap */
	if (vec_reserve(&copier->jobs, n) < 0 || vec_reserve(&copier->ranges, n) < 0)
		return ss_error_oom(err);
	if (last && last->size - last->used >= bytes)
		return 0;
	chunk.data = mmap(NULL, chunk.size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (chunk.data == MAP_FAILED)
		return ss_error_oom(err);
	if (vec_push(&copier->chunks, chunk) < 0) {
		munmap(chunk.data, chunk.size);
		return ss_error_oom(err);
	}
	return 0;
}

bool copier_add(struct copier *copier, const struct maps *maps, size_t thread, uint64_t addr,
		uint64_t want, size_t window)
{
	struct copier_chunk *chunk = &copier->chunks.data[copier->chunks.n - 1];
	const struct map *map = maps_find(maps, addr);
	/* a mapping made after maps were read: its page is all that surely exists */
	uint64_t end = map ? map->end : (addr | (COPIER_PAGE - 1)) + 1;
	struct copy_job job = { .thread = thread, .addr = addr, .want = want, .len = window };

	if (map && !(map->perm & MAP_PERM_R))
		return false;
	if (end - addr <= job.len) {
		job.len = end - addr;
		job.to_map_end = map != NULL;
	}
	if (copier->jobs.n == copier->jobs.cap || chunk->size - chunk->used < job.len)
		return false;
	job.bytes = chunk->data + chunk->used;
	chunk->used += job.len;
	copier->jobs.data[copier->jobs.n++] = job;
	return true;
}

/*
 * sp may stand at the very bottom of its mapping: below are a guard page, or nothing, and a range
 * that began there would fail as a whole.
 */
bool copier_add_stack(struct copier *copier, const struct maps *maps, size_t thread, uint64_t sp,
		      size_t window)
{
	const struct map *map = maps_find(maps, sp);
	uint64_t bottom = map ? map->start : sp & ~(uint64_t)(COPIER_PAGE - 1);
	uint64_t room = sp - bottom;
	uint64_t below = room > REGS_RED_ZONE ? REGS_RED_ZONE : room;

	return copier_add(copier, maps, thread, sp - below, sp, window + below);
}

/* ---- what is in memory ---- */

static void ask_for(struct copier *copier, size_t i)
{
	const struct copy_job *job = &copier->jobs.data[i];

	copier->ranges.data[copier->ranges.n++] = (struct present_range){
		.start = job->addr,
		.want = job->want,
		.end = job->addr + job->len,
		.index = i,
	};
}

/* Behind the gap that ends at addr. */
static void go_on_at(struct copier *copier, struct copy_job job, uint64_t addr)
{
	if (copier->jobs.n == copier->jobs.cap)
		return;
	job.bytes += addr - job.addr;
	job.len -= addr - job.addr;
	job.addr = job.want = addr;
	copier->jobs.data[copier->jobs.n++] = job;
}

static void cut_to_present(struct copier *copier, const struct present_range *range)
{
	struct copy_job *job = &copier->jobs.data[range->index];

	if (range->next < range->end)
		go_on_at(copier, *job, range->next);
	job->bytes += range->from - job->addr;
	job->addr = range->from;
	job->len = range->to - range->from;
	if (range->to == range->end)
		return;
	job->absent = range->next - range->to;
	job->to_map_end = false;
}

/* Cut all jobs to what is in memory. -EBADF if nobody can say what that is. */
static int find_present(struct copier *copier)
{
	size_t done = 0;

	for (unsigned piece = 0; piece < CAPTURE_COPIES && done < copier->jobs.n; piece++) {
		int r;

		copier->ranges.n = 0;
		while (done < copier->jobs.n)
			ask_for(copier, done++);
		r = present_find(&copier->target->present, copier->ranges.data, copier->ranges.n);
		if (r < 0)
			return r;
		vec_each(range, &copier->ranges)
			cut_to_present(copier, range);
	}
	copier->jobs.n = done; /* more pieces than a thread may have */
	return 0;
}

/* ---- copying ---- */

/* Copy jobs [from, to) in one call; returns the number of the first job that is not whole. */
static size_t run_batch(struct copier *copier, size_t from, size_t to, int *error)
{
	size_t n = to - from;
	ssize_t left;

	for (size_t i = 0; i < n; i++) {
		const struct copy_job *job = &copier->jobs.data[from + i];

		copier->local[i] = (struct iovec){ job->bytes, job->len };
		copier->remote[i] = (struct iovec){ (void *)(uintptr_t)job->addr, job->len };
	}
	passage_enter(copier->passage);
	left = target_readv(copier->target, copier->local, n, copier->remote, n);
	passage_leave(copier->passage);
	if (left < 0) {
		*error = (int)left;
		left = 0;
	}
	for (; from < to; from++) {
		struct copy_job *job = &copier->jobs.data[from];

		job->got = MIN(job->len, (size_t)left);
		left -= (ssize_t)job->got;
		if (job->got < job->len)
			break;
	}
	return from;
}

static int run_batches(struct copier *copier)
{
	size_t at = 0, n = copier->jobs.n;

	while (at < n) {
		size_t to = MIN(n, at + COPIER_BATCH);
		int error = 0;

		/* a short transfer ends at the first bad range: leave that one, go on behind it */
		at = run_batch(copier, at, to, &error);
		if (error && error != -EFAULT)
			return error;
		if (at < to)
			at++;
	}
	return 0;
}

static ssize_t run_one(struct copier *copier, const struct copy_job *job)
{
	ssize_t n;

	passage_enter(copier->passage);
	n = target_pread(copier->target, job->addr, job->bytes, job->len);
	passage_leave(copier->passage);
	return n;
}

static int run_each(struct copier *copier)
{
	vec_each(job, &copier->jobs) {
		ssize_t n = run_one(copier, job);

		if (n == -EPERM || n == -EACCES)
			return (int)n;
		job->got = n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int copier_run(struct copier *copier)
{
	return find_present(copier) == 0 ? run_batches(copier) : run_each(copier);
}

void copy_job_store(const struct copy_job *job, struct capture_thread *thread)
{
	bool whole = job->got == job->len;

	if ((job->got == 0 && !(whole && job->absent)) || thread->ncopies == CAPTURE_COPIES)
		return;
	thread->copies[thread->ncopies++] = (struct stack_copy){
		.addr = job->addr,
		.len = job->got,
		.bytes = job->bytes,
		.to_map_end = job->to_map_end && whole,
		.absent = whole ? job->absent : 0,
	};
}
