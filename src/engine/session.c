/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions: opening the stages over one target, and the order in which a snapshot runs them.
 */
#include "engine/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "capture/observer.h"
#include "capture/timer.h"
#include "engine/owners.h"
#include "target/opener.h"
#include "target/procfs.h"

enum {
	MAX_FRAMES = 65536, /* of one stack, unless the options say otherwise */
	EXEC_RETRIES = 4,
};

/* The same name, which lives as long as the program; NULL: there is none, or none was given. */
static const char *find_timer_name(const char *name)
{
	for (size_t i = 0; name && timer_names[i]; i++)
		if (strcmp(name, timer_names[i]) == 0)
			return timer_names[i];
	return NULL;
}

static int copy_options(struct ss_session *session, const struct ss_session_options *options,
			struct ss_error *err)
{
	session->stop = options->stop;
	session->max_pause_ns = options->max_pause_ns;
	session->timer = find_timer_name(options->timer);
	if (options->timer && !session->timer)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL, "no timer is called '%s'",
				    options->timer);
	session->max_frames = options->max_frames ? options->max_frames : MAX_FRAMES;
	session->unwinder_ops = unwinder_find(options->unwinder);
	if (!session->unwinder_ops)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL, "no unwinder is called '%s'",
				    options->unwinder);
	for (size_t i = 0; i < options->ntids; i++)
		if (vec_push(&session->only_tids, options->tids[i]) < 0)
			return ss_error_oom(err);
	if (!options->thread_regex)
		return 0;
	if (regcomp(&session->only_names, options->thread_regex, REG_EXTENDED | REG_NOSUB) != 0)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "'%s' is not a regular expression", options->thread_regex);
	session->thread_regex = strdup(options->thread_regex);
	if (!session->thread_regex) {
		regfree(&session->only_names);
		return ss_error_oom(err);
	}
	return 0;
}

/* A thread has one tracer at most. Where nothing has to be stopped, another one does not matter. */
static int check_tracer(const struct ss_session *session, struct ss_error *err)
{
	if (session->target.tracer == 0 || session->stop != SS_STOP_ALL)
		return 0;
	return target_explain_denied(session->target.pid, "attach to", err);
}

/* The best observer, or the next best, unless one was asked for. */
static int choose_observer(struct ss_session *session, const char *name,
			   const struct ss_session *like, struct ss_error *err)
{
	const struct capturer *other = like ? like->capturer : NULL;

	if (name)
		return capturer_observe(session->capturer, name, other, err);
	if (capturer_observe(session->capturer, NULL, other, &session->refusal) == 0)
		session->refusal.kind = SS_ERR_NONE;
	return 0;
}

static int choose_timer(struct ss_session *session, const struct ss_session *like,
			struct ss_error *err)
{
	const char *name = session->timer;

	if (name && strcmp(name, "no") == 0)
		return 0;
	return capturer_time(session->capturer, name, like ? like->capturer : NULL, err);
}

static int open_opener(struct ss_session *session, const struct ss_session_options *options,
		       const struct ss_session *like)
{
	const struct opener_options limits = {
		.file_ns = options->file_timeout_ns,
		.all_ns = options->files_timeout_ns,
		.give_up = options->give_up,
		.arg = options->give_up_arg,
	};

	session->opener = opener_new(&limits, like ? like->opener : NULL);
	if (!session->opener)
		return -ENOMEM;
	session->root_fd = opener_begin(session->opener, &session->target);
	session->target.opener = session->opener;
	return 0;
}

static int open_stages(struct ss_session *session, pid_t pid,
		       const struct ss_session_options *options, const struct ss_session *like,
		       struct ss_error *err)
{
	int r = target_open(pid, &session->target, err);

	if (r < 0)
		return r;
	r = check_tracer(session, err);
	if (r < 0)
		return r;
	pidns_init(&session->pidns, &session->target);
	session->images = images_new();
	if (!session->images || open_opener(session, options, like) < 0)
		return ss_error_oom(err);
	r = session_open_sources(session, options, err);
	if (r < 0)
		return r;
	r = session->unwinder_ops->open(session->images, &session->unwinder, err);
	if (r == 0)
		r = capturer_new(&session->target, session->stop, &session->capturer, err);
	if (r == 0)
		capturer_limit_pause(session->capturer, session->max_pause_ns);
	if (r == 0)
		r = choose_observer(session, options->observer, like, err);
	if (r == 0)
		r = choose_timer(session, like, err);
	return r;
}

