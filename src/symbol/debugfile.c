/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debugfile.c: finding separate debug files: in the directories that the user named, under the
 * target's root, under ours, and last on debuginfod servers. A file is used only if its build id is
 * that of the module (without one: if its checksum is that of the link); the target's symbolic
 * links never lead out of its root.
 *
 * libdwfl's own search is never used. Where it finds nothing it loads libdebuginfod and libcurl with
 * some thirty libraries behind it, DEBUGINFOD_URLS or not (elfutils 0.188): more time than the whole
 * dump of a small process. And it takes the shared file of dwz unseen.
 */
#include "symbol/index-internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include <elfutils/libdwelf.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "symbol/fetch.h"
#include "target/opener.h"
#include "target/plainfile.h"
#include "target/unpack.h"

#define DEBUG_DIR "/usr/lib/debug"

enum {
	BUILD_ID_MAX = 64,
	CHECKSUM_PIECE = 1 << 18,
};

/* Of a file: half a second. A file without a build id is old, and a hole in one costs nothing. */
#define CHECKSUM_MAX (UINT64_C(1) << 30)

/* What the file has to be. */
struct wanted {
	const unsigned char *id;
	size_t id_len;         /* 0: the checksum decides */
	uint32_t crc;          /* of the whole file, as .gnu_debuglink has it */
	const char *file;      /* what it is the debug file of; NULL: not known */
	struct effort *effort; /* of looking at it */
	struct opener *opener;
	const char *link; /* its name by .gnu_debuglink, or by .gnu_debugaltlink; NULL: none */
};

/* A place to search. */
struct tree {
	int root_fd;     /* where paths start; links stay within. AT_FDCWD: our own file system */
	const char *dir; /* the /usr/lib/debug of it */
	bool is_system;  /* it has the file itself, too */
};

/* What was found. */
struct found {
	int fd;
	int root_fd;
	char path[PATH_MAX];
};

/* ---- one file ---- */

static bool has_build_id(int fd, const struct wanted *w)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	const void *bytes;
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : -1;
	bool same = len > 0 && (size_t)len == w->id_len && memcmp(bytes, w->id, w->id_len) == 0;

	elf_end(elf);
	return same;
}

/* libdwfl unpacks any other file as a whole, if it is a packed one (libdwfl/open.c). */
bool debugfile_is_elf(int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	bool is = elf && elf_kind(elf) == ELF_K_ELF;

	elf_end(elf);
	return is;
}

bool debugfile_unpacks(int fd, uint64_t *ret_bytes)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	bool bounded = elf && elf_kind(elf) == ELF_K_ELF && unpack_is_bounded(elf, ret_bytes);

	elf_end(elf);
	return bounded;
}

/* The checksum of .gnu_debuglink is zlib's. */
static bool has_checksum(int fd, uint64_t size, const struct wanted *w)
{
	_cleanup_free_ char *bytes = size <= CHECKSUM_MAX ? malloc(CHECKSUM_PIECE) : NULL;
	uLong sum = crc32_z(0, NULL, 0);

	for (uint64_t at = 0, n; bytes && at < size; at += n) {
		n = MIN(size - at, (uint64_t)CHECKSUM_PIECE);
		if (!effort_long_step(w->effort) || file_pread_exact(fd, bytes, n, (off_t)at) < 0)
			return false;
		sum = crc32_z(sum, (const Bytef *)bytes, n);
	}
	return bytes && sum == w->crc;
}

static bool is_wanted(int fd, const struct wanted *w)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || !file_is_filled(fd))
		return false;
	return (w->id_len ? has_build_id(fd, w) : has_checksum(fd, (uint64_t)st.st_size, w)) &&
	       debugfile_unpacks(fd, &bytes);
}

static bool try_path(const struct tree *tree, const struct wanted *w, struct found *ret)
{
	_cleanup_close_ int fd = opener_open_at(w->opener, tree->root_fd, ret->path);

	if (fd < 0 || !is_wanted(fd, w))
		return false;
	ret->fd = steal_fd(&fd);
	ret->root_fd = tree->root_fd;
	return true;
}

/* ---- one tree ---- */

