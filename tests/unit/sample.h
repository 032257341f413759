/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample.h: an invented process for the tests of the writers: six threads with a mutex and its
 * holder in a signal handler, a join, an epoll wait with timeout, inlined frames, a frame without
 * a name, a JIT frame in no mapping, a thread without a stack, and names made to break formats.
 */
#ifndef SS_TESTS_SAMPLE_H
#define SS_TESTS_SAMPLE_H

#include "write/write.h"

enum { SAMPLE_PID = 3671, SAMPLE_THREADS = 6 };

/* The stacks of its threads in this order; the last is a waiter's that was not seen waiting. */
enum sample_stack {
	SAMPLE_JOINER,
	SAMPLE_HOLDER,
	SAMPLE_WAITER,
	SAMPLE_POLLER,
	SAMPLE_SHORT_WAITS,
};

const struct stack *sample_stack(struct stack_table *table, enum sample_stack which);

extern const struct mapping *const sample_mappings[];
extern const size_t sample_nmappings;

/* All but the stacks is static: at most one sample of a pid is alive at a time. */
struct ss_snapshot *sample_new(pid_t pid);
void sample_free(struct ss_snapshot *snapshot);

/* What the writer makes of the snapshots; malloc'd, NUL-terminated; *len may be NULL. */
char *sample_write(const struct writer *writer, const struct ss_snapshot *const *snapshots,
		   size_t n, const struct write_options *options, size_t *len);

/* The same for one sample. */
char *sample_write_one(const struct writer *writer, const struct write_options *options,
		       size_t *len);

/* The bytes of an output that `write` fills; malloc'd, NUL-terminated; *len may be NULL. */
char *sample_capture(int (*write)(struct out *out, void *arg, struct ss_error *err), void *arg,
		     size_t *len);

/*
 * Compare with the golden file of that name in $GOLDEN_DIR (default tests/data/golden). With
 * REGEN=1 in the environment the file is written instead.
 */
void sample_check_golden(const char *name, const char *text);

#endif
