/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stacksnap.h: the whole public interface of libstacksnap.
 *
 * A session observes one process. A snapshot is one immutable look at all of its threads. A
 * snapshot is written in one of several formats. The library never prints, never exits, installs no
 * signal handler and reads no environment variable; whatever it could not see is counted in struct
 * ss_coverage.
 *
 * Functions that can fail return 0 or a negative errno and describe the failure in *err; on failure
 * no ret_ output is touched. A session and what it made may be used by one thread at a time. Snapshots
 * and profiles borrow names from their session: free them before it.
 */
#ifndef STACKSNAP_H
#define STACKSNAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every kind of failure: name, what it is, what the user should do (NULL: the message says it all).
 */
#define SS_ERROR_KINDS(X)                                                                          \
	X(NONE, "no error", NULL)                                                                  \
	X(SYSTEM, "system error", NULL)                                                            \
	X(NO_MEMORY, "out of memory",                                                              \
	  "raise the memory limit, or look at fewer threads with --tid or --thread")               \
	X(ARGUMENT, "bad argument", "see stacksnap --help")                                        \
	X(NO_PROCESS, "no such process",                                                           \
	  "check the pid: the process may have ended, or live in another pid namespace")           \
	X(ZOMBIE, "the process is a zombie", "it has exited; its parent has yet to wait for it")   \
	X(KERNEL_THREAD, "a kernel thread has no user stack",                                      \
	  "read /proc/PID/stack as root instead")                                                  \
	X(UID, "the process belongs to another user", "run stacksnap as that user, or as root")    \
	X(DUMPABLE, "the process is not dumpable",                                                 \
	  "it is setuid or called prctl(PR_SET_DUMPABLE, 0): run stacksnap as root "               \
	  "(CAP_SYS_PTRACE)")                                                                      \
	X(YAMA, "Yama's ptrace_scope forbids it",                                                  \
	  "run stacksnap as root, or set kernel.yama.ptrace_scope=0, or launch the program under " \
	  "stacksnap")                                                                             \
	X(CAPABILITY, "CAP_SYS_PTRACE is missing",                                                 \
	  "run as root; in a container add the capability (docker run --cap-add=SYS_PTRACE)")      \
	X(SECCOMP, "a seccomp filter denies the call",                                             \
	  "allow ptrace and process_vm_readv in the container's seccomp profile, or run on the "   \
	  "host")                                                                                  \
	X(TRACED, "another tracer is attached",                                                    \
	  "detach it, or read the process without ptrace: --stop=never")                           \
	X(ARCH, "the process runs another instruction set", "use a stacksnap built for it")        \
	X(GONE, "the process ended while it was being read", NULL)                                 \
	X(NOTHING, "nothing could be captured", NULL)                                              \
	X(OUTPUT, "cannot write the output",                                                       \
	  "check the path, its directory's permissions and the free space")                        \
	X(FORMAT, "unknown or damaged format",                                                     \
	  "written: text, count, pprof, folded, json, speedscope, html; read: whole pprof files, " \
	  "gzipped or not")                                                                        \
	X(MISMATCH, "profiles of different types",                                                 \
	  "compare or add profiles of one kind, such as two made with --block")                    \
	X(OBSERVER, "the bpf observer cannot work here",                                           \
	  "run as root, or with CAP_BPF and CAP_PERFMON, on Linux 5.15 or later with BTF; or use " \
	  "--observer=proc, --timer=perf")

enum ss_error_kind {
#define X(name, what, hint) SS_ERR_##name,
	SS_ERROR_KINDS(X)
#undef X
};

struct ss_error {
	enum ss_error_kind kind;
	int sys; /* positive errno, 0 if none */
	char message[256];
};

const char *ss_version(void);

/* What the user should do about an error of this kind; NULL if there is nothing general to say. */
const char *ss_error_hint(enum ss_error_kind kind);

/* ---- what was seen, and what was not ---- */

/*
 * Why a stack ends where it ends: name, words for people. Only COMPLETE reached the thread's
 * outermost frame.
 */
