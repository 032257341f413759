/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolize.c: what an address is called. Merges the two sources of a file's index: debug
 * information gives the inline chain, clean names, files and lines; the ELF symbol gives the name
 * that the linker knew (clones: "run.isra.0") and stands alone where there is no debug information.
 * Where neither covers the address there is no name: never the nearest one. Owns all locations,
 * functions and strings; the index of a file belongs to its image.
 */
#include "symbol/symbolize.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "symbol/demangle.h"
#include "symbol/lookup.h"
#include "symbol/perfmap.h"
#include "symbol/sources.h"
#include "target/image.h"

/* Functions whose key has the same hash hang together. */
struct function_entry {
	struct function function;
	struct function_entry *next;
};

struct symbolizer {
	const struct symbol_sources *sources;
	struct arena arena;
	struct strtab strings;
	struct map64 locations;  /* pc * 2 + exact -> struct location * */
	struct map64 jit;        /* the same of code that the perf map may name */
	struct map64 functions;  /* hash of its members -> struct function_entry * */
	struct index_frame only; /* the chain of a symbol without debug information */
};

struct symbolizer *symbolizer_new(const struct symbol_sources *sources)
{
	struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));

	if (!symbolizer)
		return NULL;
	symbolizer->sources = sources;
	arena_init(&symbolizer->arena);
	strtab_init(&symbolizer->strings);
	map64_init(&symbolizer->locations);
	map64_init(&symbolizer->jit);
	map64_init(&symbolizer->functions);
	return symbolizer;
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	if (!symbolizer)
		return;
	map64_done(&symbolizer->functions);
	map64_done(&symbolizer->jit);
	map64_done(&symbolizer->locations);
	strtab_done(&symbolizer->strings);
	arena_done(&symbolizer->arena);
	free(symbolizer);
}

void symbolizer_forget(struct symbolizer *symbolizer)
{
	map64_clear(&symbolizer->locations);
	map64_clear(&symbolizer->jit);
}

/* ---- functions ---- */

/* Strings are interned, so their addresses identify them. */
static uint64_t function_hash(const struct function *f)
{
	uint64_t hash = (uintptr_t)f->name;

	hash = map64_hash(hash) + (uintptr_t)f->system_name;
	hash = map64_hash(hash) + (uintptr_t)f->file;
	hash = map64_hash(hash) + f->start_line;
	return hash == MAP64_NO_KEY ? 0 : hash;
}

static bool function_equal(const struct function *a, const struct function *b)
{
	return a->name == b->name && a->system_name == b->system_name && a->file == b->file &&
	       a->start_line == b->start_line;
}

static const struct function *intern_function(struct symbolizer *symbolizer,
					      const struct function *function)
{
	uint64_t hash = function_hash(function);
	const uint64_t *first = map64_find(&symbolizer->functions, hash);
	struct function_entry *head = first ? (void *)(uintptr_t)*first : NULL, *entry;

	for (entry = head; entry; entry = entry->next)
		if (function_equal(&entry->function, function))
			return &entry->function;
	entry = arena_alloc(&symbolizer->arena, sizeof(*entry));
	if (!entry)
		return NULL;
	*entry = (struct function_entry){ .function = *function, .next = head };
	if (map64_put(&symbolizer->functions, hash, (uintptr_t)entry) < 0)
		return NULL;
	return &entry->function;
}

/* NULL only if memory is out, also if `name` is NULL for that reason. */
static const struct function *make_function(struct symbolizer *symbolizer, const char *name,
					    const char *system_name, const char *file,
					    unsigned start_line)
{
	struct function function = { .start_line = start_line };

	if (!name)
		return NULL;
	function.name = strtab_intern(&symbolizer->strings, name);
	function.system_name = strtab_intern(&symbolizer->strings, system_name);
	function.file = strtab_intern(&symbolizer->strings, file);
	if (!function.name || !function.system_name || !function.file)
		return NULL;
	return intern_function(symbolizer, &function);
}

/* ---- names ---- */

/* The demangled name if `mangled` is a mangled one, else NULL. */
static char *demangle_if_mangled(const char *mangled)
{
	char *name = *mangled == '_' ? demangle(mangled) : NULL;

	if (name && strcmp(name, mangled) != 0)
		return name;
	free(name);
	return NULL;
}

/*
 * What people call the function. A linkage name that is not mangled is an alias ("__GI_read"): then
 * the source's name is better. The symbol's name helps where debug information has only the bare
 * name (clang -gline-tables-only).
 */
static char *readable_name(const struct index_frame *frame, const struct index_symbol *symbol)
{
	char *name = demangle_if_mangled(frame->linkage_name);

	if (!name && symbol)
		name = *frame->name ? demangle_if_mangled(symbol->name) : demangle(symbol->name);
	if (name)
		return name;
	if (!*frame->name)
		return demangle(frame->linkage_name);
	name = strdup(frame->name);
	return name ? demangle_cut(name) : NULL;
}

/* `symbol`: of the physical function, NULL for inlined ones. */
static int make_line(struct symbolizer *symbolizer, const struct index_frame *frame,
		     const struct index_symbol *symbol, struct line *ret)
{
	_cleanup_free_ char *name = readable_name(frame, symbol);

	ret->function = make_function(symbolizer, name, symbol ? symbol->name : frame->linkage_name,
				      frame->decl_file, frame->decl_line);
	ret->file = strtab_intern(&symbolizer->strings, frame->file);
	ret->line = frame->line;
	return ret->function && ret->file ? 0 : -1;
}

