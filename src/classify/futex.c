/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits on futexes. The kernel sees a word and an operation; which kind of lock that is, the leaf
 * functions say, or an operation that only one kind uses, or memory that looks like a glibc mutex
 * in every field. Where none of these does, it is a futex and no more. Layouts are those of 64-bit
 * glibc 2.34 to 2.43 and musl 1.2, measured; values in the target's memory may be anything.
 *
 *	glibc pthread_mutex_t          glibc pthread_rwlock_t       glibc pthread_barrier_t
 *	 +0 lock (the word)             +0 readers                   +0 in
 *	 +4 count                       +4 writers                   +4 current_round (the word)
 *	 +8 owner                       +8 wrphase (word)
 *	+12 nusers                     +12 writers_futex (word)
 *	+16 kind                       +24 cur_writer
 */
#include "classify/rules.h"

#include <linux/futex.h>
#include <string.h>

#include "base/attr.h"

/* linux/futex.h has it since 5.14 */
#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

enum {
	PID_MAX_LIMIT = 4 << 20, /* include/linux/threads.h */
	LOCKED_WITH_WAITERS = 2, /* of glibc's low-level locks */
	MUSL_BUSY = 16,          /* EBUSY: musl's word of a normal mutex names no owner */
	RWLOCK_CUR_WRITER = 24,
	WRITER_HOLDS = 3, /* PTHREAD_RWLOCK_FUTEX_USED | 1: what waiters for a writer expect */
	MUSL_MUTEX_WORD = 4,
	GLIBC_ROBUST = 0x10, /* PTHREAD_MUTEX_ROBUST_NORMAL_NP, in kind */
	NUSERS_MAX = 100000, /* more threads than ever hold or wait for one mutex */
};