static bool try_build_id(const struct tree *tree, const struct wanted *w, struct found *ret)
{
	char *p = ret->path, *end = p + sizeof(ret->path) - 2 * BUILD_ID_MAX - sizeof("/.debug");
	int n;

	if (w->id_len < 2 || w->id_len > BUILD_ID_MAX)
		return false;
	n = snprintf(p, (size_t)(end - p), "%s/.build-id/%02x/", tree->dir, w->id[0]);
	if (n < 0 || n >= end - p)
		return false;
	p += n;
	for (size_t i = 1; i < w->id_len; i++)
		p += sprintf(p, "%02x", w->id[i]);
	strcpy(p, ".debug");
	return try_path(tree, w, ret);
}

static bool _printf_(4, 5) try_format(const struct tree *tree, const struct wanted *w,
				      struct found *ret, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(ret->path, sizeof(ret->path), format, args);
	va_end(args);
	return n > 0 && n < (int)sizeof(ret->path) && try_path(tree, w, ret);
}

/*
 * The places where gdb looks for a .gnu_debuglink: beside the file, in .debug there, and under the
 * debug directory as if that were a root; in a directory that the user named, also at its top.
 */
static bool try_debuglink(const struct tree *tree, const struct wanted *w, struct found *ret)
{
	const char *slash = w->file ? strrchr(w->file, '/') : NULL;
	int len = slash ? (int)(slash - w->file) : 0;

	if (!tree->is_system && try_format(tree, w, ret, "%s/%s", tree->dir, w->link))
		return true;
	if (!slash)
		return false;
	if (tree->is_system && (try_format(tree, w, ret, "%.*s/%s", len, w->file, w->link) ||
				try_format(tree, w, ret, "%.*s/.debug/%s", len, w->file, w->link)))
		return true;
	return try_format(tree, w, ret, "%s%.*s/%s", tree->dir, len, w->file, w->link);
}

/* The name in .gnu_debugaltlink is absolute, or relative to the file that refers to it. */
static bool try_altlink(const struct tree *tree, const struct wanted *w, struct found *ret)
{
	const char *slash = w->file ? strrchr(w->file, '/') : NULL;

	if (*w->link == '/' && !tree->is_system)
		return strncmp(w->link, DEBUG_DIR, strlen(DEBUG_DIR)) == 0 &&
		       try_format(tree, w, ret, "%s%s", tree->dir, w->link + strlen(DEBUG_DIR));
	if (*w->link == '/')
		return try_format(tree, w, ret, "%s", w->link);
	return slash &&
	       try_format(tree, w, ret, "%.*s/%s", (int)(slash - w->file), w->file, w->link);
}

static bool is_altlink(const struct wanted *w)
{
	return strchr(w->link, '/') != NULL;
}

static bool search_tree(const struct tree *tree, const struct wanted *w, struct found *ret)
{
	if (try_build_id(tree, w, ret))
		return true;
	if (!w->link)
		return false;
	return is_altlink(w) ? try_altlink(tree, w, ret) : try_debuglink(tree, w, ret);
}

/* ---- all of them ---- */

bool debugfile_has_our_root(const struct symbol_sources *sources)
{
	return sources->root_fd < 0 || opener_has_our_root(sources->opener, sources->root_fd);
}

static bool search(const struct symbol_sources *sources, const struct wanted *w, struct found *ret)
{
	const struct tree theirs = { sources->root_fd, DEBUG_DIR, true };
	const struct tree ours = { AT_FDCWD, DEBUG_DIR, true };

	for (const char *const *dir = sources->debug_dirs; dir && *dir; dir++) {
		const struct tree tree = { AT_FDCWD, *dir, false };

		if (search_tree(&tree, w, ret))
			return true;
	}
	if (sources->root_fd >= 0 && search_tree(&theirs, w, ret))
		return true;
	return (sources->root_fd < 0 || !debugfile_has_our_root(sources)) &&
	       search_tree(&ours, w, ret);
}

