/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * truth.c: threads that take hot locks of every kind that records its owner, and say in a mapped
 * file who held which lock when. Usage: truth LOG [THREADS [HOLD_US]]. Each turn takes one lock at
 * random, holds it for HOLD_US (1000) on average, at most three times that, and is logged with
 * CLOCK_MONOTONIC: before the call that takes the lock, after it, before the call that gives it up,
 * after it (0: not yet). So for any interval a reader can tell who must and who may have held a
 * lock. A log that is full begins anew. tests/bench/truth.py reads it.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "target.h"

enum { LOCKS_MAX = 16, THREADS_MAX = 64, HOLDS = 1 << 16 };

struct hold {
	int64_t want_ns, got_ns, free_ns, freed_ns;
	int32_t lock, shared; /* index in struct log; held together with other readers */
};

struct log {
	int64_t nlocks, nthreads;
	struct {
		uint64_t address;
		char name[24];
	} locks[LOCKS_MAX];
	struct thread_log {
		int64_t tid;
		struct hold holds[HOLDS];
	} threads[THREADS_MAX];
};

struct lock {
	union {
		pthread_mutex_t mutex;
		pthread_rwlock_t rwlock;
	};
};

static struct log *truth;
static int64_t hold_ns = NS_PER_MS;
static struct lock *locks; /* in shared memory, where those for several processes must be */

/* ---- kinds of locks ---- */

struct kind {
	const char *name;
	void (*make)(struct lock *lock, const struct kind *kind);
	bool (*take)(struct lock *lock); /* returns whether it is shared */
	void (*give)(struct lock *lock);
	int type;
	unsigned flags;
};

enum { ROBUST = 1, PSHARED = 2, INHERIT = 4 };

static void make_mutex(struct lock *lock, const struct kind *kind)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, kind->type);
	if (kind->flags & ROBUST)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (kind->flags & PSHARED)
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (kind->flags & INHERIT)
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	errno = pthread_mutex_init(&lock->mutex, &attr);
	target_check(errno == 0, kind->name);
}

static bool take_mutex(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	return false;
}

static void give_mutex(struct lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

static bool take_twice(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	pthread_mutex_lock(&lock->mutex);
	return false;
}

static void give_twice(struct lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
	pthread_mutex_unlock(&lock->mutex);
}

static bool take_timed(struct lock *lock)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 3600;
	errno = pthread_mutex_timedlock(&lock->mutex, &end);
	target_check(errno == 0, "pthread_mutex_timedlock");
	return false;
}

static void make_rwlock(struct lock *lock, const struct kind *kind)
{
	errno = pthread_rwlock_init(&lock->rwlock, NULL);
	target_check(errno == 0, kind->name);
}

static bool take_write(struct lock *lock)
{
	pthread_rwlock_wrlock(&lock->rwlock);
	return false;
}

static bool take_either(struct lock *lock)
{
	if (target_random_below(2))
		return take_write(lock);
	pthread_rwlock_rdlock(&lock->rwlock);
	return true;
}

static void give_rwlock(struct lock *lock)
{
	pthread_rwlock_unlock(&lock->rwlock);
}

#define MUTEX(name, take, give, kind, flags) \
	name, make_mutex, take, give, PTHREAD_MUTEX_##kind, flags

static const struct kind kinds[] = {
	{ MUTEX("normal", take_mutex, give_mutex, NORMAL, 0) },
	{ MUTEX("recursive", take_twice, give_twice, RECURSIVE, 0) },
	{ MUTEX("errorcheck", take_mutex, give_mutex, ERRORCHECK, 0) },
	{ MUTEX("adaptive", take_mutex, give_mutex, ADAPTIVE_NP, 0) },
	{ MUTEX("timed", take_timed, give_mutex, NORMAL, 0) },
	{ MUTEX("robust", take_mutex, give_mutex, NORMAL, ROBUST) },
	{ MUTEX("shared", take_mutex, give_mutex, NORMAL, PSHARED) },
	{ MUTEX("inheriting", take_mutex, give_mutex, NORMAL, INHERIT) },
	{ MUTEX("robust inheriting", take_mutex, give_mutex, NORMAL, ROBUST | INHERIT) },
	{ "rwlock, written", make_rwlock, take_write, give_rwlock, 0, 0 },
	{ "rwlock, both", make_rwlock, take_either, give_rwlock, 0, 0 },
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* ---- threads ---- */

static void hold_lock(void)
{
	int64_t ns = hold_ns / 5 + (int64_t)target_random_below((uint64_t)hold_ns * 2);

	if (target_random_below(8))
		target_nap_ns(ns);
	else
		target_spin_ns(ns / 8); /* two processors must do for all of it */
	KEEP_FRAME();
}

NOINLINE static void take_turn(struct hold *hold)
{
	int32_t i = (int32_t)target_random_below(KINDS);
	const struct kind *kind = &kinds[i];

	*hold = (struct hold){ .lock = i };
	KEEP_FRAME(); /* an old hold is never seen as the new one's */
	hold->want_ns = target_now_ns();
	hold->shared = kind->take(&locks[i]);
	hold->got_ns = target_now_ns();
	hold_lock();
	hold->free_ns = target_now_ns();
	kind->give(&locks[i]);
	hold->freed_ns = target_now_ns();
}

static void *play(void *arg)
{
	struct thread_log *log = arg;

	log->tid = target_tid();
	for (uint64_t turn = 0;; turn++)
		take_turn(&log->holds[turn % HOLDS]);
	return NULL;
}

static void *map_shared(const char *path, size_t size)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	void *memory;

	target_check(!path || (fd >= 0 && ftruncate(fd, (off_t)size) == 0), path);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      path ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS, fd, 0);
	target_check(memory != MAP_FAILED, "mmap");
	return memory;
}

static void make_locks(void)
{
	truth->nlocks = KINDS;
	for (int i = 0; i < KINDS; i++) {
		kinds[i].make(&locks[i], &kinds[i]);
		truth->locks[i].address = (uint64_t)(uintptr_t)&locks[i];
		strncpy(truth->locks[i].name, kinds[i].name, sizeof(truth->locks[i].name) - 1);
	}
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 24;

	target_begin();
	target_check(argc > 1 && n <= THREADS_MAX, "usage: truth LOG [THREADS [HOLD_US]]");
	if (argc > 3)
		hold_ns = atoll(argv[3]) * 1000;
	truth = map_shared(argv[1], sizeof(*truth));
	locks = map_shared(NULL, KINDS * sizeof(*locks));
	make_locks();
	truth->nthreads = n;
	for (int i = 0; i < n; i++)
		target_thread("taker", 0, play, &truth->threads[i]);
	for (int i = 0; i < n; i++)
		while (truth->threads[i].holds[0].got_ns == 0)
			target_nap_ms(1);
	target_ready();
	target_rest();
}
