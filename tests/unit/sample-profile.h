/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample-profile.h: ten invented seconds of the process of sample.h: a thread that joins, one that
 * computes and is preempted, two that wait for a mutex, one idle in epoll_wait, one that ended.
 */
#ifndef SS_TESTS_SAMPLE_PROFILE_H
#define SS_TESTS_SAMPLE_PROFILE_H

#include "sample.h"

enum { SAMPLE_PROFILE_THREADS = 6 };

/* All but the stacks is static; `timeline`: with segments. */
struct ss_profile *sample_profile_new(pid_t pid, enum profile_kind kind, bool timeline);
void sample_profile_free(struct ss_profile *profile);

/* As sample_write and sample_write_one. */
char *sample_profile_write(const struct writer *writer, const struct ss_profile *const *profiles,
			   size_t n, const struct write_options *options, size_t *len);
char *sample_profile_write_one(const struct writer *writer, enum profile_kind kind,
			       const struct write_options *options, size_t *len);

#endif
