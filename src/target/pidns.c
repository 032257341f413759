/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of threads in the target's pid namespace. /proc/TID/status tells for each thread its
 * numbers in all namespaces from that of the /proc mount inwards (NSpid, since 4.1): the first is
 * ours, the last is what the thread itself calls itself. Nothing is stopped or signalled.
 */
#include "target/pidns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fileio.h"
#include "target/procparse.h"
#include "target/target.h"

enum { STATUS_MAX = 8192 }; /* Groups may be long, and comes before NSpid */

void pidns_init(struct pidns *pidns, const struct target *target)
{
	*pidns = (struct pidns){ .ours = target_shares_pidns(target) };
}

void pidns_done(struct pidns *pidns)
{
	vec_done(&pidns->table);
}

void pidns_forget(struct pidns *pidns)
{
	pidns->listed = false;
}

static int read_status(int dir_fd, const char *path, struct proc_status *ret)
{
	char text[STATUS_MAX];
	ssize_t n = file_read_at(dir_fd, path, text, sizeof(text));

	return n < 0 ? (int)n : procparse_status(text, ret);
}

static bool is_dead(const struct proc_status *status)
{
	return status->state == 'Z' || status->state == 'X';
}

/* ---- another namespace ---- */

static int list_thread(struct pidns *pidns, const struct target *target, pid_t tid)
{
	struct proc_status status;
	struct pidns_pair pair = { .ours = tid };
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)tid);
	if (read_status(target->task_fd, path, &status) < 0 || is_dead(&status))
		return 0;
	pair.theirs = status.inner_tid;
	return vec_push(&pidns->table, pair);
}

static void list_threads(struct pidns *pidns, const struct target *target)
{
	struct tids tids = { 0 };
	struct ss_error err;

	pidns->table.n = 0;
	pidns->listed = true;
	if (target_list(target, &tids, &err) == 0)
		vec_each(tid, &tids.tid)
			if (list_thread(pidns, target, *tid) < 0)
				break;
	vec_done(&tids.tid);
}

static struct pidns_thread find_translated(struct pidns *pidns, const struct target *target,
					   pid_t theirs)
{
	if (!pidns->listed)
		list_threads(pidns, target);
	for (size_t i = 0; i < pidns->table.n; i++)
		if (pidns->table.data[i].theirs == theirs)
			return (struct pidns_thread){ pidns->table.data[i].ours, target->pid,
						      PIDNS_HERE };
	return (struct pidns_thread){ .answer = PIDNS_UNKNOWN };
}

/* ---- ours ---- */

/* /proc may hide other users' processes (hidepid): only the kernel's own answer shows absence. */
static bool is_gone(pid_t tid)
{
	return getsid(tid) < 0 && errno == ESRCH;
}

static enum pidns_answer whose(const struct target *target, const struct proc_status *status)
{
	struct proc_status leader;

	if (status->tgid == target->pid)
		return PIDNS_HERE;
	/* one that lives in a namespace within ours calls itself otherwise */
	if (status->levels != 1)
		return PIDNS_UNKNOWN;
	if (read_status(target->proc_fd, "status", &leader) == 0 && leader.ppid == status->tgid)
		return PIDNS_PARENT;
	return PIDNS_OTHER;
}

static struct pidns_thread find_same(const struct target *target, pid_t theirs)
{
	struct pidns_thread found = { .answer = PIDNS_UNKNOWN };
	struct proc_status status;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)theirs);
	if (read_status(AT_FDCWD, path, &status) < 0) {
		found.answer = is_gone(theirs) ? PIDNS_GONE : PIDNS_UNKNOWN;
		return found;
	}
	if (is_dead(&status)) {
		found.answer = PIDNS_GONE;
		return found;
	}
	found.answer = whose(target, &status);
	if (found.answer != PIDNS_UNKNOWN) {
		found.tid = theirs;
		found.pid = status.tgid;
	}
	return found;
}

struct pidns_thread pidns_find(struct pidns *pidns, const struct target *target, pid_t theirs)
{
	if (theirs <= 0)
		return (struct pidns_thread){ .answer = PIDNS_UNKNOWN };
	return pidns->ours ? find_same(target, theirs) : find_translated(pidns, target, theirs);
}
