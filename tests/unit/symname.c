/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symname.c: what addresses of a file are called. Reads hexadecimal addresses from standard input.
 *
 *	symname FILE        prints each address, then a line with the function and one with file:line
 *	                    for each level of its inline chain, as addr2line -a -i -f does
 *	symname FILE MS     looks all of them up again and again for so many milliseconds of CPU
 *	                    time, with our index and with libdwfl: "NAME lookups N per_second N"
 */
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/vec.h"
#include "symbol/index.h"
#include "symbol/sources.h"
#include "symbol/symbolize.h"
#include "target/image.h"

/* Our own /usr/lib/debug, and what is in the file. */
static const struct symbol_sources nowhere = { .root_fd = -1 };

struct addresses {
	VEC(uint64_t) list;
};

static void die(const char *what)
{
	fprintf(stderr, "symname: %s\n", what);
	exit(1);
}

static void read_addresses(struct addresses *addresses)
{
	uint64_t addr;

	while (scanf("%" SCNx64, &addr) == 1)
		if (vec_push(&addresses->list, addr) < 0)
			die("out of memory");
	if (addresses->list.n == 0)
		die("no address on standard input");
}

static struct symbolizer *open_file(const char *path, struct image *image, struct image_map *map)
{
	struct symbolizer *symbolizer = symbolizer_new(&nowhere);

	*image = (struct image){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	*map = (struct image_map){ .mapping = { .path = path, .build_id = "" }, .image = image };
	if (!symbolizer || image->fd < 0)
		die("cannot open the file");
	return symbolizer;
}

/* ---- names ---- */

static void print_line(const struct line *line)
{
	printf("%s\n%s:%u\n", line->function->name, *line->file ? line->file : "??", line->line);
}

static void print_name(struct symbolizer *symbolizer, struct image_map *map, uint64_t addr)
{
	const struct location *location = symbolize(symbolizer, addr, true, map);

	if (!location)
		die("out of memory");
	printf("0x%016" PRIx64 "\n", addr);
	for (unsigned i = 0; i < location->nlines; i++)
		print_line(&location->lines[i]);
	if (location->nlines == 0)
		printf("??\n??:0\n");
}

/* ---- speed ---- */

/* One kind of lookup. */
struct race {
	const char *name;
	void (*look)(struct race *race, uint64_t addr);
	struct symbolizer *symbolizer;
	struct image_map *map;
	struct symbol_index *index;
	Dwfl_Module *module;
	GElf_Addr bias;
};

static void look_symbol(struct race *race, uint64_t addr)
{
	struct index_symbol symbol;

	symbol_index_find(race->index, addr, &symbol);
}

static void look_frames(struct race *race, uint64_t addr)
{
	struct index_frame frames[64];

	symbol_index_frames(race->index, addr, frames, 64);
}

static void look_location(struct race *race, uint64_t addr)
{
	symbolize(race->symbolizer, addr, true, race->map);
}

static void look_addrinfo(struct race *race, uint64_t addr)
{
	GElf_Off offset;
	GElf_Sym sym;

	dwfl_module_addrinfo(race->module, addr + race->bias, &offset, &sym, NULL, NULL, NULL);
}

static void look_source(struct race *race, uint64_t addr)
{
	dwfl_module_getsrc(race->module, addr + race->bias);
}

/* Of this process: others may have the processor meanwhile. */
static uint64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * NS_PER_SEC + (uint64_t)used.tv_nsec;
}

/* The first round is not measured: everything is read in it. */
static void run(struct race *race, const struct addresses *addresses, uint64_t for_ns)
{
	uint64_t begin, now, n = 0;
	size_t i = 0;

	for (size_t k = 0; k < addresses->list.n; k++)
		race->look(race, addresses->list.data[k]);
	begin = now = cpu_ns();
	for (; now - begin < for_ns; now = cpu_ns()) {
		for (unsigned k = 0; k < 256; k++, n++) {
			race->look(race, addresses->list.data[i]);
			i = i + 1 == addresses->list.n ? 0 : i + 1;
		}
	}
	printf("%s lookups %" PRIu64 " per_second %.0f\n", race->name, n,
	       (double)n * 1e9 / (double)(now - begin));
}

static Dwfl_Module *open_dwfl(const char *path, GElf_Addr *ret_bias)
{
	static const Dwfl_Callbacks callbacks = {
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwfl_Module *module = dwfl_report_elf(dwfl, path, path, -1, 0, false);

	dwfl_report_end(dwfl, NULL, NULL);
	if (!module || !dwfl_module_getelf(module, ret_bias))
		die("libdwfl cannot open the file");
	return module;
}

static void measure(const char *path, const struct addresses *addresses, uint64_t for_ns)
{
	static const struct race kinds[] = {
		{ .name = "symbol", .look = look_symbol },
		{ .name = "chain", .look = look_frames },
		{ .name = "location", .look = look_location },
		{ .name = "libdwfl_addrinfo", .look = look_addrinfo },
		{ .name = "libdwfl_getsrc", .look = look_source },
	};
	struct image_map map;
	struct image image;
	struct race race = { .symbolizer = open_file(path, &image, &map), .map = &map };

	race.module = open_dwfl(path, &race.bias);
	race.index = symbol_index_open(image.fd, path, &nowhere);
	if (!race.index)
		die("out of memory");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		race.name = kinds[i].name;
		race.look = kinds[i].look;
		run(&race, addresses, for_ns);
	}
}

int main(int argc, char **argv)
{
	struct addresses addresses = { 0 };
	struct symbolizer *symbolizer;
	struct image_map map;
	struct image image;

	if (argc < 2)
		die("usage: symname FILE [MILLISECONDS] <ADDRESSES");
	read_addresses(&addresses);
	if (argc > 2) {
		measure(argv[1], &addresses, strtoull(argv[2], NULL, 10) * NS_PER_MS);
		return 0;
	}
	symbolizer = open_file(argv[1], &image, &map);
	vec_each(addr, &addresses.list)
		print_name(symbolizer, &map, *addr);
	return 0;
}
