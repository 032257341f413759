/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who could end one wait: the holder of a lock, the thread that is joined, a process that has the
 * other end of a pipe or socket or holds a file lock, a child. What only some of those could be known
 * for (a condition variable, a semaphore, a descriptor that epoll watches) has no answer here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/attr.h"
#include "engine/link.h"
#include "target/ends.h"
#include "target/fdscan.h"
#include "target/filelocks.h"

struct question {
	const struct link *link;
	struct sources *sources;
	size_t i, k; /* snapshot and thread */
	const struct wait *wait;
};

void sources_done(struct sources *sources)
{
	for (size_t i = 0; i < sources->nends; i++)
		ends_free(sources->ends[i]);
	free(sources->ends);
	filelocks_free(sources->locks);
	fdscan_free(sources->scan);
	*sources = (struct sources){ 0 };
}

static struct fdscan *get_scan(struct sources *sources)
{
	if (!sources->scan)
		sources->scan = fdscan_new(FDSCAN_TIME_NS, FDSCAN_FDS_MAX);
	return sources->scan;
}

static struct ends *get_ends(const struct question *question)
{
	struct sources *sources = question->sources;
	struct ends **ends;

	if (!sources->ends)
		sources->ends = calloc(question->link->n, sizeof(*sources->ends));
	if (!sources->ends || !get_scan(sources))
		return NULL;
	sources->nends = question->link->n;
	ends = &sources->ends[question->i];
	if (!*ends)
		*ends = ends_new(&question->link->sessions[question->i]->target, sources->scan);
	return *ends;
}

static struct filelocks *get_locks(struct sources *sources)
{
	if (!sources->locks && get_scan(sources))
		sources->locks = filelocks_read(sources->scan);
	return sources->locks;
}

/* ---- one kind of wait each; 0, -ENOENT or -ENOMEM ---- */

static int add_party(const struct question *question, pid_t pid, pid_t tid, const char *name,
		     struct releasers *ret)
{
	struct party party = {
		.pid = pid,
		.tid = tid,
		.name = arena_strdup(&question->link->snapshots[question->i]->arena, name),
	};

	return party.name ? vec_push(&ret->parties, party) : -ENOMEM;
}

static int find_holder(const struct question *question, struct releasers *ret)
{
	const struct wait *wait = question->wait;
	pid_t pid = question->link->snapshots[question->i]->pid;

	ret->complete = true;
	if (wait->holder == HOLDER_EXITED || wait->holder == HOLDER_ABSENT)
		return 0; /* nobody is left */
	if (wait->holder != HOLDER_THREAD)
		return -ENOENT;
	return add_party(question, wait->owner_pid ? wait->owner_pid : pid, wait->owner, "", ret);
}

static int find_child(const struct question *question, struct releasers *ret)
{
	const struct wait *wait = question->wait;
	char comm[FDSCAN_COMM_MAX] = "";

	if (wait->owner == 0 || !question->link->sessions[question->i]->pidns.ours)
		return -ENOENT;
	if (!get_scan(question->sources))
		return -ENOMEM;
	fdscan_read_comm(question->sources->scan, wait->owner, comm);
	ret->complete = true;
	return add_party(question, wait->owner, 0, comm, ret);
}

static int find_end(const struct question *question, enum ends_use use, struct releasers *ret)
{
	struct ends *ends = get_ends(question);
	struct ends_result result;
	int r = ends ? ends_find(ends, question->wait->fd, use, &result) : -ENOMEM;

	if (r < 0)
		return r;
	if (result.nparties == 0 && !result.complete) {
		ret->unseen = result.gaps & ENDS_UNSEEN;
		return -ENOENT;
	}
	ret->complete = result.complete;
	for (size_t k = 0; k < result.nparties && r == 0; k++)
		r = add_party(question, result.parties[k].pid, 0, result.parties[k].comm, ret);
	return r;
}

static int find_writers(const struct question *question, struct releasers *ret)
{
	return find_end(question, ENDS_READ, ret);
}

static int find_readers(const struct question *question, struct releasers *ret)
{
	return find_end(question, ENDS_WRITE, ret);
}

static unsigned lock_kinds(const struct question *question)
{
	const struct ss_session *session = question->link->sessions[question->i];
	const struct look *look = &session->capture.threads.data[question->k].look;

	if (question->wait->call == SYS_flock)
		return 1u << LOCK_FLOCK;
	if (question->wait->call == SYS_fcntl)
		return 1u << ((int)look->args[1] == F_OFD_SETLKW ? LOCK_OFD : LOCK_POSIX);
	return 0;
}

static int find_file_lock(const struct question *question, struct releasers *ret)
{
	const struct target *target = &question->link->sessions[question->i]->target;
	struct filelocks *locks = get_locks(question->sources);
	struct filelock_query query = { .pid = target->pid, .kinds = lock_kinds(question) };
	struct filelock_result result;
	int r;

	if (!locks)
		return -ENOMEM;
	/* without it any lock that the process waits for fits: several are told as ambiguous */
	(void)filelocks_locate(target, question->wait->fd, &query.dev, &query.inode);
	r = filelocks_find(locks, &query, &result);
	if (r < 0)
		return r;
	ret->complete = result.complete && !result.ambiguous;
	for (size_t k = 0; k < result.nholders && r == 0; k++) {
		char comm[FDSCAN_COMM_MAX] = "";

		fdscan_read_comm(question->sources->scan, result.holders[k], comm);
		r = add_party(question, result.holders[k], 0, comm, ret);
	}
	return result.nholders ? r : -ENOENT;
}

/* ---- all of them ---- */

typedef int find_fn(const struct question *question, struct releasers *ret);

static find_fn *const finders[WAIT_KIND_COUNT] = {
	[WAIT_MUTEX] = find_holder,        [WAIT_RWLOCK_READ] = find_holder,
	[WAIT_RWLOCK_WRITE] = find_holder, [WAIT_JOIN] = find_holder,
	[WAIT_CHILD] = find_child,         [WAIT_FILE_LOCK] = find_file_lock,
	[WAIT_PIPE_READ] = find_writers,   [WAIT_SOCKET_RECV] = find_writers,
	[WAIT_PIPE_WRITE] = find_readers,  [WAIT_SOCKET_SEND] = find_readers,
};

bool link_has_releasers(enum wait_kind kind)
{
	return finders[kind] != NULL;
}

int link_find_releasers(const struct link *link, struct sources *sources, size_t i, size_t k,
			const struct wait *wait, struct releasers *ret)
{
	const struct question question = { link, sources, i, k, wait };
	find_fn *find = finders[wait->kind];

	return find ? find(&question, ret) : -ENOENT;
}
