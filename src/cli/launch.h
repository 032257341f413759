/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch.h: starting the program of `-- COMMAND`, and its exit status. The program gets the world
 * as stacksnap found it: signals and limits that main changed are as before.
 */
#ifndef SS_CLI_LAUNCH_H
#define SS_CLI_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

#include "msg.h"

/* Exit statuses beside the command's own, as env(1) has them. */
enum {
	LAUNCH_FAILED = 125,
	LAUNCH_NOT_EXECUTABLE = 126,
	LAUNCH_NOT_FOUND = 127,
};

struct launch {
	pid_t pid;
	uint64_t began_ns; /* CLOCK_MONOTONIC just before it was executed */
};

/* Remember what main is about to change; call once, first. */
void launch_remember_world(void);

/* Start argv. 0, or the exit status for its failure, which has been said. */
int launch_start(char *const *argv, struct launch *ret, const struct msg *msg);

/* The exit status to pass on for a wait(2) status: 128 + n if signal n killed it. */
int launch_exit_status(int wait_status);

/* True if it has ended; its status is still there to be waited for. */
bool launch_has_ended(const struct launch *launch);

/*
 * Wait for it to end. False: it was reaped already, and *ret_status is not set.
 */
bool launch_wait(const struct launch *launch, int *ret_status);

#endif
