/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/holders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "engine/owners.h"
#include "engine/waiting.h"

enum {
	SLICES = 32,       /* holders told apart within one wait; more count as the latest */
	ENDED_TIDS = 1024, /* more than the waiters in by_tid, until it is made anew */
};

/* How long somebody was in the way of one wait. */
struct slice {
	uint32_t holding;
	uint64_t ns;
};

/* What was seen while a thread waited at one place. */
struct episode {
	uint32_t place;   /* 0: none */
	unsigned n, last; /* last: the slice that was added to last */
	struct slice slices[SLICES];
};

/* A thread that waits, or has waited, for a lock. */
struct waiter {
	pid_t tid;
	uint32_t thread;
	bool waiting;
	struct look look; /* as it was captured */
	const struct stack *stack;
	const char *function;
	struct wait wait; /* as of this tick */
	struct episode now, before;
};

struct holders {
	struct accounts accounts;
	VEC(struct holding) all;
	struct map64 by_hash; /* -> number; a hash that is taken counts up */
	VEC(struct waiter *) waiters;
	struct map64 by_tid; /* -> index in waiters, perhaps of another one since */
};

struct holders *holders_new(size_t max_rows)
{
	struct holders *holders = calloc(1, sizeof(*holders));

	if (!holders)
		return NULL;
	accounts_init(&holders->accounts, max_rows, 0);
	map64_init(&holders->by_hash);
	map64_init(&holders->by_tid);
	return holders;
}

void holders_free(struct holders *holders)
{
	if (!holders)
		return;
	accounts_done(&holders->accounts);
	vec_done(&holders->all);
	map64_done(&holders->by_hash);
	vec_each(waiter, &holders->waiters)
		free(*waiter);
	vec_done(&holders->waiters);
	map64_done(&holders->by_tid);
	free(holders);
}

bool holders_is_lock(enum wait_kind wait)
{
	return wait == WAIT_MUTEX || wait == WAIT_RWLOCK_READ || wait == WAIT_RWLOCK_WRITE;
}

struct accounts *holders_accounts(struct holders *holders)
{
	return &holders->accounts;
}

const struct holding *holders_get(const struct holders *holders, uint32_t number)
{
	return &holders->all.data[number - 1];
}

/* ---- holdings ---- */

static uint64_t hash_holding(const struct holding *holding)
{
	uint64_t hash = map64_hash(holding->object ^ (uint64_t)holding->kind << 60);

	hash = map64_hash(hash ^ (uint64_t)holding->thread << 32 ^
			  (holding->stack ? holding->stack->id : 0));
	return map64_hash(hash ^ (uintptr_t)holding->waiter ^ holding->wait ^
			  (uint64_t)holding->short_waits << 8) >>
	       1;
}

static bool same_holding(const struct holding *a, const struct holding *b)
{
	return a->kind == b->kind && a->short_waits == b->short_waits && a->thread == b->thread &&
	       a->stack == b->stack && a->object == b->object && a->wait == b->wait &&
	       a->waiter == b->waiter;
}

/* Its number; 0 only if memory is out. */
static uint32_t intern(struct holders *holders, const struct holding *holding)
{
	uint64_t hash = hash_holding(holding);
	const uint64_t *number;

	for (; (number = map64_find(&holders->by_hash, hash)); hash++)
		if (same_holding(&holders->all.data[*number - 1], holding))
			return (uint32_t)*number;
	if (vec_push(&holders->all, *holding) < 0)
		return 0;
	if (map64_put(&holders->by_hash, hash, holders->all.n) < 0) {
		holders->all.n--;
		return 0;
	}
	return (uint32_t)holders->all.n;
}

/* ---- waiters ---- */

static struct waiter *find_waiter(const struct holders *holders, pid_t tid)
{
	const uint64_t *index = map64_find(&holders->by_tid, (uint64_t)tid);
	struct waiter *waiter = index && *index < holders->waiters.n ? holders->waiters.data[*index]
								     : NULL;

	return waiter && waiter->tid == tid ? waiter : NULL;
}

/* Forget the tids of those that have ended. */
static int renew_table(struct holders *holders)
{
	if (holders->by_tid.n <= 2 * holders->waiters.n + ENDED_TIDS)
		return 0;
	map64_clear(&holders->by_tid);
	for (size_t i = 0; i < holders->waiters.n; i++)
		if (map64_put(&holders->by_tid, (uint64_t)holders->waiters.data[i]->tid, i) < 0)
			return -ENOMEM;
	return 0;
}

