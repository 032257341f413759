/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job.c: see job.h. It installs no signal handler: when stacksnap dies, the kernel lets every
 * thread go (PTRACE_SEIZE without PTRACE_O_EXITKILL).
 */
#include "job.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coverage.h"
#include "deliver.h"
#include "dirs.h"

/* ---- before anything is touched ---- */

static int check_regex(const char *option, const char *regex, struct ss_error *err)
{
	char why[128];
	regex_t compiled;
	int r;

	if (!regex)
		return 0;
	r = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&compiled);
		return 0;
	}
	regerror(r, &compiled, why, sizeof(why));
	return parse_fail(err, "%s: '%.80s': %s", option, regex, why);
}

static int check_regexes(const struct opts *opts, struct ss_error *err)
{
	int r = check_regex("--thread", opts->thread, err);

	if (r == 0)
		r = check_regex("--focus", opts->focus, err);
	if (r == 0)
		r = check_regex("--ignore", opts->ignore, err);
	for (size_t i = 0; i < opts->fail_over.n && r == 0; i++)
		r = check_regex("--fail-over", opts->fail_over.list[i].function, err);
	return r;
}

/*
 * An output that cannot be written is no reason to disturb a process. Nothing stays of this attempt;
 * the real one comes after the look, so that Ctrl-C during the look leaves no temporary. A FIFO is
 * not tried: its reader would see the end.
 */
static int probe_output(const struct opts *opts, struct ss_error *err)
{
	struct ss_output *output;
	int r;

	if (!deliver_to_stdout(opts->output) && !deliver_to_file(opts->output))
		return 0;
	r = ss_output_open(opts->output, &output, err);
	if (r == 0)
		ss_output_discard(output);
	return r;
}

int job_check(const struct opts *opts, struct ss_error *err)
{
	for (size_t i = 0; i < opts->pids.n; i++)
		if (opts->pids.ids[i] == getpid())
			return parse_fail(err, "%d is stacksnap itself", (int)getpid());
	if (opts->format == SS_FORMAT_PPROF && deliver_to_stdout(opts->output) &&
	    isatty(STDOUT_FILENO))
		return parse_fail(err, "pprof is not for a terminal: use -o FILE.pb.gz");
	return check_regexes(opts, err);
}

int job_oom(struct ss_error *err)
{
	*err = (struct ss_error){ .kind = SS_ERR_NO_MEMORY,
				  .sys = ENOMEM,
				  .message = "out of memory" };
	return -ENOMEM;
}

/* ---- looking ---- */

/*
 * One process failed. NOTHING becomes PARTIAL at the end if another one did not; a bad argument
 * stays what it is.
 */
void job_failed(struct job *job, const struct ss_error *err)
{
	enum cli_status status = err->kind == SS_ERR_ARGUMENT ? CLI_USAGE : CLI_NOTHING;

	msg_failure(job->msg, err);
	if (status > job->status)
		job->status = status;
}

struct look *job_add_look(struct job *job, pid_t pid)
{
	struct look *looks = reallocarray(job->looks, job->n + 1, sizeof(*looks));
	struct ss_error err;

	if (!looks) {
		job_oom(&err);
		job_failed(job, &err);
		return NULL;
	}
	job->looks = looks;
	looks[job->n] = (struct look){ .pid = pid };
	return &looks[job->n++];
}

/* Those that are there now. A capture finds them by itself, and those that come later. */
static void add_subprocesses(struct job *job)
{
	const struct id_list *pids = &job->opts->pids;
	pid_t *found;
	struct ss_error err;
	size_t n;

	if (!job->opts->subprocesses || opts_is_capture(job->opts))
		return;
	if (ss_subprocesses(pids->ids, pids->n, &found, &n, &err) < 0) {
		job_failed(job, &err);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct look *look = job_add_look(job, found[i]);

		if (look)
			look->subprocess = true;
	}
	free(found);
}

static bool has_ended(const struct ss_error *err)
{
	return err->kind == SS_ERR_NO_PROCESS || err->kind == SS_ERR_ZOMBIE ||
	       err->kind == SS_ERR_GONE;
}

static void report_observer(const struct job *job, const struct look *look)
{
	const char *refusal, *name = ss_session_observer(look->session, &refusal);

	if (refusal[0])
		msg_info(job->msg, "%d: observer %s (%s)", (int)look->pid, name, refusal);
	else
		msg_info(job->msg, "%d: observer %s", (int)look->pid, name);
}

/* Ctrl-C during a capture: what was captured is written, without waiting for files. */
static bool is_interrupted(void *arg)
{
	const struct job *job = arg;

	return job->kind->interrupted && *job->kind->interrupted;
}

static void open_sessions(struct job *job)
{
	const struct opts *opts = job->opts;
	char cache_dir[PATH_MAX];
	const struct ss_session_options options = {
		.stop = opts->stop,
		.unwinder = opts->unwinder,
		.observer = opts->observer,
		.timer = opts->timer,
		.tids = opts->tids.n ? opts->tids.ids : NULL,
		.ntids = opts->tids.n,
		.thread_regex = opts->thread,
		.max_pause_ns = opts->max_pause_ns,
		/* 0, the default, unless more are wanted: a limit here would count as a gap */
		.max_frames = opts->frames > 65536 ? opts->frames : 0,
		.no_symbols = opts->no_symbols,
		.debug_dirs = opts->debug_dirs.n ? opts->debug_dirs.list : NULL,
		.debuginfod = !opts->no_debuginfod && fetching_has_servers(),
		.cache_dir = opts->no_symbol_cache ? NULL : dirs_cache(cache_dir),
		.file_timeout_ns = opts->file_timeout_ns,
		.files_timeout_ns = opts->files_timeout_ns,
		.give_up = is_interrupted,
		.give_up_arg = job,
		.fetching = fetching_show,
		.fetching_arg = &job->fetching,
	};
	struct ss_error err;
	size_t kept = 0;

	for (size_t i = 0; i < job->n; i++) {
		struct look look = job->looks[i];

		if (ss_session_open(look.pid, &options, &look.session, &err) < 0) {
			/* nobody asked for a child that has ended since */
			if (look.subprocess && has_ended(&err))
				continue;
			job_failed(job, &err);
		} else {
			report_observer(job, &look);
		}
		job->looks[kept++] = look;
	}
	job->n = kept;
}

