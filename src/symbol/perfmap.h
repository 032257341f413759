/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perfmap.h: names of JIT code from /tmp/perf-PID.map, which runtimes write for perf(1): "START SIZE
 * NAME" a line, hexadecimal, newer code at an address behind older code. The file is that of the
 * target's own root and of its own pid namespace. It is foreign data: it is read only if it is a
 * regular file that belongs to the target's user or to root, was written since the process began,
 * and of a long one only the end.
 */
#ifndef SS_SYMBOL_PERFMAP_H
#define SS_SYMBOL_PERFMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perfmap;
struct perfmap_names;
struct target;

/* ---- the text ---- */

struct perfmap_name {
	uint64_t start;
	const char *name; /* raw foreign bytes; lives as long as the names do */
	size_t len;
};

/* NULL only if memory is out. Lines that make no sense are left out. `text` is borrowed. */
struct perfmap_names *perfmap_parse(const char *text, size_t len);
void perfmap_names_free(struct perfmap_names *names);
bool perfmap_names_find(const struct perfmap_names *names, uint64_t addr, struct perfmap_name *ret);

/* ---- the file ---- */

/* Opens nothing yet. `target` and `root_fd`, a directory descriptor, are borrowed. */
struct perfmap *perfmap_new(const struct target *target, int root_fd);
void perfmap_free(struct perfmap *perfmap);

/*
 * Read the file again if it has changed; true if so, and names found before may be wrong now. Spends
 * a few percent of the time at most on a file that grows all the while: in between it says false.
 */
bool perfmap_update(struct perfmap *perfmap);

/* Names live until the next update. */
bool perfmap_find(const struct perfmap *perfmap, uint64_t addr, struct perfmap_name *ret);

#endif
