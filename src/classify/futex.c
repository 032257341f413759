/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits on futexes. The kernel sees a word and an operation; which kind of lock that is, the leaf
 * functions say, or an operation that only one kind uses, or memory that looks like a lock of the C
 * library in every field (glibc.c, musl.c). Where none of these does, it is a futex and no more.
 * Values in the target's memory may be anything.
 */
#include "classify/futex.h"

#include <string.h>

#include "base/attr.h"
#include "classify/rules.h"

enum {
	WRITER_HOLDS = 3, /* PTHREAD_RWLOCK_FUTEX_USED | 1: what waiters for a writer expect */
	MUSL_MUTEX_WORD = 4,
	OP_JOIN = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, /* pthread_join's, shared */
};

static const struct futex_op {
	uint32_t cmd;
	enum wait_kind kind;
	enum timeout_form form;
} ops[] = {
	{ FUTEX_WAIT, WAIT_FUTEX, TIMEOUT_TIMESPEC },
	{ FUTEX_WAIT_BITSET, WAIT_FUTEX, TIMEOUT_DEADLINE },
	{ FUTEX_LOCK_PI, WAIT_MUTEX, TIMEOUT_DEADLINE },
	{ FUTEX_LOCK_PI2, WAIT_MUTEX, TIMEOUT_DEADLINE },
	/* a condition variable whose mutex inherits priority; glibc until 2.24 */
	{ FUTEX_WAIT_REQUEUE_PI, WAIT_COND, TIMEOUT_DEADLINE },
};

static const struct futex_op *find_op(uint32_t cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].cmd == cmd)
			return &ops[i];
	return NULL;
}

static struct futex read_futex(const uint64_t *args)
{
	return (struct futex){
		.word = args[0],
		.op = (uint32_t)args[1],
		.cmd = (uint32_t)args[1] & FUTEX_CMD_MASK,
		.val = (uint32_t)args[2], /* musl passes it sign-extended */
		.timeout = args[3],
	};
}

/*
 * The word is that of a thread which exits: shared even in one process, since the kernel clears it
 * (CLONE_CHILD_CLEARTID wakes that way). From 2.43 glibc waits on a state of small numbers instead,
 * and semaphores, condition variables and rwlocks in shared memory have 0, 2 and 3 there.
 */
static bool is_join(const struct futex *futex)
{
	return futex->op == OP_JOIN && futex->val > WRITER_HOLDS && is_tid(futex->val);
}

/*
 * pthread_cond_wait takes its mutex again before it returns, by functions that a stripped glibc has
 * no names for; but it sleeps for a signal only with WAIT_BITSET. (musl uses WAIT for both.)
 */
static bool is_mutex_of_cond(const struct query *query, const struct futex *futex)
{
	return query->leaf.layout == LAYOUT_PTHREAD && query->leaf.kind == WAIT_COND &&
	       !query->leaf.musl && futex->cmd == FUTEX_WAIT;
}

static enum wait_kind find_kind(const struct query *query, const struct futex *futex)
{
	if (query->leaf.call == LEAF_FUTEX)
		return is_mutex_of_cond(query, futex) ? WAIT_MUTEX : query->leaf.kind;
	return is_join(futex) && !query->leaf.foreign ? WAIT_JOIN : WAIT_FUTEX;
}

void futex_set_owner(struct wait *wait, uint32_t tid)
{
	wait->owner = (pid_t)tid;
	wait->holder = tid ? HOLDER_THREAD : HOLDER_HANDOVER;
}

static bool is_musl_mutex(const struct query *query, const struct futex *futex)
{
	const struct leaf *leaf = &query->leaf;

	if (leaf->layout != LAYOUT_PTHREAD)
		return false;
	/* glibc's robust mutexes use the shared form always */
	return leaf->musl ||
	       (!leaf->glibc && is_marked_tid(futex) && futex->op & FUTEX_PRIVATE_FLAG);
}

/* Whoever made the word: for this operation the kernel itself wants the owner's tid in it. */
static void describe_inheriting(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;
	const unsigned char *bytes;
	uint32_t tid;

	if (glibc_mutex(query, futex, false))
		return;
	wait->lock_traits = LOCK_INHERIT | (futex->op & FUTEX_PRIVATE_FLAG ? 0 : LOCK_SHARED);
	bytes = query_memory(query, futex->word, sizeof(tid));
	if (!bytes)
		return;
	memcpy(&tid, bytes, sizeof(tid));
	tid &= FUTEX_TID_MASK;
	if (tid == 0 || is_tid(tid))
		futex_set_owner(wait, tid);
}