static int open_session(pid_t pid, const struct ss_session_options *options,
			const struct ss_session *like, struct ss_session **ret,
			struct ss_error *err)
{
	struct ss_session *session = calloc(1, sizeof(*session));
	int r;

	if (!session)
		return ss_error_oom(err);
	session->root_fd = -1;
	session->target = TARGET_NONE;
	maps_init(&session->maps);
	schedclock_init(&session->schedclock);
	map64_init(&session->marked);
	lockwords_init(&session->locks);
	r = copy_options(session, options, err);
	if (r == 0)
		r = open_stages(session, pid, options, like, err);
	if (r < 0) {
		ss_session_close(session);
		return r;
	}
	*ret = session;
	return 0;
}

int ss_session_open(pid_t pid, const struct ss_session_options *options, struct ss_session **ret,
		    struct ss_error *err)
{
	return open_session(pid, options, NULL, ret, err);
}

int session_open_like(const struct ss_session *like, pid_t pid, struct ss_session **ret,
		      struct ss_error *err)
{
	const struct ss_session_options options = {
		.stop = like->stop,
		.unwinder = like->unwinder_ops->name,
		.timer = like->timer,
		.thread_regex = like->thread_regex,
		.max_frames = like->max_frames,
		.max_pause_ns = like->max_pause_ns,
		.no_symbols = like->sources.no_files,
		.debug_dirs = like->sources.debug_dirs,
		.cache_dir = like->sources.cache_dir,
		.debuginfod = like->sources.fetcher != NULL,
		/* what that one does not have, for whatever reason, its children do without */
		.observer = strcmp(capturer_observer(like->capturer), observer_names[0]) != 0
				    ? capturer_observer(like->capturer)
				    : NULL,
	};
	int r = open_session(pid, &options, like, ret, err);

	return r < 0 ? r : session_fetch(*ret, false, err);
}

void ss_session_close(struct ss_session *session)
{
	if (!session)
		return;
	capturer_free(session->capturer);
	if (session->unwinder)
		session->unwinder_ops->close(session->unwinder);
	symbolizer_free(session->symbolizer);
	images_free(session->images);
	session_close_sources(session);
	opener_free(session->opener);
	target_close(&session->target);
	maps_done(&session->maps);
	schedclock_done(&session->schedclock);
	pidns_done(&session->pidns);
	if (session->thread_regex)
		regfree(&session->only_names);
	free(session->thread_regex);
	map64_done(&session->marked);
	lockwords_done(&session->locks);
	vec_done(&session->marks);
	vec_done(&session->only_tids);
	vec_done(&session->all_tids.tid);
	vec_done(&session->tids.tid);
	vec_done(&session->capture.threads);
	vec_done(&session->capture.samples);
	vec_done(&session->walk.frames);
	vec_done(&session->frames);
	vec_done(&session->walks);
	vec_done(&session->sample_walks);
	vec_done(&session->requests);
	free(session);
}

void session_count_files(const struct ss_session *session, struct ss_coverage *coverage)
{
	const char *path;

	coverage->files_late = opener_late(session->opener, &path);
	snprintf(coverage->file_late, sizeof(coverage->file_late), "%s", path);
}

int session_update_maps(struct ss_session *session, struct ss_error *err)
{
	bool changed;
	int r = target_read_maps(&session->target, &session->maps, err);

	if (r == 0)
		r = images_update(session->images, &session->target, &session->maps, &changed, err);
	if (r < 0)
		return r;
	if (changed) {
		session->unwinder_ops->forget(session->unwinder);
		symbolizer_forget(session->symbolizer);
	}
	return 0;
}

/* ---- which threads ---- */

static bool wants_tid(const struct ss_session *session, pid_t tid)
{
	char path[32], comm[64];
	ssize_t len;

	vec_each(only, &session->only_tids)
		if (*only == tid)
			return true;
	if (session->only_tids.n)
		return false;
	if (!session->thread_regex)
		return true;
	snprintf(path, sizeof(path), "%d/comm", (int)tid);
	len = file_read_at(session->target.task_fd, path, comm, sizeof(comm));
	if (len <= 0)
		return false;
	comm[len - 1] = '\0'; /* its newline */
	return regexec(&session->only_names, comm, 0, NULL, 0) == 0;
}

