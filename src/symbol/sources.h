/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.h: where names may come from besides the mapped files themselves. All of it is borrowed,
 * and has to live as long as what was made with it.
 */
#ifndef SS_SYMBOL_SOURCES_H
#define SS_SYMBOL_SOURCES_H

#include <stdbool.h>

struct effort_budget;
struct fetcher;
struct opener;
struct perfmap;

struct symbol_sources {
	bool no_files; /* code of files gets no names, whatever else is here */
	/* a directory descriptor of the target's root, where debug files are looked for; -1: none */
	int root_fd;
	/*
	 * directories like /usr/lib/debug in our own file system, searched before it;
	 * NULL-terminated; NULL: none
	 */
	const char *const *debug_dirs;
	/* such as ~/.cache, where what took long to find is kept; NULL: nowhere */
	const char *cache_dir;
	struct opener *opener;        /* opens files in time; NULL: they are opened directly */
	struct fetcher *fetcher;      /* asks debuginfod servers last; NULL: nobody is asked */
	struct perfmap *perfmap;      /* names of JIT code; NULL: it gets none */
	struct effort_budget *budget; /* what all files may cost; NULL: each has its own */
};

#endif
