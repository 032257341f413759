/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locks.c: one thread for each kind of lock of the C library. Thread w-NAME waits for a lock that
 * the thread "holder" holds, the same one for all, in in_NAME. With an argument it is about locks
 * whose owner is no thread of the process that waits; each has one waiter, w-NAME too:
 *
 *	exited     a thread exited with the lock held
 *	leader     so did the main thread
 *	fork       a child waits for its copy of a lock that was held at fork
 *	shared     a child waits for locks in shared memory
 */
#include "target.h"

#include <semaphore.h>
#include <sys/mman.h>

/* clang-format off */
#ifdef __GLIBC__
#define GLIBC_WAITS(X) X(adaptive) X(handover)
#else
#define GLIBC_WAITS(X)
#endif
#define WAITS(X) \
	X(normal) X(timed) X(recursive) X(errorcheck) X(robust) X(inherit) X(inheritrobust) \
	X(rdlock) X(wrlock) X(readers) X(writers) X(cond) X(condtimed) X(condrobust) X(sem) \
	X(barrier) X(file) X(join) GLIBC_WAITS(X)
/* clang-format on */

static struct {
	pthread_mutex_t normal, recursive, errorcheck, adaptive, robust, inherit, inheritrobust;
	pthread_mutex_t handover, cond_mutex, cond_robust;
	pthread_rwlock_t write_held, read_held;
	pthread_cond_t cond;
	pthread_barrier_t barrier;
	sem_t sem;
	FILE *file;
	pthread_t holder;
} held = {
	.write_held = PTHREAD_RWLOCK_INITIALIZER,
	.read_held = PTHREAD_RWLOCK_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

/* ---- the waits ---- */

static struct timespec tomorrow(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 86400;
	return end;
}

#define WAIT_FUNCTION(name) static NOINLINE void in_##name(void)

/* clang-format off */
#define LOCK_FUNCTION(name)                     \
	WAIT_FUNCTION(name)                     \
	{                                       \
		pthread_mutex_lock(&held.name); \
		KEEP_FRAME();                   \
	}
/* clang-format on */

LOCK_FUNCTION(normal)
LOCK_FUNCTION(recursive)
LOCK_FUNCTION(errorcheck)
LOCK_FUNCTION(robust)
LOCK_FUNCTION(inherit)
LOCK_FUNCTION(inheritrobust)
#ifdef __GLIBC__
LOCK_FUNCTION(adaptive)
LOCK_FUNCTION(handover)
#endif

WAIT_FUNCTION(timed)
{
	struct timespec end = tomorrow();

	pthread_mutex_timedlock(&held.normal, &end);
	KEEP_FRAME();
}

WAIT_FUNCTION(rdlock)
{
	pthread_rwlock_rdlock(&held.write_held);
	KEEP_FRAME();
}

WAIT_FUNCTION(wrlock)
{
	pthread_rwlock_wrlock(&held.write_held);
	KEEP_FRAME();
}

/* One of these two waits for the readers, the other for the first of them. */
WAIT_FUNCTION(readers)
{
	pthread_rwlock_wrlock(&held.read_held);
	KEEP_FRAME();
}

WAIT_FUNCTION(writers)
{
	pthread_rwlock_wrlock(&held.read_held);
	KEEP_FRAME();
}

WAIT_FUNCTION(cond)
{
	pthread_mutex_lock(&held.cond_mutex);
	for (;;)
		pthread_cond_wait(&held.cond, &held.cond_mutex);
}

WAIT_FUNCTION(condtimed)
{
	struct timespec end = tomorrow();

	pthread_mutex_lock(&held.cond_mutex);
	for (;;)
		pthread_cond_timedwait(&held.cond, &held.cond_mutex, &end);
}

WAIT_FUNCTION(condrobust)
{
	pthread_cond_t on_the_stack = PTHREAD_COND_INITIALIZER;

	pthread_mutex_lock(&held.cond_robust);
	for (;;)
		pthread_cond_wait(&on_the_stack, &held.cond_robust);
}

WAIT_FUNCTION(sem)
{
	sem_wait(&held.sem);
	KEEP_FRAME();
}

WAIT_FUNCTION(barrier)
{
	pthread_barrier_wait(&held.barrier);
	KEEP_FRAME();
}

WAIT_FUNCTION(file)
{
	fputc('x', held.file);
	KEEP_FRAME();
}

WAIT_FUNCTION(join)
{
	pthread_join(held.holder, NULL);
	KEEP_FRAME();
}

/* ---- what they wait for ---- */

struct kind {
	int type, protocol;
	bool robust, shared;
};

static void make_mutex(pthread_mutex_t *mutex, struct kind kind)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, kind.type);
	pthread_mutexattr_setprotocol(&attr, kind.protocol);
	if (kind.robust)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (kind.shared)
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	errno = pthread_mutex_init(mutex, &attr);
	target_check(errno == 0, "pthread_mutex_init");
	pthread_mutexattr_destroy(&attr);
}

