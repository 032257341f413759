/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline.c: the symbolize stage without a process: files come from a store by build id instead of
 * from the target's mappings, addresses from a profile instead of from stacks. An address of a
 * profile is the one that names belong to (of a return address, the byte before), so it is looked up
 * as it is. Owns what it opens; touches no process.
 */
#include "engine/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "base/map64.h"
#include "base/vec.h"
#include "file/naming.h"
#include "symbol/contents.h"
#include "symbol/effort.h"
#include "symbol/fetch.h"
#include "symbol/filestore.h"
#include "symbol/lookup.h"
#include "symbol/sources.h"
#include "symbol/symbolize.h"
#include "target/elffile.h"
#include "target/image.h"

/* One file, however often it is mapped. */
struct named_file {
	const char *build_id; /* interned: equal texts, equal pointers */
	int fd;               /* -1: not found */
	bool debug_only;      /* it is a separate debug file */
	const unsigned char *bytes;
	size_t size;
	struct image image; /* what symbols come from: fd, or the separate debug file */
	struct symbolizer *symbolizer;
};

/* One mapping of the profile. */
struct mapped {
	bool settled;            /* the rest holds */
	struct named_file *file; /* NULL: there is none */
	uint64_t bias;
	size_t addresses; /* without a name, before */
};

struct offline {
	struct pprof *profile;
	const struct ss_symbolize_options *options;
	struct effort_budget budget;
	struct symbol_sources sources;
	struct fetcher *fetcher; /* that of sources, when servers may be asked; NULL: none are */
	int sysroot_fd;
	struct filestore *store;
	VEC(struct named_file *) files;
	struct map64 by_build_id; /* interned build id -> index in files */
	struct mapped *mapped;    /* by index of the mapping */
	struct naming naming;
	struct ss_error *err;
};

/* ---- files ---- */

static void close_symbols(struct named_file *file)
{
	symbolizer_free(file->symbolizer);
	if (file->image.names)
		file->image.names_close(file->image.names);
	file->symbolizer = NULL;
	file->image.names = NULL;
}

static void named_file_free(struct named_file *file)
{
	close_symbols(file);
	if (file->bytes)
		munmap((void *)file->bytes, file->size);
	if (file->image.fd != file->fd)
		close_p(&file->image.fd);
	close_p(&file->fd);
	free(file);
}

static int open_symbols(struct offline *o, struct named_file *file, int fd, const char *path)
{
	file->image.fd = fd;
	file->image.path = path;
	file->symbolizer = symbolizer_new(&o->sources);
	if (!file->symbolizer)
		return ss_error_oom(o->err);
	symbolizer_prepare(file->symbolizer, &file->image);
	return file->image.names ? 0 : ss_error_oom(o->err);
}

/* Our own, which is every process's of this host. Its section headers end it. */
static int copy_vdso(const char *build_id)
{
	const unsigned char *vdso = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	char ours[ELFFILE_BUILD_ID_MAX];
	Elf64_Ehdr header;
	size_t size;

	if (!vdso || fd < 0)
		return -1;
	memcpy(&header, vdso, sizeof(header));
	size = header.e_shoff + (size_t)header.e_shentsize * header.e_shnum;
	elffile_build_id(vdso, size, ours);
	if (strcmp(ours, build_id) != 0 || file_write_all(fd, vdso, size) < 0)
		return -1;
	return steal_fd(&fd);
}

static bool map_file(struct named_file *file)
{
	struct stat st;
	void *bytes;

	if (fstat(file->fd, &st) < 0 || st.st_size <= 0)
		return false;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	file->bytes = bytes;
	file->size = (size_t)st.st_size;
	return true;
}

/*
 * A stripped file whose debug file is neither where its build id says nor where its link does: only
 * then are the directories walked, and only after that is a server asked. It is asked, too, for what
 * dwz moved elsewhere: opening the symbols has looked for that.
 */
static int add_debug_file(struct offline *o, struct named_file *file, const char *path)
{
	struct contents contents;
	int fd = -1;

	contents_find(lookup_index(file->image.names), &contents);
	if (contents.debug_info && !contents.lacks)
		return 0;
	if (!contents.debug_info && !file->debug_only)
		fd = filestore_find(o->store, file->build_id, path, true);
	if (fd < 0 && !o->fetcher)
		return 0;
	close_symbols(file);
	o->sources.fetcher = o->fetcher;
	return open_symbols(o, file, fd < 0 ? file->fd : fd, path);
}

