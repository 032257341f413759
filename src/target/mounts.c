/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mounts.c: see mounts.h. A file system is local if its type is known to be; a new one is not until
 * it stands here. Overlays are as local as the directories that they show, as far as these are seen.
 */
#include "target/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/attr.h"
#include "target/scan.h"

/* On a disk, in memory, or made by the kernel: Linux 6.x, Documentation/filesystems. */
static const char *const local_types[] = {
	"ext2",      "ext3",     "ext4",       "xfs",    "btrfs",    "tmpfs",    "ramfs",
	"rootfs",    "devtmpfs", "squashfs",   "erofs",  "f2fs",     "vfat",     "exfat",
	"ntfs3",     "iso9660",  "udf",        "zfs",    "jfs",      "reiserfs", "nilfs2",
	"bcachefs",  "hfsplus",  "minix",      "cramfs", "romfs",    "ubifs",    "jffs2",
	"hugetlbfs", "proc",     "sysfs",      "devpts", "mqueue",   "cgroup",   "cgroup2",
	"debugfs",   "tracefs",  "securityfs", "bpf",    "configfs", "efivarfs",
};

void mounts_done(struct mounts *mounts)
{
	buf_done(&mounts->text);
	vec_done(&mounts->entries);
}

/* ---- the lines ---- */

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* proc(5): blank, tab, newline and backslash are written \040 and so on. */
static void undo_escapes(char *text)
{
	char *to = text;

	for (const char *p = text; *p; to++) {
		if (*p == '\\' && is_octal(p + 1)) {
			*to = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + p[3] - '0');
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
}

/* The next word, ended with a NUL; NULL at the end of the line. */
static char *next_word(char **p)
{
	char *word = strsep(p, " ");

	return word && *word ? word : NULL;
}

struct line {
	char *point, *type, *options;
};

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
static bool parse_line(char *text, struct mount_entry *ret, struct line *line)
{
	const char *p = text;
	uint64_t id, parent, major, minor;
	char *rest, *word;

	if (!scan_number(&p, 10, &id) || !scan_number(&p, 10, &parent) ||
	    !scan_number(&p, 10, &major) || !scan_char(&p, ':') || !scan_number(&p, 10, &minor) ||
	    !scan_char(&p, ' '))
		return false;
	rest = text + (p - text);
	next_word(&rest);
	line->point = next_word(&rest);
	while ((word = next_word(&rest)) && strcmp(word, "-") != 0)
		;
	line->type = next_word(&rest);
	next_word(&rest);
	line->options = next_word(&rest);
	if (!line->point || !line->type)
		return false;
	undo_escapes(line->point);
	*ret = (struct mount_entry){ (int)id, makedev((unsigned)major, (unsigned)minor),
				     line->point, false };
	return true;
}

/* ---- which are local ---- */

static bool is_local_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(local_types); i++)
		if (strcmp(type, local_types[i]) == 0)
			return true;
	return false;
}

/* A directory that is not seen from here is one of the host that made the container. */
static bool is_local_layer(const struct mounts *mounts, const char *path)
{
	const struct mount_entry *entry = *path == '/' ? mounts_find_path(mounts, path) : NULL;

	return !entry || entry->local;
}

/* lowerdir=A:B:C,upperdir=D, or lowerdir+=A,lowerdir+=B; the mounts below come before this one. */
static bool has_local_layers(const struct mounts *mounts, char *options)
{
	char *option, *layer;

	while ((option = strsep(&options, ","))) {
		char *value = strchr(option, '=');

		while (value && (layer = strsep(&value, "=:")))
			if (!is_local_layer(mounts, layer))
				return false;
	}
	return true;
}

static bool is_local(const struct mounts *mounts, const struct line *line)
{
	if (strcmp(line->type, "overlay") == 0)
		return !line->options || has_local_layers(mounts, line->options);
	return is_local_type(line->type);
}

int mounts_parse(struct mounts *mounts, struct buf *text_taken)
{
	char *rest, *text;

	mounts_done(mounts);
	mounts->text = *text_taken;
	buf_init(text_taken);
	rest = mounts->text.data;
	while (rest && (text = strsep(&rest, "\n"))) {
		struct mount_entry entry;
		struct line line;

		if (!parse_line(text, &entry, &line))
			continue;
		entry.local = is_local(mounts, &line);
		if (vec_push(&mounts->entries, entry) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- looking ---- */

const struct mount_entry *mounts_find_id(const struct mounts *mounts, int id)
{
	vec_each(entry, &mounts->entries)
		if (entry->id == id)
			return entry;
	return NULL;
}

const struct mount_entry *mounts_find_dev(const struct mounts *mounts, uint64_t dev)
{
	vec_each(entry, &mounts->entries)
		if (entry->dev == dev)
			return entry;
	return NULL;
}

bool mounts_path_is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	while (len && directory[len - 1] == '/')
		len--;
	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const struct mount_entry *mounts_find_path(const struct mounts *mounts, const char *path)
{
	const struct mount_entry *best = NULL;

	vec_each(entry, &mounts->entries)
		if (mounts_path_is_below(path, entry->point) &&
		    (!best || strlen(entry->point) >= strlen(best->point)))
			best = entry;
	return best;
}
