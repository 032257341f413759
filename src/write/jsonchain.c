/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "write/jsonchain.h"

static void put_ref(struct json *j, const char *key, const struct thread_ref *ref)
{
	if (!ref->thread) {
		json_null(j, key);
		return;
	}
	json_open_key(j, key, '{');
	json_number(j, "pid", (uint64_t)ref->snapshot->pid);
	json_number(j, "tid", (uint64_t)ref->thread->tid);
	json_close(j, '}');
}

static void put_party(struct json *j, const struct party *party)
{
	json_open(j, '{');
	json_number(j, "pid", (uint64_t)party->pid);
	json_count(j, "tid", (uint64_t)party->tid);
	json_text(j, "name", party->name);
	json_close(j, '}');
}

void json_chain(struct json *j, const struct chain *chain)
{
	static const char *const fates[] = {
		[CHAIN_FREE] = "free",
		[CHAIN_DEADLOCK] = "deadlock",
		[CHAIN_FOREVER] = "forever",
		[CHAIN_BEHIND] = "behind",
	};

	if (!chain) {
		json_null(j, "chain");
		return;
	}
	json_open_key(j, "chain", '{');
	json_text(j, "fate", fates[chain->fate]);
	json_count(j, "deadlock", chain->deadlock);
	json_open_key(j, "parties", '[');
	for (size_t i = 0; i < chain->nparties; i++)
		put_party(j, &chain->parties[i]);
	json_close(j, ']');
	json_bool(j, "complete", chain->complete);
	put_ref(j, "next", &chain->next);
	put_ref(j, "root", &chain->root);
	json_number(j, "hops", chain->hops);
	json_bool(j, "cycle_timed", chain->cycle_timed);
	json_close(j, '}');
}

static void put_deadlock(struct json *j, const struct deadlock *deadlock)
{
	json_line(j);
	json_open(j, '{');
	json_open_key(j, "threads", '[');
	for (size_t i = 0; i < deadlock->nmembers; i++) {
		json_open(j, '{');
		json_number(j, "pid", (uint64_t)deadlock->members[i].snapshot->pid);
		json_number(j, "tid", (uint64_t)deadlock->members[i].thread->tid);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_bool(j, "simple", deadlock->simple);
	json_number(j, "behind", deadlock->nbehind);
	json_close(j, '}');
}

void json_deadlocks(struct json *j, const struct ss_snapshot *first)
{
	json_open_key(j, "deadlocks", '[');
	for (size_t i = 0; i < first->ndeadlocks; i++)
		put_deadlock(j, &first->deadlocks[i]);
	json_close(j, ']');
}
