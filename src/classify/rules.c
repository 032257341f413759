/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules, by system call number; calls that are not here wait for nothing that has a name of its
 * own. Arguments are those of the man pages' section 2, in the kernel's order. The numbers are this
 * architecture's: aarch64 has only the newer form of most calls.
 */
#include "classify/rules.h"

#include <sys/syscall.h>

#include "base/attr.h"

/* <sys/syscall.h> of glibc 2.35 and 2.39 know them; calls this new have one number everywhere */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif

#define READS   .kind = WAIT_SYSCALL, .fd = ARG_1, .io = IO_READ, .file = true
#define WRITES  .kind = WAIT_SYSCALL, .fd = ARG_1, .io = IO_WRITE, .file = true
#define ON_FILE .kind = WAIT_SYSCALL, .fd = ARG_1, .file = true
#define ON_PATH .kind = WAIT_SYSCALL, .file = true
#define POLLS   .kind = WAIT_IO_WAIT, .refine = refine_poll
#define SELECTS .kind = WAIT_IO_WAIT, .refine = refine_select
#define QUEUE   .kind = WAIT_MESSAGE_QUEUE

static const struct rule rules[] = {
	[SYS_futex] = { .kind = WAIT_FUTEX, .refine = refine_futex },
	[SYS_futex_wait] = { .kind = WAIT_FUTEX,
			     .timeout = ARG_5,
			     .form = TIMEOUT_DEADLINE,
			     .refine = refine_futex_wait },
	[SYS_futex_waitv] = { .kind = WAIT_FUTEX,
			      .timeout = ARG_4,
			      .form = TIMEOUT_DEADLINE,
			      .refine = refine_futex_waitv },

	[SYS_nanosleep] = { .kind = WAIT_SLEEP, .timeout = ARG_1, .form = TIMEOUT_TIMESPEC },
	[SYS_clock_nanosleep] = { .kind = WAIT_SLEEP, .refine = refine_clock_nanosleep },
	[SYS_restart_syscall] = { .kind = WAIT_SYSCALL, .form = TIMEOUT_HIDDEN },

	[SYS_read] = { READS },
	[SYS_readv] = { READS },
	[SYS_pread64] = { READS },
	[SYS_preadv] = { READS },
	[SYS_preadv2] = { READS },
	[SYS_getdents64] = { READS },
	[SYS_write] = { WRITES },
	[SYS_writev] = { WRITES },
	[SYS_pwrite64] = { WRITES },
	[SYS_pwritev] = { WRITES },
	[SYS_pwritev2] = { WRITES },
	[SYS_vmsplice] = { WRITES },
	[SYS_sendfile] = { WRITES },
	/* between two descriptors: which of them it waits for cannot be told */
	[SYS_splice] = { ON_PATH },
	[SYS_tee] = { ON_PATH },
	[SYS_copy_file_range] = { ON_PATH },

	[SYS_recvfrom] = { .kind = WAIT_SOCKET_RECV, .fd = ARG_1 },
	[SYS_recvmsg] = { .kind = WAIT_SOCKET_RECV, .fd = ARG_1 },
	[SYS_recvmmsg] = { .kind = WAIT_SOCKET_RECV,
			   .fd = ARG_1,
			   .timeout = ARG_5,
			   .form = TIMEOUT_TIMESPEC },
	[SYS_sendto] = { .kind = WAIT_SOCKET_SEND, .fd = ARG_1 },
	[SYS_sendmsg] = { .kind = WAIT_SOCKET_SEND, .fd = ARG_1 },
	[SYS_sendmmsg] = { .kind = WAIT_SOCKET_SEND, .fd = ARG_1 },
	[SYS_accept] = { .kind = WAIT_ACCEPT, .fd = ARG_1 },
	[SYS_accept4] = { .kind = WAIT_ACCEPT, .fd = ARG_1 },
	[SYS_connect] = { .kind = WAIT_CONNECT, .fd = ARG_1 },

	[SYS_epoll_pwait] = { .kind = WAIT_IO_WAIT,
			      .fd = ARG_1,
			      .timeout = ARG_4,
			      .form = TIMEOUT_MS },
	[SYS_epoll_pwait2] = { .kind = WAIT_IO_WAIT,
			       .fd = ARG_1,
			       .timeout = ARG_4,
			       .form = TIMEOUT_TIMESPEC },
	[SYS_ppoll] = { POLLS, .timeout = ARG_3, .form = TIMEOUT_TIMESPEC },
	[SYS_pselect6] = { SELECTS, .timeout = ARG_5, .form = TIMEOUT_TIMESPEC },
	[SYS_io_getevents] = { .kind = WAIT_IO_WAIT, .timeout = ARG_5, .form = TIMEOUT_TIMESPEC },
	[SYS_io_pgetevents] = { .kind = WAIT_IO_WAIT, .timeout = ARG_5, .form = TIMEOUT_TIMESPEC },
	[SYS_io_uring_enter] = { .kind = WAIT_IO_URING, .refine = refine_io_uring_enter },

	[SYS_fsync] = { .kind = WAIT_DISK, .fd = ARG_1 },
	[SYS_fdatasync] = { .kind = WAIT_DISK, .fd = ARG_1 },
	[SYS_sync_file_range] = { .kind = WAIT_DISK, .fd = ARG_1 },
	[SYS_syncfs] = { .kind = WAIT_DISK, .fd = ARG_1 },
	[SYS_sync] = { .kind = WAIT_DISK },
	[SYS_msync] = { .kind = WAIT_DISK },

	[SYS_flock] = { .kind = WAIT_FILE_LOCK, .fd = ARG_1 },
	[SYS_fcntl] = { ON_FILE, .refine = refine_fcntl },
	[SYS_ioctl] = { .kind = WAIT_SYSCALL, .fd = ARG_1, .form = TIMEOUT_HIDDEN },

	[SYS_wait4] = { .kind = WAIT_CHILD, .refine = refine_wait4 },
	[SYS_waitid] = { .kind = WAIT_CHILD, .refine = refine_waitid },
	[SYS_clone] = { .kind = WAIT_SYSCALL, .refine = refine_clone },
	[SYS_clone3] = { .kind = WAIT_SYSCALL, .refine = refine_clone3 },

	[SYS_rt_sigsuspend] = { .kind = WAIT_SIGNAL },
	[SYS_rt_sigtimedwait] = { .kind = WAIT_SIGNAL, .timeout = ARG_3, .form = TIMEOUT_TIMESPEC },

	[SYS_msgrcv] = { QUEUE },
	[SYS_msgsnd] = { QUEUE },
	/* a queue of mq_open is a descriptor */
	[SYS_mq_timedreceive] = { QUEUE, .fd = ARG_1, .timeout = ARG_5, .form = TIMEOUT_DEADLINE },
	[SYS_mq_timedsend] = { QUEUE, .fd = ARG_1, .timeout = ARG_5, .form = TIMEOUT_DEADLINE },
	[SYS_semop] = { .kind = WAIT_SEMAPHORE },
	[SYS_semtimedop] = { .kind = WAIT_SEMAPHORE, .timeout = ARG_4, .form = TIMEOUT_TIMESPEC },

	[SYS_close] = { ON_FILE },
	[SYS_fstat] = { ON_FILE },
	[SYS_fstatfs] = { ON_FILE },
	[SYS_ftruncate] = { ON_FILE },
	[SYS_fallocate] = { ON_FILE },
	[SYS_fadvise64] = { ON_FILE },
	[SYS_readahead] = { ON_FILE },
	[SYS_fchmod] = { ON_FILE },
	[SYS_fchown] = { ON_FILE },
	[SYS_fchdir] = { ON_FILE },
	[SYS_fgetxattr] = { ON_FILE },
	[SYS_fsetxattr] = { ON_FILE },
	[SYS_openat] = { ON_PATH },
	[SYS_openat2] = { ON_PATH },
	[SYS_open_by_handle_at] = { ON_PATH },
	[SYS_newfstatat] = { ON_PATH },
	[SYS_statx] = { ON_PATH },
	[SYS_statfs] = { ON_PATH },
	[SYS_faccessat] = { ON_PATH },
	[SYS_faccessat2] = { ON_PATH },
	[SYS_readlinkat] = { ON_PATH },
	[SYS_unlinkat] = { ON_PATH },
	[SYS_renameat] = { ON_PATH },
	[SYS_renameat2] = { ON_PATH },
	[SYS_mkdirat] = { ON_PATH },
	[SYS_mknodat] = { ON_PATH },
	[SYS_linkat] = { ON_PATH },
	[SYS_symlinkat] = { ON_PATH },
	[SYS_fchmodat] = { ON_PATH },
	[SYS_fchownat] = { ON_PATH },
	[SYS_utimensat] = { ON_PATH },
	[SYS_truncate] = { ON_PATH },
	[SYS_chdir] = { ON_PATH },
	[SYS_getxattr] = { ON_PATH },
	[SYS_setxattr] = { ON_PATH },
	[SYS_execve] = { ON_PATH },
	[SYS_execveat] = { ON_PATH },
	[SYS_mount] = { ON_PATH },
	[SYS_umount2] = { ON_PATH },
	[SYS_swapon] = { ON_PATH },
	[SYS_swapoff] = { ON_PATH },
	[SYS_io_submit] = { ON_PATH },

#ifdef __x86_64__ /* calls that the newer architectures never had */
	[SYS_poll] = { POLLS, .timeout = ARG_3, .form = TIMEOUT_MS },
	[SYS_select] = { SELECTS, .timeout = ARG_5, .form = TIMEOUT_TIMEVAL },
	[SYS_epoll_wait] = { .kind = WAIT_IO_WAIT,
			     .fd = ARG_1,
			     .timeout = ARG_4,
			     .form = TIMEOUT_MS },
	[SYS_pause] = { .kind = WAIT_SIGNAL },
	[SYS_vfork] = { .kind = WAIT_CHILD },
	[SYS_getdents] = { READS },
	[SYS_open] = { ON_PATH },
	[SYS_creat] = { ON_PATH },
	[SYS_stat] = { ON_PATH },
	[SYS_lstat] = { ON_PATH },
	[SYS_access] = { ON_PATH },
	[SYS_readlink] = { ON_PATH },
	[SYS_unlink] = { ON_PATH },
	[SYS_rename] = { ON_PATH },
	[SYS_mkdir] = { ON_PATH },
	[SYS_rmdir] = { ON_PATH },
	[SYS_mknod] = { ON_PATH },
	[SYS_link] = { ON_PATH },
	[SYS_symlink] = { ON_PATH },
	[SYS_chmod] = { ON_PATH },
	[SYS_chown] = { ON_PATH },
	[SYS_lchown] = { ON_PATH },
	[SYS_utimes] = { ON_PATH },
#endif
};

const struct rule *rule_find(int64_t nr)
{
	if (nr < 0 || (uint64_t)nr >= ARRAY_SIZE(rules) || rules[nr].kind == WAIT_NONE)
		return NULL;
	return &rules[nr];
}

static const struct {
	enum wait_kind read, write;
} io_kinds[] = {
	[FD_UNKNOWN] = { WAIT_SYSCALL, WAIT_SYSCALL },
	[FD_FILE] = { WAIT_FILE_READ, WAIT_FILE_WRITE },
	[FD_DEVICE] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_PIPE] = { WAIT_PIPE_READ, WAIT_PIPE_WRITE },
	[FD_SOCKET] = { WAIT_SOCKET_RECV, WAIT_SOCKET_SEND },
	[FD_EPOLL] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_EVENTFD] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_TIMERFD] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_SIGNALFD] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_INOTIFY] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_PIDFD] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_IO_URING] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
	[FD_OTHER] = { WAIT_IO_WAIT, WAIT_IO_WAIT },
};

enum wait_kind rule_io_kind(enum rule_io io, enum fd_type type)
{
	return io == IO_READ ? io_kinds[type].read : io_kinds[type].write;
}
