/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deadlock.c: threads and processes that wait for each other, and some that only seem to. Usage:
 * deadlock FORM [N or DIRECTORY]; the table of forms is at the end. "ready" is printed by a process
 * of its own, when all that are to wait have arrived and sleep: those that wait may be all there is.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "target.h"

enum { WAITERS_MAX = 64 };

/* Shared with the process that watches, and between those that wait for each other. */
static struct shared {
	int expected; /* how many are to wait; 0: not known yet */
	struct {
		pid_t pid;
		struct arrival arrival;
	} waiters[WAITERS_MAX];
	_Atomic int nwaiters, nholders;
} * shared;

/* ---- arriving ---- */

/* All that is left before the wait is the wait itself. */
static void about_to_wait(void)
{
	int i = shared->nwaiters++;

	shared->waiters[i].pid = getpid();
	arrival_set(&shared->waiters[i].arrival);
}

/* Until all of them have what they hold. */
static void await_holders(int n)
{
	shared->nholders++;
	while (shared->nholders < n)
		target_nap_ms(1);
}

static bool has_come_to_rest(int i)
{
	pid_t tid = __atomic_load_n(&shared->waiters[i].arrival.tid, __ATOMIC_SEQ_CST);

	return tid && target_state_of(shared->waiters[i].pid, tid) == 'S';
}

static void watch(void)
{
	target_check(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
	for (int i = 0; i == 0 || i < shared->expected; i += has_come_to_rest(i))
		target_nap_ms(1);
	target_ready();
	_exit(0);
}

/* A child that the kernel reaps: the target stays as it is, and has nothing of what comes later. */
static void start_watching(void)
{
	pid_t child;

	signal(SIGCHLD, SIG_IGN);
	child = fork();
	target_check(child >= 0, "fork");
	if (child == 0)
		watch();
}

/* ---- mutexes ---- */

static pthread_mutex_t mutexes[WAITERS_MAX];
static int nmutexes = 2;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_t joined;

static void make_mutex(int i, int type, int protocol)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutexattr_setprotocol(&attr, protocol);
	errno = pthread_mutex_init(&mutexes[i], &attr);
	target_check(errno == 0, "pthread_mutex_init");
}

static void make_mutexes(int n)
{
	target_check(n >= 1 && n <= WAITERS_MAX, "number of mutexes");
	nmutexes = n;
	for (int i = 0; i < n; i++)
		make_mutex(i, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
}

NOINLINE static void lock_next(int i)
{
	about_to_wait();
	pthread_mutex_lock(&mutexes[i % nmutexes]);
	KEEP_FRAME();
}

NOINLINE static void lock_next_for_an_hour(int i)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 3600;
	about_to_wait();
	pthread_mutex_timedlock(&mutexes[i % nmutexes], &end);
	KEEP_FRAME();
}

static void *hold_and_lock_next(void *arg)
{
	int i = (int)(intptr_t)arg;

	pthread_mutex_lock(&mutexes[i]);
	await_holders(nmutexes);
	lock_next(i + 1);
	return NULL;
}

static void *hold_and_lock_next_for_an_hour(void *arg)
{
	int i = (int)(intptr_t)arg;

	pthread_mutex_lock(&mutexes[i]);
	await_holders(nmutexes);
	lock_next_for_an_hour(i + 1);
	return NULL;
}

static void start_each(const char *name, void *(*run)(void *))
{
	char text[32];

	for (int i = 0; i < nmutexes; i++) {
		snprintf(text, sizeof(text), "%s-%d", name, i);
		target_thread(text, 0, run, (void *)(intptr_t)i);
	}
}

static void cycle(const char *arg)
{
	make_mutexes(arg ? atoi(arg) : 2);
	start_each("cycle", hold_and_lock_next);
	shared->expected = nmutexes;
}

static void timed(const char *arg)
{
	make_mutexes(arg ? atoi(arg) : 2);
	start_each("timed", hold_and_lock_next_for_an_hour);
	shared->expected = nmutexes;
}

/* The first of them recursive, the second one that inherits priority. */
static void mixed(const char *unused)
{
	(void)unused;
	make_mutex(0, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE);
	make_mutex(1, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT);
	start_each("mixed", hold_and_lock_next);
	shared->expected = 2;
}

static void *relock(void *unused)
{
	pthread_mutex_lock(&mutexes[0]);
	lock_next(0);
	return unused;
}

static void self(const char *unused)
{
	(void)unused;
	make_mutexes(1);
	target_thread("self", 0, relock, NULL);
	shared->expected = 1;
}

/* ---- a mutex and something else ---- */

static void *lock_when_held(void *unused)
{
	await_holders(2);
	lock_next(0);
	return unused;
}

NOINLINE static void join_while_locked(void)
{
	about_to_wait();
	pthread_join(joined, NULL);
	KEEP_FRAME();
}

static void *hold_and_join(void *unused)
{
	pthread_mutex_lock(&mutexes[0]);
	await_holders(2);
	join_while_locked();
	return unused;
}

static void join(const char *unused)
{
	(void)unused;
	make_mutexes(1);
	joined = target_thread("joined", 0, lock_when_held, NULL);
	target_thread("joiner", 0, hold_and_join, NULL);
	shared->expected = 2;
}

NOINLINE static void write_while_locked(void)
{
	about_to_wait();
	pthread_rwlock_wrlock(&rwlock);
	KEEP_FRAME();
}