void holders_ended(struct holders *holders, pid_t tid)
{
	struct waiter *waiter = find_waiter(holders, tid), *last;
	uint64_t *index;

	if (!waiter)
		return;
	index = map64_find(&holders->by_tid, (uint64_t)tid);
	last = holders->waiters.data[--holders->waiters.n];
	holders->waiters.data[*index] = last;
	*map64_find(&holders->by_tid, (uint64_t)last->tid) = *index;
	free(waiter);
}

static struct waiter *add_waiter(struct holders *holders, pid_t tid)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter || renew_table(holders) < 0) {
		free(waiter);
		return NULL;
	}
	waiter->tid = tid;
	if (vec_push(&holders->waiters, waiter) < 0) {
		free(waiter);
		return NULL;
	}
	if (map64_put(&holders->by_tid, (uint64_t)tid, holders->waiters.n - 1) < 0) {
		holders->waiters.n--;
		free(waiter);
		return NULL;
	}
	return waiter;
}

/* Functions that lock, or lead there, in the C library, C++ and Rust. */
static bool is_of_locking(const char *name)
{
	static const char *const prefixes[] = { "_",     "pthread_", "futex",  "lll_",
						"std::", "<std::",   "core::", "syscall" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strstr(name, "lock_api::") || strstr(name, "parking_lot");
}

/* The function that wanted the lock: the first from the leaf that is none of those above. */
static const char *find_function(const struct stack *stack)
{
	for (unsigned i = 0; i < stack->n; i++) {
		const struct location *location = stack->frames[i].location;

		for (unsigned k = 0; location && k < location->nlines; k++)
			if (!is_of_locking(location->lines[k].function->name))
				return location->lines[k].function->name;
	}
	return "";
}

int holders_waits(struct holders *holders, struct ss_session *session, size_t i, uint32_t thread,
		  uint32_t place, const struct stack *stack, const struct wait *wait)
{
	const struct look *look = &session->capture.threads.data[i].look;
	struct waiter *waiter = find_waiter(holders, look->tid);

	if (!waiter)
		waiter = add_waiter(holders, look->tid);
	if (!waiter)
		return -ENOMEM;
	if (waiter->now.place != place || waiter->thread != thread) {
		waiter->before = waiter->now;
		waiter->now = (struct episode){ .place = place };
	}
	waiter->thread = thread;
	waiter->waiting = true;
	waiter->look = *look;
	if (waiter->stack != stack)
		waiter->function = find_function(stack);
	waiter->stack = stack;
	waiter->wait = *wait;
	return 0;
}

void holders_moved(struct holders *holders, pid_t tid)
{
	struct waiter *waiter = find_waiter(holders, tid);

	if (waiter)
		waiter->waiting = false;
}

int holders_same(struct holders *holders, struct ss_session *session, size_t i)
{
	pid_t tid = session->capture.threads.data[i].look.tid;
	struct waiter *waiter = find_waiter(holders, tid);
	const struct waiting_source source = { .word = lockwords_find(&session->locks, i) };
	struct capture_thread captured = { 0 };
	struct classify_result result;

	if (!waiter || !waiter->waiting)
		return 0;
	captured.look = waiter->look;
	waiting_classify(&session->target, &captured, waiter->stack, &source, &result);
	waiter->wait = result.wait;
	return 0;
}

int holders_read_locks(struct holders *holders, struct ss_session *session)
{
	int r = 0;

	owners_begin_locks(session);
	for (size_t i = 0; i < session->capture.threads.n && r == 0; i++) {
		const struct capture_thread *captured = &session->capture.threads.data[i];
		const struct waiter *waiter = captured->how == CAPTURE_SAME
						      ? find_waiter(holders, captured->look.tid)
						      : NULL;

		if (captured->how != CAPTURE_SAME)
			r = owners_add_lock(session, i, &captured->look);
		else if (waiter && waiter->waiting)
			r = owners_add_lock(session, i, &waiter->look);
	}
	return r < 0 ? r : owners_end_locks(session);
}

/* ---- a tick ---- */

static struct holding make_holding(const struct waiter *waiter, holder_find *find, void *arg)
{
	const struct wait *wait = &waiter->wait;
	struct holding holding = {
		.kind = wait->holder == HOLDER_HANDOVER ? HOLDING_HANDOFF : HOLDING_UNKNOWN,
		.thread = waiter->thread,
		.object = wait->object,
		.wait = wait->kind,
		.waiter = waiter->function,
	};
	struct holder_place place;

	if (wait->holder != HOLDER_THREAD)
		return holding;
	place = find(arg, wait->owner);
	if (!place.stack)
		return holding;
	holding.kind = HOLDING_SEEN;
	holding.thread = place.thread;
	holding.stack = place.stack;
	return holding;
}

static void add_slice(struct episode *episode, uint32_t holding, uint64_t ns)
{
	unsigned i = 0;

	while (i < episode->n && episode->slices[i].holding != holding)
		i++;
	if (i == SLICES)
		i = SLICES - 1;
	else if (i == episode->n)
		episode->slices[episode->n++] = (struct slice){ .holding = holding };
	episode->slices[i].ns += ns;
	episode->last = i;
}

int holders_look(struct holders *holders, uint64_t before_ns, uint64_t now_ns, holder_find *find,
		 void *arg)
{
	vec_each(waiter_p, &holders->waiters) {
		struct waiter *waiter = *waiter_p;
		struct holding holding;
		uint32_t number;

		if (!waiter->waiting)
			continue;
		holding = make_holding(waiter, find, arg);
		number = intern(holders, &holding);
		if (!number)
			return -ENOMEM;
		add_slice(&waiter->now, number, MAX(now_ns - before_ns, (uint64_t)1));
	}
	return 0;
}

/* ---- credits ---- */

static struct episode *find_episode(struct waiter *waiter, uint32_t place)
{
	if (waiter->now.place == place && waiter->now.n)
		return &waiter->now;
	if (waiter->before.place == place && waiter->before.n)
		return &waiter->before;
	return NULL;
}

/* The same holding for time that nobody saw. */
static uint32_t make_short(struct holders *holders, uint32_t number)
{
	struct holding holding = *holders_get(holders, number);

	holding.short_waits = true;
	return intern(holders, &holding);
}

static void give(struct holders *holders, uint32_t number, const struct credit *credit, uint64_t ns,
		 uint64_t count)
{
	struct credit share = *credit;

	if (credit->kind == CREDIT_SHORT_WAITS)
		number = make_short(holders, number);
	if (!number) {
		holders->accounts.error = -ENOMEM;
		return;
	}
	share.kind = CREDIT_BLOCKED;
	share.place = number;
	share.ns = ns;
	share.count = count;
	accounts_add(&holders->accounts, holders_get(holders, number)->thread, &share);
}

/* In proportion to what was seen; the waits are counted where most of the time was. */
static void share_out(struct holders *holders, const struct episode *episode,
		      const struct credit *credit)
{
	uint64_t seen = 0, left = credit->ns;
	unsigned most = 0;

	for (unsigned i = 0; i < episode->n; i++) {
		seen += episode->slices[i].ns;
		if (episode->slices[i].ns > episode->slices[most].ns)
			most = i;
	}
	for (unsigned i = 0; i < episode->n; i++) {
		double share = (double)episode->slices[i].ns / (double)seen;
		uint64_t ns = MIN((uint64_t)(share * (double)credit->ns), left);

		if (i == most)
			continue;
		left -= ns;
		if (ns)
			give(holders, episode->slices[i].holding, credit, ns, 0);
	}
	give(holders, episode->slices[most].holding, credit, left, credit->count);
}

/* What was seen last stands for what is credited before the next look. */
static void forget(struct episode *episode)
{
	episode->slices[0] = episode->slices[episode->last];
	episode->slices[0].ns = 1;
	episode->n = 1;
	episode->last = 0;
}

static void credit_unknown(struct holders *holders, uint32_t thread, const struct credit *credit,
			   const struct place *place)
{
	const struct holding holding = {
		.kind = HOLDING_UNKNOWN,
		.thread = thread,
		.object = place->object,
		.wait = place->wait,
		.waiter = find_function(place->stack),
	};
	uint32_t number = intern(holders, &holding);

	if (number)
		give(holders, number, credit, credit->ns, credit->count);
	else
		holders->accounts.error = -ENOMEM;
}

void holders_credit(struct holders *holders, pid_t tid, uint32_t thread,
		    const struct credit *credit, const struct place *place)
{
	struct waiter *waiter = find_waiter(holders, tid);
	struct episode *episode = NULL;

	if (!place || !holders_is_lock(place->wait) ||
	    (credit->kind != CREDIT_BLOCKED && credit->kind != CREDIT_SHORT_WAITS))
		return;
	if (waiter && waiter->thread == thread)
		episode = find_episode(waiter, credit->place);
	if (!episode) {
		credit_unknown(holders, thread, credit, place);
		return;
	}
	share_out(holders, episode, credit);
	forget(episode);
}
