/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ends.c: from a descriptor of the target to the inode of its other end, from there, through the
 * scan of all processes, to those who have it. Owns its answers and the target's socket tables.
 * Opens nothing that a descriptor refers to. That the list is complete is claimed only if nothing
 * is known that speaks against it.
 */
#include "target/ends.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/fileio.h"
#include "base/vec.h"
#include "target/opener.h"
#include "target/procparse.h"
#include "target/sockets.h"

enum {
	PATH_LEN = 64,
	FDINFO_MAX = 1 << 20,
};

struct ends {
	const struct target *target;
	struct fdscan *scan;
	struct sockets *sockets; /* NULL until a socket is asked about */
	struct arena arena;
	struct buf text; /* fdinfo at hand */
};

/* What to look for in the scan, and what is known without it. */
struct question {
	struct ends *ends;
	enum ends_use use;
	enum fdscan_kind kind;
	uint64_t key; /* 0: there is nothing to look for */
	struct ends_result result;
	VEC(struct ends_party) parties;
};

struct ends *ends_new(const struct target *target, struct fdscan *scan)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	if (!ends)
		return NULL;
	ends->target = target;
	ends->scan = scan;
	arena_init(&ends->arena);
	return ends;
}

void ends_free(struct ends *ends)
{
	if (!ends)
		return;
	sockets_free(ends->sockets);
	arena_done(&ends->arena);
	buf_done(&ends->text);
	free(ends);
}

/* ---- what the descriptor is ---- */

static const char *fd_path(const struct ends *ends, char path[PATH_LEN], const char *dir, int fd)
{
	snprintf(path, PATH_LEN, "%d/%s/%d", (int)ends->target->anchor, dir, fd);
	return path;
}

static void ask_eventfd(struct question *q, int fd)
{
	struct ends *ends = q->ends;
	char path[PATH_LEN];

	q->result.kind = ENDS_EVENTFD;
	buf_reset(&ends->text);
	if (file_read_whole_at(ends->target->task_fd, fd_path(ends, path, "fdinfo", fd), FDINFO_MAX,
			       &ends->text) == 0 &&
	    ends->text.len)
		q->key = fdscan_eventfd_key(ends->text.data);
	if (q->key == 0)
		q->result.gaps |= ENDS_UNKNOWN;
}

static bool is_fifo(const struct ends *ends, int fd, const char *link)
{
	uint64_t inode;
	mode_t mode;

	return opener_stat_fd(ends->target, fd, link, &mode, &inode) == 0 && S_ISFIFO(mode);
}

/* Found by its path, so one that is reached by another name is missed: it is open to all anyway. */
static void ask_path(struct question *q, int fd, const char *link)
{
	if (!is_fifo(q->ends, fd, link)) {
		q->key = 0;
		q->result.gaps |= ENDS_UNKNOWN;
		return;
	}
	q->result.kind = ENDS_FIFO;
	q->result.gaps |= ENDS_OPEN;
}

static int note_peer(struct question *q, const struct sockets_peer *peer)
{
	q->key = peer->inode;
	q->result.kind = peer->inet ? ENDS_INET : ENDS_UNIX;
	q->result.listens = peer->listens;
	/* Nobody but its owner reads from the far socket, but anybody may send to ours. */
	if (peer->listens || (peer->open && (q->use == ENDS_READ || peer->inet)))
		q->result.gaps |= ENDS_OPEN;
	if (!peer->connected)
		return 0;
	if (!peer->inode)
		q->result.gaps |= ENDS_REMOTE;
	q->result.remote = arena_strdup(&q->ends->arena, peer->remote);
	return q->result.remote ? 0 : -ENOMEM;
}

static int ask_socket(struct question *q)
{
	struct ends *ends = q->ends;
	struct sockets_peer peer;
	uint64_t inode = q->key;

	q->key = 0;
	if (!ends->sockets)
		ends->sockets = sockets_read(ends->target);
	if (!ends->sockets)
		return -ENOMEM;
	if (sockets_find_peer(ends->sockets, inode, &peer))
		return note_peer(q, &peer);
	q->result.gaps |= ENDS_UNKNOWN;
	return 0;
}

