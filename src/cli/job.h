/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job.h: what the commands that look at processes have in common: the sessions, the output, and
 * the exit status over several processes. All that can be wrong with the command line or the output
 * is found before the first process is touched, and one process that cannot be read does not keep
 * the others from being shown.
 */
#ifndef SS_CLI_JOB_H
#define SS_CLI_JOB_H

#include "cmd.h"
#include "fetching.h"
#include "msg.h"
#include "opts.h"

/* One process. */
struct look {
	pid_t pid;
	bool subprocess;              /* found by -s, not named */
	struct ss_session *session;   /* NULL: it failed, and was said */
	struct ss_snapshot *snapshot; /* of a snapshot; NULL: it failed, and was said */
	struct ss_profile *profile;   /* of a capture */
};

struct job;

/* What is done with the processes: a snapshot, a capture. */
struct job_kind {
	void (*take)(struct job *job); /* fills the looks whose session is open */
	const struct ss_coverage *(*coverage)(const struct look *look); /* NULL: it has no result */
	int (*write)(const struct job *job, struct ss_output *output,
		     const struct ss_write_options *options, struct ss_error *err);
	/* What was written, against opts' thresholds; NULL: it has none. */
	enum cli_status (*check)(const struct job *job, const struct ss_write_options *options);
	const volatile sig_atomic_t *interrupted; /* set by a signal; NULL: signals end stacksnap */
};

struct job {
	const struct job_kind *kind;
	const struct opts *opts;
	const struct msg *msg;
	void *arg; /* what the kind keeps for the whole of it */
	struct look *looks;
	size_t n;
	struct fetching fetching;
	enum cli_status status; /* the worst so far */
};

/* Mistakes of the command line that need the world to be seen. */
int job_check(const struct opts *opts, struct ss_error *err);

/* A look at one more process; NULL if memory is out, which has been said then. */
struct look *job_add_look(struct job *job, pid_t pid);

/* Look at the processes of opts, write what that gave, say what is missing; the exit status. */
int job_run(const struct opts *opts, const struct msg *msg, const struct job_kind *kind, void *arg);

/* One process failed: say so. */
void job_failed(struct job *job, const struct ss_error *err);

/* Out of memory in a job_kind's functions; returns -ENOMEM. */
int job_oom(struct ss_error *err);

#endif