static void close_sessions(struct job *job)
{
	/* snapshots and profiles borrow from their session */
	for (size_t i = 0; i < job->n; i++) {
		ss_snapshot_free(job->looks[i].snapshot);
		ss_profile_free(job->looks[i].profile);
		ss_session_close(job->looks[i].session);
	}
}

/* ---- writing ---- */

static struct ss_write_options write_options(const struct opts *opts)
{
	return (struct ss_write_options){
		.format = opts->format,
		.go = opts->go,
		.color = deliver_to_stdout(opts->output) &&
			 msg_wants_color(STDOUT_FILENO, opts->no_color),
		.all_labels = opts->all_labels,
		.focus = opts->focus,
		.ignore = opts->ignore,
		.max_frames = opts->frames,
		.no_idle = opts->no_idle,
		.summary = opts->summary,
		.chains = opts->chains,
	};
}

static int write_output(const void *arg, struct ss_output *output, struct ss_error *err)
{
	const struct job *job = arg;
	const struct ss_write_options options = write_options(job->opts);

	return job->kind->write(job, output, &options, err);
}

static enum cli_status write_results(const struct job *job)
{
	struct ss_error err;

	if (deliver(job->opts->output, write_output, job, &err) < 0)
		return deliver_failed(job->msg, &err);
	return CLI_COMPLETE;
}

/* ---- what to say in the end ---- */

static bool has_results(const struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		if (job->kind->coverage(&job->looks[i]))
			return true;
	return false;
}

static bool has_stacks(const struct job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		const struct ss_coverage *coverage = job->kind->coverage(&job->looks[i]);

		if (coverage && coverage->threads_sampled)
			return true;
	}
	return false;
}

static enum cli_status coverage_status(const struct ss_coverage *coverage)
{
	if (coverage->threads_sampled == 0)
		return CLI_NOTHING;
	return ss_coverage_complete(coverage) ? CLI_COMPLETE : CLI_PARTIAL;
}

/* The status of all processes together: NOTHING only if that holds for each of them. */
static enum cli_status report(const struct job *job)
{
	size_t something = 0, complete = 0, wanted = 0;

	for (size_t i = 0; i < job->n; i++) {
		const struct look *look = &job->looks[i];
		const struct ss_coverage *coverage = job->kind->coverage(look);

		/* nor for one that ended too soon */
		if (look->subprocess && coverage && coverage->threads_sampled == 0)
			continue;
		wanted++;
		if (!coverage)
			continue;
		coverage_report(job->msg, look->pid, coverage);
		something += coverage_status(coverage) != CLI_NOTHING;
		complete += coverage_status(coverage) == CLI_COMPLETE;
	}
	if (job->status == CLI_USAGE)
		return CLI_USAGE;
	if (something == 0)
		return CLI_NOTHING;
	return complete == wanted ? CLI_COMPLETE : CLI_PARTIAL;
}

/* Deadlocks and thresholds, unless something graver has happened: 64, 2, 3, 4, 1, 0. */
static enum cli_status check(const struct job *job, enum cli_status status)
{
	const struct ss_write_options options = write_options(job->opts);
	enum cli_status found;

	if (!job->kind->check || status == CLI_USAGE || status == CLI_NOTHING)
		return status;
	found = job->kind->check(job, &options);
	return found == CLI_COMPLETE ? status : found;
}

/*
 * A file of an earlier run is worth more than one without a stack. A pipe is written all the same:
 * it replaces nothing, and its reader waits.
 */
static enum cli_status report_nothing(const struct job *job)
{
	enum cli_status status = has_results(job) ? report(job) : job->status;

	if (deliver_to_file(job->opts->output))
		msg_error(job->msg, "%s: not written, as nothing was captured", job->opts->output);
	return status;
}

static enum cli_status look_and_write(struct job *job)
{
	enum cli_status status;

	open_sessions(job);
	job->kind->take(job);
	fetching_end(&job->fetching);
	if (!has_results(job) || (!has_stacks(job) && deliver_to_file(job->opts->output)))
		return report_nothing(job);
	status = write_results(job);
	return status == CLI_COMPLETE ? check(job, report(job)) : status;
}

int job_run(const struct opts *opts, const struct msg *msg, const struct job_kind *kind, void *arg)
{
	struct job job = { .opts = opts, .msg = msg, .kind = kind, .arg = arg };
	enum cli_status status;
	struct ss_error err;

	job.fetching.msg = msg;
	job.fetching.interrupted = kind->interrupted;
	if (probe_output(opts, &err) < 0)
		return deliver_failed(msg, &err);
	for (size_t i = 0; i < opts->pids.n; i++)
		job_add_look(&job, opts->pids.ids[i]);
	add_subprocesses(&job);
	status = look_and_write(&job);
	close_sessions(&job);
	free(job.looks);
	return status;
}
