/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-snapshot.c: one look at every thread of some processes. All that can be wrong with the command
 * line or the output is found before the first process is touched. One process that cannot be read
 * does not keep the others from being shown. It installs no signal handler: when stacksnap dies, the
 * kernel lets every thread go (ptrace(2), PTRACE_SEIZE without PTRACE_O_EXITKILL).
 */
#include "cmd.h"

#include <errno.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage.h"
#include "msg.h"
#include "opts.h"

/* One process. */
struct look {
	pid_t pid;
	struct ss_session *session;
	struct ss_snapshot *snapshot; /* NULL: it failed, and was said */
};

struct job {
	const struct opts *opts;
	const struct msg *msg;
	struct look *looks;
	size_t n;
	enum cli_status status; /* the worst so far */
};

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
	return r < 0 ? r : check_regex("--ignore", opts->ignore, err);
}

static bool to_stdout(const struct opts *opts)
{
	return strcmp(opts->output, "-") == 0;
}

/* A regular file, or one that is not there yet: written under a temporary name and renamed. */
static bool to_file(const struct opts *opts)
{
	struct stat st;

	return !to_stdout(opts) && (stat(opts->output, &st) < 0 || S_ISREG(st.st_mode));
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

	if (!to_stdout(opts) && !to_file(opts))
		return 0;
	r = ss_output_open(opts->output, &output, err);
	if (r == 0)
		ss_output_discard(output);
	return r;
}

static int check_world(const struct opts *opts, struct ss_error *err)
{
	for (size_t i = 0; i < opts->pids.n; i++)
		if (opts->pids.ids[i] == getpid())
			return parse_fail(err, "%d is stacksnap itself", (int)getpid());
	if (opts->format == SS_FORMAT_PPROF && to_stdout(opts) && isatty(STDOUT_FILENO))
		return parse_fail(err, "pprof is not for a terminal: use -o FILE.pb.gz");
	return check_regexes(opts, err);
}

/* ---- looking ---- */

/*
 * One process failed. NOTHING becomes PARTIAL at the end if another one did not; a bad argument
 * stays what it is.
 */
static void look_failed(struct job *job, const struct ss_error *err)
{
	enum cli_status status = err->kind == SS_ERR_ARGUMENT ? CLI_USAGE : CLI_NOTHING;

	msg_failure(job->msg, err);
	if (status > job->status)
		job->status = status;
}

static void open_sessions(struct job *job)
{
	const struct opts *opts = job->opts;
	const struct ss_session_options options = {
		.stop = opts->stop,
		.unwinder = opts->unwinder,
		.tids = opts->tids.n ? opts->tids.ids : NULL,
		.ntids = opts->tids.n,
		.thread_regex = opts->thread,
		/* 0, the default, unless more are wanted: a limit here would count as a gap */
		.max_frames = opts->frames > 65536 ? opts->frames : 0,
	};
	struct ss_error err;

	for (size_t i = 0; i < job->n; i++) {
		struct look *look = &job->looks[i];

		look->pid = opts->pids.ids[i];
		if (ss_session_open(look->pid, &options, &look->session, &err) < 0)
			look_failed(job, &err);
	}
}

/* Right after one another, so that the processes are seen at nearly the same time. */
static void take_snapshots(struct job *job)
{
	struct ss_error err;

	for (size_t i = 0; i < job->n; i++) {
		struct look *look = &job->looks[i];

		if (look->session && ss_session_snapshot(look->session, &look->snapshot, &err) < 0)
			look_failed(job, &err);
	}
}

static void close_sessions(struct job *job)
{
	/* a snapshot borrows from its session */
	for (size_t i = 0; i < job->n; i++) {
		ss_snapshot_free(job->looks[i].snapshot);
		ss_session_close(job->looks[i].session);
	}
}

/* ---- writing ---- */

static enum cli_status output_failed(struct job *job, const struct ss_error *err)
{
	/* `stacksnap PID | head`: the reader has what it wanted */
	if (err->sys == EPIPE)
		msg_info(job->msg, "the reader of the output has gone");
	else
		msg_failure(job->msg, err);
	return err->kind == SS_ERR_ARGUMENT ? CLI_USAGE : CLI_NOTHING;
}

static size_t collect(const struct job *job, const struct ss_snapshot **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < job->n; i++)
		if (job->looks[i].snapshot)
			ret[n++] = job->looks[i].snapshot;
	return n;
}

static int write_output(const struct opts *opts, const struct ss_snapshot *const *snapshots,
			size_t n, struct ss_error *err)
{
	const struct ss_write_options options = {
		.format = opts->format,
		.go = opts->go,
		.color = to_stdout(opts) && msg_wants_color(STDOUT_FILENO, opts->no_color),
		.all_labels = opts->all_labels,
		.focus = opts->focus,
		.ignore = opts->ignore,
		.max_frames = opts->frames,
	};
	struct ss_output *output;
	int r = ss_output_open(opts->output, &output, err);

	if (r < 0)
		return r;
	r = ss_output_snapshots(output, snapshots, n, &options, err);
	if (r == 0)
		return ss_output_commit(output, err);
	ss_output_discard(output);
	return r;
}

