/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access.c: whether the process may be looked at, and by which of the kernel's doors. Reading
 * /proc/PID/syscall asks for the permission that ptrace asks for, so nobody is traced to find out;
 * whether a filter denies the call ptrace itself is tried on our own child.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "capture/trial.h"
#include "doctor/judge.h"
#include "target/procparse.h"

/* How a call on the process failed, with the kernel's reason and what to do. */
static void add_refusal(struct ss_checkup *checkup, const struct subject *subject, const char *name,
			enum ss_verdict verdict, pid_t pid, int sys)
{
	struct ss_error err;
	char room[64];

	if (sys == EPERM || sys == EACCES)
		target_explain_denied(pid, "refused", &err);
	else
		ss_error_sys(&err, sys, "it fails");
	checkup_add(checkup, name, verdict, NEEDED,
		    judge_fix(err.kind, &subject->host, pid, room, sizeof(room)), "%s",
		    err.message);
}

static void check_process(struct ss_checkup *checkup, const struct subject *subject)
{
	_cleanup_(buf_done) struct buf exe = { 0 };
	char room[64];

	if (!subject->open) {
		checkup_add(checkup, "process", SS_VERDICT_NO, NEEDED,
			    judge_fix(subject->why.kind, &subject->host, subject->pid, room,
				      sizeof(room)),
			    "%s", subject->why.message);
		return;
	}
	target_read_exe(&subject->target, &exe);
	if (subject->given)
		checkup_add(checkup, "process", SS_VERDICT_OK, NEEDED, NULL,
			    "%d (%s) may be looked at: %s", (int)subject->pid, subject->target.comm,
			    exe.data ? exe.data : "its program is unknown");
	else
		checkup_add(checkup, "process", SS_VERDICT_OK, NEEDED, NULL,
			    "none given: checked with a child of stacksnap's own, uid %u",
			    subject->host.uid);
}

static void check_ptrace(struct ss_checkup *checkup, const struct subject *subject)
{
	int r = trial_stop(subject->child);

	if (r == 0)
		checkup_add(checkup, "ptrace", SS_VERDICT_OK, NEEDED, NULL,
			    "a child of stacksnap's own was stopped and released");
	else
		add_refusal(checkup, subject, "ptrace", SS_VERDICT_LIMITED, subject->child, -r);
}

/*
 * Eight bytes where the stack began: they are mapped in every program. Where they are not in memory,
 * page 0: nothing is there, but whether the call is allowed is checked first.
 */
static uint64_t choose_word(const struct subject *subject)
{
	uint64_t addr = subject->target.start_stack;
	struct present_range range = { .start = addr, .want = addr, .end = addr + 8 };

	if (present_find(&subject->target.present, &range, 1) < 0)
		return addr;
	return range.from < range.to ? addr : 0;
}

static void check_memory(struct ss_checkup *checkup, const struct subject *subject)
{
	uint64_t word;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)choose_word(subject),
				.iov_len = sizeof(word) };
	ssize_t n = target_readv(&subject->target, &local, 1, &remote, 1);

	if (n == (ssize_t)sizeof(word))
		checkup_add(checkup, "process_vm_readv", SS_VERDICT_OK, NEEDED, NULL,
			    "memory can be read");
	else if (n < 0 && n != -EFAULT)
		add_refusal(checkup, subject, "process_vm_readv", SS_VERDICT_NO, subject->pid,
			    (int)-n);
	else /* a program that changed its stack: the call was allowed all the same */
		checkup_add(checkup, "process_vm_readv", SS_VERDICT_OK, NEEDED, NULL,
			    "the call is allowed; nothing is in memory where the stack began");
}

static const struct file {
	const char *name;
	enum weight weight;
	const char *purpose;
} files[] = {
	{ "syscall", NEEDED, "what a blocked thread waits for, and where" },
	{ "maps", NEEDED, "which files the code comes from" },
	{ "mem", OPTIONAL, "another way to memory" },
	{ "stack", OPTIONAL, "the kernel's part of a stack, for people: no snapshot needs it" },
};

/* mem is opened only: a read would need an address; the kernel checks at open. */
static ssize_t probe_file(const struct target *target, const char *name)
{
	char path[64], byte[2];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", (int)target->anchor, name);
	if (strcmp(name, "mem") != 0)
		return file_read_at(target->task_fd, path, byte, sizeof(byte));
	fd = openat(target->task_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void check_file(struct ss_checkup *checkup, const struct subject *subject,
		       const struct file *file)
{
	ssize_t n = probe_file(&subject->target, file->name);
	char path[64];

	snprintf(path, sizeof(path), "/proc/PID/%s", file->name);
	if (n >= 0)
		checkup_add(checkup, "file", SS_VERDICT_OK, file->weight, NULL, "%s: %s", path,
			    file->purpose);
	else
		checkup_add(checkup, "file", SS_VERDICT_NO, file->weight,
			    n == -ENOENT || subject->host.uid == 0 ? NULL : "sudo stacksnap PID",
			    "%s: %s (%s)", path, strerror((int)-n), file->purpose);
}

static void check_schedstat(struct ss_checkup *checkup, const struct subject *subject)
{
	char path[64], text[256];
	struct look look = { 0 };

	snprintf(path, sizeof(path), "%d/schedstat", (int)subject->target.anchor);
	if (file_read_at(subject->target.task_fd, path, text, sizeof(text)) > 0)
		procparse_schedstat(text, &look);
	checkup_add(checkup, "schedstat", look.sched_known ? SS_VERDICT_OK : SS_VERDICT_LIMITED,
		    NEEDED, NULL,
		    look.sched_known
			    ? "the kernel counts when threads run (kernel.sched_schedstats does "
			      "not matter)"
			    : "the kernel does not count when threads run (CONFIG_SCHED_INFO): no "
			      "captures, and every thread is stopped");
}

static void check_sched(struct ss_checkup *checkup, const struct subject *subject)
{
	char path[64], text[8192];
	uint64_t ns = 0;
	bool known;

	snprintf(path, sizeof(path), "%d/sched", (int)subject->target.anchor);
	known = file_read_at(subject->target.task_fd, path, text, sizeof(text)) > 0 &&
		procparse_exec_start(text, &ns) == 0;
	checkup_add(
		checkup, "sched", known ? SS_VERDICT_OK : SS_VERDICT_NO, OPTIONAL, NULL,
		known ? "since when a thread waits is known"
		      : "no se.exec_start in /proc/PID/sched (CONFIG_SCHED_DEBUG): since when a "
			"thread waits is not known");
}

void doctor_check_access(struct ss_checkup *checkup, const struct subject *subject)
{
	check_process(checkup, subject);
	check_ptrace(checkup, subject);
	if (!subject->open)
		return;
	check_memory(checkup, subject);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		check_file(checkup, subject, &files[i]);
	check_schedstat(checkup, subject);
	check_sched(checkup, subject);
}
