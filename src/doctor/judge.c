/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.c: see judge.h. Each rule of the kernel that may stand in the way has one function, which
 * adds one finding, also if the rule is no hindrance here: who reads the list sees what was asked.
 */
#include "doctor/judge.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

/* glibc's and the kernel's headers of 2019 have neither; Linux 5.8. */
enum { CAP_NR_PERFMON = 38, CAP_NR_BPF = 39 };

enum { SPARE_FILES = 64, FIX_MAX = 64 };

static bool is_at_least(const struct host *host, unsigned major, unsigned minor)
{
	return host->kernel[0] > major || (host->kernel[0] == major && host->kernel[1] >= minor);
}

/* Would root here have it? Root that lacks one has had it taken away: sudo would not give it back. */
static bool root_has_cap(const struct host *host, unsigned cap)
{
	return host->uid != 0 && host->caps_bound >> cap & 1;
}

/* As root of the host, or of the container. */
static const char *run_as_root(const struct host *host, pid_t pid, char *room, size_t len)
{
	const char *how = host->in_container ? "docker exec --user root CONTAINER" : "sudo";

	if (pid)
		snprintf(room, len, "%s stacksnap %d", how, (int)pid);
	else
		snprintf(room, len, "%s stacksnap PID", how);
	return room;
}

static const char *fix_as_root(const struct host *host, pid_t pid, char *room, size_t len)
{
	if (root_has_cap(host, CAP_SYS_PTRACE))
		return run_as_root(host, pid, room, len);
	return host->in_container ? "docker run --cap-add=SYS_PTRACE ..." : NULL;
}

/* What systemd starts does not inherit the filters of this shell. */
static const char *fix_seccomp(const struct host *host)
{
	return host->in_container ? "docker run --security-opt seccomp=unconfined ..."
				  : "sudo systemd-run --pipe --wait stacksnap PID";
}

const char *judge_fix(enum ss_error_kind kind, const struct host *host, pid_t pid, char *room,
		      size_t len)
{
	switch (kind) {
	case SS_ERR_UID:
	case SS_ERR_DUMPABLE:
	case SS_ERR_CAPABILITY:
		return fix_as_root(host, pid, room, len);
	case SS_ERR_YAMA:
		return host->yama >= 3 ? "reboot with kernel.yama.ptrace_scope below 3"
				       : "sudo sysctl kernel.yama.ptrace_scope=0";
	case SS_ERR_SECCOMP:
		return fix_seccomp(host);
	case SS_ERR_TRACED:
		snprintf(room, len, "stacksnap --stop=never %d", (int)pid);
		return room;
	default:
		return ss_error_hint(kind);
	}
}

static void judge_capability(struct ss_checkup *checkup, const struct host *host)
{
	char room[FIX_MAX];

	if (host_has_cap(host, CAP_SYS_PTRACE))
		checkup_add(checkup, "CAP_SYS_PTRACE", SS_VERDICT_OK, OPTIONAL, NULL,
			    "processes of every user may be looked at");
	else
		checkup_add(checkup, "CAP_SYS_PTRACE", SS_VERDICT_LIMITED, OPTIONAL,
			    fix_as_root(host, 0, room, sizeof(room)),
			    "missing: only dumpable processes of uid %u may be looked at%s",
			    host->uid,
			    root_has_cap(host, CAP_SYS_PTRACE) ? "" : "; nobody can gain it here");
}

/* At 1 a process may trace its descendants; Documentation/admin-guide/LSM/Yama.rst. */
static void judge_yama(struct ss_checkup *checkup, const struct host *host, bool given)
{
	static const char *const rules[] = { "no rule of its own", "only descendants may be traced",
					     "only CAP_SYS_PTRACE may trace", "nobody may trace" };
	bool free = host->yama == 0 || (host->yama < 3 && host_has_cap(host, CAP_SYS_PTRACE));
	enum ss_verdict verdict = host->yama > 1 ? SS_VERDICT_NO : SS_VERDICT_LIMITED;
	char room[FIX_MAX];

	if (!host->has_yama)
		checkup_add(checkup, "yama", SS_VERDICT_OK, OPTIONAL, NULL,
			    "this kernel has no kernel.yama.ptrace_scope");
	else
		checkup_add(checkup, "yama", free ? SS_VERDICT_OK : verdict,
			    given || free ? OPTIONAL : NEEDED,
			    free ? NULL : judge_fix(SS_ERR_YAMA, host, 0, room, sizeof(room)),
			    "kernel.yama.ptrace_scope is %d: %s%s", host->yama,
			    rules[MIN(host->yama, 3)],
			    free && host->yama ? "; CAP_SYS_PTRACE is here" : "");
}