/* The file, else its debug file, which will do alone; what is here before what servers have. */
static void find_file(struct offline *o, struct named_file *file, const char *path)
{
	const char *id = file->build_id;

	if (strcmp(path, "[vdso]") == 0)
		file->fd = copy_vdso(id);
	else
		file->fd = filestore_find(o->store, id, path, false);
	if (file->fd < 0) {
		file->fd = filestore_find(o->store, id, path, true);
		file->debug_only = file->fd >= 0;
	}
	if (file->fd < 0)
		file->fd = filestore_fetch(o->fetcher, id, path, false);
	if (file->fd < 0) {
		file->fd = filestore_fetch(o->fetcher, id, path, true);
		file->debug_only = true;
	}
}

static int fill_file(struct offline *o, struct named_file *file, const char *path)
{
	int r;

	find_file(o, file, path);
	if (file->fd < 0 || !map_file(file))
		return 0;
	o->sources.fetcher = NULL;
	r = open_symbols(o, file, file->fd, path);
	if (r == 0)
		r = add_debug_file(o, file, path);
	o->sources.fetcher = o->fetcher;
	return r;
}

/* NULL only if memory is out. */
static struct named_file *add_file(struct offline *o, const char *build_id)
{
	struct named_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->build_id = build_id;
	file->fd = file->image.fd = -1;
	if (vec_push(&o->files, file) < 0) {
		free(file);
		return NULL;
	}
	return map64_put(&o->by_build_id, (uintptr_t)build_id, o->files.n - 1) < 0 ? NULL : file;
}

/* *ret NULL if there is no such file. */
static int get_file(struct offline *o, const struct pprof_mapping *mapping, struct named_file **ret)
{
	const uint64_t *known = map64_find(&o->by_build_id, (uintptr_t)mapping->build_id);
	struct named_file *file = known ? o->files.data[*known] : NULL;
	int r = 0;

	if (!file) {
		file = add_file(o, mapping->build_id);
		r = file ? fill_file(o, file, mapping->file) : ss_error_oom(o->err);
	}
	if (r == 0)
		*ret = file->symbolizer ? file : NULL;
	return r;
}

/* ---- mappings ---- */

static bool find_bias(const struct named_file *file, const struct pprof_mapping *mapping,
		      uint64_t *ret)
{
	if (file->debug_only)
		return elffile_bias_by_size(file->bytes, file->size, mapping->start, mapping->limit,
					    ret);
	return elffile_bias(file->bytes, file->size, mapping->start, mapping->offset, PF_X, ret) ||
	       elffile_bias(file->bytes, file->size, mapping->start, mapping->offset, 0, ret);
}

static int settle(struct offline *o, uint32_t index)
{
	const struct pprof_mapping *mapping = &o->profile->mappings.data[index];
	struct mapped *mapped = &o->mapped[index];
	struct named_file *file = NULL;
	int r = *mapping->build_id ? get_file(o, mapping, &file) : 0;

	if (r == 0 && file && find_bias(file, mapping, &mapped->bias))
		mapped->file = file;
	mapped->settled = true;
	return r;
}

/* ---- locations ---- */

static int name_location(struct offline *o, uint32_t index, struct ss_symbolized *done)
{
	const struct pprof_location *at = &o->profile->locations.data[index];
	const struct mapped *mapped = &o->mapped[at->mapping];
	struct image_map map = { .image = &mapped->file->image };
	const struct location *location =
		symbolize(mapped->file->symbolizer, at->address - mapped->bias, true, &map);

	if (!location || naming_set(&o->naming, index, location->lines, location->nlines) < 0)
		return ss_error_oom(o->err);
	done->named += location->nlines > 0;
	return 0;
}

/* Code of a file, as far as the profile tells. */
static bool is_nameless(const struct pprof *profile, const struct pprof_location *location)
{
	const struct pprof_mapping *mapping;

	if (location->nlines || location->mapping == PPROF_NONE)
		return false;
	mapping = &profile->mappings.data[location->mapping];
	return *mapping->build_id || *mapping->file == '/';
}

