/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mutexes.c: the types of mutex that every C library has. The main thread holds one of each and
 * rests; thread m-NAME waits for it in m_NAME. Compiled with musl it shows which of musl's record
 * their owner: all but the normal one.
 */
#include "target.h"

/* name, type, robust */
#define MUTEXES(X)                                     \
	X(normal, PTHREAD_MUTEX_NORMAL, false)         \
	X(recursive, PTHREAD_MUTEX_RECURSIVE, false)   \
	X(errorcheck, PTHREAD_MUTEX_ERRORCHECK, false) \
	X(robust, PTHREAD_MUTEX_NORMAL, true)

enum {
#define X(name, type, robust) MUTEX_##name,
	MUTEXES(X) MUTEX_COUNT
#undef X
};

static pthread_mutex_t mutexes[MUTEX_COUNT];
static struct arrival arrivals[MUTEX_COUNT];

#define X(name, type, robust)                               \
	NOINLINE static void *m_##name(void *unused)        \
	{                                                   \
		arrival_set(&arrivals[MUTEX_##name]);       \
		pthread_mutex_lock(&mutexes[MUTEX_##name]); \
		KEEP_FRAME();                               \
		return unused;                              \
	}
MUTEXES(X)
#undef X

static const struct {
	const char *thread;
	void *(*wait)(void *unused);
	int type;
	bool robust;
} forms[] = {
#define X(name, type, robust) { "m-" #name, m_##name, type, robust },
	MUTEXES(X)
#undef X
};

static void make(int i)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, forms[i].type);
	if (forms[i].robust)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	errno = pthread_mutex_init(&mutexes[i], &attr);
	target_check(errno == 0, "pthread_mutex_init");
	pthread_mutex_lock(&mutexes[i]);
}

int main(void)
{
	target_begin();
	for (int i = 0; i < MUTEX_COUNT; i++) {
		make(i);
		target_thread(forms[i].thread, 0, forms[i].wait, NULL);
		arrival_await_sleep(&arrivals[i]);
	}
	target_ready();
	target_rest();
}
