/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opener.c: see opener.h. Opens regular files only, and so is not for while a thread of the target is
 * stopped. What is done here and not by the helper touches no file system that may have to ask
 * somebody: a lookup with RESOLVE_CACHED (Linux 5.12) fails where a dentry is missing or has to be
 * verified, and the mount of what it found is known by its number.
 */
#include "target/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "target/mounts.h"
#include "target/procparse.h"
#include "target/target.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

#define FILE_NS     (2 * NS_PER_SEC)
#define ALL_NS      (5 * NS_PER_SEC)
#define LEFT_MIN_NS (100 * NS_PER_MS)  /* less is no time for a file */
#define REFILL      20                 /* one part in so many of the time may be spent again */
#define COPY_MAX    (INT64_C(1) << 30) /* bytes: a copy takes memory */

enum {
	MOUNTS_MAX = 64 << 20,
	COPY_PIECE = 1 << 15,
};

/* What lies there does not answer. */
struct dead_place {
	enum opener_root root;
	const char *directory;
};

/* What openers of one capture have in common. */
struct common {
	unsigned users;
	struct opener_options options;
	struct helper *helper;
	struct strtab strings;
	struct mounts ours;
	bool ours_read;
	uint64_t spent_ns, refilled_ns; /* of all_ns; when part of it was given back */
	VEC(struct dead_place) dead;
};

struct opener {
	struct common *common;
	const struct target *target;
	int root_fd;
	bool shares_root; /* the target's paths are ours */
	struct mounts theirs;
	bool theirs_read;
	VEC(const char *) late; /* each file once */
};

/* ---- life ---- */

static void common_unref(struct common *common)
{
	if (!common || --common->users)
		return;
	helper_free(common->helper);
	mounts_done(&common->ours);
	vec_done(&common->dead);
	strtab_done(&common->strings);
	free(common);
}

static struct common *common_new(const struct opener_options *options)
{
	struct common *common = calloc(1, sizeof(*common));

	if (!common)
		return NULL;
	common->users = 1;
	common->options = *options;
	if (!common->options.file_ns)
		common->options.file_ns = FILE_NS;
	if (!common->options.all_ns)
		common->options.all_ns = ALL_NS;
	strtab_init(&common->strings);
	buf_init(&common->ours.text);
	common->helper = helper_new();
	if (common->helper)
		return common;
	common_unref(common);
	return NULL;
}

struct opener *opener_new(const struct opener_options *options, const struct opener *like)
{
	struct opener *opener = calloc(1, sizeof(*opener));

	if (!opener)
		return NULL;
	opener->root_fd = -1;
	buf_init(&opener->theirs.text);
	opener->common = like ? like->common : common_new(options);
	if (!opener->common) {
		free(opener);
		return NULL;
	}
	opener->common->users += like != NULL;
	return opener;
}

void opener_free(struct opener *opener)
{
	if (!opener)
		return;
	close_p(&opener->root_fd);
	mounts_done(&opener->theirs);
	vec_done(&opener->late);
	common_unref(opener->common);
	free(opener);
}

/* ---- mounts ---- */

static void read_mounts(struct mounts *mounts, int dir_fd, const char *path)
{
	_cleanup_(buf_done) struct buf text;

	buf_init(&text);
	if (file_read_whole_at(dir_fd, path, MOUNTS_MAX, &text) == 0) {
		buf_putc(&text, '\0');
		if (!text.failed)
			(void)mounts_parse(mounts, &text);
	}
}

static const struct mounts *our_mounts(struct common *common)
{
	if (!common->ours_read)
		read_mounts(&common->ours, AT_FDCWD, "/proc/self/mountinfo");
	common->ours_read = true;
	return &common->ours;
}

static const struct mounts *their_mounts(struct opener *opener)
{
	char path[32];

	if (opener->shares_root || !opener->target)
		return our_mounts(opener->common);
	if (!opener->theirs_read) {
		snprintf(path, sizeof(path), "%d/mountinfo", (int)opener->target->anchor);
		read_mounts(&opener->theirs, opener->target->task_fd, path);
	}
	opener->theirs_read = true;
	return &opener->theirs;
}

