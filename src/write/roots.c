/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * roots.c: the report of --chains: those that others wait for, the one with most of them first: a
 * thread at which chains end, or another process. A thread that waits for ever is told even if nobody
 * waits for it. Deadlocks come before all of them. It assumes that the snapshots were linked.
 */
#include "write/chains.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/vec.h"

enum { WAITERS_MAX = 20 }; /* listed for each root; the others are counted */

/* What chains end at. */
struct root {
	struct thread_ref ref;     /* a thread; NULL: */
	const struct party *party; /* another process */
	unsigned nbehind;
};

struct roots {
	const struct ss_snapshot *const *snapshots;
	size_t n;
	const struct write_options *options;
	VEC(struct root) all;
	bool failed;
};

/* The process that the thread waits for, if that is one, and none that was looked at. */
static const struct party *find_process(const struct thread *thread)
{
	const struct chain *chain = thread->chain;

	if (!chain || chain->nparties != 1 || chain->next.thread || chain->parties[0].ref.thread)
		return NULL;
	return &chain->parties[0];
}

static struct root *find_root(struct roots *roots, const struct party *party)
{
	vec_each(root, &roots->all)
		if (root->party && root->party->pid == party->pid && root->party->tid == party->tid)
			return root;
	return NULL;
}

static void add_root(struct roots *roots, const struct root *root)
{
	struct root *known = root->party ? find_root(roots, root->party) : NULL;

	if (known)
		known->nbehind += root->nbehind;
	else if (vec_push(&roots->all, *root) < 0)
		roots->failed = true;
}

static bool is_forever(const struct thread *thread)
{
	return thread->chain && thread->chain->fate == CHAIN_FOREVER;
}

static void add_thread(struct roots *roots, const struct ss_snapshot *snapshot,
		       const struct thread *thread)
{
	const struct party *party = find_process(thread);

	if (party)
		add_root(roots, &(struct root){ .party = party, .nbehind = thread->nbehind + 1 });
	else if (thread->nbehind || is_forever(thread))
		add_root(roots,
			 &(struct root){ .ref = { snapshot, thread }, .nbehind = thread->nbehind });
}

static int compare_roots(const void *a, const void *b)
{
	const struct root *x = a, *y = b;

	return x->nbehind > y->nbehind ? -1 : x->nbehind < y->nbehind;
}

/* ---- writing ---- */

static bool hangs_on(const struct thread *thread, const struct root *root)
{
	const struct chain *chain = thread->chain;
	const struct party *party;

	if (!chain)
		return false;
	if (root->ref.thread)
		return chain->root.thread == root->ref.thread;
	party = find_process(chain->root.thread ? chain->root.thread : thread);
	return party && party->pid == root->party->pid && party->tid == root->party->tid;
}

static void put_waiters(struct buf *buf, const struct roots *roots, const struct root *root)
{
	unsigned told = 0;

	for (size_t i = 0; i < roots->n; i++)
		for (size_t k = 0; k < roots->snapshots[i]->nthreads; k++) {
			const struct thread_ref ref = { roots->snapshots[i],
							&roots->snapshots[i]->threads[k] };

			if (!hangs_on(ref.thread, root) || ++told > WAITERS_MAX)
				continue;
			buf_puts(buf, "  ");
			write_ref(buf, &ref, roots->snapshots[0]);
			buf_putc(buf, '\n');
		}
	if (told > WAITERS_MAX)
		buf_printf(buf, "  and %u more\n", told - WAITERS_MAX);
}

static void put_thread(struct buf *buf, const struct roots *roots, const struct thread_ref *ref)
{
	write_ref(buf, ref, roots->snapshots[0]);
	buf_putc(buf, '\n');
	write_wait_line(buf, ref);
	if (is_forever(ref->thread)) {
		buf_puts(buf, "  ");
		write_chain(buf, ref->snapshot, ref->thread);
		buf_putc(buf, '\n');
	}
	write_stack_lines(buf, ref->thread, roots->options);
}

static void put_root(struct buf *buf, const struct roots *roots, const struct root *root)
{
	buf_printf(buf, "%u thread%s for ", root->nbehind,
		   root->nbehind == 1 ? " waits" : "s wait");
	if (root->ref.thread) {
		put_thread(buf, roots, &root->ref);
	} else {
		write_party(buf, root->party);
		buf_putc(buf, '\n');
	}
	put_waiters(buf, roots, root);
	buf_putc(buf, '\n');
}

static void collect(struct roots *roots)
{
	for (size_t i = 0; i < roots->n; i++)
		for (size_t k = 0; k < roots->snapshots[i]->nthreads; k++)
			add_thread(roots, roots->snapshots[i], &roots->snapshots[i]->threads[k]);
	if (roots->all.n)
		qsort(roots->all.data, roots->all.n, sizeof(*roots->all.data), compare_roots);
}

void write_roots(struct buf *buf, const struct ss_snapshot *const *snapshots, size_t n,
		 const struct write_options *options)
{
	struct roots roots = { .snapshots = snapshots, .n = n, .options = options };

	collect(&roots);
	buf->failed |= roots.failed;
	vec_each(root, &roots.all)
		put_root(buf, &roots, root);
	if (roots.all.n == 0 && snapshots[0]->ndeadlocks == 0)
		buf_puts(buf, "no thread is known to wait for another\n\n");
	vec_done(&roots.all);
}
