/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.c: see subject.h. The child does nothing but wait, and dies with us or before.
 */
#include "doctor/subject.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* After fork only what is async-signal-safe: another thread may have held a lock. */
static pid_t make_child(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

int subject_init(struct subject *subject, pid_t pid, struct ss_error *err)
{
	*subject = (struct subject){ .given = pid != 0 };
	subject->child = make_child();
	if (subject->child < 0)
		return ss_error_sys(err, errno, "cannot make a process to try things on");
	subject->pid = pid ? pid : subject->child;
	host_read(&subject->host);
	subject->open = target_open(subject->pid, &subject->target, &subject->why) == 0;
	/* a /proc of another namespace is a finding; what keeps us from finding anything is none */
	if (subject->open || !subject->host.own_proc ||
	    (subject->why.kind != SS_ERR_NO_PROCESS && subject->why.kind != SS_ERR_NO_MEMORY))
		return 0;
	*err = subject->why;
	subject_done(subject);
	return -err->sys;
}

void subject_done(struct subject *subject)
{
	if (subject->open)
		target_close(&subject->target);
	if (subject->child > 0) {
		kill(subject->child, SIGKILL);
		while (waitpid(subject->child, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
}
