/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deliver.h: how every command's output gets to where -o says: whole or not at all, whatever signal
 * comes in between.
 */
#ifndef SS_CLI_DELIVER_H
#define SS_CLI_DELIVER_H

#include "cmd.h"
#include "msg.h"

bool deliver_to_stdout(const char *path);

/* A regular file, or one that is not there yet: written under a temporary name and renamed. */
bool deliver_to_file(const char *path);

/* Fill the output; 0 or a negative errno with *err set. */
typedef int deliver_fn(const void *arg, struct ss_output *output, struct ss_error *err);

/* Open path, have it written and commit it; nothing stays of one that failed. */
int deliver(const char *path, deliver_fn *write, const void *arg, struct ss_error *err);

/* Say why it failed; the exit status for that. */
enum cli_status deliver_failed(const struct msg *msg, const struct ss_error *err);

#endif
