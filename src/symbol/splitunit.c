/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splitunit.c: from a skeleton unit to its unit in a .dwo file. libdw opens that itself, by paths
 * that it takes from the debug information: the file's own directory and DW_AT_dwo_name, then
 * DW_AT_comp_dir and that (libdw_find_split_unit.c in elfutils 0.188). It checks the unit's id, but
 * not what it opens, and a FIFO or a device may be there; and it looks in our root only. So the
 * file is looked at here first, in the target's root; and if that is not ours, libdw is called by a
 * thread that has gone there, which takes CAP_SYS_CHROOT.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "target/opener.h"

/*
 * The strings that libdw will take for the path, "" and NULL for what is not there; false if one
 * does not end. One that is cut is longer than any path, and then libdw is not asked.
 */
static bool get_path(struct symbol_index *index, Dwarf_Die *skeleton, const char **ret_directory,
		     const char **ret_name)
{
	Dwarf_Attribute name, directory;
	bool named = dwarf_attr(skeleton, DW_AT_dwo_name, &name) ||
		     dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &name);
	bool placed = dwarf_attr(skeleton, DW_AT_comp_dir, &directory);

	*ret_name = named ? index_string(index, &name) : "";
	*ret_directory = placed ? index_string(index, &directory) : NULL;
	return *ret_name && (!placed || *ret_directory);
}

enum presence { ABSENT, REGULAR, OTHER }; /* OTHER: or not to be read */

static bool is_bounded(struct symbol_index *index, int fd)
{
	uint64_t bytes;
	Dwarf *dwarf;
	bool bounded;

	if (!effort_long_step(&index->effort) || !file_is_filled(fd) ||
	    !debugfile_unpacks(fd, &bytes))
		return false;
	effort_add_file(&index->effort, fd);
	dwarf = effort_memory(&index->effort, bytes) ? dwarf_begin(fd, DWARF_C_READ) : NULL;
	bounded = dwarf && abbrevs_are_bounded(index, dwarf, true);
	if (dwarf)
		dwarf_end(dwarf);
	return bounded;
}

/* What libdw would find; the directory may be NULL, or relative to the file's own. */
static enum presence look(struct symbol_index *index, int root_fd, const char *directory,
			  const char *name)
{
	bool whole = *name == '/', absolute = directory && *directory == '/';
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int n = snprintf(path, sizeof(path), "%s/%s/%s", whole || absolute ? "" : index->directory,
			 whole || !directory ? "" : directory, name);

	if (n >= (int)sizeof(path))
		return OTHER;
	fd = opener_open_at(index->sources->opener, root_fd, path);
	if (fd >= 0)
		return is_bounded(index, fd) ? REGULAR : OTHER;
	return fd == -EINVAL || fd == -EFBIG || fd == -ETIMEDOUT || fd == -ECANCELED ? OTHER
										     : ABSENT;
}

/* True if libdw will open nothing but a regular file, and one that it may unpack. */
static bool is_found(struct symbol_index *index, int root_fd, const char *directory,
		     const char *name)
{
	enum presence presence = look(index, root_fd, NULL, name);

	if (presence == ABSENT && directory)
		presence = look(index, root_fd, directory, name);
	return presence == REGULAR;
}

/* ---- asking libdw ---- */

struct question {
	int root_fd;
	Dwarf_Die *skeleton;
	Dwarf_Die split;
	uint64_t took_ns; /* of a thread of its own */
};

static void ask(struct question *question)
{
	Dwarf_Half version;
	uint8_t type;

	if (dwarf_cu_info(question->skeleton->cu, &version, &type, NULL, &question->split, NULL,
			  NULL, NULL) != 0)
		question->split.addr = NULL;
}

/* A root directory of its own: the other threads of the process keep theirs. */
static void *ask_there(void *arg)
{
	struct question *question = arg;

	if (unshare(CLONE_FS) == 0 && fchdir(question->root_fd) == 0 && chroot(".") == 0)
		ask(question);
	question->took_ns = clock_thread_cpu_ns();
	return NULL;
}

static void ask_in_root(struct symbol_index *index, struct question *question)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, ask_there, question) != 0)
		return;
	pthread_join(thread, NULL);
	effort_add_time(&index->effort, question->took_ns);
}

Dwarf_Die splitunit_find(struct symbol_index *index, Dwarf_Die *skeleton)
{
	struct question question = { .root_fd = index->sources->root_fd, .skeleton = skeleton };
	const char *directory, *name;

	if (!get_path(index, skeleton, &directory, &name) || !*name)
		return question.split;
	if (debugfile_has_our_root(index->sources)) {
		if (is_found(index, AT_FDCWD, directory, name))
			ask(&question);
	} else if (is_found(index, question.root_fd, directory, name)) {
		ask_in_root(index, &question);
	} else if (is_found(index, AT_FDCWD, NULL, name)) {
		/* beside the file, which is in our file system after all: a chroot */
		ask(&question);
	}
	index->lacks |= !question.split.addr;
	return question.split;
}
