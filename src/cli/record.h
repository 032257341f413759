/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h: captures over time, as the command without a name does them for --block and its
 * siblings.
 */
#ifndef SS_CLI_RECORD_H
#define SS_CLI_RECORD_H

#include "job.h"

/* Run the capture that opts ask for; the exit status. Starts opts->command if there is one. */
int record_run(struct opts *opts, const struct msg *msg);

#endif
