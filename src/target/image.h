/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.h: the ELF files mapped in the target. An image is one file, opened once, however often it
 * is mapped: the very file that the target runs (by device and inode, or build id), never another
 * one that now has its name.
 */
#ifndef SS_TARGET_IMAGE_H
#define SS_TARGET_IMAGE_H

#include <elfutils/libdw.h>
#include <gelf.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/stack.h"
#include "target/maps.h"
#include "target/target.h"

struct lookup;

struct image {
	uint32_t id;                /* 1, 2, 3... */
	const char *path;           /* as the target sees it; "[vdso]" */
	uint64_t dev, inode;        /* of the maps line; 0 for the vdso */
	int fd;                     /* read-only; a memfd for the vdso */
	const unsigned char *bytes; /* the whole file, mapped read-only */
	size_t size;
	Elf *elf;          /* over bytes */
	char build_id[65]; /* lower-case hex, "" if none */
	struct lookup
		*names; /* owned by the symbolizer's side: see symbolize.c; NULL until needed */
	void (*names_close)(struct lookup *);
};

/* Where one executable mapping of the target gets its bytes from. */
struct image_map {
	struct mapping mapping; /* the model's view of it */
	uint64_t dev, inode;    /* of the maps line */
	struct image *image;    /* NULL: its file could not be opened (why: `reason`) */
	uint64_t bias;          /* address in the target = bias + address in the ELF file */
	const char *reason;     /* static text; NULL if image is set */
};

struct images;

struct images *images_new(void); /* NULL only if memory is out */
void images_free(struct images *images);

/*
 * Bring the set up to date with the target's mappings. Sets *ret_changed if any executable mapping
 * came, went or changed, in which case addresses learned before may be wrong. Files that stay
 * mapped stay open; the image of one that is mapped no more, or whose file was rewritten in place,
 * is closed. An image_map stays valid until images_free, but has no image once it left the set.
 * Fails only if memory is out.
 */
int images_update(struct images *images, const struct target *target, const struct maps *maps,
		  bool *ret_changed, struct ss_error *err);

/* The executable mapping that covers addr, or NULL. */
struct image_map *images_find(struct images *images, uint64_t addr);

/*
 * File bytes of a read-only mapping at addr: a pointer to at least len bytes, or NULL. Writable
 * data has none, nor have RELRO pages (read-only by now, but relocated).
 */
const unsigned char *images_bytes(const struct images *images, uint64_t addr, size_t len);

size_t images_count(const struct images *images);
struct image_map *images_get(struct images *images, size_t i); /* by address */

#endif
