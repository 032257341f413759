/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debugfile.c: finding separate debug files: under the target's root, then under ours. A file is
 * used only if its build id is that of the module; the target's symbolic links never lead out of
 * its root.
 *
 * libdwfl's own search does that too, but where it finds nothing it loads libdebuginfod and libcurl
 * with some thirty libraries behind it, DEBUGINFOD_URLS or not (elfutils 0.188): more time than the
 * whole dump of a small process. So it is asked only for what we do not look for ourselves.
 */
#include "symbol/index-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <elfutils/libdwelf.h>

#include "base/attr.h"

struct build_id {
	const unsigned char *bytes;
	int len;
};

/* openat2 came with Linux 5.6; without it the last component may not be a symbolic link. */
static int open_in_root(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(root_fd, path + strspn(path, "/"), (int)how.flags | O_NOFOLLOW);
	return (int)fd;
}

static bool has_build_id(int fd, const struct build_id *want)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	const void *bytes;
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : -1;
	bool same = len > 0 && len == want->len && memcmp(bytes, want->bytes, (size_t)len) == 0;

	elf_end(elf);
	return same;
}

/* A descriptor of the regular file at path if it has this build id, else -1. */
static int try_path(int root_fd, const struct build_id *id, const char *path)
{
	_cleanup_close_ int fd = open_in_root(root_fd, path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !has_build_id(fd, id))
		return -1;
	return steal_fd(&fd);
}

static int try_build_id(int root_fd, const struct build_id *id)
{
	char path[64 + 2 * 64];
	int n = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/", id->bytes[0]);

	if (id->len < 2 || id->len > 64)
		return -1;
	for (int i = 1; i < id->len; i++)
		n += snprintf(path + n, sizeof(path) - (size_t)n, "%02x", id->bytes[i]);
	snprintf(path + n, sizeof(path) - (size_t)n, ".debug");
	return try_path(root_fd, id, path);
}

/* The three places where gdb looks for a .gnu_debuglink: before and after the file's directory. */
static const struct place {
	const char *before, *after;
} places[] = { { "", "/" }, { "", "/.debug/" }, { "/usr/lib/debug", "/" } };

static int try_debuglink(int root_fd, const struct build_id *id, const char *file, const char *link)
{
	const char *slash = strrchr(file, '/');
	char path[PATH_MAX];
	int fd = -1;

	for (size_t i = 0; slash && fd < 0 && i < ARRAY_SIZE(places); i++) {
		int n = snprintf(path, sizeof(path), "%s%.*s%s%s", places[i].before,
				 (int)(slash - file), file, places[i].after, link);

		if (n < (int)sizeof(path))
			fd = try_path(root_fd, id, path);
	}
	return fd;
}

/*
 * libdwfl asks for dwz's shared file through the same callback, with the path of .gnu_debugaltlink
 * (find_debug_altlink in libdwfl/dwfl_module_getdwarf.c); a debuglink has no directory. The shared
 * file's build id is not known here, so it is not looked for.
 */
static bool is_altlink(const char *debuglink)
{
	return debuglink && strchr(debuglink, '/');
}

static int find_in_root(int root_fd, const struct build_id *id, const char *file,
			const char *debuglink)
{
	int fd = try_build_id(root_fd, id);

	if (fd < 0 && debuglink && file)
		fd = try_debuglink(root_fd, id, file, debuglink);
	return fd;
}

static bool is_our_root(int fd)
{
	struct stat theirs, ours;

	return fstat(fd, &theirs) == 0 && stat("/", &ours) == 0 && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}

static int find_in_our_root(const struct build_id *id, const char *file, const char *debuglink)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -1 : find_in_root(root, id, file, debuglink);
}

int debugfile_find(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		   const char *file, const char *debuglink, GElf_Word crc, char **ret_name)
{
	const struct symbol_index *index = *userdata;
	int root_fd = index ? index->root_fd : -1, fd = -1;
	struct build_id id;
	GElf_Addr addr;

	id.len = dwfl_module_build_id(module, &id.bytes, &addr);
	if (id.len <= 0 || is_altlink(debuglink))
		return dwfl_standard_find_debuginfo(module, userdata, name, base, file, debuglink,
						    crc, ret_name);
	if (root_fd >= 0)
		fd = find_in_root(root_fd, &id, file, debuglink);
	if (fd < 0 && !(root_fd >= 0 && is_our_root(root_fd)))
		fd = find_in_our_root(&id, file, debuglink);
	return fd;
}
