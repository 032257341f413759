/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coverage.h: what the coverage block means for somebody who reads only standard error.
 */
#ifndef SS_CLI_COVERAGE_H
#define SS_CLI_COVERAGE_H

#include "msg.h"

/* One line of information, and warnings about what is missing or was disturbed. */
void coverage_report(const struct msg *msg, pid_t pid, const struct ss_coverage *coverage);

#endif