static void describe_mutex(struct query *query, const struct futex *futex)
{
	const struct leaf *leaf = &query->leaf;

	if (is_musl_mutex(query, futex)) {
		query->ret->wait.object = futex->word - MUSL_MUTEX_WORD;
		musl_mutex(query, futex, true);
	} else if (futex_is_lock_pi(futex)) {
		describe_inheriting(query, futex);
	} else if (leaf->layout == LAYOUT_PTHREAD) {
		glibc_mutex(query, futex, leaf->kind == WAIT_MUTEX);
	} else if (leaf->layout == LAYOUT_BARE && leaf->musl) {
		musl_file(query, futex);
	} else if (leaf->layout == LAYOUT_BARE) {
		glibc_file(query, futex);
	}
}

/* Rust's mutex has the value 2 as well, and what stands behind it is the program's data. */
static bool looks_like_rust(const struct futex *futex)
{
	return futex->op == (FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG) && !futex->timeout;
}

/* Nobody says what it is; memory may prove what it is. */
static enum wait_kind prove_kind(struct query *query, const struct futex *futex)
{
	const struct leaf *leaf = &query->leaf;

	if (leaf->call != LEAF_UNKNOWN || looks_like_rust(futex))
		return WAIT_FUTEX;
	if (leaf->foreign)
		return leaf->inner && glibc_file(query, futex) ? WAIT_MUTEX : WAIT_FUTEX;
	if (!leaf->glibc && musl_mutex(query, futex, false))
		return WAIT_MUTEX;
	if (leaf->musl)
		return WAIT_FUTEX;
	if (glibc_file(query, futex) || glibc_mutex(query, futex, false))
		return WAIT_MUTEX;
	if (glibc_cond(query, futex))
		return WAIT_COND;
	return futex->op == OP_JOIN && glibc_join(query, futex) ? WAIT_JOIN : WAIT_FUTEX;
}

/* Where the word is in its object. */
static const struct {
	enum wait_kind kind;
	enum leaf_layout layout;
	uint32_t val; /* that the waiter expects in the word */
	bool any_val;
	unsigned offset, align; /* of the object */
} words[] = {
	{ WAIT_RWLOCK_READ, LAYOUT_PTHREAD, WRITER_HOLDS, false, 8, 8 },
	{ WAIT_RWLOCK_WRITE, LAYOUT_PTHREAD, WRITER_HOLDS, false, 12, 8 },
	{ WAIT_RWLOCK_WRITE, LAYOUT_PTHREAD, 2, false, 8, 8 }, /* readers hold it */
	/* its own word: readers that let a writer pass */
	{ WAIT_RWLOCK_READ, LAYOUT_PTHREAD, 0, true, 0, 8 },
	{ WAIT_BARRIER, LAYOUT_PTHREAD, 0, true, 4, 8 },
	{ WAIT_RWLOCK_WRITE, LAYOUT_RUST, 0, true, 4, 4 },
};

/* False: which object the word belongs to is not known, only the word. */
static bool find_object(const struct query *query, const struct futex *futex, uint64_t *ret)
{
	*ret = futex->word;
	for (size_t i = 0; i < ARRAY_SIZE(words) && !query->leaf.musl; i++) {
		if (words[i].kind != query->ret->wait.kind ||
		    words[i].layout != query->leaf.layout ||
		    (!words[i].any_val && words[i].val != futex->val) ||
		    (futex->word - words[i].offset) % words[i].align != 0)
			continue;
		*ret = futex->word - words[i].offset;
		return true;
	}
	return false;
}

