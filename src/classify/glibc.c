/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of glibc as they lie in memory: who holds a mutex, a reader-writer lock, a FILE, whom a
 * join waits for, which mutex a condition variable goes with. Layouts are those of 64-bit glibc 2.34
 * to 2.43, measured. A lock is only said to be held by a thread if memory proves it: a futex word
 * of 2 is the state of many locks, and what stands behind it is often the program's data.
 *
 *	pthread_mutex_t     pthread_rwlock_t          _IO_lock_t      struct pthread (x86-64)
 *	 +0 lock (word)      +0 readers, in groups     +0 lock         +0 and +16: its own address
 *	 +4 count            +4 writers                +4 count      +720 tid
 *	 +8 owner            +8 wrphase (word)         +8 owner     +1576 joinstate (2.43)
 *	+12 nusers          +12 writers_futex (word)
 *	+16 kind            +24 cur_writer
 */
#include "classify/futex.h"

#include <string.h>

/* nptl/pthreadP.h, sysdeps/nptl/bits/thread-shared-types.h */
enum {
	KIND_TYPE = 3,
	KIND_ROBUST = 0x10,
	KIND_INHERIT = 0x20,
	KIND_PROTECT = 0x40,
	KIND_SHARED = 0x80,
	KIND_KNOWN = 0x3ff,     /* those and two bits of lock elision */
	CEILING_MASK = 0x7ffff, /* below the ceiling in the word of a KIND_PROTECT mutex */

	RW_WRITE_PHASE = 1,
	RW_WRITE_LOCKED = 2,
	RW_READER_SHIFT = 3,

	THREAD_TID = 720,
	THREAD_JOINSTATE = 1576,
	THREAD_ALIGN = 16,
};

/*
 * More threads than ever use one mutex, or hold one lock for reading, and less than the upper half
 * of a pointer to a shared library or a position independent program.
 */
#define USERS_MAX 0x4000

#define LOWEST_POINTER  65536 /* vm.mmap_min_addr's default */
#define HIGHEST_POINTER (1ull << 56)

struct glibc_mutex {
	uint32_t lock, count, owner, nusers, kind;
};

/* ---- mutexes ---- */

static bool is_kind(uint32_t kind)
{
	return (kind & ~(uint32_t)KIND_KNOWN) == 0 && (kind & 15) <= KIND_TYPE;
}

/* The word has the owner's tid, and the kernel sees to it. */
static bool has_tid_word(const struct glibc_mutex *mutex)
{
	return mutex->kind & (KIND_ROBUST | KIND_INHERIT);
}

static uint32_t plain_lock(const struct glibc_mutex *mutex)
{
	return mutex->kind & KIND_PROTECT ? mutex->lock & CEILING_MASK : mutex->lock;
}

static bool has_users(const struct glibc_mutex *mutex)
{
	return mutex->nusers >= 1 && mutex->nusers < USERS_MAX;
}

/* In a mutex that inherits priority the word alone counts: there the kernel itself hands over. */
static uint32_t owner_of(const struct glibc_mutex *mutex)
{
	return mutex->kind & KIND_INHERIT ? mutex->lock & FUTEX_TID_MASK : mutex->owner;
}

/* Its owner has written its name into it, and others wait. */
static bool is_held(const struct glibc_mutex *mutex)
{
	if (!is_tid(owner_of(mutex)) || !has_users(mutex))
		return false;
	if (mutex->kind & KIND_INHERIT)
		return true;
	if (mutex->kind & KIND_ROBUST)
		return (mutex->lock & FUTEX_TID_MASK) == mutex->owner &&
		       mutex->lock & FUTEX_WAITERS;
	return plain_lock(mutex) == LOCKED_WITH_WAITERS;
}

/*
 * Between the owner's farewell and the name of the next one. pthread_mutex_unlock clears the owner
 * first, then the word; a robust mutex whose owner died has no tid, but the kernel's mark, and goes
 * to a waiter.
 */
static bool is_handed_over(const struct glibc_mutex *mutex)
{
	if (has_tid_word(mutex))
		return (mutex->lock & FUTEX_TID_MASK) == 0;
	return mutex->owner == 0 && plain_lock(mutex) <= LOCKED_WITH_WAITERS;
}

static unsigned find_traits(uint32_t kind)
{
	return (kind & KIND_ROBUST ? LOCK_ROBUST : 0) | (kind & KIND_INHERIT ? LOCK_INHERIT : 0) |
	       (kind & KIND_PROTECT ? LOCK_CEILING : 0) | (kind & KIND_SHARED ? LOCK_SHARED : 0);
}

