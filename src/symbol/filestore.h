/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filestore.h: ELF files by build id, on a host that need not be the one that ran them. A file is
 * taken for its build id alone, never for its name.
 */
#ifndef SS_SYMBOL_FILESTORE_H
#define SS_SYMBOL_FILESTORE_H

#include <stdbool.h>

struct fetcher;
struct filestore;

/*
 * The directories of debug_dirs (NULL-terminated; NULL: none) are searched for .build-id/XX/REST and
 * for files anywhere in them; `sysroot_fd`, a directory descriptor or -1, and our own root for files
 * of the same name and for debug files in their /usr/lib/debug/.build-id. Both are borrowed. NULL
 * only if memory is out.
 */
struct filestore *filestore_new(const char *const *debug_dirs, int sysroot_fd);
void filestore_free(struct filestore *store);

/*
 * A descriptor of a file with this build id (lower-case hex), the caller's, or -1. `path` is what
 * its host calls it. debug_only: a separate debug file, which has no code; else one that has.
 */
int filestore_find(struct filestore *store, const char *build_id, const char *path,
		   bool debug_only);

/* The same from debuginfod servers. NULL: none are asked. */
int filestore_fetch(struct fetcher *fetcher, const char *build_id, const char *path,
		    bool debug_only);

#endif
