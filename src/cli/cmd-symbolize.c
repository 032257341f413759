/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-symbolize.c: names for a profile file that has none. Options, files and exit status are
 * filecmd's; all the work is the library's. What keeps its addresses is said, and is status 1.
 */
#include "cmd.h"

#include "dirs.h"
#include "fetching.h"
#include "filecmd.h"

static void report_missing(void *arg, const struct ss_missing *missing)
{
	const struct msg *msg = arg;
	const char *path = *missing->path ? missing->path : "a file without a name";

	if (*missing->build_id)
		msg_warn(msg, "%.200s: no file with build id %.64s: %zu addresses keep no name",
			 path, missing->build_id, missing->addresses);
	else
		msg_warn(msg, "%.200s: it has no build id: %zu addresses keep no name", path,
			 missing->addresses);
}

static int add_names(const struct filejob *job, enum cli_status *ret, struct ss_error *err)
{
	const struct fileopts *opts = job->opts;
	struct fetching fetching = { .msg = job->msg };
	const struct ss_symbolize_options options = {
		.debug_dirs = opts->debug_dirs.n ? opts->debug_dirs.list : NULL,
		.sysroot = opts->sysroot,
		.debuginfod = !opts->no_debuginfod && fetching_has_servers(),
		.fetching = fetching_show,
		.fetching_arg = &fetching,
		.missing = report_missing,
		.missing_arg = (void *)job->msg,
	};
	struct ss_symbolized done;
	int r = dirs_check("--debug-dir", &opts->debug_dirs, err);

	if (r == 0 && opts->sysroot)
		r = dir_check("--sysroot", opts->sysroot, err);
	if (r == 0)
		r = ss_file_symbolize(job->files[0], &options, &done, err);
	fetching_end(&fetching);
	if (r < 0)
		return r;
	if (done.nmissing)
		msg_warn(job->msg, "%zu of %zu addresses named; %u of %u files not found",
			 done.named, done.addresses, done.nmissing, done.files);
	else
		msg_info(job->msg, "%zu of %zu addresses named, in %u files", done.named,
			 done.addresses, done.files);
	*ret = done.nmissing ? CLI_PARTIAL : CLI_COMPLETE;
	return 0;
}

static int write_named(const struct filejob *job, struct ss_output *output, struct ss_error *err)
{
	return ss_file_write(output, job->files[0], err);
}

static const struct filecmd symbolize = {
	.command = FILEOPTS_SYMBOLIZE,
	.prepare = add_names,
	.write = write_named,
	.binary = true,
};

static int symbolize_run(int argc, char **argv)
{
	return filecmd_run(&symbolize, argc, argv);
}

const struct cmd cmd_symbolize = {
	.name = "symbolize",
	.summary = "names for a profile file that has none",
	.run = symbolize_run,
};
