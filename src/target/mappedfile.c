/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mappedfile.c: the places where a mapped file may be found, and the proof that what is there is it.
 * A file that took its place since is never taken for it.
 */
#include "target/mappedfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "target/elffile.h"
#include "target/opener.h"

/* ---- without an opener ---- */

static int open_directly(int dirfd, const char *path, int flags, struct opened *ret)
{
	_cleanup_close_ int name = openat(dirfd, path, O_PATH | O_CLOEXEC | flags);
	_cleanup_close_ int fd = file_reopen_regular(name);

	if (fd < 0 || fstat(fd, &ret->st) < 0)
		return -ENOENT;
	ret->fd = steal_fd(&fd);
	return 0;
}

static int open_directly_in(const struct mapped_file *w, enum opener_root from, struct opened *ret)
{
	_cleanup_close_ int root = -1;
	char path[32];

	if (from == OPENER_OURS)
		return open_directly(AT_FDCWD, w->path, O_NOFOLLOW, ret);
	snprintf(path, sizeof(path), "%d/root", (int)w->target->anchor);
	root = openat(w->target->task_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -ENOENT : open_directly(root, w->path + 1, O_NOFOLLOW, ret);
}

/* ---- the places ---- */

static int open_in(const struct mapped_file *w, enum opener_root from, struct opened *ret)
{
	const struct opener_name name = { .root = from, .path = w->path, .flags = O_NOFOLLOW };

	return w->target->opener ? opener_open(w->target->opener, &name, ret)
				 : open_directly_in(w, from, ret);
}

static int open_in_target_root(const struct mapped_file *w, struct opened *ret)
{
	return open_in(w, OPENER_THEIRS, ret);
}

/* maps shows paths from the reader's root: of a chrooted target, this is the one that exists. */
static int open_in_our_root(const struct mapped_file *w, struct opened *ret)
{
	return open_in(w, OPENER_OURS, ret);
}

static int open_link(const struct mapped_file *w, int dirfd, const char *link, struct opened *ret)
{
	return w->target->opener
		       ? opener_open_link(w->target->opener, dirfd, link, w->path, w->map->dev, ret)
		       : open_directly(dirfd, link, 0, ret);
}

/* The very file, deleted or not; needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN (Linux 5.9). */
static int open_map_file(const struct mapped_file *w, struct opened *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)w->map->start,
		 (unsigned long long)w->map->end);
	return open_link(w, w->target->proc_fd, path, ret);
}

static int open_exe(const struct mapped_file *w, struct opened *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/exe", (int)w->target->anchor);
	return open_link(w, w->target->task_fd, path, ret);
}

/* The mapping of the same file's first page at or below the wanted one; NULL if there is none. */
static const struct map *find_header_map(const struct mapped_file *w)
{
	for (const struct map *map = w->map; map >= w->maps->entries.data; map--) {
		if (map->offset == 0 && map->inode == w->map->inode && map->dev == w->map->dev)
			return map;
	}
	return NULL;
}

enum { HEADER_MAX = 4096, NOTES_MAX = 4096 };

/* The build id that the target's memory shows for the wanted mapping; false if none is seen. */
static bool read_memory_build_id(const struct mapped_file *w, char ret[ELFFILE_BUILD_ID_MAX])
{
	const struct map *first = find_header_map(w);
	unsigned char header[HEADER_MAX], notes[NOTES_MAX];
	Elf64_Phdr segment;
	uint64_t bias;
	ssize_t n;

	n = first ? target_read(w->target, first->start, header, sizeof(header)) : -1;
	if (n < 0 || elffile_check(header, (size_t)n) ||
	    !elffile_bias(header, (size_t)n, first->start, 0, 0, &bias))
		return false;
	for (unsigned i = 0; elffile_segment(header, (size_t)n, i, &segment); i++) {
		ssize_t len;

		if (segment.p_type != PT_NOTE)
			continue;
		len = target_read(w->target, bias + segment.p_vaddr, notes,
				  MIN(segment.p_filesz, sizeof(notes)));
		if (len > 0 && elffile_note_build_id(notes, (size_t)len, segment.p_align, ret))
			return true;
	}
	return false;
}

static bool read_file_build_id(int fd, char ret[ELFFILE_BUILD_ID_MAX])
{
	struct stat st;
	void *bytes;

	ret[0] = '\0';
	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return false;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	elffile_build_id(bytes, (size_t)st.st_size, ret);
	munmap(bytes, (size_t)st.st_size);
	return ret[0] != '\0';
}

/*
 * maps and stat give different device numbers on btrfs, and different inodes too on overlayfs
 * before Linux 6.8: then the build id decides.
 */
static bool is_wanted(const struct mapped_file *w, const struct opened *file)
{
	char theirs[ELFFILE_BUILD_ID_MAX], ours[ELFFILE_BUILD_ID_MAX];

	if (file->st.st_dev == w->map->dev && file->st.st_ino == w->map->inode)
		return true;
	return read_file_build_id(file->fd, ours) && read_memory_build_id(w, theirs) &&
	       strcmp(ours, theirs) == 0;
}

static int open_found(const struct mapped_file *w)
{
	static const struct {
		int (*open)(const struct mapped_file *, struct opened *);
		bool certain; /* no check is needed */
	} ways[] = {
		{ open_in_target_root, false },
		{ open_in_our_root, false },
		{ open_map_file, true },
		{ open_exe, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct opened file;
		int r = ways[i].open(w, &file);

		if (r == -ETIMEDOUT)
			return r;
		if (r == 0 && (ways[i].certain || is_wanted(w, &file)))
			return file.fd;
		if (r == 0)
			close(file.fd);
	}
	return -ENOENT;
}

/* Our own vdso, NULL if it has not as many pages. Its section headers are the last that it has. */
static const unsigned char *find_our_vdso(size_t len)
{
	const unsigned char *ours = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)ours;
	size_t end;

	if (!ours)
		return NULL;
	end = header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr);
	return end <= len && len - end < (size_t)sysconf(_SC_PAGESIZE) ? ours : NULL;
}

/* A page that the target has not touched yet is ours, which the same kernel made. */
static bool read_vdso(const struct mapped_file *w, unsigned char *ret, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const unsigned char *ours = find_our_vdso(len);

	for (size_t at = 0; at < len; at += page) {
		if (target_read(w->target, w->map->start + at, ret + at, page) == (ssize_t)page)
			continue;
		if (!ours)
			return false;
		memcpy(ret + at, ours + at, page);
	}
	return true;
}

/* Its pages, from the target's memory into a file of ours. */
static int copy_vdso(const struct mapped_file *w)
{
	size_t len = w->map->end - w->map->start;
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	_cleanup_free_ unsigned char *bytes = NULL;

	if (fd < 0 || len > 1 << 20)
		return -ENOENT;
	bytes = malloc(len);
	if (!bytes || !read_vdso(w, bytes, len) || file_write_all(fd, bytes, len) < 0)
		return -ENOENT;
	return steal_fd(&fd);
}

bool map_is_vdso(const struct maps *maps, const struct map *map)
{
	return strcmp(maps_path(maps, map), "[vdso]") == 0;
}

int mapped_file_open(const struct mapped_file *w)
{
	return map_is_vdso(w->maps, w->map) ? copy_vdso(w) : open_found(w);
}
