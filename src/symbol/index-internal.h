/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index-internal.h: what the files index*.c, debugfile.c and plt.c share; nobody else includes it.
 *
 * Three address spaces meet here. "ELF": the p_vaddr space of the file, ours. "Dwfl": ELF + bias.
 * "Dwarf": that of the debug information, which differs if a separate debug file was made before
 * the file was prelinked: ELF + dwarf_delta.
 */
#ifndef SS_SYMBOL_INDEX_INTERNAL_H
#define SS_SYMBOL_INDEX_INTERNAL_H

#include <elfutils/libdwfl.h>

#include "base/map64.h"
#include "base/reader.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "symbol/effort.h"
#include "symbol/index.h"
#include "symbol/sources.h"
#include "symbol/spans.h"

/* A subprogram or inlined subroutine that has code. */
struct scope {
	Dwarf_Die die;
	uint32_t parent; /* the scope around it, SPAN_NONE if none */
	bool inlined;
	struct scopes *inner; /* itself and what is in it; NULL: not looked into */
};

/* What one walk found. */
struct scopes {
	struct spans spans; /* Dwarf addresses */
	VEC(struct scope) list;
};

enum walked {
	WALKED_NOT,
	WALKED_OUTER, /* functions, but what is in them; in C and C++ what is in types neither */
	WALKED_WHOLE,
};

struct unit {
	Dwarf_Die die;  /* of the unit in the file that has the addresses and lines */
	Dwarf_Die body; /* of the unit that has the functions: the same, or the .dwo's */
	bool body_asked;
	enum walked walked;
	struct scopes scopes;
};

/* Of one symbol. */
struct symbol_name {
	struct reader text; /* from where it begins, see index_text */
	const char
		*interned; /* without its version; NULL: nobody has asked yet, or it is no name */
};

struct symbol_index {
	Dwfl *dwfl;
	Dwfl_Module *module; /* NULL: not an ELF file; then everything stays empty */
	const struct symbol_sources *sources;
	const char *path;      /* of the file, as the target calls it */
	const char *directory; /* index_directory of the file with the debug information */
	uint64_t bias;
	uint64_t text_start, text_end; /* executable segments, ELF addresses */
	struct strtab strings;
	struct effort effort;
	struct map64 line_tables; /* Dwarf_CU or address of a line table -> whether it is bounded */
	struct map64 abbrevs;     /* Dwarf_CU -> whether reading all its abbreviations is bounded */

	bool lacks; /* something that it refers to is missing, or memory was out */

	bool debug_searched; /* for a separate debug file; the rest holds if one was found */
	int debug_fd;        /* until libdwfl has taken it; -1 */
	struct file_stamp debug_stamp;
	int debug_root_fd;      /* the root that debug_path starts from, or AT_FDCWD */
	const char *debug_path; /* NULL: none was found */

	bool unpack_asked, unpack_granted; /* see index_may_unpack */
	Dwarf *plain; /* of the main file, unpacked; NULL: nothing in it is packed, or not asked for */
	int plain_fd;

	Dwarf *alt; /* dwz's shared file, or an empty one; NULL: the file refers to none */
	int alt_fd;
	void *alt_bytes; /* of the empty one */

	bool symbols_read;
	struct spans symbols;
	VEC(struct symbol_name) names; /* by span.item */

	bool units_read;
	uint64_t dwarf_delta;
	size_t looked_at; /* bytes of units, since the file's pages were given back */
	VEC(struct unit) units;
	struct spans unit_spans;
	struct map64 qualified; /* Dwarf_Die.addr of a function -> its name with namespaces */
};

/* ---- index.c ---- */

/* The main file (not the debug file), or NULL. Lives as long as the index. */
Elf *index_elf(struct symbol_index *index);

/* False if what is packed in the main file takes too much memory; counts it once. */
bool index_may_unpack(struct symbol_index *index);

/* The text in memory of the index; NULL if there is too little. */
const char *index_intern(struct symbol_index *index, const char *s, size_t len);

/* Give back the pages of a large file: whoever looks at its bytes next reads them again. */
void index_drop_pages(Elf *elf);

/*
 * Where libdw takes an open file to be (__libdw_debugdir in libdw/dwarf_begin_elf.c): its directory
 * as the kernel shows it to us, "" if it does not.
 */
const char *index_directory(struct symbol_index *index, int fd);

/* ---- index-text.c ---- */

/* Debug information may name every function after the rest of one endless string. */
enum { INDEX_STRING_MAX = 1 << 15 };

/* From s, a string of elf, up to the end of what may be read there; false: it is not of elf. */
bool index_text(struct symbol_index *index, Elf *elf, const char *s, struct reader *ret);

/* Up to the NUL, at most max; 0 if it has to end before, but does not. */
size_t index_text_len(const struct reader *text, size_t max);

/*
 * A copy in the index, cut at INDEX_STRING_MAX; NULL if it is none, or does not end, or there is no
 * memory. attr may be NULL.
 */
