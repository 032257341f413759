/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perfmap.c: which file is the target's perf map, and reading it again as it grows. The text is
 * read whole each time: where a runtime writes it anew, what was read before is not a part of it.
 * Nothing of the target is stopped meanwhile. Anything that goes wrong is "no names".
 */
#include "symbol/perfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "target/opener.h"
#include "target/procparse.h"
#include "target/target.h"

enum {
	TEXT_MAX = 128 << 20, /* of a longer file, its end */
	STATUS_MAX = 8192,    /* Groups may be long, and comes before NSpid */
	REST_FACTOR = 50,     /* read again after this many times what reading took */
};
#define REST_MIN_NS (100 * NS_PER_MS)

struct perfmap {
	const struct target *target;
	int root_fd;
	char *text;
	struct perfmap_names *names; /* NULL: none */
	struct stat read;            /* of the file that was read; st_size -1: none was */
	uint64_t next_ns;            /* do not look before */
};

struct perfmap *perfmap_new(const struct target *target, int root_fd)
{
	struct perfmap *perfmap = calloc(1, sizeof(*perfmap));

	if (!perfmap)
		return NULL;
	perfmap->target = target;
	perfmap->root_fd = root_fd;
	perfmap->read.st_size = -1;
	return perfmap;
}

static void drop_names(struct perfmap *perfmap)
{
	perfmap_names_free(perfmap->names);
	free(perfmap->text);
	perfmap->names = NULL;
	perfmap->text = NULL;
}

void perfmap_free(struct perfmap *perfmap)
{
	if (!perfmap)
		return;
	drop_names(perfmap);
	free(perfmap);
}

/* ---- which file ---- */

/* What the process calls itself in its own pid namespace; 0 if that cannot be told. */
static pid_t inner_pid(const struct target *target)
{
	struct proc_status status;
	char text[STATUS_MAX];

	if (file_read_at(target->proc_fd, "status", text, sizeof(text)) < 0 ||
	    procparse_status(text, &status) < 0)
		return 0;
	return status.inner_tid;
}

static bool open_map(const struct perfmap *perfmap, struct opened *ret)
{
	struct opener *opener = perfmap->target->opener;
	pid_t pid = inner_pid(perfmap->target);
	char path[64];
	const struct opener_name name = { OPENER_THEIRS, path, O_NOFOLLOW, OPENER_NEEDED };

	if (perfmap->root_fd < 0 || pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
	if (opener)
		return opener_open(opener, &name, ret) == 0;
	ret->fd = file_open_regular(perfmap->root_fd, path, O_NOFOLLOW);
	return ret->fd >= 0 && fstat(ret->fd, &ret->st) == 0;
}

/* proc(5): /proc/PID belongs to the process's effective user; to root if it is not dumpable. */
static bool has_right_owner(const struct perfmap *perfmap, const struct stat *file)
{
	struct stat process;

	if (file->st_uid == 0)
		return true;
	return fstat(perfmap->target->proc_fd, &process) == 0 && file->st_uid == process.st_uid;
}

/*
 * False for what an earlier process of this number left behind. The start time has a resolution of
 * 10 ms, the file's time one of a timer tick.
 */
static bool is_of_this_process(const struct perfmap *perfmap, const struct stat *file)
{
	uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t began_ns = perfmap->target->start_time * (NS_PER_SEC / ticks);
	struct timespec boot;
	int64_t wall_ns;

	if (clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return false;
	/* nanoseconds since 1970 at which the process began */
	wall_ns = (int64_t)clock_wall_ns() - (int64_t)boot.tv_sec * (int64_t)NS_PER_SEC -
		  boot.tv_nsec + (int64_t)began_ns;
	return (int64_t)file->st_mtim.tv_sec * (int64_t)NS_PER_SEC + file->st_mtim.tv_nsec +
		       (int64_t)NS_PER_SEC / 10 >=
	       wall_ns;
}

static bool is_usable(const struct perfmap *perfmap, const struct stat *file)
{
	return has_right_owner(perfmap, file) && is_of_this_process(perfmap, file);
}

/* ---- reading ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* At most the last TEXT_MAX bytes, of these only whole lines. */
static char *read_text(int fd, off_t size, size_t *ret_len)
{
	off_t from = size > TEXT_MAX ? size - TEXT_MAX : 0;
	size_t len = (size_t)(size - from);
	_cleanup_free_ char *text = malloc(len + 1);
	char *newline;

	if (!text || file_pread_exact(fd, text, len, from) < 0)
		return NULL;
	text[len] = '\0';
	*ret_len = len;
	if (from > 0) {
		newline = memchr(text, '\n', len);
		if (!newline)
			return NULL;
		*ret_len = len - (size_t)(newline + 1 - text);
		memmove(text, newline + 1, *ret_len);
	}
	return steal_ptr(text);
}

static void read_names(struct perfmap *perfmap, int fd, const struct stat *file)
{
	size_t len;

	drop_names(perfmap);
	perfmap->read = *file;
	perfmap->text = read_text(fd, file->st_size, &len);
	if (perfmap->text)
		perfmap->names = perfmap_parse(perfmap->text, len);
}

static bool update(struct perfmap *perfmap)
{
	struct opened file = { .fd = -1 };
	bool opened = open_map(perfmap, &file);
	_cleanup_close_ int fd = file.fd;
	bool had = perfmap->names != NULL;

	if (!opened || !is_usable(perfmap, &file.st)) {
		drop_names(perfmap);
		perfmap->read.st_size = -1;
		return had;
	}
	if (is_same(&file.st, &perfmap->read))
		return false;
	read_names(perfmap, fd, &file.st);
	return true;
}

bool perfmap_update(struct perfmap *perfmap)
{
	uint64_t began_ns = clock_mono_ns(), rest_ns;
	bool changed;

	if (began_ns < perfmap->next_ns)
		return false;
	changed = update(perfmap);
	rest_ns = (clock_mono_ns() - began_ns) * REST_FACTOR;
	perfmap->next_ns = clock_mono_ns() + MAX(rest_ns, REST_MIN_NS);
	return changed;
}

bool perfmap_find(const struct perfmap *perfmap, uint64_t addr, struct perfmap_name *ret)
{
	return perfmap->names && perfmap_names_find(perfmap->names, addr, ret);
}