static int make_lines(struct symbolizer *symbolizer, const struct index_finding *finding,
		      struct location *location)
{
	struct line *lines = arena_array(&symbolizer->arena, finding->n, sizeof(*lines));
	unsigned last = finding->n - 1;

	if (!lines)
		return -1;
	for (unsigned i = 0; i <= last; i++) {
		const struct index_symbol *symbol =
			i == last && finding->has_symbol ? &finding->symbol : NULL;

		if (make_line(symbolizer, &finding->chain[i], symbol, &lines[i]) < 0)
			return -1;
	}
	location->lines = lines;
	location->nlines = finding->n;
	return 0;
}

/* ---- locations ---- */

static struct lookup *image_names(struct symbolizer *symbolizer, struct image *image)
{
	if (!image->names) {
		image->names =
			lookup_open(image->fd, image->path, image->build_id, symbolizer->sources);
		image->names_close = lookup_close;
	}
	return image->names;
}

void symbolizer_prepare(struct symbolizer *symbolizer, struct image *image)
{
	struct lookup *names = image_names(symbolizer, image);

	if (names)
		lookup_prepare(names);
}

/* An ELF symbol alone is a chain of one level that has nothing but a name. */
static void chain_from_symbol(struct index_finding *finding, struct index_frame *frame)
{
	*frame = (struct index_frame){
		.linkage_name = finding->symbol.name, .name = "", .decl_file = "", .file = ""
	};
	finding->chain = frame;
	finding->n = 1;
}

/* Nothing is found (n is 0) if memory for the index is out: it is tried again for the next pc. */
static struct index_finding find(struct symbolizer *symbolizer, struct image *image, uint64_t addr)
{
	struct lookup *names = image_names(symbolizer, image);
	struct index_finding finding = { 0 };

	if (!names)
		return finding;
	finding = lookup_find(names, addr);
	if (finding.n > 0 && !finding.has_symbol && !*finding.chain[finding.n - 1].linkage_name)
		finding.n = 0;
	else if (finding.n == 0 && finding.has_symbol)
		chain_from_symbol(&finding, &symbolizer->only);
	return finding;
}

static int name_location(struct symbolizer *symbolizer, struct image_map *map,
			 struct location *location)
{
	uint64_t addr = location_address(location) - map->bias;
	struct index_finding finding = find(symbolizer, map->image, addr);
	uint64_t start;

	if (finding.n == 0)
		return 0;
	if (make_lines(symbolizer, &finding, location) < 0)
		return -1;
	start = finding.has_symbol ? finding.symbol.start : finding.chain[finding.n - 1].entry;
	location->function_offset = location->module_offset - start;
	return 0;
}

/* Code in no ELF file, where a runtime may have told what it is. */
static int name_jit(struct symbolizer *symbolizer, struct location *location)
{
	const struct perfmap *perfmap = symbolizer->sources->perfmap;
	struct index_frame frame = { .name = "", .decl_file = "", .file = "" };
	struct perfmap_name found;
	struct line *line;

	if (!perfmap || !perfmap_find(perfmap, location_address(location), &found))
		return 0;
	frame.linkage_name = frame.name =
		strtab_intern_n(&symbolizer->strings, found.name, found.len);
	line = arena_alloc(&symbolizer->arena, sizeof(*line));
	if (!line || !frame.name || make_line(symbolizer, &frame, NULL, line) < 0)
		return -1;
	location->lines = line;
	location->nlines = 1;
	location->function_offset = location->pc - found.start;
	return 0;
}

static struct location *make_location(struct symbolizer *symbolizer, uint64_t pc, bool exact,
				      struct image_map *map)
{
	struct location *location = arena_alloc(&symbolizer->arena, sizeof(*location));
	int r = 0;

	if (!location)
		return NULL;
	location->pc = pc;
	location->exact = exact;
	if (map) {
		location->mapping = &map->mapping;
		location->module_offset =
			map->image ? pc - map->bias : pc - map->mapping.start + map->mapping.offset;
	}
	if (!map || !map->image)
		r = name_jit(symbolizer, location);
	else if (!symbolizer->sources->no_files)
		r = name_location(symbolizer, map, location);
	if (map && location->nlines)
		map->mapping.symbolized = true;
	return r < 0 ? NULL : location;
}

/* Where locations like this one are kept; those of JIT code only until its names change. */
static struct map64 *cache_for(struct symbolizer *symbolizer, const struct image_map *map)
{
	if (map && map->image)
		return &symbolizer->locations;
	if (symbolizer->sources->perfmap && perfmap_update(symbolizer->sources->perfmap))
		map64_clear(&symbolizer->jit);
	return &symbolizer->jit;
}

const struct location *symbolize(struct symbolizer *symbolizer, uint64_t pc, bool exact,
				 struct image_map *map)
{
	/* user addresses have 57 bits at most; a wild pc beyond is not cached */
	bool cacheable = pc < UINT64_C(1) << 62;
	uint64_t key = pc * 2 + exact;
	struct map64 *cache = cache_for(symbolizer, map);
	const uint64_t *known = cacheable ? map64_find(cache, key) : NULL;
	struct location *location;

	if (known)
		return (const struct location *)(uintptr_t)*known;
	location = make_location(symbolizer, pc, exact, map);
	if (location && cacheable && map64_put(cache, key, (uintptr_t)location) < 0)
		return NULL;
	return location;
}
