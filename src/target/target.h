/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h: one process under observation: its identity (a pidfd and its start time, so that a
 * recycled pid is never taken for it), its /proc directory, and reading its memory. Uses no ptrace.
 */
#ifndef SS_TARGET_TARGET_H
#define SS_TARGET_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "target/present.h"

struct maps;
struct opener;

struct tids {
	VEC(pid_t) tid; /* ascending */
};

struct target {
	pid_t pid;    /* thread group id, in our pid namespace */
	int pidfd;    /* -1 if the kernel has none (before 5.3) */
	int proc_fd;  /* /proc/PID */
	int task_fd;  /* /proc/PID/task */
	pid_t anchor; /* a live thread to read memory, maps and descriptors through: the leader
			 while it lives */
	struct present present; /* which pages of its memory may be read */
	int mem_fd;             /* /proc/ANCHOR/mem, -1 if it may not be opened */
	uint64_t start_time;    /* field 22 of stat, clock ticks since boot */
	uint64_t start_stack;   /* field 28 of stat: another value after exec; 0 unknown */
	pid_t tracer;           /* TracerPid at open, 0 none */
	char comm[64];          /* the leader's name, raw */
	struct opener *opener;  /* of its files, the owner's; NULL: they are opened directly */
};

/* One that owns nothing: it may be closed. */
#define TARGET_NONE                                                                         \
	(struct target)                                                                     \
	{                                                                                   \
		.pidfd = -1, .proc_fd = -1, .task_fd = -1, .present = { .pagemap_fd = -1 }, \
		.mem_fd = -1                                                                \
	}

/*
 * Open the process with this pid. Fails with the kind that names the cause: NO_PROCESS, ZOMBIE,
 * KERNEL_THREAD, ARCH, or one of the permission kinds (UID, DUMPABLE, YAMA, CAPABILITY, SECCOMP).
 */
int target_open(pid_t pid, struct target *ret, struct ss_error *err);
void target_close(struct target *target);

/* True while the very process that was opened is there and not a zombie. */
bool target_alive(const struct target *target);

/* What has become of the process since target_open or the last target_refresh. */
enum target_change {
	TARGET_SAME,
	TARGET_EXECED,       /* it called exec */
	TARGET_ANCHOR_ENDED, /* nothing can be read through the anchor any more */
};
enum target_change target_changed(const struct target *target);

/* True if that is TARGET_EXECED. */
bool target_did_exec(const struct target *target);

/* After exec or the leader's exit: take anchor, start_stack, comm and memory anew. */
int target_refresh(struct target *target, struct ss_error *err);

/* All threads that there are now. */
int target_list(const struct target *target, struct tids *ret, struct ss_error *err);

/* How many threads there are now, the same that target_list lists; 0: not known. */
size_t target_count(const struct target *target);

bool tids_contain(const struct tids *tids, pid_t tid);

/*
 * True if /proc was mounted for our own pid namespace; else its numbers are not those that ptrace
 * takes.
 */
bool target_proc_is_ours(void);

/* True if the target's own idea of its tids is ours too. */
bool target_shares_pidns(const struct target *target);

/* -ESRCH if the process has ended, or only the anchor has. */
int target_read_maps(const struct target *target, struct maps *ret, struct ss_error *err);

/*
 * Read len bytes at addr, up to the first page that is not in memory; how many were read, or a
 * negative errno (-EFAULT: not even the first one). Brings no page in.
 */
ssize_t target_read(const struct target *target, uint64_t addr, void *data, size_t len);

/* The same for what present_find has said to be in memory. */
ssize_t target_pread(const struct target *target, uint64_t addr, void *data, size_t len);

/*
 * process_vm_readv on the target; async-signal-safe, allocates nothing. It brings absent pages in and
 * waits for them, for ever if userfaultfd or a file system does not answer: only for what
 * present_find has said, and where the calling thread may be left behind.
 */
ssize_t target_readv(const struct target *target, const struct iovec *local, size_t nlocal,
		     const struct iovec *remote, size_t nremote);

/*
 * Why this user may not ptrace the process, after a call on it failed with EPERM or EACCES: fills
 * *err.
 */
int target_explain_denied(pid_t pid, const char *what, struct ss_error *err);

/*
 * "/usr/bin/x" of exe, arguments joined with blanks; raw bytes appended to *buf, nothing if
 * unreadable.
 */
void target_read_exe(const struct target *target, struct buf *buf);
void target_read_cmdline(const struct target *target, struct buf *buf);

#endif
