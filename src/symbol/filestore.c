/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filestore.c: see filestore.h. The directories are walked once, when a file is nowhere
 * else: every regular file's header is read, symbolic links are not followed. Both bounded: a
 * directory is foreign data. It keeps no file open.
 */
#include "symbol/filestore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <elfutils/libdwelf.h>
#include <gelf.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "symbol/fetch.h"

#define DEBUG_DIR "/usr/lib/debug"

enum {
	WALK_FILES = 1 << 20,
	WALK_DEPTH = 64,
	BUILD_ID_MAX = 64, /* bytes */
};

struct entry {
	const char *build_id, *path; /* interned; equal texts, equal pointers */
	bool debug_only;
};

struct filestore {
	const char *const *debug_dirs;
	int sysroot_fd;
	struct strtab strings;
	bool walked;
	unsigned seen;
	VEC(struct entry) entries;
};

struct filestore *filestore_new(const char *const *debug_dirs, int sysroot_fd)
{
	struct filestore *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->debug_dirs = debug_dirs;
	store->sysroot_fd = sysroot_fd;
	strtab_init(&store->strings);
	elf_version(EV_CURRENT);
	return store;
}

void filestore_free(struct filestore *store)
{
	if (!store)
		return;
	vec_done(&store->entries);
	strtab_done(&store->strings);
	free(store);
}

/* ---- one file ---- */

/* What the header of a file says; an empty build id if it has none or is no ELF file. */
struct facts {
	char build_id[2 * BUILD_ID_MAX + 1];
	bool debug_only;
};

/* objcopy --only-keep-debug and strip -f leave the headers of code sections, as SHT_NOBITS. */
static bool is_debug_only(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &shdr) && (shdr.sh_flags & SHF_EXECINSTR) &&
		    shdr.sh_type == SHT_NOBITS)
			return true;
	return false;
}

static void read_facts(int fd, struct facts *ret)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	const void *bytes = NULL;
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : -1;

	ret->build_id[0] = '\0';
	for (ssize_t i = 0; len <= BUILD_ID_MAX && i < len; i++)
		snprintf(ret->build_id + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
	ret->debug_only = elf && is_debug_only(elf);
	elf_end(elf);
}

static bool is_wanted(int fd, const char *build_id, bool debug_only)
{
	struct facts facts;

	read_facts(fd, &facts);
	return strcmp(facts.build_id, build_id) == 0 && facts.debug_only == debug_only;
}

/* The descriptor if the file at path is wanted, or -1. */
static int try_path(int root_fd, const char *path, const char *build_id, bool debug_only)
{
	_cleanup_close_ int fd = file_open_regular(root_fd, path, 0);

	return fd >= 0 && is_wanted(fd, build_id, debug_only) ? steal_fd(&fd) : -1;
}

/* ---- all files of a directory ---- */

static int add_entry(struct filestore *store, const char *path, const struct facts *facts)
{
	struct entry entry = {
		.build_id = strtab_intern(&store->strings, facts->build_id),
		.path = strtab_intern(&store->strings, path),
		.debug_only = facts->debug_only,
	};

	if (!entry.build_id || !entry.path)
		return -ENOMEM;
	return vec_push(&store->entries, entry);
}

static int walk_file(struct filestore *store, const char *path)
{
	_cleanup_close_ int fd = file_open_regular(AT_FDCWD, path, O_NOFOLLOW);
	struct facts facts;

	if (fd < 0)
		return 0;
	read_facts(fd, &facts);
	return facts.build_id[0] ? add_entry(store, path, &facts) : 0;
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* 0, or -1 to end the walk. Directories that cannot be read are passed over. */
static int walk(struct filestore *store, const char *path, unsigned depth)
{
	_cleanup_(closedir_p) DIR *dir = opendir(path);
	const struct dirent *found;
	char below[PATH_MAX];

	while (dir && (found = readdir(dir))) {
		int n = snprintf(below, sizeof(below), "%s/%s", path, found->d_name), r = 0;

		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0 ||
		    n >= (int)sizeof(below))
			continue;
		if (++store->seen > WALK_FILES)
			return -1;
		if (found->d_type == DT_DIR && depth < WALK_DEPTH)
			r = walk(store, below, depth + 1);
		else if (found->d_type == DT_REG || found->d_type == DT_UNKNOWN)
			r = walk_file(store, below);
		if (r < 0)
			return -1;
	}
	return 0;
}