/* Our table comes first: of a container's mounts it may show more than the container does. */
static bool is_local_dev(struct opener *opener, uint64_t dev)
{
	const struct mount_entry *entry = mounts_find_dev(our_mounts(opener->common), dev);

	if (!entry)
		entry = mounts_find_dev(their_mounts(opener), dev);
	return entry && entry->local;
}

static bool is_local_mount(struct opener *opener, int id)
{
	const struct mount_entry *entry = mounts_find_id(our_mounts(opener->common), id);

	if (!entry)
		entry = mounts_find_id(their_mounts(opener), id);
	return entry && entry->local && is_local_dev(opener, entry->dev);
}

/* fdinfo's mnt_id, from a file of /proc; -1 if it is not told. */
static int read_mount_id(int dir_fd, const char *path)
{
	char text[512];
	uint64_t id;

	if (file_read_at(dir_fd, path, text, sizeof(text)) < 0 ||
	    procparse_status_number(text, "mnt_id", 10, &id) < 0)
		return -1;
	return (int)id;
}

/* name_to_handle_at tells the mount even if the handle has no room: one call instead of three. */
static int mount_id_of(int fd)
{
	struct file_handle handle = { .handle_bytes = 0 };
	char path[40];
	int id;

	if (name_to_handle_at(fd, "", &handle, &id, AT_EMPTY_PATH) == 0 || errno == EOVERFLOW)
		return id;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return read_mount_id(AT_FDCWD, path);
}

/* ---- places that do not answer ---- */

/* What a path of the target is to us, where that is the same, so that it is remembered once. */
static enum opener_root settle_root(const struct opener *opener, enum opener_root root)
{
	return opener->shares_root ? OPENER_OURS : root;
}

static bool is_dead(const struct opener *opener, enum opener_root root, const char *path)
{
	root = settle_root(opener, root);
	vec_each(dead, &opener->common->dead)
		if (dead->root == root && mounts_path_is_below(path, dead->directory))
			return true;
	return false;
}

/*
 * The mount; but a local one answers, so that a link led from there to elsewhere: then the directory
 * that the file is said to be in.
 */
static void note_dead(struct opener *opener, enum opener_root root, const char *path)
{
	const struct mounts *mounts = root == OPENER_OURS ? our_mounts(opener->common)
							  : their_mounts(opener);
	const struct mount_entry *entry = mounts_find_path(mounts, path);
	const char *slash = strrchr(path, '/');
	struct strtab *strings = &opener->common->strings;
	struct dead_place dead = { .root = settle_root(opener, root) };

	if (entry && !entry->local)
		dead.directory = strtab_intern(strings, entry->point);
	else
		dead.directory = strtab_intern_n(
			strings, path, slash > path ? (size_t)(slash - path) : strlen(path));
	if (dead.directory)
		(void)vec_push(&opener->common->dead, dead);
}

static void note_late(struct opener *opener, const char *path)
{
	const char *name = strtab_intern(&opener->common->strings, path);

	vec_each(late, &opener->late)
		if (*late == name)
			return;
	if (name)
		(void)vec_push(&opener->late, name);
}

unsigned opener_late(const struct opener *opener, const char **ret_path)
{
	*ret_path = opener && opener->late.n ? opener->late.data[0] : "";
	return opener ? (unsigned)opener->late.n : 0;
}

/* ---- asking the helper ---- */

/* Time that has passed gives some of what was spent back. */
static uint64_t time_left(struct common *common)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t back_ns = common->refilled_ns ? (now_ns - common->refilled_ns) / REFILL : 0;

	common->spent_ns -= MIN(common->spent_ns, back_ns);
	common->refilled_ns = now_ns;
	return common->options.all_ns - MIN(common->options.all_ns, common->spent_ns);
}

