/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.c: where a session's names come from, as its options say; and fetching debug files before
 * a capture, because a download in the middle of it would cost hundreds of looks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"
#include "symbol/fetch.h"
#include "symbol/perfmap.h"
#include "target/opener.h"

static void free_dirs(char **dirs)
{
	for (char **dir = dirs; dir && *dir; dir++)
		free(*dir);
	free(dirs);
}

/* NULL only if memory is out. */
static char **copy_dirs(const char *const *dirs)
{
	size_t n = 0;
	char **copy;

	while (dirs[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(dirs[i]);
		if (!copy[i]) {
			free_dirs(copy);
			return NULL;
		}
	}
	return copy;
}

/* One that does not answer in time is counted, and is no mistake. */
static int check_dirs(const struct ss_session *session, struct ss_error *err)
{
	for (char **dir = session->debug_dirs; dir && *dir; dir++) {
		int r = opener_check_directory(session->opener, *dir);

		if (r < 0 && r != -ETIMEDOUT && r != -ECANCELED)
			return ss_error_set(err, SS_ERR_ARGUMENT, -r,
					    "directory of debug files: %.120s: %s", *dir,
					    strerror(-r));
	}
	return 0;
}

int session_open_sources(struct ss_session *session, const struct ss_session_options *options,
			 struct ss_error *err)
{
	struct symbol_sources *sources = &session->sources;

	if (options->debug_dirs) {
		session->debug_dirs = copy_dirs(options->debug_dirs);
		if (!session->debug_dirs)
			return ss_error_oom(err);
	}
	if (options->cache_dir) {
		session->cache_dir = strdup(options->cache_dir);
		if (!session->cache_dir)
			return ss_error_oom(err);
	}
	if (options->debuginfod && !options->no_symbols) {
		sources->fetcher = fetcher_new(options->fetching, options->fetching_arg);
		if (!sources->fetcher)
			return ss_error_oom(err);
	}
	effort_budget_init(&session->budget);
	sources->budget = &session->budget;
	sources->no_files = options->no_symbols;
	sources->debug_dirs = (const char *const *)session->debug_dirs;
	sources->root_fd = session->root_fd;
	sources->opener = session->opener;
	sources->cache_dir = session->cache_dir;
	sources->perfmap = perfmap_new(&session->target, session->root_fd);
	session->symbolizer = symbolizer_new(sources);
	return session->symbolizer && sources->perfmap ? check_dirs(session, err)
						       : ss_error_oom(err);
}

void session_close_sources(struct ss_session *session)
{
	fetcher_free(session->sources.fetcher);
	perfmap_free(session->sources.perfmap);
	effort_budget_done(&session->budget);
	free_dirs(session->debug_dirs);
	free(session->cache_dir);
}

int session_fetch(struct ss_session *session, bool now, struct ss_error *err)
{
	struct fetcher *fetcher = session->sources.fetcher;
	int r = 0;

	if (!fetcher)
		return 0;
	if (now)
		r = session_update_maps(session, err);
	for (size_t i = 0; now && r == 0 && i < images_count(session->images); i++) {
		const struct image_map *map = images_get(session->images, i);

		if (map->image)
			symbolizer_prepare(session->symbolizer, map->image);
	}
	fetcher_use_cache_only(fetcher);
	/* one that ended meanwhile: the capture itself will say so */
	return r == -ENOMEM ? r : 0;
}
