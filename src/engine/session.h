/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h: the inside of a session, shared by the files of the engine: the stages, and what is
 * kept from one snapshot to the next. The engine alone knows the order of the stages.
 */
#ifndef SS_ENGINE_SESSION_H
#define SS_ENGINE_SESSION_H

#include <regex.h>

#include "base/error.h"
#include "base/map64.h"
#include "base/vec.h"
#include "capture/sweep.h"
#include "engine/lockwords.h"
#include "model/snapshot.h"
#include "symbol/effort.h"
#include "symbol/sources.h"
#include "symbol/symbolize.h"
#include "target/image.h"
#include "target/maps.h"
#include "target/pidns.h"
#include "target/schedclock.h"
#include "target/target.h"
#include "unwind/unwind.h"

/* One thread's walk: frames[first, first + n) of session.frames. */
struct thread_walk {
	size_t first;
	unsigned n;
	enum ss_stack_end end;
	uint64_t want_addr;
};

/* The counters of a thread when a mark was set. */
struct mark {
	uint64_t pcount, on_cpu_ns;
};

struct ss_session {
	enum ss_stop stop;
	unsigned max_frames;
	uint64_t max_pause_ns;
	const char *timer;    /* as the options name it; NULL: the best */
	VEC(pid_t) only_tids; /* empty: all */
	regex_t only_names;
	char *thread_regex; /* as text; NULL: all */

	struct target target;
	struct opener *opener; /* of the target's files; it owns root_fd */
	int root_fd;           /* the target's root directory, -1 if it may not be opened */
	struct maps maps;
	struct images *images;
	char **debug_dirs; /* NULL-terminated; NULL: none */
	char *cache_dir;   /* NULL: none */
	struct effort_budget budget;
	struct symbol_sources sources;
	struct symbolizer *symbolizer;
	struct capturer *capturer;
	struct ss_error refusal; /* why the best observer could not be had; SS_ERR_NONE */
	const struct unwinder_ops *unwinder_ops;
	struct unwinder *unwinder;
	struct schedclock schedclock;

	struct pidns pidns;   /* what the target's own numbers of threads mean */
	struct tids all_tids; /* of the process, and ... */
	struct tids tids;     /* ... those that are wanted */
	unsigned filtered;    /* threads left out by only_tids and only_names */
	uint64_t marked_ns;   /* CLOCK_MONOTONIC of the mark, 0: none was set */
	struct map64 marked;  /* tid -> index in marks */
	VEC(struct mark) marks;

	struct capture capture;
	struct lockwords locks;               /* by thread, right after the sweep (owners.c) */
	struct walk walk;                     /* scratch */
	VEC(struct frame) frames;             /* of all walks */
	VEC(struct thread_walk) walks;        /* by thread, like capture.threads */
	VEC(struct thread_walk) sample_walks; /* like capture.samples */
	VEC(struct sweep_request) requests;
};

/* A session on another process with the same options, but for the choice of single threads. */
int session_open_like(const struct ss_session *like, pid_t pid, struct ss_session **ret,
		      struct ss_error *err);

/* The threads of this moment that are wanted, perhaps none: tids, all_tids, filtered. */
int session_list_threads(struct ss_session *session, struct ss_error *err);

/* SS_ERR_NOTHING if there were threads, and none of them was wanted. */
int session_check_selection(const struct ss_session *session, struct ss_error *err);

/*
 * True if every thread vanished while it was read, and the process lives on: it is in the middle of
 * an exec.
 */
bool session_saw_nothing(const struct ss_session *session);

/* sources and symbolizer, once the target is open (sources.c). */
int session_open_sources(struct ss_session *session, const struct ss_session_options *options,
			 struct ss_error *err);
void session_close_sources(struct ss_session *session);

/*
 * Before a capture over time: fetch the debug files of what is mapped, if that was asked for and
 * there is time (`now`); later ones will not be fetched. Fails only if memory is out.
 */
int session_fetch(struct ss_session *session, bool now, struct ss_error *err);

/* Read maps and bring the images up to date; forgets what was learned of code that has moved. */
int session_update_maps(struct ss_session *session, struct ss_error *err);

/* True if the thread has run, or began, since the mark (mark.c). */
bool session_has_moved(const struct ss_session *session, const struct look *look);

/*
 * The unwind stage: walk every captured thread, fetching what the walks lack, and every sample
 * (unwinding.c).
 */
int session_unwind(struct ss_session *session, struct ss_error *err);

/* What of the process's files did not come in time. */
void session_count_files(const struct ss_session *session, struct ss_coverage *coverage);

/* The symbolize stage (naming.c). NULL only if memory is out. */
const struct stack *session_name_stack(struct ss_session *session, struct stack_table *table,
				       const struct thread_walk *walk);
void session_count_stack(struct ss_coverage *coverage, const struct stack *stack);

/* What is said of the process (describe.c); the texts live in the arena. 0 or -ENOMEM. */
struct process_description {
	const char *comm, *exe, *cmdline, *stop, *observer, *timer, *timer_refusal;
};
int session_describe(struct ss_session *session, struct arena *arena,
		     struct process_description *ret);

/* Executable mappings, those of `exe` first: readers take the first one for the main binary. */
int session_list_mappings(struct ss_session *session, struct arena *arena, const char *exe,
			  const struct mapping *const **ret, size_t *ret_n);

/* The last stages of a snapshot: symbolize, classify, count; the finished snapshot (assemble.c). */
int session_assemble(struct ss_session *session, struct ss_snapshot **ret, struct ss_error *err);

#endif
