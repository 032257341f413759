/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c: sets up what belongs to the process and not to a library (descriptors, limits,
 * signals), chooses a command and returns its status. It knows no option.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd.h"
#include "cutfile.h"
#include "launch.h"
#include "msg.h"

/* The last one needs no word. */
static const struct cmd *const commands[] = { &cmd_report,    &cmd_diff,   &cmd_merge,
					      &cmd_symbolize, &cmd_doctor, &cmd_snapshot };

static const struct cmd *find_command(const char *word)
{
	size_t last = sizeof(commands) / sizeof(commands[0]) - 1;

	for (size_t i = 0; i < last; i++)
		if (word && strcmp(commands[i]->name, word) == 0)
			return commands[i];
	return commands[last];
}

/*
 * With `>&-` the next open would become standard output, and be written to. The direction is the
 * wrong one on purpose: whoever uses the descriptor gets EBADF, as if it were still closed.
 */
static void occupy_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* A descriptor is kept open for every thread. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	const struct msg msg = { .level = MSG_NORMAL };
	int status;

	launch_remember_world();
	occupy_standard_descriptors();
	raise_open_files();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the output like any other ... */
	signal(SIGXFSZ, SIG_IGN); /* ... and so is RLIMIT_FSIZE */
	signal(SIGCHLD, SIG_DFL); /* ignored, it would have children reaped without a status */
	cutfile_survive();
	status = find_command(argc > 1 ? argv[1] : NULL)->run(argc, argv);
	if (cutfile_seen())
		msg_warn(&msg, "a file was cut short while it was read: frames or names may be "
			       "missing");
	return status;
}