static void set_mutex(struct wait *wait, const struct glibc_mutex *mutex)
{
	static const enum lock_type types[] = { LOCK_GLIBC_NORMAL, LOCK_GLIBC_RECURSIVE,
						LOCK_GLIBC_ERRORCHECK, LOCK_GLIBC_ADAPTIVE };

	wait->lock_type = types[mutex->kind & KIND_TYPE];
	wait->lock_traits = find_traits(mutex->kind);
}

static bool read_mutex(struct query *query, uint64_t addr, struct glibc_mutex *ret)
{
	const unsigned char *bytes = query_memory(query, addr, sizeof(*ret));

	if (bytes)
		memcpy(ret, bytes, sizeof(*ret));
	return bytes && is_kind(ret->kind);
}

/* What the waiter expected in the word; of a mutex that waited long it may be another's tid. */
static bool expects_mutex(const struct futex *futex, const struct glibc_mutex *mutex)
{
	if (mutex->kind & KIND_INHERIT || futex_is_lock_pi(futex))
		return mutex->kind & KIND_INHERIT && futex_is_lock_pi(futex);
	if (mutex->kind & KIND_ROBUST)
		return is_marked_tid(futex);
	return mutex->kind & KIND_PROTECT ? (futex->val & CEILING_MASK) == LOCKED_WITH_WAITERS
					  : futex->val == LOCKED_WITH_WAITERS;
}

static bool may_be_mutex(const struct futex *futex)
{
	return futex_is_lock_pi(futex) || is_marked_tid(futex) ||
	       (futex->val & CEILING_MASK) == LOCKED_WITH_WAITERS;
}

bool glibc_mutex(struct query *query, const struct futex *futex, bool named)
{
	struct wait *wait = &query->ret->wait;
	struct glibc_mutex mutex;

	if (!may_be_mutex(futex))
		return false;
	if (!read_mutex(query, futex->word, &mutex) || !expects_mutex(futex, &mutex))
		return false;
	if (!named && !is_held(&mutex))
		return false;
	set_mutex(wait, &mutex);
	if (is_held(&mutex))
		futex_set_owner(wait, owner_of(&mutex));
	else if (is_handed_over(&mutex))
		futex_set_owner(wait, 0);
	return true;
}

/* ---- reader-writer locks ---- */

void glibc_rwlock(struct query *query, const struct futex *futex)
{
	struct {
		uint32_t readers, writers, wrphase, writers_futex, pad[2], cur_writer;
	} lock;
	struct wait *wait = &query->ret->wait;
	const unsigned char *bytes = query_memory(query, wait->object, sizeof(lock));
	uint32_t readers;

	wait->lock_type = LOCK_GLIBC_RWLOCK;
	wait->lock_traits = futex->op & FUTEX_PRIVATE_FLAG ? 0 : LOCK_SHARED;
	if (!bytes)
		return;
	memcpy(&lock, bytes, sizeof(lock));
	/* in a write phase the readers counted are those that wait */
	readers = lock.readers & RW_WRITE_PHASE ? 0 : lock.readers >> RW_READER_SHIFT;
	if (readers > 0 && readers < USERS_MAX && lock.cur_writer == 0) {
		wait->holder = HOLDER_READERS;
		wait->readers = readers;
	} else if (readers == 0 && is_tid(lock.cur_writer) && lock.readers & RW_WRITE_LOCKED) {
		futex_set_owner(wait, lock.cur_writer);
	} else if (readers == 0 && lock.cur_writer == 0) {
		futex_set_owner(wait, 0);
	}
}

/* ---- struct pthread ---- */

/*
 * The tid of the thread whose struct pthread is at addr; 0 if nothing shows that it is one. Its
 * header points to itself only where the thread pointer points to its beginning, as on x86-64.
 */
static uint32_t read_thread(struct query *query, uint64_t addr)
{
	const unsigned char *header, *tid;
	uint64_t words[3];
	uint32_t value;

	if (addr < LOWEST_POINTER || addr % THREAD_ALIGN)
		return 0;
	header = query_memory(query, addr, sizeof(words));
	tid = query_memory(query, addr + THREAD_TID, sizeof(value));
	if (!header || !tid)
		return 0;
	memcpy(words, header, sizeof(words));
	memcpy(&value, tid, sizeof(value));
	return words[0] == addr && words[2] == addr && is_tid(value) ? value : 0;
}