int session_list_threads(struct ss_session *session, struct ss_error *err)
{
	int r = capturer_list(session->capturer, &session->all_tids, err);

	if (r < 0)
		return r;
	session->tids.tid.n = 0;
	vec_each(tid, &session->all_tids.tid)
		if (wants_tid(session, *tid) && vec_push(&session->tids.tid, *tid) < 0)
			return ss_error_oom(err);
	session->filtered = (unsigned)(session->all_tids.tid.n - session->tids.tid.n);
	return 0;
}

int session_check_selection(const struct ss_session *session, struct ss_error *err)
{
	if (session->all_tids.tid.n == 0 || session->tids.tid.n)
		return 0;
	return ss_error_set(err, SS_ERR_NOTHING, ENOENT,
			    "none of the %zu threads of process %d is selected",
			    session->all_tids.tid.n, (int)session->target.pid);
}

/* ---- a snapshot ---- */

bool session_saw_nothing(const struct ss_session *session)
{
	vec_each(thread, &session->capture.threads)
		if (thread->how != CAPTURE_NONE ||
		    (thread->none != SS_NO_STACK_VANISHED && thread->none != SS_NO_STACK_ZOMBIE))
			return false;
	return target_alive(&session->target);
}

/* 1: the target called exec meanwhile: try again. */
static int try_snapshot(struct ss_session *session, struct ss_snapshot **ret, struct ss_error *err)
{
	struct ss_snapshot *snapshot;
	int r = session_list_threads(session, err);

	if (r == 0)
		r = session_check_selection(session, err);
	if (r == 0)
		r = session_update_maps(session, err);
	if (r == 0)
		r = sweep_threads(session->capturer, &session->tids, &session->maps,
				  &session->capture, err);
	if (r == 0 && owners_read_locks(session) < 0)
		r = ss_error_oom(err);
	if (r == 0)
		r = session_unwind(session, err);
	/* after exec what was read is of two programs; in the middle of one, nothing can be read */
	if (r == 0 ? target_did_exec(&session->target) || session_saw_nothing(session)
		   : r == -ESRCH && target_alive(&session->target))
		return 1;
	if (r == 0)
		r = session_assemble(session, &snapshot, err);
	if (r == 0)
		*ret = snapshot;
	return r;
}

int ss_session_snapshot(struct ss_session *session, struct ss_snapshot **ret, struct ss_error *err)
{
	int r = 1;

	for (unsigned attempt = 0; r == 1 && attempt < EXEC_RETRIES; attempt++) {
		if (attempt || target_did_exec(&session->target))
			r = target_refresh(&session->target, err);
		else
			r = 0;
		if (r == 0)
			r = try_snapshot(session, ret, err);
	}
	if (r < 0 && !target_alive(&session->target))
		return ss_error_set(err, SS_ERR_GONE, ESRCH,
				    "process %d ended while it was being read",
				    (int)session->target.pid);
	if (r == 1)
		return ss_error_set(err, SS_ERR_NOTHING, EAGAIN,
				    "process %d calls exec faster than it can be read",
				    (int)session->target.pid);
	return r;
}

void ss_snapshot_free(struct ss_snapshot *snapshot)
{
	if (!snapshot)
		return;
	stack_table_done(&snapshot->stacks);
	arena_done(&snapshot->arena);
	free(snapshot);
}

const struct ss_coverage *ss_snapshot_coverage(const struct ss_snapshot *snapshot)
{
	return &snapshot->coverage;
}

bool ss_session_exit_status(const struct ss_session *session, int *ret_status)
{
	return capturer_leader_status(session->capturer, ret_status);
}

const char *const *ss_unwinder_names(void)
{
	return unwinder_names;
}

const char *const *ss_observer_names(void)
{
	return observer_names;
}

const char *const *ss_timer_names(void)
{
	return timer_names;
}

const char *ss_session_observer(const struct ss_session *session, const char **ret_refusal)
{
	*ret_refusal = session->refusal.kind ? session->refusal.message : "";
	return capturer_observer(session->capturer);
}