static int ask(struct question *q, int fd)
{
	char path[PATH_LEN], link[PATH_MAX];
	ssize_t n = readlinkat(q->ends->target->task_fd, fd_path(q->ends, path, "fd", fd), link,
			       sizeof(link) - 1);

	link[MAX(n, 0)] = '\0';
	if (!fdscan_parse_link(link, &q->kind, &q->key)) {
		q->result.gaps |= ENDS_UNKNOWN;
		return 0;
	}
	switch (q->kind) {
	case FDSCAN_PIPE:
		q->result.kind = ENDS_PIPE;
		break;
	case FDSCAN_PATH:
		ask_path(q, fd, link);
		break;
	case FDSCAN_EVENTFD:
		ask_eventfd(q, fd);
		break;
	case FDSCAN_SOCKET:
		return ask_socket(q);
	}
	return 0;
}

/* ---- who has it ---- */

/* False if it cannot be read any more, or is of no use (O_PATH). */
static bool read_access(struct ends *ends, const struct fdscan_fd *fd, struct ends_party *party)
{
	uint64_t flags;

	buf_reset(&ends->text);
	if (!fdscan_is_open(ends->scan, fd) || fdscan_read_info(ends->scan, fd, &ends->text) < 0 ||
	    procparse_status_number(ends->text.data, "flags", 8, &flags) < 0 || (flags & O_PATH))
		return false;
	party->may_read = (flags & O_ACCMODE) != O_WRONLY;
	party->may_write = (flags & O_ACCMODE) != O_RDONLY;
	return true;
}

/* Several descriptors of one process come one after the other. */
static int add_party(struct question *q, const struct fdscan_fd *fd)
{
	struct ends_party party = { .pid = fd->pid, .fd = fd->fd }, *last = NULL;

	if (!read_access(q->ends, fd, &party) ||
	    !(q->use == ENDS_READ ? party.may_write : party.may_read))
		return 0;
	if (q->parties.n)
		last = &q->parties.data[q->parties.n - 1];
	if (last && last->pid == fd->pid) {
		last->may_read |= party.may_read;
		last->may_write |= party.may_write;
		return 0;
	}
	fdscan_read_comm(q->ends->scan, fd->pid, party.comm);
	return vec_push(&q->parties, party);
}

static int find_parties(struct question *q)
{
	const struct fdscan_fd *fds;
	size_t n;

	if (!q->key)
		return 0;
	fds = fdscan_find(q->ends->scan, q->kind, q->key, &n);
	for (size_t i = 0; i < n; i++)
		if (add_party(q, &fds[i]) < 0)
			return -ENOMEM;
	return 0;
}

/*
 * A pipe without a writer is at its end, one without a reader is broken: neither is waited on. So
 * if there are no parties, they are where we cannot see them.
 */
static void find_gaps(struct question *q)
{
	const struct fdscan_coverage *coverage;
	struct ends_result *result = &q->result;

	if (q->key) {
		coverage = fdscan_coverage(q->ends->scan);
		result->denied = coverage->denied;
		result->gaps |= coverage->denied ? ENDS_DENIED : 0;
		result->gaps |= coverage->cut ? ENDS_CUT : 0;
		result->gaps |= coverage->hidden ? ENDS_HIDDEN : 0;
	}
	if (q->parties.n == 0 && !(result->gaps & (ENDS_UNKNOWN | ENDS_REMOTE | ENDS_OPEN)))
		result->gaps |= ENDS_UNSEEN;
	/* Costly, so only if all else is well. */
	if (!result->gaps && fdscan_maybe_in_flight(q->ends->scan))
		result->gaps |= ENDS_IN_FLIGHT;
	result->complete = !result->gaps;
}

int ends_find(struct ends *ends, int fd, enum ends_use use, struct ends_result *ret)
{
	struct question q = { .ends = ends, .use = use };
	int r = ask(&q, fd);

	if (r == 0)
		r = find_parties(&q);
	if (r == 0) {
		find_gaps(&q);
		q.result.nparties = q.parties.n;
		q.result.parties = arena_memdup(&ends->arena, q.parties.data,
						q.parties.n * sizeof(*q.parties.data));
		if (q.result.parties)
			*ret = q.result;
		else
			r = -ENOMEM;
	}
	vec_done(&q.parties);
	return r;
}
