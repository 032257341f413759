/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark.c: which threads have not moved since a mark was set: their kernel counters are the same.
 * Setting a mark reads counters only; it stops nothing, as a stop would move them.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "engine/session.h"
#include "target/procfs.h"

static int read_counters(const struct ss_session *session, pid_t tid, struct look *ret)
{
	struct procfs_thread proc;
	int r = procfs_thread_open(&session->target, tid, &proc);

	if (r < 0)
		return r;
	r = procfs_schedstat(&session->target, &proc, ret);
	procfs_thread_close(&proc);
	return r;
}

static int mark_thread(struct ss_session *session, pid_t tid, struct ss_error *err)
{
	struct look look = { 0 };
	struct mark mark;

	if (read_counters(session, tid, &look) < 0)
		return 0; /* it has ended: whoever has its tid later is new */
	if (!look.sched_known)
		return ss_error_set(err, SS_ERR_NOTHING, ENOTSUP,
				    "this kernel does not count when a thread runs "
				    "(CONFIG_SCHED_INFO): which ones move cannot be told");
	mark = (struct mark){ .pcount = look.pcount, .on_cpu_ns = look.on_cpu_ns };
	if (vec_push(&session->marks, mark) < 0 ||
	    map64_put(&session->marked, (uint64_t)tid, session->marks.n - 1) < 0)
		return ss_error_oom(err);
	return 0;
}

int ss_session_mark(struct ss_session *session, struct ss_error *err)
{
	int r = session_list_threads(session, err);

	map64_clear(&session->marked);
	session->marks.n = 0;
	session->marked_ns = clock_mono_ns();
	for (size_t i = 0; i < session->tids.tid.n && r == 0; i++)
		r = mark_thread(session, session->tids.tid.data[i], err);
	return r;
}

bool session_has_moved(const struct ss_session *session, const struct look *look)
{
	const uint64_t *index = map64_find(&session->marked, (uint64_t)look->tid);
	const struct mark *mark = index ? &session->marks.data[*index] : NULL;

	return !mark || mark->pcount != look->pcount || mark->on_cpu_ns != look->on_cpu_ns;
}