/*
 * While a file grows under its temporary name, Ctrl-C has to wait, or the temporary would stay. Not
 * so for pipes: their reader may never come back.
 */
static enum cli_status write_snapshots(struct job *job, const struct ss_snapshot *const *snapshots,
				       size_t n)
{
	struct ss_error err;
	sigset_t held, before;
	int r;

	sigemptyset(&held);
	if (to_file(job->opts)) {
		sigaddset(&held, SIGINT);
		sigaddset(&held, SIGTERM);
		sigaddset(&held, SIGHUP);
	}
	sigprocmask(SIG_BLOCK, &held, &before);
	r = write_output(job->opts, snapshots, n, &err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r < 0 ? output_failed(job, &err) : CLI_COMPLETE;
}

/* ---- what to say in the end ---- */

static enum cli_status snapshot_status(const struct ss_coverage *coverage)
{
	if (coverage->threads_sampled == 0)
		return CLI_NOTHING;
	return ss_coverage_complete(coverage) ? CLI_COMPLETE : CLI_PARTIAL;
}

/* The status of all processes together: NOTHING only if that holds for each of them. */
static enum cli_status report(const struct job *job)
{
	size_t something = 0, complete = 0;

	for (size_t i = 0; i < job->n; i++) {
		const struct look *look = &job->looks[i];
		const struct ss_coverage *coverage;

		if (!look->snapshot)
			continue;
		coverage = ss_snapshot_coverage(look->snapshot);
		coverage_report(job->msg, look->pid, coverage);
		something += snapshot_status(coverage) != CLI_NOTHING;
		complete += snapshot_status(coverage) == CLI_COMPLETE;
	}
	if (job->status == CLI_USAGE)
		return CLI_USAGE;
	if (something == 0)
		return CLI_NOTHING;
	return complete == job->n ? CLI_COMPLETE : CLI_PARTIAL;
}

static enum cli_status look_and_write(struct job *job, const struct ss_snapshot **snapshots)
{
	enum cli_status status;
	size_t n;

	open_sessions(job);
	take_snapshots(job);
	n = collect(job, snapshots);
	if (n == 0)
		return job->status;
	status = write_snapshots(job, snapshots, n);
	return status == CLI_COMPLETE ? report(job) : status;
}

static int run_job(const struct opts *opts, const struct msg *msg)
{
	struct job job = { .opts = opts, .msg = msg, .n = opts->pids.n };
	const struct ss_snapshot **snapshots;
	enum cli_status status = CLI_NOTHING;
	struct ss_error err;

	if (probe_output(opts, &err) < 0)
		return output_failed(&job, &err);
	job.looks = calloc(job.n, sizeof(*job.looks));
	snapshots = calloc(job.n, sizeof(*snapshots));
	if (job.looks && snapshots) {
		status = look_and_write(&job, snapshots);
		close_sessions(&job);
	} else {
		msg_error(msg, "out of memory");
	}
	free(snapshots);
	free(job.looks);
	return status;
}

/* ---- the command ---- */

static void print_version(FILE *file)
{
	const char *const *names = ss_unwinder_names();

	fprintf(file, "stacksnap %s\nunwinders:", ss_version());
	for (size_t i = 0; names[i]; i++)
		fprintf(file, " %s%s", names[i], i == 0 ? " (default)" : "");
	fputs("\nLicence: GPL-2.0-or-later. There is no warranty.\n", file);
}

static int print_about(const struct opts *opts, const struct msg *msg)
{
	if (opts->action == OPTS_HELP)
		opts_print_help(stdout);
	else if (opts->action == OPTS_HELP_OPTIONS)
		opts_print_table(stdout);
	else
		print_version(stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_COMPLETE;
	msg_error(msg, "cannot write to standard output: %s", strerror(errno));
	return CLI_NOTHING;
}

static int snapshot_run(int argc, char **argv)
{
	struct opts opts;
	struct ss_error err;
	struct msg msg;
	int r;

	if (argc < 2) {
		msg_usage();
		return CLI_USAGE;
	}
	r = opts_parse(argc, argv, &opts, &err);
	msg.level = opts.level;
	msg.color = msg_wants_color(STDERR_FILENO, opts.no_color);
	if (r == 0 && opts.action != OPTS_RUN)
		return print_about(&opts, &msg);
	if (r == 0)
		r = check_world(&opts, &err);
	if (r < 0) {
		msg_failure(&msg, &err);
		return CLI_USAGE;
	}
	return run_job(&opts, &msg);
}

const struct cmd cmd_snapshot = {
	.name = "",
	.summary = "one look at every thread",
	.run = snapshot_run,
};
