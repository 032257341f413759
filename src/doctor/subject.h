/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.h: what is checked: the process that was named, or a child of our own in its place; and
 * that child in any case, for what must not be tried on others.
 */
#ifndef SS_DOCTOR_SUBJECT_H
#define SS_DOCTOR_SUBJECT_H

#include "target/host.h"
#include "target/target.h"

struct subject {
	pid_t pid;
	bool given; /* else pid is the child */
	pid_t child;
	struct host host;
	bool open; /* target holds; else why it does not: */
	struct target target;
	struct ss_error why;
};

/* pid 0: none is given. Fails if there is no such process, or no child can be made. */
int subject_init(struct subject *subject, pid_t pid, struct ss_error *err);
void subject_done(struct subject *subject);

#endif