static void *hold_and_write(void *unused)
{
	pthread_mutex_lock(&mutexes[0]);
	await_holders(2);
	write_while_locked();
	return unused;
}

static void *write_and_lock(void *unused)
{
	pthread_rwlock_wrlock(&rwlock);
	await_holders(2);
	lock_next(0);
	return unused;
}

static void write_lock(const char *unused)
{
	(void)unused;
	make_mutexes(1);
	target_thread("writer", 0, write_and_lock, NULL);
	target_thread("locker", 0, hold_and_write, NULL);
	shared->expected = 2;
}

/* ---- waits that are no cycle ---- */

static void *lock_and_exit(void *unused)
{
	pthread_mutex_lock(&mutexes[0]);
	return unused;
}

static void exited(const char *unused)
{
	(void)unused;
	make_mutexes(1);
	pthread_join(target_thread("exits", 0, lock_and_exit, NULL), NULL);
	shared->nholders = 1;
	target_thread("heir", 0, lock_when_held, NULL);
	shared->expected = 1;
}

/* Each waits for the one before it, the first for the main thread, which rests. */
static void *hold_and_lock_previous(void *arg)
{
	int i = (int)(intptr_t)arg;

	pthread_mutex_lock(&mutexes[i]);
	await_holders(nmutexes);
	lock_next(i - 1);
	return NULL;
}

static void chain(const char *unused)
{
	char text[32];

	(void)unused;
	make_mutexes(4);
	pthread_mutex_lock(&mutexes[0]);
	shared->nholders = 1;
	for (int i = 1; i < nmutexes; i++) {
		snprintf(text, sizeof(text), "chain-%d", i);
		target_thread(text, 0, hold_and_lock_previous, (void *)(intptr_t)i);
	}
	shared->expected = nmutexes - 1;
}

/* ---- pipes and files ---- */

NOINLINE static void read_pipe(int fd)
{
	char byte;

	about_to_wait();
	target_check(read(fd, &byte, 1) == 1, "read");
	KEEP_FRAME();
}

static void pipe_self(const char *unused)
{
	int ends[2];

	(void)unused;
	target_check(pipe(ends) == 0, "pipe");
	shared->expected = 1;
	read_pipe(ends[0]);
}

/* The other process of a pair dies with the first. */
static bool fork_peer(void)
{
	pid_t child = fork();

	target_check(child >= 0, "fork");
	if (child)
		return false;
	target_check(prctl(PR_SET_NAME, "peer") == 0, "prctl");
	target_check(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
	return true;
}

/* Each keeps the writing end of the pipe that the other reads from, and of no other. */
static void pipes(const char *unused)
{
	int ends[2][2], own;

	(void)unused;
	target_check(pipe(ends[0]) == 0 && pipe(ends[1]) == 0, "pipe");
	shared->expected = 2;
	own = fork_peer();
	close(ends[own][1]);
	close(ends[!own][0]);
	read_pipe(ends[own][0]);
}

static int open_in(const char *directory, int i)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/deadlock-%d", directory, i);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	target_check(fd >= 0, path);
	return fd;
}

static int lock_flock(int fd)
{
	return flock(fd, LOCK_EX);
}

static int lock_description(int fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLKW, &all);
}

NOINLINE static void lock_file(int fd, int (*lock)(int fd))
{
	about_to_wait();
	target_check(lock(fd) == 0, "file lock");
	KEEP_FRAME();
}

static void files(const char *directory, int (*lock)(int fd))
{
	int fds[2], own;

	shared->expected = 2;
	own = fork_peer();
	for (int i = 0; i < 2; i++)
		fds[i] = open_in(directory ? directory : ".", i);
	target_check(lock(fds[own]) == 0, "file lock");
	await_holders(2);
	lock_file(fds[!own], lock);
}

static void flocks(const char *directory)
{
	files(directory, lock_flock);
}

static void descriptions(const char *directory)
{
	files(directory, lock_description);
}

/* ---- the forms ---- */

static const struct {
	const char *name;
	void (*start)(const char *arg); /* may not return */
} forms[] = {
	{ "cycle", cycle },         /* N mutexes, each holder waits for the next */
	{ "self", self },           /* a normal mutex taken twice */
	{ "join", join },           /* waits for the end of a thread that wants its mutex */
	{ "rwlock", write_lock },   /* a mutex and an rwlock held by a writer */
	{ "mixed", mixed },         /* a recursive mutex and one that inherits priority */
	{ "pipe-self", pipe_self }, /* one thread, which reads what only it could write */
	{ "pipes", pipes },         /* two processes, each reads what only the other could write */
	{ "flock", flocks },        /* two processes and two files in DIRECTORY, by flock(2) */
	{ "ofd", descriptions },    /* the same with locks of open file descriptions */
	{ "exited", exited },       /* the holder exited: for ever, but no cycle */
	{ "timed", timed },         /* a cycle of N that ends by itself, in an hour */
	{ "chain", chain },         /* three wait in a row for a thread that rests */
};

int main(int argc, char **argv)
{
	target_begin();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	target_check(shared != MAP_FAILED, "mmap");
	start_watching();
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (argc > 1 && strcmp(argv[1], forms[i].name) == 0) {
			forms[i].start(argc > 2 ? argv[2] : NULL);
			target_rest();
		}
	}
	target_check(false, "usage: deadlock FORM [N or DIRECTORY]");
}
