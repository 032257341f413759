/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait.h: the states of a thread, and what a blocked one waits for. A wait is a value; its strings
 * belong to whoever made it (static text, or the snapshot's arena).
 */
#ifndef SS_MODEL_WAIT_H
#define SS_MODEL_WAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/fdinfo.h"

/* name in code, name in output, Go's wait reason or status for --go */
#define THREAD_STATES(X)                                         \
	X(ON_CPU, "on-cpu", "running")                           \
	X(RUNNABLE, "runnable", "runnable")                      \
	X(RUNNING_OR_RUNNABLE, "running or runnable", "running") \
	X(BLOCKED, "blocked", "syscall")                         \
	X(STOPPED, "stopped", "syscall")                         \
	X(FROZEN, "frozen", "syscall")                           \
	X(ZOMBIE, "zombie", "dead")                              \
	X(UNKNOWN, "unknown", "waiting")

enum thread_state {
#define X(name, text, go) STATE_##name,
	THREAD_STATES(X)
#undef X
};

/* It waits, if only to be let go: what it would go on waiting for is known. */
static inline bool thread_state_waits(enum thread_state state)
{
	return state == STATE_BLOCKED || state == STATE_STOPPED || state == STATE_FROZEN;
}

#define WAIT_KINDS(X)                                        \
	X(NONE, "", "syscall")                               \
	X(MUTEX, "mutex", "sync.Mutex.Lock")                 \
	X(RWLOCK_READ, "rwlock read", "sync.RWMutex.RLock")  \
	X(RWLOCK_WRITE, "rwlock write", "sync.RWMutex.Lock") \
	X(COND, "cond wait", "sync.Cond.Wait")               \
	X(SEMAPHORE, "semaphore", "semacquire")              \
	X(BARRIER, "barrier", "semacquire")                  \
	X(JOIN, "join", "semacquire")                        \
	X(ONCE, "once", "semacquire")                        \
	X(FUTEX, "futex", "semacquire")                      \
	X(SLEEP, "sleep", "sleep")                           \
	X(PIPE_READ, "pipe read", "IO wait")                 \
	X(PIPE_WRITE, "pipe write", "IO wait")               \
	X(IO_WAIT, "IO wait", "IO wait")                     \
	X(SOCKET_RECV, "socket recv", "IO wait")             \
	X(SOCKET_SEND, "socket send", "IO wait")             \
	X(ACCEPT, "accept", "IO wait")                       \
	X(CONNECT, "connect", "IO wait")                     \
	X(FILE_READ, "file read", "IO wait")                 \
	X(FILE_WRITE, "file write", "IO wait")               \
	X(DISK, "disk", "IO wait")                           \
	X(PAGE_FAULT, "page fault", "syscall")               \
	X(CHILD, "child wait", "syscall")                    \
	X(SIGNAL, "signal wait", "syscall")                  \
	X(FILE_LOCK, "file lock", "semacquire")              \
	X(MESSAGE_QUEUE, "message queue", "IO wait")         \
	X(IO_URING, "io_uring", "IO wait")                   \
	X(IO_WORKER, "io_uring worker", "IO wait")           \
	X(KERNEL_WORKER, "kernel worker", "IO wait")         \
	X(SYSCALL, "syscall", "syscall")

enum wait_kind {
#define X(name, text, go) WAIT_##name,
	WAIT_KINDS(X) WAIT_KIND_COUNT
#undef X
};

/* Which implementation a lock is of: name in code, words. Traits (below) come on top. */
#define LOCK_TYPES(X)                                              \
	X(NONE, "")                                                \
	X(GLIBC_MUTEX, "glibc pthread_mutex")                      \
	X(GLIBC_NORMAL, "glibc pthread_mutex, normal")             \
	X(GLIBC_RECURSIVE, "glibc pthread_mutex, recursive")       \
	X(GLIBC_ERRORCHECK, "glibc pthread_mutex, error-checking") \
	X(GLIBC_ADAPTIVE, "glibc pthread_mutex, adaptive")         \
	X(GLIBC_RWLOCK, "glibc pthread_rwlock")                    \
	X(GLIBC_COND, "glibc pthread_cond")                        \
	X(GLIBC_SEMAPHORE, "glibc semaphore")                      \
	X(GLIBC_BARRIER, "glibc pthread_barrier")                  \
	X(GLIBC_ONCE, "glibc pthread_once")                        \
	X(GLIBC_FILE, "stdio FILE lock")                           \
	X(MUSL_MUTEX, "musl pthread_mutex")                        \
	X(MUSL_NORMAL, "musl pthread_mutex, normal")               \
	X(MUSL_RECURSIVE, "musl pthread_mutex, recursive")         \
	X(MUSL_ERRORCHECK, "musl pthread_mutex, error-checking")   \
	X(MUSL_RWLOCK, "musl pthread_rwlock")                      \
	X(MUSL_COND, "musl pthread_cond")                          \
	X(MUSL_SEMAPHORE, "musl semaphore")                        \
	X(MUSL_BARRIER, "musl pthread_barrier")                    \
	X(MUSL_ONCE, "musl pthread_once")                          \
	X(MUSL_FILE, "musl stdio FILE lock")                       \
	X(RUST_MUTEX, "Rust Mutex")                                \
	X(RUST_RWLOCK, "Rust RwLock")                              \
	X(RUST_CONDVAR, "Rust Condvar")                            \
	X(RUST_ONCE, "Rust Once")                                  \
	X(RUST_PARK, "Rust park")                                  \
	X(CXX_ATOMIC, "C++20 atomic wait")                         \
	X(CXX_GUARD, "C++ initialization guard")

enum lock_type {
#define X(name, text) LOCK_##name,
	LOCK_TYPES(X) LOCK_TYPE_COUNT
#undef X
};

enum lock_traits {
	LOCK_ROBUST = 1,
	LOCK_INHERIT = 2, /* the owner inherits its waiters' priority */
	LOCK_CEILING = 4, /* priority protection */
	LOCK_SHARED = 8,  /* between processes */
};

/* What is known of who holds a lock. */
enum holder {
	HOLDER_UNKNOWN,  /* nothing is said: owner is 0 */
	HOLDER_THREAD,   /* thread `owner`; of another process if owner_pid is not 0 */
	HOLDER_EXITED,   /* thread `owner`, as the target numbered it, exited without unlocking */
	HOLDER_ABSENT,   /* the same, but it is a thread of the parent process: a lock that was held
			    at fork stays so in the child */
	HOLDER_HANDOVER, /* released, and the next one has yet to take it */
	HOLDER_READERS,  /* `readers` readers; who they are is recorded nowhere */
};

#define WAIT_NO_TIMEOUT      (-1)
#define WAIT_TIMEOUT_UNKNOWN (-2)

struct wait {
	enum wait_kind kind;
	int64_t call;          /* system call number, -1 if none or unknown */
	const char *call_name; /* its name, static; NULL if none or unknown */
	uint64_t object;       /* address of the lock, futex word or semaphore; 0 if none */
	pid_t owner;           /* tid that holds it (or is joined); 0 if unknown; of a child
					  wait, the pid waited for */
	pid_t owner_pid;       /* of a lock in shared memory: the owner's process if that is
					  another one; 0: this process */
	enum holder holder;
	enum lock_type lock_type;
	unsigned lock_traits; /* enum lock_traits */
	unsigned readers;
	uint64_t mutex;                /* of a cond wait: the mutex that is taken again after it; 0
					  if it was not found */
	int fd;                        /* -1 if none */
	const struct fd_info *fd_info; /* what fd is; NULL if unknown */
	int64_t timeout_ns; /* relative timeout of the call, WAIT_NO_TIMEOUT or WAIT_TIMEOUT_UNKNOWN
			     */
	uint64_t since_ns;  /* how long it has lasted */
	bool since_known;
	bool since_at_least; /* it may have lasted longer than since_ns */
	const char *place;   /* kernel function (wchan) where it sleeps, a hint; NULL if unknown */
};

/*
 * The name for output, such as "cond wait"; "syscall" for WAIT_SYSCALL (wait_text adds the call's
 * name).
 */
const char *wait_kind_name(enum wait_kind kind);
/* Go's wait reason nearest to it. */
const char *wait_kind_go_name(enum wait_kind kind);
/* "" for LOCK_NONE */
const char *lock_type_name(enum lock_type type);
const char *thread_state_name(enum thread_state state);
const char *thread_state_go_name(enum thread_state state);

#endif
