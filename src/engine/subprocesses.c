/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subprocesses.c: ss_subprocesses, the descendants at one moment. A capture follows those that come
 * later by itself (record.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/error.h"
#include "target/children.h"

static void children_free_p(struct children **children)
{
	children_free(*children);
}

static bool contains(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

int ss_subprocesses(const pid_t *pids, size_t n, pid_t **ret, size_t *ret_n, struct ss_error *err)
{
	_cleanup_(children_free_p) struct children *children = children_new();
	struct tids found = { 0 };
	size_t kept = 0;
	int r;

	if (!children)
		return ss_error_oom(err);
	for (size_t i = 0; i < n; i++)
		if (children_follow(children, pids[i]) < 0)
			return ss_error_oom(err);
	r = children_find(children, &found, err);
	if (r < 0) {
		vec_done(&found.tid);
		return r;
	}
	/* one of the pids may be a descendant of another */
	vec_each(pid, &found.tid)
		if (!contains(pids, n, *pid))
			found.tid.data[kept++] = *pid;
	*ret = found.tid.data;
	*ret_n = kept;
	return 0;
}
