/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * denied.c: why the kernel refuses to let us look into a process, told from evidence that anyone
 * may read: both sides' status files, the owners of /proc files, Yama's sysctl. Owns nothing,
 * changes nothing. Follows the order of __ptrace_may_access (kernel/ptrace.c); where the evidence
 * is silent it names the missing capability, which is true whatever the reason.
 */
#include "target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "target/procparse.h"

enum {
	STATUS_MAX = 8192, /* about 1.5 KiB, more with long Groups and Mems_allowed lines */
	PATH_LEN = 64,
};

/* A process's credentials from its status file; numbers that are missing stay 0. */
struct creds {
	uint64_t uid[3], gid[3]; /* real, effective, saved */
	uint64_t caps_permitted, caps_effective;
	uint64_t tracer, seccomp;
};

/* The first three numbers of the Uid or Gid line. */
static void read_ids(const char *status, const char *key, uint64_t ids[3])
{
	const char *line = strstr(status, key);
	unsigned long value[3];

	if (line && sscanf(line + strlen(key), "%lu %lu %lu", &value[0], &value[1], &value[2]) == 3)
		for (int i = 0; i < 3; i++)
			ids[i] = value[i];
}

static int read_creds(int dirfd, const char *path, struct creds *ret)
{
	char text[STATUS_MAX];
	ssize_t n = file_read_at(dirfd, path, text, sizeof(text));

	if (n < 0)
		return (int)n;
	*ret = (struct creds){ 0 };
	read_ids(text, "\nUid:", ret->uid);
	read_ids(text, "\nGid:", ret->gid);
	procparse_status_number(text, "CapPrm", 16, &ret->caps_permitted);
	procparse_status_number(text, "CapEff", 16, &ret->caps_effective);
	procparse_status_number(text, "TracerPid", 10, &ret->tracer);
	procparse_status_number(text, "Seccomp", 10, &ret->seccomp);
	return 0;
}

/* Everything known about one refusal. */
struct denial {
	pid_t pid;
	const char *what;  /* the call that was refused */
	int proc_fd;       /* /proc/PID */
	bool may_read;     /* the kernel's ptrace access check lets us through now */
	bool dumpable;     /* false: certainly not */
	bool other_userns; /* true: certainly another one */
	int yama;          /* kernel.yama.ptrace_scope, 0 without Yama */
	char comm[64];
	struct creds them, us;
};

static bool has_ptrace_cap(const struct denial *d)
{
	return d->us.caps_effective >> CAP_SYS_PTRACE & 1;
}

/* __ptrace_may_access: all three ids of the target must be ours. */
static bool is_other_user(const struct denial *d)
{
	for (int i = 0; i < 3; i++) {
		if (d->them.uid[i] != d->us.uid[1] || d->them.gid[i] != d->us.gid[1])
			return true;
	}
	return false;
}

/*
 * Files of /proc/PID belong to root while the process is not dumpable (task_dump_owner; the
 * directory itself always shows the effective uid). Nothing is learned of a process of root.
 */
static bool is_dumpable(const struct denial *d)
{
	struct stat st;

	return d->them.uid[1] == 0 || fstatat(d->proc_fd, "stat", &st, 0) < 0 ||
	       st.st_uid == d->them.uid[1];
}

static int read_yama(void)
{
	char text[16];
	ssize_t n =
		file_read_at(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text));

	return n > 0 ? (int)strtol(text, NULL, 10) : 0;
}

/* Reading the link of another user namespace may itself be refused: then nothing is known. */
static bool is_other_userns(int proc_fd)
{
	struct stat theirs, ours;

	return fstatat(proc_fd, "ns/user", &theirs, 0) == 0 &&
	       stat("/proc/self/ns/user", &ours) == 0 && theirs.st_ino != ours.st_ino;
}

static bool may_read(int proc_fd)
{
	char text[256];

	return file_read_at(proc_fd, "syscall", text, sizeof(text)) >= 0;
}

static void read_comm(pid_t pid, char *comm, size_t len)
{
	char path[PATH_LEN];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	n = file_read_at(AT_FDCWD, path, comm, len);
	if (n < 0)
		n = 0;
	if (n > 0 && comm[n - 1] == '\n')
		n--;
	comm[n] = '\0';
}

