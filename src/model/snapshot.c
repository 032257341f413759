/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot.h"

#include <stdlib.h>

static int compare_tid(const void *key, const void *element)
{
	pid_t tid = *(const pid_t *)key;
	const struct thread *thread = element;

	return tid < thread->tid ? -1 : tid > thread->tid;
}

const struct thread *snapshot_find(const struct ss_snapshot *snapshot, pid_t tid)
{
	if (snapshot->nthreads == 0)
		return NULL;
	return bsearch(&tid, snapshot->threads, snapshot->nthreads, sizeof(*snapshot->threads),
		       compare_tid);
}