/* -ETIMEDOUT if the file took all of its time, -ETIME if less than that was left of all. */
static int run(struct common *common, const struct helper_request *request,
	       struct helper_answer *ret)
{
	const struct opener_options *options = &common->options;
	uint64_t left_ns = time_left(common), began_ns = clock_mono_ns();
	bool enough = left_ns >= options->file_ns;
	const struct helper_patience patience = {
		.deadline_ns = began_ns + MIN(left_ns, options->file_ns),
		.give_up = options->give_up,
		.arg = options->arg,
	};
	int r;

	if (options->give_up && options->give_up(options->arg))
		return -ECANCELED;
	if (left_ns < MIN(options->file_ns, LEFT_MIN_NS))
		return -ETIME;
	r = helper_run(common->helper, request, &patience, ret);
	common->spent_ns += clock_mono_ns() - began_ns;
	if (r == -ETIMEDOUT && !enough)
		return -ETIME;
	return r < 0 ? r : ret->result;
}

/* What does not come in time is not asked for again. */
static int run_for(struct opener *opener, const struct opener_name *name,
		   const struct helper_request *request, struct helper_answer *ret)
{
	bool dead = is_dead(opener, name->root, name->path);
	int r = dead ? -ETIMEDOUT : run(opener->common, request, ret);

	if (r != -ETIMEDOUT && r != -ETIME)
		return r;
	if (r == -ETIMEDOUT && !dead)
		note_dead(opener, name->root, name->path);
	if (name->care == OPENER_NEEDED || (name->care == OPENER_CANDIDATE && !dead))
		note_late(opener, name->path);
	return -ETIMEDOUT;
}

/* ---- what the helper does ---- */

static void work_find(const char *path, const char *name, uint64_t number,
		      const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)name;
	ret->fd = file_open_name(fds[0] < 0 ? AT_FDCWD : fds[0], path, (int)number);
	ret->result = ret->fd < 0 ? -errno : 0;
}

/* A link of /proc, which leads to a file whatever path it shows. */
static void work_follow(const char *path, const char *name, uint64_t number,
			const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path;
	ret->fd = openat(fds[0], name, O_PATH | O_CLOEXEC | (int)number);
	ret->result = ret->fd < 0 ? -errno : 0;
}

static void work_stat(const char *path, const char *name, uint64_t number,
		      const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path, (void)number;
	ret->result = fstatat(fds[0], name, &ret->stat, 0) < 0 ? -errno : 0;
}

int opener_copy_fd(int fd, const struct stat *st)
{
	_cleanup_close_ int copy = -1;
	char piece[COPY_PIECE];
	off_t at = 0;
	ssize_t n;

	if (st->st_size > COPY_MAX)
		return -EFBIG;
	copy = memfd_create("stacksnap-copy", MFD_CLOEXEC);
	if (copy < 0)
		return -errno;
	while (at < COPY_MAX && (n = pread(fd, piece, sizeof(piece), at)) != 0) {
		int r = n < 0 ? -errno : file_write_all(copy, piece, (size_t)n);

		if (r < 0)
			return r;
		at += n;
	}
	return steal_fd(&copy);
}

static void work_copy(const char *path, const char *name, uint64_t number,
		      const int fds[HELPER_FDS], struct helper_answer *ret)
{
	_cleanup_close_ int fd = file_reopen_regular(fds[0]);

	(void)path, (void)name, (void)number;
	ret->result = -EINVAL;
	if (fd < 0 || fstat(fd, &ret->stat) < 0)
		return;
	ret->fd = opener_copy_fd(fd, &ret->stat);
	ret->result = MIN(ret->fd, 0);
}

/* ---- opening ---- */

/* -EAGAIN: only the helper can tell. Old kernels, and seccomp filters, know no openat2. */
static int find_cached(int root_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_PATH | O_CLOEXEC),
				.resolve = RESOLVE_CACHED };
	int fd;

	if (root_fd != AT_FDCWD)
		how.resolve |= RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	return errno == ENOSYS || errno == EINVAL || errno == EPERM ? -EAGAIN : -errno;
}

static int root_of(const struct opener *opener, enum opener_root root)
{
	return root == OPENER_OURS ? AT_FDCWD : opener->root_fd;
}

