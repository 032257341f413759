/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fetch.h: files and debug files from debuginfod servers, through elfutils' client library, which is loaded at
 * the first question and no sooner: it brings libcurl and some thirty libraries (8 ms). The library
 * itself reads DEBUGINFOD_URLS and its other variables, see debuginfod-client-config(7), and keeps
 * what it fetched in its cache. Takes long: never while a thread of the target is stopped.
 */
#ifndef SS_SYMBOL_FETCH_H
#define SS_SYMBOL_FETCH_H

#include <stdint.h>

#include <stacksnap.h>

struct fetcher;

/* `progress`: see struct ss_session_options; NULL: none. NULL only if memory is out. */
struct fetcher *fetcher_new(bool (*progress)(void *arg, const struct ss_fetch *fetch), void *arg);
void fetcher_free(struct fetcher *fetcher);

/*
 * A descriptor of the debug file with this build id, or -1. `path`: of the file that it belongs to,
 * to be told. The answer is not checked.
 */
int fetcher_find(struct fetcher *fetcher, const unsigned char *build_id, size_t len,
		 const char *path);

/* The same for that file itself. */
int fetcher_find_file(struct fetcher *fetcher, const unsigned char *build_id, size_t len,
		      const char *path);

/* From now on only what is in the client's cache is given: time matters. */
void fetcher_use_cache_only(struct fetcher *fetcher);

/* Spend at most so long on one file, and on all of them; 30 and 60 s if not called. */
void fetcher_limit(struct fetcher *fetcher, uint64_t file_ns, uint64_t all_ns);

#endif