/* It reads as much as glibc_mutex does, so that one answer serves both. */
bool glibc_file(struct query *query, const struct futex *futex)
{
	struct {
		uint32_t lock, count;
		uint64_t owner;
	} lock;
	struct wait *wait = &query->ret->wait;
	const unsigned char *bytes;
	uint32_t tid;

	if (futex->cmd != FUTEX_WAIT || futex->val != LOCKED_WITH_WAITERS)
		return false;
	bytes = query_memory(query, futex->word, sizeof(struct glibc_mutex));
	if (!bytes)
		return false;
	memcpy(&lock, bytes, sizeof(lock));
	/* until 2.36 the count is 1 for a lock taken once, in 2.41 it is 0 */
	if (lock.lock != LOCKED_WITH_WAITERS || lock.count >= USERS_MAX)
		return false;
	tid = read_thread(query, lock.owner);
	if (!tid)
		return false;
	wait->lock_type = LOCK_GLIBC_FILE;
	futex_set_owner(wait, tid);
	return true;
}

/* The thread whose word at this offset the futex is, or 0. */
static uint32_t find_thread(struct query *query, const struct futex *futex, uint64_t offset)
{
	return futex->word < offset ? 0 : read_thread(query, futex->word - offset);
}

/* A tid as small as 2 is usual in containers: it is told from other words by where it stands. */
bool glibc_join(struct query *query, const struct futex *futex)
{
	enum { JOINABLE = 2 }; /* its state while it runs, as seen */
	uint32_t tid = find_thread(query, futex, THREAD_TID);

	if (tid != futex->val)
		tid = futex->val == JOINABLE ? find_thread(query, futex, THREAD_JOINSTATE) : 0;
	if (!tid)
		return false;
	futex_set_owner(&query->ret->wait, tid);
	return true;
}

/* ---- condition variables ---- */

/*
 * A condition variable does not store its mutex. But pthread_cond_wait keeps what its cancellation
 * needs on its stack (struct _condvar_cleanup_buffer, since 2.25): the waiter's number, whose lowest
 * bit is its group, the condition variable, the mutex. The word that it waits for is the group's:
 *
 *	pthread_cond_t, until 2.40        from 2.41
 *	 +40 word of group 0, +44 of 1     +32 word of group 0, +36 of 1
 */
struct cond_buffer {
	uint64_t number, cond, mutex;
};

static bool is_cond_buffer(const struct cond_buffer *buffer, uint64_t word)
{
	uint64_t group = buffer->number & 1;

	return (word - buffer->cond == 40 + 4 * group || word - buffer->cond == 32 + 4 * group) &&
	       buffer->cond % 8 == 0 && buffer->mutex % 8 == 0 && buffer->mutex >= LOWEST_POINTER &&
	       buffer->mutex < HIGHEST_POINTER;
}

/* Whoever waits for a condition has let go of its mutex, but still counts as its user. */
static bool is_mutex_of_waiter(const struct glibc_mutex *mutex)
{
	uint32_t tid = mutex->lock & FUTEX_TID_MASK;

	if (!has_users(mutex) || (mutex->owner && !is_tid(mutex->owner)))
		return false;
	return has_tid_word(mutex) ? tid == 0 || is_tid(tid)
				   : plain_lock(mutex) <= LOCKED_WITH_WAITERS;
}

static bool has_mutex(struct query *query, const struct cond_buffer *buffer)
{
	struct glibc_mutex mutex;

	return read_mutex(query, buffer->mutex, &mutex) && is_mutex_of_waiter(&mutex);
}

/* The only one on the stack; two that differ leave it open. */
static bool find_cond_buffer(struct query *query, uint64_t word, struct cond_buffer *ret)
{
	const struct classify_input *input = query->input;
	struct cond_buffer buffer;
	bool found = false;

	for (size_t i = 0; i + sizeof(buffer) <= input->ntop && i < CLASSIFY_TOP_MAX; i += 8) {
		memcpy(&buffer, input->top + i, sizeof(buffer));
		if (!is_cond_buffer(&buffer, word) || !has_mutex(query, &buffer))
			continue;
		if (found && (buffer.mutex != ret->mutex || buffer.cond != ret->cond))
			return false;
		*ret = buffer;
		found = true;
	}
	return found;
}

bool glibc_cond(struct query *query, const struct futex *futex)
{
	struct wait *wait = &query->ret->wait;
	struct cond_buffer buffer = { 0 };

	if (futex->cmd != FUTEX_WAIT_BITSET || !find_cond_buffer(query, futex->word, &buffer))
		return false;
	wait->object = buffer.cond;
	wait->mutex = buffer.mutex;
	wait->lock_type = LOCK_GLIBC_COND;
	wait->lock_traits = futex->op & FUTEX_PRIVATE_FLAG ? 0 : LOCK_SHARED;
	return true;
}