static void judge_hidepid(struct ss_checkup *checkup, const struct host *host)
{
	bool free = host->hidepid == 0 || host_has_cap(host, CAP_SYS_PTRACE);

	checkup_add(checkup, "hidepid", free ? SS_VERDICT_OK : SS_VERDICT_LIMITED, OPTIONAL,
		    free ? NULL : "sudo mount -o remount,hidepid=0 /proc",
		    free ? "/proc shows the processes of every user"
			 : "/proc is mounted with hidepid=%d: other users' processes are hidden",
		    host->hidepid);
}

static void judge_proc(struct ss_checkup *checkup, const struct host *host)
{
	checkup_add(checkup, "/proc", host->own_proc ? SS_VERDICT_OK : SS_VERDICT_NO, NEEDED,
		    host->own_proc ? NULL : "sudo mount -t proc proc /proc",
		    host->own_proc ? "shows our own pid namespace"
				   : "shows another pid namespace: its numbers are not ours");
}

static void judge_seccomp(struct ss_checkup *checkup, const struct host *host)
{
	checkup_add(checkup, "seccomp", host->seccomp ? SS_VERDICT_LIMITED : SS_VERDICT_OK,
		    OPTIONAL, NULL,
		    host->seccomp ? "a filter is set on stacksnap; what it denies is said above"
				  : "no filter is set on stacksnap");
}

static const char *bpf_cap_fix(const struct host *host, char *room, size_t len)
{
	if (root_has_cap(host, CAP_SYS_ADMIN) ||
	    (root_has_cap(host, CAP_NR_BPF) && root_has_cap(host, CAP_NR_PERFMON)))
		return run_as_root(host, 0, room, len);
	return host->in_container ? "docker run --cap-add=BPF --cap-add=PERFMON ..." : NULL;
}

/*
 * Why the BPF iterator over threads cannot be had, in the order in which the kernel refuses it.
 * *ret_fix may lie in `room`.
 */
static const char *bpf_obstacle(const struct host *host, const char **ret_fix, char *room,
				size_t len)
{
	bool admin = host_has_cap(host, CAP_SYS_ADMIN);
	bool caps = admin || (host_has_cap(host, CAP_NR_BPF) && host_has_cap(host, CAP_NR_PERFMON));

	*ret_fix = NULL;
	if (!is_at_least(host, 5, 15))
		return "the kernel is older than 5.15";
	if (host->bpf_sys == ENOSYS)
		return "the kernel has no bpf(2) (CONFIG_BPF_SYSCALL)";
	if (!caps) {
		*ret_fix = bpf_cap_fix(host, room, len);
		return "CAP_BPF and CAP_PERFMON are missing";
	}
	if (host->bpf_sys) {
		*ret_fix = fix_seccomp(host);
		return "bpf(2) is refused in spite of CAP_BPF: a seccomp filter or lockdown";
	}
	return host->has_btf ? NULL : "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)";
}

static void judge_bpf(struct ss_checkup *checkup, const struct host *host)
{
	char room[FIX_MAX];
	const char *fix, *obstacle = bpf_obstacle(host, &fix, room, sizeof(room));

	checkup_add(checkup, "bpf", obstacle ? SS_VERDICT_NO : SS_VERDICT_OK, OPTIONAL, fix,
		    "%s (Linux %u.%u, kernel.unprivileged_bpf_disabled %d)%s",
		    obstacle ? obstacle : "an iterator over threads is possible", host->kernel[0],
		    host->kernel[1], host->bpf_disabled,
		    obstacle ? ": blocked threads in code that keeps a frame pointer are stopped "
			       "for it, or where that might harm them their stacks are cut short"
			     : "");
}

static const char *perf_fix(const struct host *host, char *room, size_t len)
{
	if (root_has_cap(host, CAP_SYS_ADMIN) || root_has_cap(host, CAP_NR_PERFMON))
		return run_as_root(host, 0, room, len);
	return host->perf_paranoid > 2 ? "sudo sysctl kernel.perf_event_paranoid=2" : NULL;
}