#define SS_STACK_ENDS(X)                                                  \
	X(COMPLETE, "complete")                                           \
	X(NO_CFI, "code without unwind information")                      \
	X(NEEDS_REGISTER, "needs a register that only a stop could give") \
	X(UNREADABLE, "memory could not be read")                         \
	X(WINDOW, "deeper than the copied window")                        \
	X(DEPTH, "frame limit reached")                                   \
	X(CYCLE, "pc and CFA repeat")                                     \
	X(ABSENT, "the rest of the stack is not in memory")

enum ss_stack_end {
#define X(name, words) SS_END_##name,
	SS_STACK_ENDS(X) SS_END_COUNT
#undef X
};

/* Why a thread has no stack at all: name, words for people. */
#define SS_NO_STACKS(X)                                                \
	X(HAS_STACK, "has a stack")                                    \
	X(RUNNING, "running, and not seen without a stop")             \
	X(UNSTABLE, "kept moving while it was read")                   \
	X(VANISHED, "exited while it was read")                        \
	X(ZOMBIE, "has exited")                                        \
	X(PENDING, "did not stop within the deadline")                 \
	X(REFUSED, "the kernel refused to show it")                    \
	X(TRACED, "another tracer holds it")                           \
	X(UNREADABLE, "its stack could not be read")                   \
	X(SPARED, "left running, for --max-pause")                     \
	X(IN_CALL, "running, in a call that a stop would cut short")   \
	X(IN_KERNEL, "running in the kernel, not seen without a stop") \
	X(WORKER, "a worker of the kernel (io_uring, vhost): no user stack")

enum ss_no_stack {
#define X(name, words) SS_NO_STACK_##name,
	SS_NO_STACKS(X) SS_NO_STACK_COUNT
#undef X
};

/*
 * The coverage block of one snapshot. Counts are threads unless the name says otherwise; times are
 * nanoseconds. threads_seen = threads_sampled + the sum of no_stack[1..] (threads left out by a
 * filter are not "seen").
 */
struct ss_coverage {
	unsigned threads_seen;
	unsigned threads_sampled;             /* have a stack */
	unsigned threads_filtered;            /* left out by --tid or --thread */
	unsigned no_stack[SS_NO_STACK_COUNT]; /* by reason; [0] is unused */
	unsigned stack_end[SS_END_COUNT];     /* stacks by why they end */
	unsigned inconsistent; /* stacks that are not of the snapshot's one instant */
	unsigned frames;
	unsigned frames_unnamed;
	unsigned frames_inferred; /* found through a learned frame size (K), see the man page */
	unsigned stops;           /* times that a thread was stopped */
	unsigned over_pause;      /* threads that stood still for longer than max_pause_ns */
	unsigned eintr_avoided;   /* -EINTR turned into a restart at a stop */
	unsigned eintr_caused;    /* interrupted calls that the target will see as EINTR */
	unsigned
		calls_cut_short; /* interrupted transfers that ended with less than was asked for */
	unsigned timer_sampled;  /* running threads that the kernel's timer sampled; of a capture:
				    all samples of it */
	uint64_t timer_within_ns; /* from when it was armed to the last of them; snapshots only */
	unsigned threads_moved;   /* left out because they ran since ss_session_mark */
	unsigned waits_undated;   /* blocked threads whose wait has no known duration */
	uint64_t longest_stop_ns; /* longest time that any one thread stood stopped */
	uint64_t total_stop_ns;   /* sum over threads */
	uint64_t pause_ns;        /* first interrupt to last release, longest of the sweeps */
	uint64_t bytes_copied;    /* of stack memory */
	/* that had to be let go on by somebody: frozen, or stopped by a signal or a debugger */
	unsigned threads_halted;
	unsigned ticks_planned, ticks_done, ticks_missed;
	/* of a capture: the process ended, or could no longer be read, so long after it began; 0: no */
	uint64_t ended_after_ns;
	/* of a capture: the longest time between looks that max_overhead led to; 0: never */
	uint64_t longest_period_ns;
	/* of a capture: samples that found no room, or whose thread no look saw, or from before an exec */
	unsigned samples_lost;
	/* of a capture of CPU or wall time: time on CPU, and of it what has no place */
	uint64_t on_cpu_ns, unseen_ns;
	/*
	 * Of a capture that follows subprocesses, in the profile of the first process: those with a
	 * profile, those that could not be read, those that ended before they could be.
	 */
	unsigned children_followed, children_refused, children_missed;
	/* waits for a lock whose holder changed while it was read: none is told */
	unsigned owners_unsettled;
	/* waits for a pipe or socket whose other end, on this host, nobody was seen to have */
	unsigned ends_unseen;
	/* files (not threads) that could not be read in time, and the first of them */
	unsigned files_late;
	char file_late[128];
};

