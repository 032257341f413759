/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cutfile.h: files that are cut short while they are mapped here, as by a copy over a library that
 * is in use. What lies beyond the new end can no longer be read; without a handler the first look
 * there would end the program, with all that it has captured.
 */
#ifndef SS_CLI_CUTFILE_H
#define SS_CLI_CUTFILE_H

#include <stdbool.h>

/* From now on such pages read as zeros: to every reader, one more form of damaged file. */
void cutfile_survive(void);

/* True if it has happened. */
bool cutfile_seen(void);

#endif
