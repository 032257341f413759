/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial.h: whether ptrace may be used at all, found out on a process that nobody minds being
 * stopped: our own child.
 */
#ifndef SS_CAPTURE_TRIAL_H
#define SS_CAPTURE_TRIAL_H

#include <sys/types.h>

/* Stop the single thread `child` as a sweep would, and let it go: 0 or a negative errno. */
int trial_stop(pid_t child);

#endif
