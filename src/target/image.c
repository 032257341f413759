/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.c: the set of ELF files mapped in the target. Owns the files' descriptors and mappings, and
 * the image_map objects, which stay in an arena until images_free because locations of the model
 * point at them. Opens files, so no thread of the target may be stopped during images_update.
 * images_bytes only looks up. Never opens anything but a regular file, never writes.
 *
 * A file cut short while it is mapped here gives SIGBUS on access, as it does to the target; the
 * program's handler then lets it read as zeros (cli/cutfile.c). A running program's file cannot be
 * written (ETXTBSY), and package managers replace libraries instead of rewriting them, so this takes
 * a rewrite in place, or a network file system that lost the file.
 */
#include "target/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/fileio.h"
#include "base/strtab.h"
#include "target/elffile.h"

static const char vdso_path[] = "[vdso]";

/* An image and what tells that its file is still the one that was opened. */
struct image_file {
	struct image image;
	struct timespec mtime;
	bool used; /* by a mapping of the update that runs */
};

/* A mapping whose memory holds the file's own bytes. */
struct byte_range {
	uint64_t start, end;
	const unsigned char *bytes;
};

struct map_list {
	struct image_map **data;
	size_t n, cap;
};

struct images {
	struct arena arena; /* every image_map ever made */
	struct strtab strings;
	VEC(struct image_file *) files;
	struct map_list maps;          /* by address */
	VEC(struct byte_range) ranges; /* by address, not overlapping */
	uint32_t last_id;
};

/* ---- files ---- */

static void image_file_free(struct image_file *file)
{
	struct image *image = &file->image;

	if (image->names)
		image->names_close(image->names);
	if (image->elf)
		elf_end(image->elf);
	if (image->bytes)
		munmap((void *)image->bytes, image->size);
	close_p(&image->fd);
	free(file);
}

/*
 * A readable descriptor of the regular file at path, -1 if it is none. O_PATH first: opening a
 * device or a FIFO that took the file's name could have effects.
 */
static int open_regular(int dirfd, const char *path, int flags)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_PATH | O_CLOEXEC | flags);

	return file_reopen_regular(fd);
}

/* What is asked of the files that may be the one mapped. */
struct wanted {
	const struct target *target;
	const struct maps *maps;
	const struct map *map;
	const char *path;
};

static int open_in_target_root(const struct wanted *w)
{
	_cleanup_close_ int root = -1;
	char path[32];

	snprintf(path, sizeof(path), "%d/root", (int)w->target->anchor);
	root = openat(w->target->task_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : open_regular(root, w->path + 1, O_NOFOLLOW);
}

/* maps shows paths from the reader's root: of a chrooted target, this is the one that exists. */
static int open_in_our_root(const struct wanted *w)
{
	return open_regular(AT_FDCWD, w->path, O_NOFOLLOW);
}

/* The very file, deleted or not; needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN (Linux 5.9). */
static int open_map_file(const struct wanted *w)
{
	char path[64];

	snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)w->map->start,
		 (unsigned long long)w->map->end);
	return open_regular(w->target->proc_fd, path, 0);
}

static int open_exe(const struct wanted *w)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/exe", (int)w->target->anchor);
	return open_regular(w->target->task_fd, path, 0);
}

/* The mapping of the same file's first page at or below the wanted one; NULL if there is none. */
static const struct map *find_header_map(const struct wanted *w)
{
	for (const struct map *map = w->map; map >= w->maps->entries.data; map--) {
		if (map->offset == 0 && map->inode == w->map->inode && map->dev == w->map->dev)
			return map;
	}
	return NULL;
}

enum { HEADER_MAX = 4096, NOTES_MAX = 4096 };

/* The build id that the target's memory shows for the wanted mapping; false if none is seen. */
static bool read_memory_build_id(const struct wanted *w, char ret[ELFFILE_BUILD_ID_MAX])
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
static bool is_wanted(const struct wanted *w, int fd)
{
	char theirs[ELFFILE_BUILD_ID_MAX], ours[ELFFILE_BUILD_ID_MAX];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (st.st_dev == w->map->dev && st.st_ino == w->map->inode)
		return true;
	return read_file_build_id(fd, ours) && read_memory_build_id(w, theirs) &&
	       strcmp(ours, theirs) == 0;
}

