/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules.c: what is missing for names and for unwinding, file by file, as a snapshot would find it.
 * A checkup without a process looks at the C library only, which every process has.
 */
#include "doctor/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "doctor/judge.h"
#include "symbol/contents.h"
#include "symbol/sources.h"
#include "target/image.h"
#include "target/opener.h"
#include "target/package.h"

struct modules {
	struct maps maps;
	struct images *images;
	struct target target; /* the subject's, with the opener */
	struct opener *opener;
	int root_fd;  /* of the process; the opener's */
	int lists_fd; /* dpkg's, below that root; -1 if there are none */
};

static void modules_done(struct modules *modules)
{
	maps_done(&modules->maps);
	images_free(modules->images);
	opener_free(modules->opener);
	close_p(&modules->lists_fd);
}

static int modules_init(struct modules *modules, const struct target *target, struct ss_error *err)
{
	static const struct opener_options limits = { 0 };
	bool changed;
	int r;

	maps_init(&modules->maps);
	modules->images = images_new();
	modules->opener = opener_new(&limits, NULL);
	if (!modules->images || !modules->opener)
		return ss_error_oom(err);
	modules->root_fd = opener_begin(modules->opener, target);
	modules->lists_fd = modules->root_fd < 0 ? -1 : package_open(modules->root_fd);
	modules->target = *target;
	modules->target.opener = modules->opener;
	r = target_read_maps(target, &modules->maps, err);
	return r < 0 ? r
		     : images_update(modules->images, &modules->target, &modules->maps, &changed,
				     err);
}

/* "sudo apt-get install libc6-dbg"; NULL if nobody knows the package. */
static const char *debug_fix(const struct modules *modules, const char *path, char *room,
			     size_t len)
{
	char package[128], name[160];

	if (modules->lists_fd < 0 ||
	    !package_find(modules->lists_fd, path, package, sizeof(package)))
		return NULL;
	package_debug_name(package, name, sizeof(name));
	snprintf(room, len, "sudo apt-get install %s", name);
	return room;
}

static bool is_musl(const char *path)
{
	return strstr(path, "/ld-musl-") || strstr(path, "/libc.musl-");
}

static void add_unwind(struct ss_checkup *checkup, const struct image *image, bool found)
{
	if (!found || is_musl(image->path))
		checkup_add(checkup, "unwind", SS_VERDICT_LIMITED, OPTIONAL, NULL,
			    "%s: %s: stacks end there", image->path,
			    is_musl(image->path) ? "musl is built without unwind information"
						 : "no .eh_frame and no .debug_frame");
}

static void check_image(struct ss_checkup *checkup, const struct modules *modules,
			const struct image *image)
{
	const struct symbol_sources sources = { .root_fd = modules->root_fd,
						.opener = modules->opener };
	struct symbol_index *index = symbol_index_open(image->fd, image->path, &sources);
	struct contents contents;
	char room[256];

	if (!index) {
		checkup->failed = true;
		return;
	}
	contents_find(index, &contents);
	judge_names(checkup, image->path, image->build_id, &contents,
		    contents.debug_info ? NULL
					: debug_fix(modules, image->path, room, sizeof(room)));
	add_unwind(checkup, image, contents.unwind);
	symbol_index_close(index);
}

static bool is_libc(const char *path)
{
	return strstr(path, "/libc.so") || strstr(path, "/libc-2.") || is_musl(path);
}

/* The vdso has no file, and no debug file. */
static bool is_wanted(const struct subject *subject, const struct image *image)
{
	return image->path[0] == '/' && (subject->given || is_libc(image->path));
}

static void check_images(struct ss_checkup *checkup, const struct subject *subject,
			 const struct modules *modules)
{
	const struct image *last = NULL;

	for (size_t i = 0; i < images_count(modules->images); i++) {
		const struct image_map *map = images_get(modules->images, i);

		if (map->image && map->image != last && is_wanted(subject, map->image))
			check_image(checkup, modules, map->image);
		else if (!map->image && map->mapping.path && map->mapping.path[0] == '/')
			checkup_add(checkup, "module", SS_VERDICT_LIMITED, OPTIONAL, NULL,
				    "%s: %s: no names, and stacks end there", map->mapping.path,
				    map->reason ? map->reason : "cannot be opened");
		last = map->image;
	}
}

/* Code that comes from no file was made by the process itself. */
static void check_made_code(struct ss_checkup *checkup, const struct modules *modules)
{
	size_t n = 0;

	vec_each(map, &modules->maps.entries) {
		const char *path = maps_path(&modules->maps, map);

		n += (map->perm & MAP_PERM_X) && (!*path || strncmp(path, "[anon:", 6) == 0);
	}
	if (n)
		checkup_add(checkup, "unwind", SS_VERDICT_LIMITED, OPTIONAL, NULL,
			    "%zu mappings of code that comes from no file (a just-in-time "
			    "compiler): stacks end there",
			    n);
}

void doctor_check_modules(struct ss_checkup *checkup, const struct subject *subject)
{
	_cleanup_(modules_done) struct modules modules = { .root_fd = -1, .lists_fd = -1 };
	struct ss_error err;

	if (!subject->open)
		return;
	if (modules_init(&modules, &subject->target, &err) < 0) {
		checkup_add(checkup, "modules", SS_VERDICT_NO, NEEDED, NULL, "%s", err.message);
		checkup->failed |= err.kind == SS_ERR_NO_MEMORY;
		return;
	}
	check_images(checkup, subject, &modules);
	check_made_code(checkup, &modules);
}