/*
 * True if every thread, stack and file that could be had was had; vanished threads and JIT code do
 * not count against it.
 */
bool ss_coverage_complete(const struct ss_coverage *coverage);

/* ---- sessions and snapshots ---- */

enum ss_stop {
	SS_STOP_AUTO,  /* stop only threads that run, or whose registers are needed */
	SS_STOP_ALL,   /* stop every thread at one instant */
	SS_STOP_NEVER, /* never use ptrace */
};

/* A debug file that is being fetched. */
struct ss_fetch {
	const char *path;      /* of the file that it belongs to */
	bool is_file;          /* that file itself is */
	uint64_t bytes, total; /* 0 while nothing has come */
};

struct ss_session_options {
	enum ss_stop stop;
	const char *unwinder; /* NULL: the default; else one of ss_unwinder_names() */
	const char *observer; /* NULL: the best permitted; else one of ss_observer_names() */
	const char *timer;    /* NULL: the best permitted; else one of ss_timer_names(), or "no" */
	const pid_t *tids;    /* look only at these threads; NULL: all */
	size_t ntids;
	const char *thread_regex; /* POSIX extended, on thread names; NULL: all */
	unsigned max_frames;      /* 0: 65536 */
	uint64_t max_pause_ns;    /* that a thread may stand still for; 0: no limit */
	/* Code of files gets no names, only addresses and build ids: see ss_file_symbolize */
	bool no_symbols;
	/* Debug files are looked for here before /usr/lib/debug; NULL-terminated; NULL: nowhere */
	const char *const *debug_dirs;
	/*
	 * Ask the servers of DEBUGINFOD_URLS, which elfutils' client library reads, for debug files that
	 * are not there: 30 s a file and 60 s in all at most. ss_record asks before it begins.
	 */
	bool debuginfod;
	/*
	 * What took long to find in files is kept in cache_dir/stacksnap for the next time, 64 MiB at
	 * most. An absolute path that belongs to this user, such as ~/.cache; NULL: nowhere
	 */
	const char *cache_dir;
	/*
	 * How long is waited for one file, and for all files together, whose file system is not known to
	 * be local (NFS, FUSE): 0: 2 s and 5 s. Where one did not come in time no other of that mount is
	 * waited for. The names of what is in them are missing, see files_late.
	 */
	uint64_t file_timeout_ns, files_timeout_ns;
	/* Asked while one of these is waited for; true: wait for no more. NULL: nobody is asked */
	bool (*give_up)(void *arg);
	void *give_up_arg;
	/* Called about once a second while a debug file comes; true: ask for no more. NULL: none */
	bool (*fetching)(void *arg, const struct ss_fetch *fetch);
	void *fetching_arg;
};

/*
 * The descendants that these processes have at this moment, parents first: *ret is freed with free(),
 * NULL if there are none.
 */
int ss_subprocesses(const pid_t *pids, size_t n, pid_t **ret, size_t *ret_n, struct ss_error *err);

struct ss_session;
struct ss_snapshot;

/* Zeroed options mean the defaults. Nothing of *options is referred to after the call. */
int ss_session_open(pid_t pid, const struct ss_session_options *options, struct ss_session **ret,
		    struct ss_error *err);
void ss_session_close(struct ss_session *session); /* NULL is fine */

/* One look at every thread. On success *ret is owned by the caller. */
int ss_session_snapshot(struct ss_session *session, struct ss_snapshot **ret, struct ss_error *err);
/*
 * Set a mark: the snapshots after it show only threads that have not run since, in the text form
 * those first that have waited longest. Stops nothing. SS_ERR_NOTHING if the kernel does not count.
 */
int ss_session_mark(struct ss_session *session, struct ss_error *err);

void ss_snapshot_free(struct ss_snapshot *snapshot); /* NULL is fine */

