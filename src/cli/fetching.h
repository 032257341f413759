/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fetching.h: what is told while debug files come from debuginfod servers, and when it has taken too
 * long.
 */
#ifndef SS_CLI_FETCHING_H
#define SS_CLI_FETCHING_H

#include <signal.h>

#include "msg.h"

/* Over all processes together. */
struct fetching {
	const struct msg *msg;
	const volatile sig_atomic_t *interrupted; /* give up if it is set; NULL: there is none */
	bool shown;
	uint64_t
		began_ns; /* CLOCK_MONOTONIC of the first file that had to be waited for; 0: none */
};

/* DEBUGINFOD_URLS names some. */
bool fetching_has_servers(void);

/* struct ss_session_options.fetching; arg is a struct fetching. */
bool fetching_show(void *arg, const struct ss_fetch *fetch);

/* Clear the line. */
void fetching_end(struct fetching *fetching);

#endif
