/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fetch.c: see fetch.h. Owns the client and its library, and the time that may be spent: on one
 * file, and on all of a session. The client's own limits are generous (90 s without an answer, for
 * each file), and it asks again for every file of a server that does not answer; so after a file
 * that took all of its time nothing more is asked for. Anything that goes wrong is "no such file".
 */
#include "symbol/fetch.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/clock.h"

#define LIBRARY "libdebuginfod.so.1"

#define FILE_MAX_NS (30 * NS_PER_SEC)
#define ALL_MAX_NS  (60 * NS_PER_SEC)

struct debuginfod_client;

typedef int find_fn(struct debuginfod_client *, const unsigned char *build_id, int len,
		    char **path);

/* From elfutils/debuginfod.h; the ABI is versioned (ELFUTILS_0.178, 0.179). */
struct client_functions {
	struct debuginfod_client *(*begin)(void);
	void (*end)(struct debuginfod_client *);
	find_fn *find_debuginfo, *find_executable;
	void (*set_progress)(struct debuginfod_client *,
			     int (*progress)(struct debuginfod_client *, long a, long b));
	void (*set_data)(struct debuginfod_client *, void *data);
};

struct fetcher {
	bool (*progress)(void *arg, const struct ss_fetch *fetch);
	void *arg;
	bool tried;
	struct debuginfod_client *client; /* NULL: not tried, or not to be had */
	struct client_functions f;
	bool cache_only;
	uint64_t file_max_ns, all_max_ns;

	/* what is being fetched, as in struct ss_fetch */
	const char *path;
	bool is_file;
	uint64_t began_ns, spent_ns;
};

struct fetcher *fetcher_new(bool (*progress)(void *arg, const struct ss_fetch *fetch), void *arg)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (!fetcher)
		return NULL;
	fetcher->progress = progress;
	fetcher->arg = arg;
	fetcher_limit(fetcher, FILE_MAX_NS, ALL_MAX_NS);
	return fetcher;
}

/*
 * The library stays loaded: GnuTLS and others below it leave destructors and thread keys behind that
 * would be called when they are gone.
 */
void fetcher_free(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	if (fetcher->client)
		fetcher->f.end(fetcher->client);
	free(fetcher);
}

/* dlsym into a function pointer: the form that POSIX asks for. */
static bool resolve(void *library, const char *name, void *ret)
{
	void *address = dlsym(library, name);

	*(void **)ret = address;
	return address != NULL;
}

static bool resolve_all(void *library, struct client_functions *f)
{
	return resolve(library, "debuginfod_begin", &f->begin) &&
	       resolve(library, "debuginfod_end", &f->end) &&
	       resolve(library, "debuginfod_find_debuginfo", &f->find_debuginfo) &&
	       resolve(library, "debuginfod_find_executable", &f->find_executable) &&
	       resolve(library, "debuginfod_set_progressfn", &f->set_progress) &&
	       resolve(library, "debuginfod_set_user_data", &f->set_data);
}

/*
 * True if no more of the file being fetched is wanted, which then holds for all that would follow.
 * `total` is 0 while it is not known.
 */
static bool is_enough(struct fetcher *fetcher, uint64_t bytes, uint64_t total)
{
	uint64_t took_ns = clock_mono_ns() - fetcher->began_ns;
	const struct ss_fetch fetch = {
		.path = fetcher->path, .is_file = fetcher->is_file, .bytes = bytes, .total = total
	};

	if (took_ns > fetcher->file_max_ns || fetcher->spent_ns + took_ns > fetcher->all_max_ns ||
	    (fetcher->progress && fetcher->progress(fetcher->arg, &fetch)))
		fetcher->cache_only = true;
	return fetcher->cache_only;
}

/*
 * The client calls this about once a second while it waits or reads: `a` of `b` bytes; not zero
 * gives up. Its data can be had only through the library, which is loaded by now.
 */
static int watch(struct debuginfod_client *client, long a, long b)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
	void *(*get_data)(struct debuginfod_client *) = NULL;
	struct fetcher *fetcher = NULL;

	if (library && resolve(library, "debuginfod_get_user_data", &get_data))
		fetcher = get_data(client);
	if (library)
		dlclose(library); /* the count goes back to what it was */
	if (!fetcher)
		return 1;
	return b > 0 ? is_enough(fetcher, (uint64_t)a, (uint64_t)b) : is_enough(fetcher, 0, 0);
}

static void load(struct fetcher *fetcher)
{
	struct client_functions *f = &fetcher->f;
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	fetcher->tried = true;
	if (!library || !resolve_all(library, f))
		return;
	fetcher->client = f->begin();
	if (!fetcher->client)
		return;
	f->set_data(fetcher->client, fetcher);
	f->set_progress(fetcher->client, watch);
}

static int find(struct fetcher *fetcher, const unsigned char *build_id, size_t len,
		const char *path, bool is_file)
{
	find_fn *ask;
	int fd;

	if (!fetcher->tried)
		load(fetcher);
	if (!fetcher->client || len > 64)
		return -1;
	fetcher->path = path;
	fetcher->is_file = is_file;
	fetcher->began_ns = clock_mono_ns();
	ask = is_file ? fetcher->f.find_executable : fetcher->f.find_debuginfo;
	fd = ask(fetcher->client, build_id, (int)len, NULL);
	fetcher->spent_ns += clock_mono_ns() - fetcher->began_ns;
	return fd < 0 ? -1 : fd;
}

int fetcher_find(struct fetcher *fetcher, const unsigned char *build_id, size_t len,
		 const char *path)
{
	return find(fetcher, build_id, len, path, false);
}

int fetcher_find_file(struct fetcher *fetcher, const unsigned char *build_id, size_t len,
		      const char *path)
{
	return find(fetcher, build_id, len, path, true);
}

void fetcher_use_cache_only(struct fetcher *fetcher)
{
	fetcher->cache_only = true;
}

void fetcher_limit(struct fetcher *fetcher, uint64_t file_ns, uint64_t all_ns)
{
	fetcher->file_max_ns = file_ns;
	fetcher->all_max_ns = all_ns;
}
