/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.c: what holds the process at this moment, and how large it is. All from /proc and cgroups.
 */
#include "doctor/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fileio.h"
#include "doctor/judge.h"
#include "target/freezer.h"
#include "target/procfs.h"

static void check_tracer(struct ss_checkup *checkup, const struct subject *subject)
{
	const struct target *target = &subject->target;
	char path[64], comm[64] = "?";
	ssize_t n;

	if (!target->tracer) {
		checkup_add(checkup, "tracer", SS_VERDICT_OK, NEEDED, NULL, "nobody traces it");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)target->tracer);
	n = file_read_at(AT_FDCWD, path, comm, sizeof(comm));
	if (n > 0)
		comm[n - 1] = '\0'; /* its newline */
	/* what runs is seen by a timer, or not at all */
	checkup_add(checkup, "tracer", SS_VERDICT_LIMITED,
		    subject->host.perf_user_sys == 0 ? OPTIONAL : NEEDED, NULL,
		    "process %d (%s) traces it: its threads cannot be stopped by anybody else, and "
		    "are read without a stop",
		    (int)target->tracer, comm);
}

static void check_freezer(struct ss_checkup *checkup, const struct subject *subject)
{
	char thaw[4096];

	if (freezer_find(&subject->target, thaw, sizeof(thaw)))
		checkup_add(checkup, "cgroup", SS_VERDICT_LIMITED, OPTIONAL, thaw,
			    "its cgroup is frozen: threads are read where they stand, none moves");
	else
		checkup_add(checkup, "cgroup", SS_VERDICT_OK, OPTIONAL, NULL, "not frozen");
}

static void check_stopped(struct ss_checkup *checkup, const struct subject *subject)
{
	struct look look = { .tid = subject->target.anchor };
	struct procfs_thread thread = { .tid = look.tid, .schedstat_fd = -1 };
	char fix[64];

	snprintf(fix, sizeof(fix), "kill -CONT %d", (int)subject->target.pid);
	if (procfs_look(&subject->target, &thread, &look) == 0 && look.state == 'T')
		checkup_add(
			checkup, "signal", SS_VERDICT_LIMITED, OPTIONAL, fix,
			"it is stopped by a signal: threads are read where they stand, none moves");
	else
		checkup_add(checkup, "signal", SS_VERDICT_OK, OPTIONAL, NULL, "not stopped");
}

static void check_pidns(struct ss_checkup *checkup, const struct subject *subject)
{
	checkup_add(checkup, "pid namespace", SS_VERDICT_OK, OPTIONAL, NULL,
		    target_shares_pidns(&subject->target)
			    ? "its pids are ours"
			    : "its own: pids shown are ours, owners of its locks are translated");
}

static void check_threads(struct ss_checkup *checkup, const struct subject *subject)
{
	struct tids tids = { 0 };
	struct ss_error err;

	if (target_list(&subject->target, &tids, &err) == 0)
		judge_open_files(checkup, &subject->host, tids.tid.n);
	vec_done(&tids.tid);
}

void doctor_check_state(struct ss_checkup *checkup, const struct subject *subject)
{
	if (!subject->open)
		return;
	check_tracer(checkup, subject);
	check_freezer(checkup, subject);
	check_stopped(checkup, subject);
	check_pidns(checkup, subject);
	check_threads(checkup, subject);
}
