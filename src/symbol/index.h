/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.h: one ELF file's symbols and debug information, arranged for lookup by address: a sorted
 * array of function symbols; a sorted array of compilation-unit address ranges; and per unit, built
 * on the first lookup in it, the sorted ranges of its subprograms and inlined subroutines. libdw's
 * own lookups are linear or fail on clang and Rust output (elfutils 0.188: dwfl_module_addrinfo,
 * dwarf_getscopes, dwarf_addrdie without .debug_aranges).
 *
 * All addresses are those of the ELF file (its p_vaddr space), not of the process.
 */
#ifndef SS_SYMBOL_INDEX_H
#define SS_SYMBOL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fileio.h"

struct symbol_index;
struct symbol_sources;

/*
 * Open the index of the file in `fd` (not consumed; `path` is what the target calls it, for
 * messages and for finding separate debug files). A file without any symbol gives an empty index.
 * NULL only if memory is out.
 */
struct symbol_index *symbol_index_open(int fd, const char *path,
				       const struct symbol_sources *sources);
void symbol_index_close(struct symbol_index *index);

/* Look for the debug information now and not at the first lookup. */
void symbol_index_prepare(struct symbol_index *index);

/*
 * Which separate debug file will be used, all 0 if none was found or is needed. Looks for it if need
 * be, and reads nothing of it.
 */
void symbol_index_debug_file(struct symbol_index *index, struct file_stamp *ret);

/* False if anything that the lookups so far should have seen was missing, or memory was out. */
bool symbol_index_is_whole(const struct symbol_index *index);

/*
 * The innermost function symbol that covers addr (st_value <= addr < st_value + st_size); for a PLT
 * stub, "puts@plt" (x86-64 only).
 */
struct index_symbol {
	uint64_t start, size;
	const char *name; /* without @VERSION; lives as long as the index */
};
bool symbol_index_find(struct symbol_index *index, uint64_t addr, struct index_symbol *ret);

/*
 * One level of the inline chain at an address, innermost first. Strings live as long as the index.
 */
struct index_frame {
	const char *linkage_name; /* DW_AT_linkage_name, else DW_AT_name; "" if neither */
	const char *name;         /* DW_AT_name; in C++ and Rust without a linkage name, with its
				     namespaces and classes */
	const char *decl_file;    /* where the function is declared; "" if unknown */
	unsigned decl_line;       /* 0 if unknown */
	const char *file;         /* of the line at which this level stands; "" if unknown */
	unsigned line;            /* 0 if unknown */
	uint64_t entry; /* start of the physical function, or of its part that addr is in; only
			     in the last level, 0 if unknown */
};

/* All that is known of one address. */
struct index_finding {
	const struct index_frame *chain; /* n levels, innermost first */
	unsigned n;
	bool has_symbol;
	struct index_symbol symbol;
};

/*
 * Fills at most max levels and returns how many there are, 0 if no debug information covers addr.
 * Code of an assembler source that declares no functions has one level with empty names. file and
 * decl_file are absolute unless the compiler was told to write relative ones.
 */
unsigned symbol_index_frames(struct symbol_index *index, uint64_t addr, struct index_frame *ret,
			     unsigned max);

#endif