static int name_locations(struct offline *o, struct ss_symbolized *done)
{
	int r = 0;

	for (uint32_t i = 0; i < o->profile->locations.n && r == 0; i++) {
		const struct pprof_location *location = &o->profile->locations.data[i];
		struct mapped *mapped;

		if (!is_nameless(o->profile, location))
			continue;
		done->addresses++;
		mapped = &o->mapped[location->mapping];
		mapped->addresses++;
		if (!mapped->settled)
			r = settle(o, location->mapping);
		if (r == 0 && mapped->file)
			r = name_location(o, i, done);
	}
	return r;
}

/* ---- what is missing ---- */

/* A mapping whose addresses should have names, and have none. */
static bool is_missing(const struct offline *o, size_t i)
{
	/* one that was named when it was captured has what could be had there */
	return o->mapped[i].addresses && !o->mapped[i].file &&
	       !o->profile->mappings.data[i].has_functions;
}

/* Gives the addresses of all mappings of a file to the first one. Texts are interned. */
static int gather(struct offline *o, struct map64 *firsts, struct ss_symbolized *done)
{
	for (size_t i = 0; i < o->profile->mappings.n; i++) {
		const struct pprof_mapping *mapping = &o->profile->mappings.data[i];
		uint64_t key = (uintptr_t)(*mapping->build_id ? mapping->build_id : mapping->file);
		const uint64_t *first = map64_find(firsts, key);

		if (!o->mapped[i].addresses)
			continue;
		done->files += !first;
		if (first && is_missing(o, i) && is_missing(o, *first)) {
			o->mapped[*first].addresses += o->mapped[i].addresses;
			o->mapped[i].addresses = 0;
		}
		if (!first && map64_put(firsts, key, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int count_files(struct offline *o, struct ss_symbolized *done)
{
	struct map64 firsts;
	int r;

	map64_init(&firsts);
	r = gather(o, &firsts, done);
	map64_done(&firsts);
	for (size_t i = 0; r == 0 && i < o->profile->mappings.n; i++) {
		const struct pprof_mapping *mapping = &o->profile->mappings.data[i];
		const struct ss_missing missing = { mapping->file, mapping->build_id,
						    o->mapped[i].addresses };

		if (!is_missing(o, i))
			continue;
		done->nmissing++;
		if (o->options->missing)
			o->options->missing(o->options->missing_arg, &missing);
	}
	return r < 0 ? ss_error_oom(o->err) : 0;
}

/* ---- the whole ---- */

static void offline_done(struct offline *o)
{
	naming_done(&o->naming);
	vec_each(file, &o->files)
		named_file_free(*file);
	vec_done(&o->files);
	map64_done(&o->by_build_id);
	filestore_free(o->store);
	effort_budget_done(&o->budget);
	free(o->mapped);
	fetcher_free(o->fetcher);
	close_p(&o->sysroot_fd);
}

static int open_places(struct offline *o)
{
	const char *sysroot = o->options->sysroot;

	effort_budget_init(&o->budget);
	if (sysroot) {
		o->sysroot_fd = open(sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (o->sysroot_fd < 0)
			return ss_error_sys(o->err, errno, "cannot open %s", sysroot);
	}
	o->sources.root_fd = o->sysroot_fd;
	o->sources.debug_dirs = o->options->debug_dirs;
	o->sources.budget = &o->budget;
	if (o->options->debuginfod) {
		o->fetcher = fetcher_new(o->options->fetching, o->options->fetching_arg);
		if (!o->fetcher)
			return ss_error_oom(o->err);
	}
	o->store = filestore_new(o->options->debug_dirs, o->sysroot_fd);
	o->mapped = calloc(o->profile->mappings.n + 1, sizeof(*o->mapped));
	if (!o->store || !o->mapped || naming_init(&o->naming, o->profile) < 0)
		return ss_error_oom(o->err);
	return 0;
}

int offline_symbolize(struct pprof *profile, const struct ss_symbolize_options *options,
		      struct ss_symbolized *ret, struct ss_error *err)
{
	_cleanup_(offline_done) struct offline o = {
		.profile = profile, .options = options, .sysroot_fd = -1, .err = err
	};
	struct ss_symbolized done = { 0 };
	int r = open_places(&o);

	if (r == 0)
		r = name_locations(&o, &done);
	if (r == 0)
		r = count_files(&o, &done);
	if (r == 0 && done.named && offline_name_waits(profile) < 0)
		r = ss_error_oom(err);
	if (r == 0)
		*ret = done;
	return r;
}
