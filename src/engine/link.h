/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h: the inside of ss_snapshots_link: link.c makes the graph of waits and what is said of it,
 * parties.c finds who could end one wait, confirm.c looks at it a second time.
 */
#ifndef SS_ENGINE_LINK_H
#define SS_ENGINE_LINK_H

#include "aggregate/waitgraph.h"
#include "base/vec.h"
#include "engine/session.h"

struct ends;
struct fdscan;
struct filelocks;

/* Where answers come from about what is not in the target's memory; made when first asked. */
struct sources {
	struct fdscan *scan;
	struct ends **ends; /* [snapshot] */
	size_t nends;
	struct filelocks *locks;
};

void sources_done(struct sources *sources);

/* Who could end the wait of one thread. */
struct releasers {
	VEC(struct party) parties;
	bool complete; /* nobody else could */
	bool unseen;   /* somebody has the other end, and was not found */
};

struct link {
	struct ss_session *const *sessions;
	struct ss_snapshot *const *snapshots;
	size_t n;
	bool *lively;    /* [n]: some thread of it waits for nobody in particular, or not at all */
	uint32_t *first; /* [n + 1]: the nodes of snapshot i are first[i] .. first[i + 1) */
	VEC(struct waitgraph_node) nodes;
	VEC(uint32_t) edges;
	struct sources sources;
};

/* The snapshot of a node. */
size_t link_snapshot(const struct link *link, uint32_t node);

/* False if link_find_releasers knows nothing of such waits. */
bool link_has_releasers(enum wait_kind kind);

/*
 * Fills *ret with who could end the wait of blocked thread k of snapshot i, as `wait` has it;
 * -ENOENT if nothing is known of that, or -ENOMEM. The names live in the snapshot's arena.
 */
int link_find_releasers(const struct link *link, struct sources *sources, size_t i, size_t k,
			const struct wait *wait, struct releasers *ret);

/*
 * Look again at the nodes that are not FREE in the graph: those that have moved, that wait for
 * somebody else by now, or that have a timeout after all, are no longer blocked in link->nodes. How
 * many those are, or -ENOMEM.
 */
int link_confirm(struct link *link, const struct waitgraph *graph);

#endif
