/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procparse.h: the texts of /proc, parsed. Pure functions over foreign bytes, fuzzed: any input is
 * either parsed or refused (-EINVAL), nothing is read past its end. Texts are NUL-terminated unless
 * a length is given.
 * Format sources: proc(5), and the kernel's fs/proc/{array,base,task_mmu}.c and
 * kernel/sched/debug.c of 6.18.
 */
#ifndef SS_TARGET_PROCPARSE_H
#define SS_TARGET_PROCPARSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/capture.h"
#include "target/maps.h"

/* /proc/PID/stat and /proc/PID/task/TID/stat */
struct proc_stat {
	pid_t pid;
	char comm[64]; /* without the parentheses; may hold any byte but NUL */
	char state;
	pid_t ppid;
	uint64_t flags;                    /* PF_* of the task; PF_KTHREAD is 0x00200000 */
	uint64_t user_ticks, kernel_ticks; /* that it has run, in clock ticks */
	uint64_t start_time;               /* clock ticks since boot */
	uint64_t start_stack;
	int cpu; /* field 39 */
};
int procparse_stat(const char *text, struct proc_stat *ret);

/*
 * schedstat: on-CPU ns, run queue ns, timeslices. All zero: the kernel does not count
 * (CONFIG_SCHED_INFO).
 */
int procparse_schedstat(const char *text, struct look *look);

/* syscall: "running", "-1 SP PC" or "NR A0 ... A5 SP PC"; sets call, nr, args, sp, pc. */
int procparse_syscall(const char *text, struct look *look);

/* sched: se.exec_start in ns. */
int procparse_exec_start(const char *text, uint64_t *ret_ns);

/* status: one "Key:\tvalue" field, as a number in `base`. */
int procparse_status_number(const char *text, const char *key, int base, uint64_t *ret);

/* status of a thread: whose it is, and its number in each pid namespace from ours inwards. */
struct proc_status {
	char state;
	pid_t tgid, ppid;
	pid_t inner_tid; /* in the innermost namespace, where gettid says it */
	unsigned levels; /* numbers in NSpid */
};
int procparse_status(const char *text, struct proc_status *ret);

/*
 * One line of maps, without its newline, not NUL-terminated. The path is appended NUL-terminated to
 * *paths, without " (deleted)" and with \012 undone (the one escape that the kernel writes there).
 */
int procparse_maps_line(const char *line, size_t len, struct map *ret, struct buf *paths);

/*
 * One line of /proc/net/{tcp,tcp6,udp,udp6}: the socket's inode (0 if it has no file any more) and
 * "127.0.0.1:80 -> 10.0.0.1:9" in ret, "0.0.0.0:80" alone if there is no remote end.
 */
int procparse_inet_line(const char *line, bool ipv6, uint64_t *ret_inode, char *ret, size_t len);

/* One end of a connection; an IPv4 address as IPv6 has it, ::ffff:127.0.0.1. No padding. */
struct inet_end {
	uint8_t address[16];
	uint16_t port; /* 0: none */
};

/* The same line's two ends as numbers. */
struct inet_ends {
	struct inet_end local, remote;
};
int procparse_inet_ends(const char *line, bool ipv6, uint64_t *ret_inode, struct inet_ends *ret);

/*
 * /proc/net/unix: the inode and path of one line (without its newline); *ret_path points into it: ""
 * if unnamed, "@..." if abstract.
 */
int procparse_unix_line(const char *line, uint64_t *ret_inode, const char **ret_path);

/* The same line's type (SOCK_STREAM...), and whether the socket listens. */
int procparse_unix_type(const char *line, int *ret_type, bool *ret_listens);

/* One line of /proc/locks, or what follows "lock:" in fdinfo. */
enum proc_lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK, LOCK_LEASE };

struct proc_lock {
	uint64_t id;   /* of the lock in the list at hand; its waiters have the same */
	unsigned wait; /* 0: held; 1: waits for the lock, 2 and more: behind such a waiter too */
	enum proc_lock_kind kind;
	bool write;
	pid_t pid;           /* process that took it or asked for it; -1 for LOCK_OFD */
	uint64_t dev, inode; /* 0 for one who waits for a lease */
	uint64_t start, end; /* first and last byte, UINT64_MAX: to the end of the file */
};

/* -EINVAL too for kinds that no process waits for: ACCESS, LAYOUT. */
int procparse_lock(const char *line, struct proc_lock *ret);

/* /proc/stat: the steal column of one CPU in clock ticks; -ENOENT without that CPU. */
int procparse_cpu_steal(const char *text, int cpu, uint64_t *ret_ticks);

#endif
