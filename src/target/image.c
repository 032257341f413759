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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/strtab.h"
#include "target/elffile.h"
#include "target/mappedfile.h"

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
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
		     image->fd, 0);
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
static int image_open(struct images *images, const struct mapped_file *w, struct image_file **ret,
		      const char **ret_reason)
{
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
	file->image.fd = mapped_file_open(w);
	if (file->image.fd == -ETIMEDOUT)
		*ret_reason = "its file could not be read in time";
	else
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

static bool is_code(const struct maps *maps, const struct map *map)
{
	return (map->perm & MAP_PERM_X) &&
	       ((map->inode != 0 && maps_path(maps, map)[0] == '/') || map_is_vdso(maps, map));
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

static int map_new(struct images *images, const struct mapped_file *w, struct image_map **ret)
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
static int map_take(struct images *images, const struct mapped_file *w, struct image_map **ret)
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

		if (!constant || (map->inode == 0 && !map_is_vdso(maps, map)))
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
		struct mapped_file w = { target, maps, map, maps_path(maps, map) };
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