/*
 * Find out who waits for whom within snapshots, each the latest of its session, that were taken
 * together: chains of waits, deadlocks, threads that wait for ever. Call it once, before they are
 * written. What it reports as a deadlock has been seen twice, and nobody in it moved in between.
 */
int ss_snapshots_link(struct ss_session *const *sessions, struct ss_snapshot *const *snapshots,
		      size_t n, struct ss_error *err);
/* How many deadlocks were found, asked of the first snapshot. */
size_t ss_snapshot_deadlocks(const struct ss_snapshot *first);

const struct ss_coverage *ss_snapshot_coverage(const struct ss_snapshot *snapshot);

/* NULL-terminated, the default first. */
const char *const *ss_unwinder_names(void);
const char *const *ss_observer_names(void);
const char *const *ss_timer_names(void);

/* The observer in use; *ret_refusal: why the first one could not be had, "" if it was not refused. */
const char *ss_session_observer(const struct ss_session *session, const char **ret_refusal);

/* ---- profiles ---- */

/* One capture over time holds the whole account of every thread; the kind says what is shown. */
enum ss_profile_kind {
	SS_PROFILE_BLOCK, /* time blocked, by the stack that waited */
	SS_PROFILE_CPU,   /* time on CPU */
	SS_PROFILE_WALL,  /* on CPU, runnable and blocked, side by side */
	SS_PROFILE_MUTEX, /* time others waited for locks, by the stack of the holder */
};

struct ss_progress {
	uint64_t elapsed_ns, duration_ns; /* duration: 0 unknown */
	unsigned ticks_done, ticks_missed;
	unsigned threads;
	unsigned processes; /* that live, subprocesses too */
};

struct ss_record_options {
	enum ss_profile_kind kind;
	uint64_t duration_ns; /* 0: until the processes end or progress says stop */
	double rate_hz;       /* 0: 99 */
	uint64_t
		began_ns; /* CLOCK_MONOTONIC: the processes began then, account from it on; 0: no */
	double max_overhead; /* CPU time of the capture, as a share of one CPU; 0: 0.5. Where it is
				 exceeded, looks become fewer */
	uint64_t min_block_ns; /* waits shorter than this are dropped (and counted as dropped) */
	bool subprocesses;     /* follow the children of the processes, and theirs */
	bool objects;          /* tell waits apart by lock and descriptor */
	bool timeline;         /* keep time order, for SS_FORMAT_SPEEDSCOPE */
	/* Called after every tick; true ends the capture early, what was captured is kept. NULL: none. */
	bool (*progress)(void *arg, const struct ss_progress *progress);
	void *progress_arg;
	/* A process whose first look failed, while others go on: it is left out. NULL: none. */
	void (*failed)(void *arg, const struct ss_session *session, const struct ss_error *err);
	void *failed_arg;
};

struct ss_profile;

/*
 * Capture n processes at once until the time is over or all have ended; without a duration, until
 * the n have, whatever their subprocesses do. *ret is an array of *ret_n >= n profiles, to be freed
 * with free() as each of them with ss_profile_free: first those of the n in their order, then those
 * of subprocesses, which need no session. A process that ended early has what was seen of it, NULL
 * if its first look failed. Fails if that is so of all n.
 */
int ss_record(struct ss_session *const *sessions, size_t n, const struct ss_record_options *options,
	      struct ss_profile ***ret, size_t *ret_n, struct ss_error *err);
void ss_profile_free(struct ss_profile *profile); /* NULL is fine */
pid_t ss_profile_pid(const struct ss_profile *profile);
/*
 * After the process has ended: true and its wait(2) status, if waiting for its stops reaped it. A
 * caller whose child it was asks here when waitpid says ECHILD.
 */
bool ss_session_exit_status(const struct ss_session *session, int *ret_status);

const struct ss_coverage *ss_profile_coverage(const struct ss_profile *profile);

/* ---- output ---- */

