/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mounts.h: the mounts of a process as its /proc/PID/mountinfo tells them, and which of them are
 * local: their files can be opened and read without waiting for another process or another machine.
 * Reading the table asks no file system.
 */
#ifndef SS_TARGET_MOUNTS_H
#define SS_TARGET_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"

struct mount_entry {
	int id;            /* unique on the host */
	uint64_t dev;      /* as makedev(major, minor) */
	const char *point; /* where it is, from the root of the process; in the text */
	bool local;
};

struct mounts {
	struct buf text;
	VEC(struct mount_entry) entries; /* later ones lie on earlier ones */
};

/* Parse a mountinfo file in place of what was there, taking its text over. 0 or -ENOMEM. */
int mounts_parse(struct mounts *mounts, struct buf *text_taken);
void mounts_done(struct mounts *mounts);

/* NULL if there is none such. */
const struct mount_entry *mounts_find_id(const struct mounts *mounts, int id);
const struct mount_entry *mounts_find_dev(const struct mounts *mounts, uint64_t dev);

/* The one that an absolute path without links lies on. */
const struct mount_entry *mounts_find_path(const struct mounts *mounts, const char *path);

/* True if the path is at or below the directory. */
bool mounts_path_is_below(const char *path, const char *directory);

#endif
