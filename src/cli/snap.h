/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snap.h: one look at the processes of opts.
 */
#ifndef SS_CLI_SNAP_H
#define SS_CLI_SNAP_H

#include "msg.h"
#include "opts.h"

/* The exit status. */
int snap_run(struct opts *opts, const struct msg *msg);

#endif