static int fetch(const struct symbol_sources *sources, const struct wanted *w, const char *file)
{
	_cleanup_close_ int fd = -1;

	if (!sources->fetcher || !w->id_len || *file != '/') /* nobody has one of the vdso */
		return -1;
	/* elfutils has its cache there, too */
	if (sources->cache_dir && !opener_answers(sources->opener, sources->cache_dir))
		return -1;
	fd = fetcher_find(sources->fetcher, w->id, w->id_len, file);
	return fd >= 0 && is_wanted(fd, w) ? steal_fd(&fd) : -1;
}

/* What the file is made from, and what libdwfl is given when it asks. */
static void note_found(struct symbol_index *index, int fd)
{
	effort_add_file(&index->effort, fd);
	index->debug_fd = fd;
	(void)file_stamp(fd, &index->debug_stamp);
}

void debugfile_search(struct symbol_index *index)
{
	Elf *elf = index_elf(index);
	struct wanted w = { .file = index->path,
			    .effort = &index->effort,
			    .opener = index->sources->opener };
	struct found found;
	const void *id;
	ssize_t len;
	int fd;

	if (index->debug_searched)
		return;
	index->debug_searched = true;
	if (!elf)
		return;
	len = dwelf_elf_gnu_build_id(elf, &id);
	w.id = id;
	w.id_len = len > 0 ? (size_t)len : 0;
	w.link = dwelf_elf_gnu_debuglink(elf, &w.crc);
	if (w.id_len == 0 && !w.link)
		return;
	if (search(index->sources, &w, &found)) {
		index->debug_root_fd = found.root_fd;
		index->debug_path = strtab_intern(&index->strings, found.path);
		index->directory = index_directory(index, found.fd);
		note_found(index, found.fd);
		return;
	}
	fd = fetch(index->sources, &w, index->path);
	if (fd >= 0)
		note_found(index, fd);
}

/*
 * The same unpacked, if anything in it is packed. Takes the descriptor over; -1 if there is too little
 * memory.
 */
static int prefer_plain(struct symbol_index *index, int fd_taken)
{
	_cleanup_close_ int fd = fd_taken;
	uint64_t bytes;
	Elf *elf;
	int plain;

	if (!debugfile_unpacks(fd, &bytes) || !effort_memory(&index->effort, bytes))
		return -1;
	elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	plain = elf ? plainfile_make(elf, plainfile_names) : -1;
	elf_end(elf);
	return plain < 0 ? steal_fd(&fd) : plain;
}

int debugfile_find(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		   const char *file, const char *debuglink, GElf_Word crc, char **ret_name)
{
	struct symbol_index *index = *userdata;
	int fd;

	(void)module, (void)name, (void)base, (void)file, (void)crc, (void)ret_name;
	/*
	 * libdwfl asks for dwz's shared file, too, with the path of .gnu_debugaltlink
	 * (find_debug_altlink in libdwfl/dwfl_module_getdwarf.c): altlink.c does that.
	 */
	if (!index || (debuglink && strchr(debuglink, '/')))
		return -1;
	debugfile_search(index);
	if (index->debug_fd < 0)
		return -1;
	fd = prefer_plain(index, steal_fd(&index->debug_fd));
	if (fd >= 0)
		index->directory = index_directory(index, fd);
	return fd;
}

/* A descriptor, -1 if it is nowhere. */
static int search_alt(struct symbol_index *index, const char *name, const void *build_id,
		      size_t len)
{
	struct wanted w = { .id = build_id,
			    .id_len = len,
			    .link = name,
			    .effort = &index->effort,
			    .opener = index->sources->opener };
	const struct tree beside = { index->debug_root_fd, DEBUG_DIR, true };
	struct found found;

	w.file = index->debug_path;
	if (w.file && strchr(name, '/') && try_altlink(&beside, &w, &found))
		return found.fd;
	w.file = index->path;
	if (!strchr(name, '/'))
		w.link = NULL;
	if (search(index->sources, &w, &found))
		return found.fd;
	return fetch(index->sources, &w, index->path);
}

int debugfile_find_alt(struct symbol_index *index, const char *name, const void *build_id,
		       size_t len)
{
	int fd = search_alt(index, name, build_id, len);

	if (fd < 0)
		return -1;
	effort_add_file(&index->effort, fd);
	return prefer_plain(index, fd);
}