/* The wanted file, or -1. */
static int open_wanted(const struct wanted *w)
{
	static const struct {
		int (*open)(const struct wanted *);
		bool certain; /* no check is needed */
	} ways[] = {
		{ open_in_target_root, false },
		{ open_in_our_root, false },
		{ open_map_file, true },
		{ open_exe, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_close_ int fd = ways[i].open(w);

		if (fd >= 0 && (ways[i].certain || is_wanted(w, fd)))
			return steal_fd(&fd);
	}
	return -1;
}

/* The vdso's pages, from the target's memory into a file of ours. */
static int copy_vdso(const struct wanted *w)
{
	size_t len = w->map->end - w->map->start;
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	_cleanup_free_ unsigned char *bytes = NULL;

	if (fd < 0 || len > 1 << 20)
		return -1;
	bytes = malloc(len);
	if (!bytes || target_read(w->target, w->map->start, bytes, len) != (ssize_t)len ||
	    file_write_all(fd, bytes, len) < 0)
		return -1;
	return steal_fd(&fd);
}

/* Map the file and look at its header; NULL if it will do, else why not. */
static const char *image_load(struct image_file *file)
{
	struct image *image = &file->image;
	const char *why;
	struct stat st;
	void *bytes;

	if (fstat(image->fd, &st) < 0 || st.st_size <= 0)
		return "its file is empty";
	/* private and writable: libdw 0.188 marks compressed sections in place as it unpacks them */
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, image->fd, 0);
	if (bytes == MAP_FAILED)
		return "its file cannot be mapped";
	image->bytes = bytes;
	image->size = (size_t)st.st_size;
	file->mtime = st.st_mtim;
	why = elffile_check(image->bytes, image->size);
	if (why)
		return why;
	elffile_build_id(image->bytes, image->size, image->build_id);
	elf_version(EV_CURRENT);
	/* The cast is safe: libelf writes to the bytes only under ELF_C_RDWR and ELF_C_WRITE. */
	image->elf = elf_memory((char *)image->bytes, image->size);
	return image->elf ? NULL : "its ELF structure cannot be read";
}

/* 0, *ret NULL and *ret_reason set if the file cannot be had; -ENOMEM. */
static int image_open(struct images *images, const struct wanted *w, struct image_file **ret,
		      const char **ret_reason)
{
	bool is_vdso = strcmp(w->path, vdso_path) == 0;
	struct image_file *file = calloc(1, sizeof(*file));
	const char *path = strtab_intern(&images->strings, w->path);

	*ret = NULL;
	if (!file || !path) {
		free(file);
		return -ENOMEM;
	}
	file->image.path = path;
	file->image.dev = w->map->dev;
	file->image.inode = w->map->inode;
	file->image.fd = is_vdso ? copy_vdso(w) : open_wanted(w);
	*ret_reason = file->image.fd < 0 ? "its file cannot be opened" : image_load(file);
	if (*ret_reason) {
		image_file_free(file);
		return 0;
	}
	file->image.id = ++images->last_id;
	if (vec_push(&images->files, file) < 0) {
		image_file_free(file);
		return -ENOMEM;
	}
	*ret = file;
	return 0;
}

/* The open image of the map's file; NULL if there is none. Only the vdso has no inode. */
static struct image_file *find_file(const struct images *images, const struct map *map)
{
	vec_each(p, &images->files) {
		if ((*p)->image.inode == map->inode && (*p)->image.dev == map->dev)
			return *p;
	}
	return NULL;
}

/* An open file keeps its inode from being used again, so only a rewrite in place can change it. */
static bool is_unchanged(const struct image_file *file)
{
	struct stat st;

	return fstat(file->image.fd, &st) == 0 && (size_t)st.st_size == file->image.size &&
	       st.st_mtim.tv_sec == file->mtime.tv_sec && st.st_mtim.tv_nsec == file->mtime.tv_nsec;
}

