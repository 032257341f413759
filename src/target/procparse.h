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
	uint64_t flags;      /* PF_* of the task; PF_KTHREAD is 0x00200000 */
	uint64_t start_time; /* clock ticks since boot */
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

/*
 * /proc/net/unix: the inode and path of one line (without its newline); *ret_path points into it: ""
 * if unnamed, "@..." if abstract.
 */
int procparse_unix_line(const char *line, uint64_t *ret_inode, const char **ret_path);

/* /proc/stat: the steal column of one CPU in clock ticks; -ENOENT without that CPU. */
int procparse_cpu_steal(const char *text, int cpu, uint64_t *ret_ticks);

#endif