/* An O_PATH descriptor, or a negative errno. */
static int find(struct opener *opener, const struct opener_name *name)
{
	int root_fd = root_of(opener, name->root);
	const struct helper_request request = {
		.work = work_find,
		.path = name->path,
		.number = (uint64_t)name->flags,
		.fds = { root_fd == AT_FDCWD ? -1 : root_fd, -1 },
	};
	struct helper_answer answer;
	int fd, r;

	if (root_fd == -1)
		return -ENOENT;
	fd = find_cached(root_fd, name->path, name->flags);
	if (fd != -EAGAIN)
		return fd;
	r = run_for(opener, name, &request, &answer);
	return r < 0 ? r : answer.fd;
}

static int open_direct(int path_fd, struct opened *ret)
{
	_cleanup_close_ int fd = file_reopen_regular(path_fd);

	if (fd < 0)
		return -EINVAL;
	if (fstat(fd, &ret->st) < 0)
		return -errno;
	ret->fd = steal_fd(&fd);
	return 0;
}

static int open_copy(struct opener *opener, const struct opener_name *name, int path_fd,
		     struct opened *ret)
{
	const struct helper_request request = {
		.work = work_copy,
		.path = name->path,
		.fds = { path_fd, -1 },
	};
	struct helper_answer answer;
	int r = run_for(opener, name, &request, &answer);

	if (r < 0)
		return r;
	*ret = (struct opened){ answer.fd, answer.stat };
	return 0;
}

static int open_found(struct opener *opener, const struct opener_name *name, int path_fd,
		      struct opened *ret)
{
	return is_local_mount(opener, mount_id_of(path_fd)) ? open_direct(path_fd, ret)
							    : open_copy(opener, name, path_fd, ret);
}

int opener_open(struct opener *opener, const struct opener_name *name, struct opened *ret)
{
	_cleanup_close_ int fd = find(opener, name);

	return fd < 0 ? fd : open_found(opener, name, fd, ret);
}

static int open_unlimited(int root_fd, const char *path, struct opened *ret)
{
	_cleanup_close_ int fd = file_open_name(root_fd, path, 0);

	return fd < 0 ? -errno : open_direct(fd, ret);
}

int opener_open_at(struct opener *opener, int root_fd, const char *path)
{
	const struct opener_name name = {
		.root = root_fd == AT_FDCWD ? OPENER_OURS : OPENER_THEIRS,
		.path = path,
		.care = OPENER_CANDIDATE,
	};
	struct opened opened;
	int r = opener ? opener_open(opener, &name, &opened)
		       : open_unlimited(root_fd, path, &opened);

	return r < 0 ? r : opened.fd;
}

static int follow(struct opener *opener, int dir_fd, const char *link,
		  const struct opener_name *name)
{
	const struct helper_request request = {
		.work = work_follow,
		.path = name->path,
		.name = link,
		.number = (uint64_t)name->flags,
		.fds = { dir_fd, -1 },
	};
	struct helper_answer answer;
	int r = run_for(opener, name, &request, &answer);

	return r < 0 ? r : answer.fd;
}

int opener_open_link(struct opener *opener, int dir_fd, const char *link, const char *path,
		     uint64_t dev, struct opened *ret)
{
	const struct opener_name name = { .root = OPENER_THEIRS, .path = path };
	bool local = !opener || is_local_dev(opener, dev);
	_cleanup_close_ int fd = local ? openat(dir_fd, link, O_PATH | O_CLOEXEC)
				       : follow(opener, dir_fd, link, &name);

	if (fd < 0)
		return local ? -errno : fd;
	return local ? open_direct(fd, ret) : open_found(opener, &name, fd, ret);
}

/* ---- the target ---- */

static bool has_same_link(const struct target *target, const char *file, const char *ours)
{
	char path[32], theirs[64], own[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "%d/%s", (int)target->anchor, file);
	n = readlinkat(target->task_fd, path, theirs, sizeof(theirs));
	m = readlink(ours, own, sizeof(own));
	return n > 0 && n < (ssize_t)sizeof(theirs) && n == m &&
	       memcmp(theirs, own, (size_t)n) == 0;
}

