/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h: what the facts of a host mean, in findings. Pure: no system call is made here, so that
 * hosts which are not at hand can be judged in tests.
 */
#ifndef SS_DOCTOR_JUDGE_H
#define SS_DOCTOR_JUDGE_H

#include "doctor/checkup.h"
#include "symbol/contents.h"
#include "target/host.h"

/* given: a process was named and may be looked at; else the verdict is on own processes. */
void judge_host(struct ss_checkup *checkup, const struct host *host, bool given);

/* The process has this many threads, and a capture keeps a descriptor for each. */
void judge_open_files(struct ss_checkup *checkup, const struct host *host, size_t threads);

/* What is missing for the names of a file; `fix`: how its debug file is had, NULL: not known. */
void judge_names(struct ss_checkup *checkup, const char *path, const char *build_id,
		 const struct contents *contents, const char *fix);

/* What to do about a refusal of this kind; NULL if nothing can be done. pid 0: any process. */
const char *judge_fix(enum ss_error_kind kind, const struct host *host, pid_t pid, char *room,
		      size_t len);

#endif