enum ss_format {
	SS_FORMAT_TEXT,   /* debug=2: a block a thread */
	SS_FORMAT_COUNT,  /* debug=1: identical stacks with a count, readable by go tool pprof */
	SS_FORMAT_PPROF,  /* debug=0: gzipped profile.proto */
	SS_FORMAT_FOLDED, /* root;...;leaf COUNT, for flame graph tools */
	SS_FORMAT_JSON,   /* schemas: snapshot.schema.json, profile.schema.json */
	SS_FORMAT_SPEEDSCOPE, /* https://www.speedscope.app/file-format-schema.json */
	SS_FORMAT_HTML,       /* a flame graph in one page that needs no network */
	SS_FORMAT_UNKNOWN = -1,
};

/*
 * The format that a file name's suffix asks for (.pb.gz .txt .folded .json .speedscope.json .html),
 * or SS_FORMAT_UNKNOWN.
 */
enum ss_format ss_format_of_path(const char *path);
/* The format of this name (text, count, pprof, folded, json, speedscope, html), or unknown. */
enum ss_format ss_format_of_name(const char *name);
/* NULL-terminated list of format names, in the order of enum ss_format. */
const char *const *ss_format_names(void);

struct ss_write_options {
	enum ss_format format;
	bool go;         /* text: the strict goroutine form that goroutine dump parsers accept */
	bool color;      /* text: ANSI colours */
	bool all_labels; /* pprof: also volatile labels (lock, fd) */
	const char
		*focus; /* keep threads with a function that matches (POSIX extended); NULL: all */
	const char *ignore;  /* drop threads with a function that matches; NULL: none */
	unsigned max_frames; /* of a stack, innermost first; 0: all */
	bool no_idle;        /* profiles: leave out threads that never ran and rest in a usual
				resting place; both totals are told all the same */
	bool summary;        /* text of a profile: also a table of the threads */
	bool chains;         /* text of a linked snapshot: who waits for whom, nothing else */
	unsigned max_rows;   /* text of a profile: rows of the table of functions; 0: 40 */
};

/*
 * An output is a file that appears only when it is whole: written 0600 under a temporary name
 * beside `path` and renamed by commit. "-" is standard output. A path that is not a regular file (a
 * FIFO, /dev/null) is opened and written as it is.
 */
struct ss_output;
int ss_output_open(const char *path, struct ss_output **ret, struct ss_error *err);
int ss_output_snapshots(struct ss_output *output, const struct ss_snapshot *const *snapshots,
			size_t n, const struct ss_write_options *options, struct ss_error *err);
/* The same for captures; SS_ERR_FORMAT if the format has no form for them. */
int ss_output_profiles(struct ss_output *output, const struct ss_profile *const *profiles, size_t n,
		       const struct ss_write_options *options, struct ss_error *err);
/* Flush, sync, rename. Frees the output on failure too, and then leaves nothing behind. */
int ss_output_commit(struct ss_output *output, struct ss_error *err);
void ss_output_discard(struct ss_output *output); /* leaves nothing behind; NULL is fine */

/* ---- what can be seen here, and what forbids the rest ---- */

enum ss_verdict { SS_VERDICT_OK, SS_VERDICT_LIMITED, SS_VERDICT_NO };

struct ss_finding {
	const char *name; /* what was checked: "ptrace" */
	enum ss_verdict verdict;
	bool optional;    /* a snapshot is complete without it */
	const char *text; /* what is so, and the rule that makes it so */
	const char *fix;  /* the command that would change it; NULL: none is needed, or known */
};

struct ss_checkup;

/*
 * Check what this user may do with a process; pid 0: with a child made for it. That child alone is
 * ever stopped; of the process given only /proc and a few bytes of memory are read.
 */
int ss_checkup_make(pid_t pid, struct ss_checkup **ret, struct ss_error *err);
void ss_checkup_free(struct ss_checkup *checkup); /* NULL is fine */
const struct ss_finding *ss_checkup_findings(const struct ss_checkup *checkup, size_t *ret_n);
/* Whether a snapshot can be complete: the worst of what is not optional. */
enum ss_verdict ss_checkup_verdict(const struct ss_checkup *checkup);
/* options->format: SS_FORMAT_TEXT or SS_FORMAT_JSON. */
int ss_output_checkup(struct ss_output *output, const struct ss_checkup *checkup,
		      const struct ss_write_options *options, struct ss_error *err);

/* ---- profile files ---- */