/* How threads that are on a CPU are seen: the rungs of the ladder, the gentlest first. */
static void judge_timer(struct ss_checkup *checkup, const struct host *host)
{
	char room[FIX_MAX];
	const char *fix;

	if (!bpf_obstacle(host, &fix, room, sizeof(room)) && host->perf_sys == 0) {
		checkup_add(checkup, "timer", SS_VERDICT_OK, OPTIONAL, NULL,
			    "bpf: a clock on each CPU shows running threads, none is stopped");
		return;
	}
	fix = perf_fix(host, room, sizeof(room));
	if (host->perf_sys == 0)
		checkup_add(checkup, "timer", SS_VERDICT_OK, OPTIONAL, NULL,
			    "perf: a clock of each thread shows those that run, none is stopped");
	else if (host->perf_user_sys == 0)
		checkup_add(checkup, "timer", SS_VERDICT_LIMITED, OPTIONAL, fix,
			    "perf, in user mode only (kernel.perf_event_paranoid %d): running "
			    "threads are not stopped, and not seen while they stay in the kernel",
			    host->perf_paranoid);
	else
		checkup_add(checkup, "timer", SS_VERDICT_NO, OPTIONAL, fix,
			    "perf_event_open: %s (kernel.perf_event_paranoid %d): running threads "
			    "are stopped to be seen, but not in calls that a stop cuts short",
			    strerror(host->perf_sys), host->perf_paranoid);
}

static void judge_container(struct ss_checkup *checkup, const struct host *host)
{
	bool kept = host_has_cap(host, CAP_SYS_PTRACE) || root_has_cap(host, CAP_SYS_PTRACE);

	if (host->in_container)
		checkup_add(checkup, "container", kept ? SS_VERDICT_OK : SS_VERDICT_LIMITED,
			    OPTIONAL, kept ? NULL : "docker run --cap-add=SYS_PTRACE ...",
			    "stacksnap runs in one%s",
			    kept ? "" : ", and CAP_SYS_PTRACE was dropped");
}

void judge_host(struct ss_checkup *checkup, const struct host *host, bool given)
{
	judge_capability(checkup, host);
	judge_yama(checkup, host, given);
	judge_proc(checkup, host);
	judge_hidepid(checkup, host);
	judge_seccomp(checkup, host);
	judge_container(checkup, host);
	judge_bpf(checkup, host);
	judge_timer(checkup, host);
}

void judge_open_files(struct ss_checkup *checkup, const struct host *host, size_t threads)
{
	bool enough = host->open_files >= threads + SPARE_FILES;
	char fix[64];

	snprintf(fix, sizeof(fix), "sudo prlimit --pid $$ --nofile=%zu", threads + 2 * SPARE_FILES);
	checkup_add(checkup, "open files", enough ? SS_VERDICT_OK : SS_VERDICT_LIMITED, OPTIONAL,
		    enough ? NULL : fix, "RLIMIT_NOFILE %llu for %zu threads%s",
		    (unsigned long long)host->open_files, threads,
		    enough ? "" : ": files are opened for every look, which takes longer");
}

void judge_names(struct ss_checkup *checkup, const char *path, const char *build_id,
		 const struct contents *contents, const char *fix)
{
	static const char *const lacks[] = {
		[CONTENTS_NO_NAMES] = "no names, lines and inlined functions",
		[CONTENTS_EXPORTED] = ("no lines and inlined functions, and no names of functions "
				       "that it does not export"),
		[CONTENTS_ALL] = "no lines and inlined functions",
	};

	if (contents->debug_info)
		checkup_add(checkup, "debug file", SS_VERDICT_OK, OPTIONAL, NULL, "%s: found",
			    path);
	else if (contents->unreadable)
		checkup_add(checkup, "debug file", SS_VERDICT_LIMITED, OPTIONAL, NULL,
			    "%s: its debug information cannot be read, being damaged, or packed "
			    "in a way that this stacksnap was built without: %s",
			    path, lacks[contents->names]);
	else
		checkup_add(checkup, "debug file", SS_VERDICT_LIMITED, OPTIONAL, fix,
			    "%s: none, build id %s: %s", path, *build_id ? build_id : "none",
			    lacks[contents->names]);
}
