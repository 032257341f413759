/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof-build.h: making a pprof profile of threads and their values. Failure is sticky: memory that
 * is out is reported by pprof_finish.
 *
 *	new, add_type..., mapping_id..., add_sample..., add_comments, finish, free
 */
#ifndef SS_WRITE_PPROF_BUILD_H
#define SS_WRITE_PPROF_BUILD_H

#include "write/write.h"

enum { PPROF_MAX_TYPES = 5 };

struct pprof_builder;

struct pprof_period {
	const char *type, *unit;
	int64_t period;
};

/* several: processes; samples get a label pid then. NULL if memory is out. */
struct pprof_builder *pprof_builder_new(const struct write_options *options, bool several);
void pprof_builder_free(struct pprof_builder *b); /* NULL is fine */

/* At most PPROF_MAX_TYPES, before the first sample. */
void pprof_add_type(struct pprof_builder *b, const char *type, const char *unit);

/* Mappings asked for before any sample stand in this order: the main program is to be first. */
uint64_t pprof_mapping_id(struct pprof_builder *b, const struct mapping *mapping);

/* A thread with a stack, and a value for each type. */
void pprof_add_sample(struct pprof_builder *b, pid_t pid, const struct thread *thread,
		      const int64_t *values);

/* A comment for each line of the text, which is cut to pieces. */
void pprof_add_comments(struct pprof_builder *b, struct buf *text);

int pprof_finish(struct pprof_builder *b, const struct pprof_period *period, uint64_t wall_ns,
		 uint64_t duration_ns, struct out *out, struct ss_error *err);

#endif