/* Its mappings leave the set; the objects stay, for the model's sake, without an image. */
static void drop_file(struct images *images, size_t i)
{
	struct image_file *file = images->files.data[i];
	size_t kept = 0;

	vec_each(p, &images->maps) {
		if ((*p)->image == &file->image) {
			(*p)->image = NULL;
			(*p)->reason = "it is no longer mapped";
		} else {
			images->maps.data[kept++] = *p;
		}
	}
	images->maps.n = kept;
	image_file_free(file);
	images->files.data[i] = images->files.data[--images->files.n];
}

/* ---- executable mappings ---- */

static bool is_vdso(const struct maps *maps, const struct map *map)
{
	return strcmp(maps_path(maps, map), vdso_path) == 0;
}

static bool is_code(const struct maps *maps, const struct map *map)
{
	return (map->perm & MAP_PERM_X) &&
	       ((map->inode != 0 && maps_path(maps, map)[0] == '/') || is_vdso(maps, map));
}

/* The mapping at start; NULL if there is none. */
static struct image_map *find_map_at(const struct images *images, uint64_t start)
{
	size_t low = 0, high = images->maps.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct image_map *map = images->maps.data[middle];

		if (start == map->mapping.start)
			return map;
		if (start < map->mapping.start)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool is_same(const struct image_map *old, const struct map *map, const char *path)
{
	return old->mapping.end == map->end && old->mapping.offset == map->offset &&
	       old->dev == map->dev && old->inode == map->inode &&
	       strcmp(old->mapping.path, path) == 0;
}

static void fill_map(struct image_map *ret, struct image_file *file)
{
	const struct mapping *mapping = &ret->mapping;
	struct image *image = &file->image;

	if (!elffile_bias(image->bytes, image->size, mapping->start, mapping->offset, PF_X,
			  &ret->bias) &&
	    !elffile_bias(image->bytes, image->size, mapping->start, mapping->offset, 0,
			  &ret->bias)) {
		ret->reason = "no segment of its file is mapped there";
		return;
	}
	ret->image = image;
}

static int map_new(struct images *images, const struct wanted *w, struct image_map **ret)
{
	struct image_file *file = find_file(images, w->map);
	struct image_map *map = arena_alloc(&images->arena, sizeof(*map));
	int r;

	if (!map)
		return -ENOMEM;
	map->mapping.start = w->map->start;
	map->mapping.end = w->map->end;
	map->mapping.offset = w->map->offset;
	map->dev = w->map->dev;
	map->inode = w->map->inode;
	map->mapping.path = strtab_intern(&images->strings, w->path);
	r = file ? 0 : image_open(images, w, &file, &map->reason);
	if (r < 0)
		return r;
	if (file)
		fill_map(map, file);
	map->mapping.build_id =
		strtab_intern(&images->strings, map->image ? map->image->build_id : "");
	if (!map->mapping.path || !map->mapping.build_id)
		return -ENOMEM;
	*ret = map;
	return 0;
}

static void mark_used(struct images *images, const struct image *image)
{
	vec_each(p, &images->files) {
		if (&(*p)->image == image)
			(*p)->used = true;
	}
}

/* Kept where nothing has changed, else new. */
static int map_take(struct images *images, const struct wanted *w, struct image_map **ret)
{
	struct image_map *old = find_map_at(images, w->map->start);
	int r = 0;

	if (old && is_same(old, w->map, w->path))
		*ret = old;
	else
		r = map_new(images, w, ret);
	if (r == 0 && (*ret)->image)
		mark_used(images, (*ret)->image);
	return r;
}

/* ---- constant bytes ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The code of the same file nearest to the map: that of the same copy, if it is loaded twice. */
static const struct image_map *find_code_of(const struct images *images, const struct map *map)
{
	const struct image_map *best = NULL;

	vec_each(p, &images->maps) {
		const struct image *image = (*p)->image;

		if (image && image->inode == map->inode && image->dev == map->dev &&
		    (!best || distance((*p)->mapping.start, map->start) <
				      distance(best->mapping.start, map->start)))
			best = *p;
	}
	return best;
}

static int add_range(struct images *images, const struct map *map)
{
	const struct image_map *code = find_code_of(images, map);
	struct byte_range range;
	const struct image *image;

	if (!code)
		return 0;
	image = code->image;
	if (map->offset >= image->size ||
	    !elffile_is_constant(image->bytes, image->size, map->start, map->offset, code->bias))
		return 0;
	range.start = map->start;
	range.end = map->start + MIN(map->end - map->start, image->size - map->offset);
	range.bytes = image->bytes + map->offset;
	return vec_push(&images->ranges, range);
}

static int rebuild_ranges(struct images *images, const struct maps *maps)
{
	images->ranges.n = 0;
	vec_each(map, &maps->entries) {
		bool constant = (map->perm & (MAP_PERM_R | MAP_PERM_W)) == MAP_PERM_R;
		int r;

		if (!constant || (map->inode == 0 && !is_vdso(maps, map)))
			continue;
		r = add_range(images, map);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the set ---- */

struct images *images_new(void)
{
	struct images *images = calloc(1, sizeof(*images));

	if (!images)
		return NULL;
	arena_init(&images->arena);
	strtab_init(&images->strings);
	return images;
}

void images_free(struct images *images)
{
	if (!images)
		return;
	vec_each(p, &images->files)
		image_file_free(*p);
	vec_done(&images->files);
	vec_done(&images->maps);
	vec_done(&images->ranges);
	strtab_done(&images->strings);
	arena_done(&images->arena);
	free(images);
}

static int take_maps(struct images *images, const struct target *target, const struct maps *maps,
		     struct map_list *ret)
{
	vec_each(map, &maps->entries) {
		struct wanted w = { target, maps, map, maps_path(maps, map) };
		struct image_map *taken;
		int r;

		if (!is_code(maps, map))
			continue;
		r = map_take(images, &w, &taken);
		if (r == 0)
			r = vec_push(ret, taken);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_equal(const struct map_list *a, const struct map_list *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->data, b->data, a->n * sizeof(*a->data)) == 0);
}

/* Images whose file was rewritten: their mappings are made anew. */
static void drop_rewritten(struct images *images)
{
	for (size_t i = images->files.n; i-- > 0;) {
		images->files.data[i]->used = false;
		if (!is_unchanged(images->files.data[i]))
			drop_file(images, i);
	}
}

static void drop_unused(struct images *images)
{
	for (size_t i = images->files.n; i-- > 0;) {
		if (!images->files.data[i]->used)
			drop_file(images, i);
	}
}

int images_update(struct images *images, const struct target *target, const struct maps *maps,
		  bool *ret_changed, struct ss_error *err)
{
	struct map_list list = { 0 };
	bool changed;

	images->ranges.n = 0; /* they point into files that may go */
	drop_rewritten(images);
	if (take_maps(images, target, maps, &list) < 0) {
		vec_done(&list);
		return ss_error_oom(err);
	}
	changed = !is_equal(&list, &images->maps);
	drop_unused(images);
	vec_done(&images->maps);
	images->maps = list;
	if (rebuild_ranges(images, maps) < 0)
		return ss_error_oom(err);
	*ret_changed = changed;
	return 0;
}

struct image_map *images_find(struct images *images, uint64_t addr)
{
	size_t low = 0, high = images->maps.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct image_map *map = images->maps.data[middle];

		if (addr < map->mapping.start)
			high = middle;
		else if (addr >= map->mapping.end)
			low = middle + 1;
		else
			return map;
	}
	return NULL;
}

const unsigned char *images_bytes(const struct images *images, uint64_t addr, size_t len)
{
	size_t low = 0, high = images->ranges.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct byte_range *range = &images->ranges.data[middle];

		if (addr < range->start)
			high = middle;
		else if (addr >= range->end)
			low = middle + 1;
		else
			return range->end - addr >= len ? range->bytes + (addr - range->start)
							: NULL;
	}
	return NULL;
}

size_t images_count(const struct images *images)
{
	return images->maps.n;
}

struct image_map *images_get(struct images *images, size_t i)
{
	return images->maps.data[i];
}