const char *index_string(struct symbol_index *index, Dwarf_Attribute *attr);

/* ---- plt.c ---- */

/* The PLT stub that covers addr, named after the function it jumps to: "puts@plt". */
bool index_find_plt(struct symbol_index *index, uint64_t addr, struct index_symbol *ret);

/* ---- debugfile.c ---- */

/* Look for the separate debug file, once. */
void debugfile_search(struct symbol_index *index);

/* libdwfl's find_debuginfo callback: *userdata is the index. */
int debugfile_find(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		   const char *file, const char *debuglink, GElf_Word crc, char **ret_name);

/*
 * A descriptor of dwz's shared file, which .gnu_debugaltlink calls `name` and knows by the build id;
 * -1 if it is nowhere.
 */
int debugfile_find_alt(struct symbol_index *index, const char *name, const void *build_id,
		       size_t len);

/* True if what is open there is an ELF file; libdwfl is given no other. */
bool debugfile_is_elf(int fd);

/* True if what is open there is an ELF file that libdw may unpack; how many bytes that are. */
bool debugfile_unpacks(int fd, uint64_t *ret_bytes);

/* True if the target's root is ours, or is not known: what it calls a file, we call it. */
bool debugfile_has_our_root(const struct symbol_sources *sources);

/* ---- splitunit.c ---- */

/*
 * The unit of the .dwo file that a skeleton unit stands for; addr NULL if there is none. Only of
 * regular files.
 */
Dwarf_Die splitunit_find(struct symbol_index *index, Dwarf_Die *skeleton);

/* ---- rawsection.c ---- */

/*
 * The contents of ".debug_..." by that name without the period, of a split file with ".dwo" behind
 * it. False if there is none, or it is empty.
 */
bool rawsection_find(Dwarf *dwarf, const char *wanted, bool split, struct reader *ret);

/* ---- linetable.c ---- */

/* False if the line table of cu, of the unit or referred to by it, may cost too much. */
bool linetable_is_bounded(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu);

/* ---- abbrevs.c ---- */

/*
 * False if reading the units of dwarf, but not yet what is in them, may cost too much; `split`: it is
 * that of a .dwo file.
 */
bool abbrevs_are_bounded(struct symbol_index *index, Dwarf *dwarf, bool split);

/* The same of all the DIEs in a unit. */
bool abbrevs_of_unit_are_bounded(struct symbol_index *index, Dwarf_CU *cu);

/* The same of the units that have the DIEs which die refers to for what it does not say itself. */
bool abbrevs_of_origins_are_bounded(struct symbol_index *index, const Dwarf_Die *die);

/* ---- minidebug.c ---- */

/* False if the main file has a .gnu_debugdata that unpacks to far more than symbols take. */
bool minidebug_is_bounded(struct symbol_index *index, Elf *elf);

/* ---- altlink.c ---- */

/*
 * Give `dwarf`, that of the index, the shared file that it refers to, if it refers to one. False if
 * memory is out: then libdw may not be asked for anything that could refer to it.
 */
bool altlink_add(struct symbol_index *index, Dwarf *dwarf);
void altlink_done(struct symbol_index *index);

/* ---- index-dwarf.c ---- */

/* The debug information of the file, or of the separate one. NULL if there is none of use. */
Dwarf *index_dwarf(struct symbol_index *index, Dwarf_Addr *ret_bias);

void index_units_done(struct symbol_index *index);

/* ---- index-scopes.c ---- */

void scopes_done(struct scopes *scopes);

/* Walk the unit at least so far; what was found before memory ran out is kept. */
void unit_walk(struct symbol_index *index, struct unit *unit, enum walked want);

/* The scopes that have all those that cover addr, a Dwarf address; NULL if memory is out. */
struct scopes *unit_find_scopes(struct symbol_index *index, struct unit *unit, uint64_t addr);

/*
 * Add the ranges of die that lie in executable segments; how many, or -ENOMEM. Dwarf addresses.
 */
int spans_add_die(struct symbol_index *index, struct spans *spans, Dwarf_Die *die, uint64_t rank,
		  uint32_t item);

/* True if it has any range at all, of discarded code too. */
bool die_tells_ranges(Dwarf_Die *die);

/* ---- index-names.c ---- */

/*
 * linkage_name, name, decl_file, decl_line of a function; unit is where its code is. Never NULL
 * strings.
 */
void index_name_function(struct symbol_index *index, struct unit *unit, Dwarf_Die *die,
			 struct index_frame *frame);

/* file and line of the call that an inlined subroutine stands for. */
void index_name_call(struct symbol_index *index, struct unit *unit, Dwarf_Die *die,
		     struct index_frame *frame);

/* file and line of a Dwarf address. */
void index_name_line(struct symbol_index *index, struct unit *unit, uint64_t addr,
		     struct index_frame *frame);

#endif
