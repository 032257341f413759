/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "deliver.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

bool deliver_to_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

bool deliver_to_file(const char *path)
{
	struct stat st;

	return !deliver_to_stdout(path) && (stat(path, &st) < 0 || S_ISREG(st.st_mode));
}

static int write_output(const char *path, deliver_fn *write, const void *arg, struct ss_error *err)
{
	struct ss_output *output;
	int r = ss_output_open(path, &output, err);

	if (r < 0)
		return r;
	r = write(arg, output, err);
	if (r == 0)
		return ss_output_commit(output, err);
	ss_output_discard(output);
	return r;
}

/*
 * While a file grows under its temporary name, Ctrl-C has to wait, or the temporary would stay. Not
 * so for pipes: their reader may never come back.
 */
int deliver(const char *path, deliver_fn *write, const void *arg, struct ss_error *err)
{
	sigset_t held, before;
	int r;

	sigemptyset(&held);
	if (deliver_to_file(path)) {
		sigaddset(&held, SIGINT);
		sigaddset(&held, SIGTERM);
		sigaddset(&held, SIGHUP);
	}
	sigprocmask(SIG_BLOCK, &held, &before);
	r = write_output(path, write, arg, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

enum cli_status deliver_failed(const struct msg *msg, const struct ss_error *err)
{
	/* `stacksnap PID | head`: the reader has what it wanted */
	if (err->sys == EPIPE)
		msg_info(msg, "the reader of the output has gone");
	else
		msg_failure(msg, err);
	return err->kind == SS_ERR_ARGUMENT ? CLI_USAGE : CLI_NOTHING;
}