static void make_mutexes(void)
{
	make_mutex(&held.normal, (struct kind){ .type = PTHREAD_MUTEX_NORMAL });
	make_mutex(&held.recursive, (struct kind){ .type = PTHREAD_MUTEX_RECURSIVE });
	make_mutex(&held.errorcheck, (struct kind){ .type = PTHREAD_MUTEX_ERRORCHECK });
#ifdef __GLIBC__
	make_mutex(&held.adaptive, (struct kind){ .type = PTHREAD_MUTEX_ADAPTIVE_NP });
	held.handover.__data.__lock = 2; /* as between an unlock and the next owner's name */
#endif
	make_mutex(&held.robust, (struct kind){ .robust = true });
	make_mutex(&held.inherit, (struct kind){ .protocol = PTHREAD_PRIO_INHERIT });
	make_mutex(&held.inheritrobust,
		   (struct kind){ .protocol = PTHREAD_PRIO_INHERIT, .robust = true });
	make_mutex(&held.cond_robust, (struct kind){ .robust = true });
}

static struct arrival holding;

static void *hold(void *unused)
{
	pthread_mutex_lock(&held.normal);
	pthread_mutex_lock(&held.recursive);
	pthread_mutex_lock(&held.recursive);
	pthread_mutex_lock(&held.errorcheck);
	pthread_mutex_lock(&held.adaptive);
	pthread_mutex_lock(&held.robust);
	pthread_mutex_lock(&held.inherit);
	pthread_mutex_lock(&held.inheritrobust);
	pthread_rwlock_wrlock(&held.write_held);
	pthread_rwlock_rdlock(&held.read_held);
	pthread_rwlock_rdlock(&held.read_held);
	pthread_rwlock_rdlock(&held.read_held);
	flockfile(held.file);
	arrival_set(&holding);
	target_rest();
	return unused;
}

static void start_holder(void)
{
	make_mutexes();
	pthread_barrier_init(&held.barrier, NULL, 2);
	sem_init(&held.sem, 0, 0);
	held.file = fopen("/dev/null", "we");
	target_check(held.file != NULL, "/dev/null");
	held.holder = target_thread("holder", 0, hold, NULL);
	arrival_await_sleep(&holding);
}

/* ---- threads ---- */

struct waiter {
	const char *name;
	void (*wait)(void);
	struct arrival arrival;
};

static struct waiter waiters[] = {
#define X(name) { "w-" #name, in_##name, { 0 } },
	WAITS(X)
#undef X
};

static void *waiter_run(void *arg)
{
	struct waiter *waiter = arg;

	arrival_set(&waiter->arrival);
	waiter->wait();
	KEEP_FRAME();
	return NULL;
}

static void start_waiter(struct waiter *waiter)
{
	target_thread(waiter->name, 0, waiter_run, waiter);
	arrival_await_sleep(&waiter->arrival);
}

static void wait_for_all(void)
{
	start_holder();
	for (size_t i = 0; i < sizeof(waiters) / sizeof(waiters[0]); i++)
		start_waiter(&waiters[i]);
}

/* ---- owners that are no thread of the process ---- */

static struct shared {
	pthread_mutex_t mutex, robust;
	_Atomic int ready;
} * shared;

WAIT_FUNCTION(shared)
{
	pthread_mutex_lock(&shared->mutex);
	KEEP_FRAME();
}

WAIT_FUNCTION(sharedrobust)
{
	pthread_mutex_lock(&shared->robust);
	KEEP_FRAME();
}

static struct waiter exited = { "w-exited", in_normal, { 0 } };
static struct waiter forked = { "w-forked", in_normal, { 0 } };
static struct waiter shared_waiters[] = {
	{ "w-shared", in_shared, { 0 } },
	{ "w-sharedrobust", in_sharedrobust, { 0 } },
};

static void *lock_and_exit(void *unused)
{
	pthread_mutex_lock(&held.normal);
	return unused;
}

static void wait_for_exited(void)
{
	pthread_join(target_thread("gone", 0, lock_and_exit, NULL), NULL);
	start_waiter(&exited);
}

static void *await_leader(void *unused)
{
	while (target_state(getpid()) != 'Z')
		target_nap_ms(1);
	start_waiter(&exited);
	target_ready();
	target_rest();
	return unused;
}

static void exit_leader(void)
{
	pthread_mutex_lock(&held.normal);
	target_thread("watcher", 0, await_leader, NULL);
	pthread_exit(NULL);
}

/* In a child, which is ready when all of these wait. */
static void wait_in_child(struct waiter *first, size_t n)
{
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < n; i++)
			start_waiter(&first[i]);
		atomic_store(&shared->ready, 1);
		target_rest();
	}
	while (!atomic_load(&shared->ready))
		target_nap_ms(1);
}

static void make_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	target_check(shared != MAP_FAILED, "mmap");
	make_mutex(&shared->mutex, (struct kind){ .shared = true });
	make_mutex(&shared->robust, (struct kind){ .shared = true, .robust = true });
	pthread_mutex_lock(&shared->mutex);
	pthread_mutex_lock(&shared->robust);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	target_begin();
	make_shared();
	if (strcmp(what, "exited") == 0) {
		wait_for_exited();
	} else if (strcmp(what, "leader") == 0) {
		exit_leader();
	} else if (strcmp(what, "fork") == 0) {
		start_holder();
		wait_in_child(&forked, 1);
	} else if (strcmp(what, "shared") == 0) {
		wait_in_child(shared_waiters, 2);
	} else {
		wait_for_all();
	}
	target_ready();
	target_rest();
}