static int denied_by_tracer(const struct denial *d, struct ss_error *err)
{
	char comm[64];

	read_comm((pid_t)d->them.tracer, comm, sizeof(comm));
	return ss_error_set(err, SS_ERR_TRACED, EPERM,
			    "%s: process %d (%s) is already traced by process %d (%s)", d->what,
			    (int)d->pid, d->comm, (int)d->them.tracer, comm);
}

static int denied_by_seccomp(const struct denial *d, struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_SECCOMP, EPERM,
			    "%s: process %d (%s) may be read, but the call is refused, and a "
			    "seccomp filter is set on stacksnap",
			    d->what, (int)d->pid, d->comm);
}

static int denied_by_yama(const struct denial *d, struct ss_error *err)
{
	static const char *const rules[] = { "", "only descendants may be traced",
					     "only CAP_SYS_PTRACE may trace", "nobody may trace" };

	return ss_error_set(err, SS_ERR_YAMA, EPERM,
			    "%s: process %d (%s): kernel.yama.ptrace_scope is %d: %s", d->what,
			    (int)d->pid, d->comm, d->yama, rules[MIN(d->yama, 3)]);
}

static int denied_by_user(const struct denial *d, struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_UID, EPERM,
			    "%s: process %d (%s) runs as uid %lu gid %lu, stacksnap as uid %lu gid "
			    "%lu without CAP_SYS_PTRACE",
			    d->what, (int)d->pid, d->comm, (unsigned long)d->them.uid[1],
			    (unsigned long)d->them.gid[1], (unsigned long)d->us.uid[1],
			    (unsigned long)d->us.gid[1]);
}

static int denied_by_dumpable(const struct denial *d, struct ss_error *err)
{
	return ss_error_set(err, SS_ERR_DUMPABLE, EPERM,
			    "%s: process %d (%s) of uid %lu is not dumpable, its /proc files "
			    "belong to root",
			    d->what, (int)d->pid, d->comm, (unsigned long)d->them.uid[1]);
}

static int denied_for_capability(const struct denial *d, struct ss_error *err)
{
	uint64_t missing = d->them.caps_permitted & ~d->us.caps_effective;
	const char *why = "a security module (AppArmor, SELinux) may forbid it";

	if (d->other_userns)
		why = "it lives in another user namespace, where stacksnap has no CAP_SYS_PTRACE";
	else if (missing && !has_ptrace_cap(d))
		why = "it has capabilities that stacksnap lacks";
	else if (!has_ptrace_cap(d))
		why = "stacksnap has no CAP_SYS_PTRACE";
	return ss_error_set(err, SS_ERR_CAPABILITY, EPERM, "%s: process %d (%s): %s", d->what,
			    (int)d->pid, d->comm, why);
}

/* In the order in which the kernel asks, as far as each can be told from outside. */
static int explain(const struct denial *d, struct ss_error *err)
{
	/* a tracer, perhaps a thread of our own, does not keep others from reading */
	if (d->may_read && d->them.tracer && strcmp(d->what, "process_vm_readv") != 0)
		return denied_by_tracer(d, err);
	if (d->may_read && d->us.seccomp == 2)
		return denied_by_seccomp(d, err);
	if (d->yama >= 3)
		return denied_by_yama(d, err);
	if (has_ptrace_cap(d) || d->may_read || d->other_userns)
		return denied_for_capability(d, err);
	if (is_other_user(d))
		return denied_by_user(d, err);
	if (!d->dumpable)
		return denied_by_dumpable(d, err);
	if (d->them.caps_permitted & ~d->us.caps_effective)
		return denied_for_capability(d, err);
	if (d->yama)
		return denied_by_yama(d, err);
	return denied_for_capability(d, err);
}

int target_explain_denied(pid_t pid, const char *what, struct ss_error *err)
{
	struct denial d = { .pid = pid, .what = what };
	_cleanup_close_ int proc_fd = -1;
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0 || read_creds(proc_fd, "status", &d.them) < 0)
		return ss_error_set(err, SS_ERR_GONE, ESRCH, "%s: process %d has ended", what,
				    (int)pid);
	read_creds(AT_FDCWD, "/proc/thread-self/status", &d.us);
	d.proc_fd = proc_fd;
	d.may_read = may_read(proc_fd);
	d.dumpable = is_dumpable(&d);
	d.other_userns = is_other_userns(proc_fd);
	d.yama = read_yama();
	read_comm(pid, d.comm, sizeof(d.comm));
	return explain(&d, err);
}
