/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fetching.c: see fetching.h. A line that is written over, about once a second; nothing if standard
 * error is no terminal.
 */
#include "fetching.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The library's limit is one for each process. */
#define ALL_MAX_NS 60000000000ull

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* A path is foreign text, and this is a terminal. */
static void copy_printable(char *to, size_t len, const char *from)
{
	size_t n = 0;

	for (; from[n] && n < len - 1; n++)
		to[n] = from[n] >= ' ' && from[n] <= '~' ? from[n] : '?';
	to[n] = '\0';
}

bool fetching_has_servers(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	return urls && *urls;
}

bool fetching_show(void *arg, const struct ss_fetch *fetch)
{
	struct fetching *fetching = arg;
	const char *slash = strrchr(fetch->path, '/');
	const char *what = fetch->is_file ? "file" : "debug file of";
	char name[64];

	copy_printable(name, sizeof(name), slash ? slash + 1 : fetch->path);
	if (fetch->total)
		fetching->shown |= msg_progress(fetching->msg, "%s %s: %.1f of %.1f MB", what, name,
						(double)fetch->bytes / 1e6,
						(double)fetch->total / 1e6);
	else
		fetching->shown |=
			msg_progress(fetching->msg, "%s %s: asking debuginfod", what, name);
	if (!fetching->began_ns)
		fetching->began_ns = now_ns();
	if (fetching->interrupted && *fetching->interrupted)
		return true;
	return now_ns() - fetching->began_ns > ALL_MAX_NS;
}

void fetching_end(struct fetching *fetching)
{
	if (fetching->shown)
		msg_progress_end(fetching->msg);
	fetching->shown = false;
}