/* A magic link cannot be followed in the caches alone; where it leads its text does not prove. */
static int open_root(struct opener *opener)
{
	const struct opener_name name = { .root = OPENER_THEIRS,
					  .path = "/",
					  .flags = O_DIRECTORY };
	const struct mount_entry *entry = mounts_find_path(their_mounts(opener), "/");
	char link[32];

	snprintf(link, sizeof(link), "%d/root", (int)opener->target->anchor);
	if (entry && entry->local)
		return openat(opener->target->task_fd, link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return follow(opener, opener->target->task_fd, link, &name);
}

int opener_begin(struct opener *opener, const struct target *target)
{
	opener->target = target;
	opener->shares_root = has_same_link(target, "ns/mnt", "/proc/self/ns/mnt") &&
			      has_same_link(target, "root", "/proc/self/root");
	opener->root_fd = MAX(open_root(opener), -1);
	return opener->root_fd;
}

static int stat_direct(const struct target *target, const char *link, mode_t *ret_mode,
		       uint64_t *ret_inode)
{
	struct statx st;

	if (statx(target->task_fd, link, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) < 0)
		return -errno;
	*ret_mode = st.stx_mode;
	*ret_inode = st.stx_ino;
	return 0;
}

int opener_stat_fd(const struct target *target, int fd, const char *path, mode_t *ret_mode,
		   uint64_t *ret_inode)
{
	struct opener *opener = target->opener;
	const struct opener_name name = { OPENER_THEIRS, path, 0, OPENER_IGNORED };
	struct helper_request request = { .work = work_stat, .path = path, .fds = { -1, -1 } };
	struct helper_answer answer;
	char link[40], info[40];
	int r;

	snprintf(link, sizeof(link), "%d/fd/%d", (int)target->anchor, fd);
	snprintf(info, sizeof(info), "%d/fdinfo/%d", (int)target->anchor, fd);
	if (!opener || is_local_mount(opener, read_mount_id(target->task_fd, info)))
		return stat_direct(target, link, ret_mode, ret_inode);
	request.name = link;
	request.fds[0] = target->task_fd;
	r = run_for(opener, &name, &request, &answer);
	if (r < 0)
		return r;
	*ret_mode = answer.stat.st_mode;
	*ret_inode = answer.stat.st_ino;
	return 0;
}

bool opener_has_our_root(struct opener *opener, int root_fd)
{
	struct stat theirs, ours;

	if (opener && !is_local_mount(opener, mount_id_of(root_fd)))
		return opener->shares_root;
	return fstat(root_fd, &theirs) == 0 && stat("/", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* ---- directories of ours ---- */

bool opener_is_local(struct opener *opener, const char *directory)
{
	_cleanup_close_ int fd = opener ? find_cached(AT_FDCWD, directory, O_DIRECTORY) : -1;

	return !opener || fd == -ENOENT || (fd >= 0 && is_local_mount(opener, mount_id_of(fd)));
}

static void work_probe(const char *path, const char *name, uint64_t number,
		       const int fds[HELPER_FDS], struct helper_answer *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	(void)name, (void)number, (void)fds;
	ret->result = fd < 0 || fstatfs(fd, &fs) < 0 ? -errno : 0;
}

bool opener_answers(struct opener *opener, const char *directory)
{
	const struct helper_request request = { .work = work_probe,
						.path = directory,
						.fds = { -1, -1 } };
	struct helper_answer answer;
	int r = opener_is_local(opener, directory) ? 0 : opener_run(opener, &request, &answer);

	return r != -ETIMEDOUT && r != -ECANCELED;
}

int opener_check_directory(struct opener *opener, const char *path)
{
	const struct opener_name name = { OPENER_OURS, path, O_DIRECTORY, OPENER_CANDIDATE };
	_cleanup_close_ int fd = find(opener, &name);

	return MIN(fd, 0);
}

int opener_run(struct opener *opener, const struct helper_request *request,
	       struct helper_answer *ret)
{
	const struct opener_name name = { OPENER_OURS, request->path, 0, OPENER_IGNORED };

	return run_for(opener, &name, request, ret);
}