/* What the names alone say, by whose type it is. */
static const struct {
	enum leaf_layout layout;
	enum wait_kind kind;
	enum lock_type type, musl;
} types[] = {
	{ LAYOUT_PTHREAD, WAIT_MUTEX, LOCK_GLIBC_MUTEX, LOCK_MUSL_MUTEX },
	{ LAYOUT_PTHREAD, WAIT_RWLOCK_READ, LOCK_GLIBC_RWLOCK, LOCK_MUSL_RWLOCK },
	{ LAYOUT_PTHREAD, WAIT_RWLOCK_WRITE, LOCK_GLIBC_RWLOCK, LOCK_MUSL_RWLOCK },
	{ LAYOUT_PTHREAD, WAIT_COND, LOCK_GLIBC_COND, LOCK_MUSL_COND },
	{ LAYOUT_PTHREAD, WAIT_SEMAPHORE, LOCK_GLIBC_SEMAPHORE, LOCK_MUSL_SEMAPHORE },
	{ LAYOUT_PTHREAD, WAIT_BARRIER, LOCK_GLIBC_BARRIER, LOCK_MUSL_BARRIER },
	{ LAYOUT_PTHREAD, WAIT_ONCE, LOCK_GLIBC_ONCE, LOCK_MUSL_ONCE },
	{ LAYOUT_RUST, WAIT_MUTEX, LOCK_RUST_MUTEX, LOCK_RUST_MUTEX },
	{ LAYOUT_RUST, WAIT_RWLOCK_READ, LOCK_RUST_RWLOCK, LOCK_RUST_RWLOCK },
	{ LAYOUT_RUST, WAIT_RWLOCK_WRITE, LOCK_RUST_RWLOCK, LOCK_RUST_RWLOCK },
	{ LAYOUT_RUST, WAIT_COND, LOCK_RUST_CONDVAR, LOCK_RUST_CONDVAR },
	{ LAYOUT_RUST, WAIT_ONCE, LOCK_RUST_ONCE, LOCK_RUST_ONCE },
	{ LAYOUT_RUST, WAIT_FUTEX, LOCK_RUST_PARK, LOCK_RUST_PARK },
	{ LAYOUT_GUARD, WAIT_ONCE, LOCK_CXX_GUARD, LOCK_CXX_GUARD },
};

/* In a static program the names are the same in both libraries: without more it is left open. */
static enum lock_type find_type(const struct query *query)
{
	const struct leaf *leaf = &query->leaf;

	if (leaf->layout == LAYOUT_ATOMIC)
		return LOCK_CXX_ATOMIC;
	if (leaf->layout == LAYOUT_PTHREAD && leaf->glibc == leaf->musl)
		return LOCK_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].layout == leaf->layout && types[i].kind == query->ret->wait.kind)
			return leaf->musl ? types[i].musl : types[i].type;
	return LOCK_NONE;
}

static void describe_join(struct query *query, const struct futex *futex)
{
	if (is_join(futex))
		futex_set_owner(&query->ret->wait, futex->val);
	else if (query->leaf.layout == LAYOUT_PTHREAD && !query->leaf.musl)
		glibc_join(query, futex);
}

static bool is_rwlock(enum wait_kind kind)
{
	return kind == WAIT_RWLOCK_READ || kind == WAIT_RWLOCK_WRITE;
}

static void describe(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;
	bool found = find_object(query, futex, &wait->object);

	wait->lock_type = find_type(query);
	if (wait->kind == WAIT_MUTEX)
		describe_mutex(query, futex);
	else if (is_rwlock(wait->kind) && found && query->leaf.layout == LAYOUT_PTHREAD)
		glibc_rwlock(query, futex);
	else if (wait->kind == WAIT_COND && query->leaf.layout == LAYOUT_PTHREAD)
		glibc_cond(query, futex);
	else if (wait->kind == WAIT_JOIN)
		describe_join(query, futex);
	else if (wait->kind == WAIT_FUTEX)
		wait->kind = prove_kind(query, futex);
}

void refine_futex(struct query *query)
{
	struct futex futex = read_futex(query->args);
	const struct futex_op *op = find_op(futex.cmd);
	struct wait *wait = &query->ret->wait;

	if (!op) { /* wake, requeue: they do not wait for the word */
		wait->kind = WAIT_SYSCALL;
		return;
	}
	wait->kind = op->kind == WAIT_FUTEX ? find_kind(query, &futex) : op->kind;
	query_timeout(query, op->form, futex.timeout);
	describe(query, &futex);
}

/* futex_wait(uaddr, val, mask, flags, timeout, clock), 6.7 */
void refine_futex_wait(struct query *query)
{
	struct wait *wait = &query->ret->wait;

	wait->object = query->args[0];
	if (query->leaf.call == LEAF_FUTEX)
		wait->kind = query->leaf.kind;
}

/* futex_waitv(waiters, n, ...), 5.16: of several words there is no one object */
void refine_futex_waitv(struct query *query)
{
	struct futex_waitv {
		uint64_t val, word;
		uint32_t flags, reserved;
	} waiter;
	const unsigned char *bytes;

	if ((uint32_t)query->args[1] != 1)
		return;
	bytes = query_memory(query, query->args[0], sizeof(waiter));
	if (!bytes)
		return;
	memcpy(&waiter, bytes, sizeof(waiter));
	query->ret->wait.object = waiter.word;
}