/* A pprof file (profile.proto, gzipped or not) of any program, read whole and checked. */
struct ss_file;

/* "-" is standard input. SS_ERR_FORMAT if it is no pprof file, damaged or too large. */
int ss_file_open(const char *path, struct ss_file **ret, struct ss_error *err);
/*
 * Captures as the file that SS_FORMAT_PPROF makes of them, without writing it: for ss_file_check and
 * reports. options->format does not count.
 */
int ss_file_of_profiles(const struct ss_profile *const *profiles, size_t n,
			const struct ss_write_options *options, struct ss_file **ret,
			struct ss_error *err);
void ss_file_close(struct ss_file *file); /* NULL is fine */

enum ss_report_kind {
	SS_REPORT_TOP,    /* functions with flat and cum, as in go tool pprof -top */
	SS_REPORT_TRACES, /* every sample: value, labels, stack */
	SS_REPORT_TREE,   /* the call tree from the root */
};

/* Zeroed options mean the defaults. */
struct ss_report_options {
	enum ss_report_kind kind;
	const char *focus;        /* only samples with a function that matches (POSIX extended) */
	const char *ignore;       /* no samples with a function that matches */
	const char *sample_index; /* a sample type, or its number; NULL: the file's default */
	const char *unit;         /* "ns", "us", "ms", "s"; NULL: as it fits */
	unsigned rows;            /* at most; 0: all */
	bool small;               /* also what has less than 0.5 % of the total */
	bool cum;                 /* TOP: sort by cum */
};

int ss_file_report(struct ss_output *output, const struct ss_file *file,
		   const struct ss_report_options *options, struct ss_error *err);

/* new - base, without labels; shares are of the base. SS_ERR_MISMATCH if the types differ. */
int ss_file_diff(struct ss_output *output, const struct ss_file *base, const struct ss_file *file,
		 const struct ss_report_options *options, struct ss_error *err);

/* The sum, as a gzipped pprof file. SS_ERR_MISMATCH if the types differ. */
int ss_file_merge(struct ss_output *output, const struct ss_file *const *files, size_t n,
		  struct ss_error *err);

/* A file whose addresses keep no names. */
struct ss_missing {
	const char *path, *build_id; /* "" if it has none: then it cannot be looked for */
	size_t addresses;
};

struct ss_symbolize_options {
	/*
	 * Searched for files by build id, wherever they are in there, and like /usr/lib/debug;
	 * NULL-terminated; NULL: none
	 */
	const char *const *debug_dirs;
	const char *sysroot; /* files have their paths below it, too; NULL: none */
	bool debuginfod;     /* as of a session, but for the files themselves, too; and fetching: */
	bool (*fetching)(void *arg, const struct ss_fetch *fetch);
	void *fetching_arg;
	/* Called for each file that was not found; NULL: none */
	void (*missing)(void *arg, const struct ss_missing *missing);
	void *missing_arg;
};

struct ss_symbolized {
	size_t addresses, named;  /* that had no name; that have one now */
	unsigned files, nmissing; /* that have such addresses; that were not found */
};

/*
 * Name what was captured without names (no_symbols), perhaps on another host. A file counts only if
 * its build id is the right one. On failure the file may be partly named.
 */
int ss_file_symbolize(struct ss_file *file, const struct ss_symbolize_options *options,
		      struct ss_symbolized *ret, struct ss_error *err);

/* The file as it is now, gzipped. */
int ss_file_write(struct ss_output *output, const struct ss_file *file, struct ss_error *err);

/* How much the cum of a function may be; a negative limit is exceeded by what is below it. */
struct ss_threshold {
	const char *function; /* POSIX extended */
	int64_t limit_ns;
};

struct ss_over {
	unsigned matched, exceeded; /* functions */
	int64_t cum_ns;             /* of the worst one */
	char function[128];         /* its name, cut if need be */
	char value[32];             /* cum_ns for people */
};

/* Hold a file, or what changed since `base` if that is not NULL, against a threshold. */
int ss_file_check(const struct ss_file *base, const struct ss_file *file,
		  const struct ss_report_options *options, const struct ss_threshold *threshold,
		  struct ss_over *ret, struct ss_error *err);

#ifdef __cplusplus
}
#endif
#endif
