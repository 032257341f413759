/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * threshold.h: what --fail-over means, for profile files and for captures: what is said, and the
 * exit status.
 */
#ifndef SS_CLI_THRESHOLD_H
#define SS_CLI_THRESHOLD_H

#include "cmd.h"
#include "msg.h"
#include "parse.h"

/*
 * Hold a file, or what changed since `base` if that is not NULL, against all thresholds, and say
 * what was exceeded: CLI_OVER then, CLI_COMPLETE if nothing was, else a failure.
 */
enum cli_status threshold_check(const struct thresholds *thresholds, const struct ss_file *base,
				const struct ss_file *file, const struct ss_report_options *options,
				const struct msg *msg);

#endif