static void walk_all(struct filestore *store)
{
	if (store->walked)
		return;
	store->walked = true;
	for (const char *const *dir = store->debug_dirs; dir && *dir; dir++)
		walk(store, *dir, 0);
}

/* ---- looking for one ---- */

static int try_tree(int root_fd, const char *dir, const char *build_id, bool debug_only)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s%s", dir, build_id, build_id + 2,
			 debug_only ? ".debug" : "");

	return n < (int)sizeof(path) ? try_path(root_fd, path, build_id, debug_only) : -1;
}

static int try_build_id(const struct filestore *store, const char *build_id, bool debug_only)
{
	int fd = -1;

	for (const char *const *dir = store->debug_dirs; fd < 0 && dir && *dir; dir++)
		fd = try_tree(AT_FDCWD, *dir, build_id, debug_only);
	if (fd < 0 && debug_only && store->sysroot_fd >= 0)
		fd = try_tree(store->sysroot_fd, DEBUG_DIR, build_id, true);
	if (fd < 0 && debug_only)
		fd = try_tree(AT_FDCWD, DEBUG_DIR, build_id, true);
	return fd;
}

/* It is looked at again: the file may be another one by now. */
static int try_walked(struct filestore *store, const char *build_id, bool debug_only)
{
	const char *interned = strtab_intern(&store->strings, build_id);
	int fd = -1;

	walk_all(store);
	for (size_t i = 0; fd < 0 && i < store->entries.n; i++) {
		const struct entry *entry = &store->entries.data[i];

		if (entry->build_id == interned && entry->debug_only == debug_only)
			fd = try_path(AT_FDCWD, entry->path, build_id, debug_only);
	}
	return fd;
}

/* Foreign text becomes a part of paths. */
static bool is_build_id(const char *text)
{
	size_t len = strlen(text);

	return len >= 4 && len <= 2 * BUILD_ID_MAX && strspn(text, "0123456789abcdef") == len;
}

int filestore_find(struct filestore *store, const char *build_id, const char *path, bool debug_only)
{
	int fd = -1;

	if (!is_build_id(build_id))
		return -1;
	fd = try_build_id(store, build_id, debug_only);
	if (fd < 0 && *path == '/' && store->sysroot_fd >= 0)
		fd = try_path(store->sysroot_fd, path, build_id, debug_only);
	if (fd < 0 && *path == '/')
		fd = try_path(AT_FDCWD, path, build_id, debug_only);
	return fd < 0 ? try_walked(store, build_id, debug_only) : fd;
}

/* ---- from servers ---- */

static size_t parse_build_id(const char *build_id, unsigned char ret[BUILD_ID_MAX])
{
	size_t n = 0;
	unsigned byte;

	while (n < BUILD_ID_MAX && sscanf(build_id + 2 * n, "%2x", &byte) == 1)
		ret[n++] = (unsigned char)byte;
	return n;
}

int filestore_fetch(struct fetcher *fetcher, const char *build_id, const char *path,
		    bool debug_only)
{
	unsigned char id[BUILD_ID_MAX];
	_cleanup_close_ int fd = -1;
	size_t len;

	if (!fetcher || !is_build_id(build_id) || *path != '/') /* nobody has one of the vdso */
		return -1;
	len = parse_build_id(build_id, id);
	if (debug_only)
		fd = fetcher_find(fetcher, id, len, path);
	else
		fd = fetcher_find_file(fetcher, id, len, path);
	return fd >= 0 && is_wanted(fd, build_id, debug_only) ? steal_fd(&fd) : -1;
}