struct futex {
	uint64_t word; /* its address */
	uint32_t op, cmd, val;
	uint64_t timeout; /* pointer */
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

static bool is_tid(uint32_t value)
{
	return value >= 1 && value <= PID_MAX_LIMIT;
}

static bool is_lock_pi(const struct futex *futex)
{
	return futex->cmd == FUTEX_LOCK_PI || futex->cmd == FUTEX_LOCK_PI2;
}

/*
 * The word may be a tid with the kernel's bit for waiters, as in robust mutexes and most of musl's.
 * It may also be something else: musl's rwlocks count readers there, with the same bit.
 */
static bool is_marked_tid(const struct futex *futex)
{
	return futex->cmd == FUTEX_WAIT && futex->val & FUTEX_WAITERS &&
	       is_tid(futex->val & FUTEX_TID_MASK);
}

/*
 * The word is that of a thread which exits: shared even in one process, since the kernel clears it
 * (CLONE_CHILD_CLEARTID wakes that way). From 2.43 glibc waits on a state of small numbers instead,
 * and semaphores, condition variables and rwlocks in shared memory have 0, 2 and 3 there.
 */
static bool is_join(const struct futex *futex)
{
	return futex->op == (FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME) &&
	       futex->val > WRITER_HOLDS && is_tid(futex->val);
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

static uint32_t read_u32(struct query *query, uint64_t addr)
{
	const unsigned char *bytes = query_memory(query, addr, sizeof(uint32_t));
	uint32_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

struct glibc_mutex {
	uint32_t lock, count, owner, nusers, kind;
};

/* Its type is in the low two bits, robust, PI and ceiling above, then pshared and elision. */
static bool is_glibc_kind(uint32_t kind)
{
	return (kind & ~0x3ffu) == 0 && (kind & 15) <= 3;
}

/* The word of a robust mutex names the owner too. */
static bool is_glibc_word(const struct glibc_mutex *mutex, uint32_t expected)
{
	if (mutex->kind & GLIBC_ROBUST)
		return mutex->lock & FUTEX_WAITERS && expected & FUTEX_WAITERS &&
		       (mutex->lock & FUTEX_TID_MASK) == mutex->owner &&
		       (expected & FUTEX_TID_MASK) == mutex->owner;
	return mutex->lock == LOCKED_WITH_WAITERS && expected == LOCKED_WITH_WAITERS;
}

static bool is_glibc_mutex(const struct glibc_mutex *mutex, uint32_t expected)
{
	return is_glibc_kind(mutex->kind) && is_glibc_word(mutex, expected) &&
	       is_tid(mutex->owner) && mutex->nusers >= 1 && mutex->nusers < NUSERS_MAX;
}

/* The owner of the glibc mutex that begins with the futex word; 0 if that is not certain. */
static pid_t glibc_owner(struct query *query, const struct futex *futex)
{
	const unsigned char *bytes;
	struct glibc_mutex mutex;

	if (futex->val != LOCKED_WITH_WAITERS && !is_marked_tid(futex))
		return 0;
	bytes = query_memory(query, futex->word, sizeof(mutex));
	if (!bytes)
		return 0;
	memcpy(&mutex, bytes, sizeof(mutex));
	return is_glibc_mutex(&mutex, futex->val) ? (pid_t)mutex.owner : 0;
}

static bool is_musl_mutex(const struct query *query, const struct futex *futex)
{
	if (query->leaf.layout != LAYOUT_PTHREAD)
		return false;
	/* glibc's robust mutexes use the shared form always */
	return query->leaf.musl || (is_marked_tid(futex) && futex->op & FUTEX_PRIVATE_FLAG);
}

static pid_t marked_owner(const struct query *query, const struct futex *futex)
{
	uint32_t owner = futex->val & FUTEX_TID_MASK;

	return is_musl_mutex(query, futex) && owner == MUSL_BUSY ? 0 : (pid_t)owner;
}

static pid_t mutex_owner(struct query *query, const struct futex *futex)
{
	uint32_t owner;

	if (is_lock_pi(futex)) {
		owner = read_u32(query, futex->word) & FUTEX_TID_MASK;
		return is_tid(owner) ? (pid_t)owner : 0;
	}
	if (query->leaf.layout != LAYOUT_PTHREAD)
		return 0;
	if (is_marked_tid(futex))
		return marked_owner(query, futex);
	return query->leaf.musl ? 0 : glibc_owner(query, futex);
}

static void describe_mutex(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;

	wait->owner = mutex_owner(query, futex);
	if (is_musl_mutex(query, futex))
		wait->object = futex->word - MUSL_MUTEX_WORD;
}

/*
 * Nobody says what it is. Rust's mutex has the value 2 as well, and what stands behind it is the
 * program's data: only that uses WAIT_BITSET on the monotonic clock without a timeout.
 */
static void describe_unknown(struct query *query, const struct futex *futex)
{
	bool rust = futex->op == (FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG) && !futex->timeout;
	struct wait *wait = &query->ret->wait;

	if (query->leaf.call != LEAF_UNKNOWN || query->leaf.foreign || query->leaf.musl || rust)
		return;
	wait->owner = glibc_owner(query, futex);
	if (wait->owner)
		wait->kind = WAIT_MUTEX;
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
	{ WAIT_BARRIER, LAYOUT_PTHREAD, 0, true, 4, 8 },
	{ WAIT_RWLOCK_WRITE, LAYOUT_RUST, 0, true, 4, 4 },
};

static uint64_t find_object(const struct query *query, const struct futex *futex)
{
	for (size_t i = 0; i < ARRAY_SIZE(words) && !query->leaf.musl; i++)
		if (words[i].kind == query->ret->wait.kind &&
		    words[i].layout == query->leaf.layout &&
		    (words[i].any_val || words[i].val == futex->val) &&
		    (futex->word - words[i].offset) % words[i].align == 0)
			return futex->word - words[i].offset;
	return futex->word;
}

static void describe_rwlock(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;
	uint32_t writer;

	/* the object was found: with Rust's and musl's, it is the word or has no owner */
	if (wait->object == futex->word || futex->val != WRITER_HOLDS ||
	    query->leaf.layout != LAYOUT_PTHREAD)
		return;
	writer = read_u32(query, wait->object + RWLOCK_CUR_WRITER);
	if (is_tid(writer))
		wait->owner = (pid_t)writer;
}

static void describe(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;

	wait->object = find_object(query, futex);
	if (wait->kind == WAIT_MUTEX)
		describe_mutex(query, futex);
	else if (wait->kind == WAIT_RWLOCK_READ || wait->kind == WAIT_RWLOCK_WRITE)
		describe_rwlock(query, futex);
	else if (wait->kind == WAIT_JOIN && is_join(futex))
		wait->owner = (pid_t)futex->val;
	else if (wait->kind == WAIT_FUTEX)
		describe_unknown(query, futex);
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
