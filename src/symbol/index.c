/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.c: opening and closing an index, and the ELF symbols. Owns one Dwfl with one module per
 * file, so that libdwfl finds the separate debug file and .gnu_debugdata for us; all lookups are
 * our own, because libdwfl's walk the whole symbol table (dwfl_module_addrinfo: 150 us in libc).
 * Everything is read on the first lookup, nothing at open. Never reads the live process.
 */
#include "symbol/index.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "symbol/index-internal.h"
#include "symbol/pages.h"
#include "target/elfsection.h"
#include "target/unpack.h"

enum {
	SYMBOLS_MAX = 1 << 23,
	SYMBOL_BYTES = 160,    /* of memory each, while they are sorted */
	STRING_TIMES = 4,      /* names are kept here and by those who ask */
	NAME_LEN_MAX = 0xffff, /* names may be the rest of one endless string */
	TIE_LEN_MAX = 256,     /* of those for one place; longer ones are as good as each other */
	SMALL_FILE = 8 << 20,  /* of which it does not matter how much is in memory */
};

/*
 * No find_elf: the file is reported with its descriptor. section_address serves ET_REL files, which
 * nobody maps, but a file's type is foreign data. debuginfo_path is for libdwfl's own search.
 */
static const Dwfl_Callbacks callbacks = {
	.find_debuginfo = debugfile_find,
	.section_address = dwfl_offline_section_address,
};

Elf *index_elf(struct symbol_index *index)
{
	GElf_Addr bias;

	return index->module ? dwfl_module_getelf(index->module, &bias) : NULL;
}

void index_drop_pages(Elf *elf)
{
	size_t size;
	const char *bytes = elf ? elf_rawfile(elf, &size) : NULL;

	if (bytes && size > SMALL_FILE)
		pages_drop(bytes, size);
}

bool index_may_unpack(struct symbol_index *index)
{
	Elf *elf = index_elf(index);
	uint64_t bytes;

	if (!index->unpack_asked)
		index->unpack_granted = elf && unpack_is_bounded(elf, &bytes) &&
					effort_memory(&index->effort, bytes);
	index->unpack_asked = true;
	return index->unpack_granted;
}

const char *index_intern(struct symbol_index *index, const char *s, size_t len)
{
	uint64_t memory = STRING_TIMES * (uint64_t)len;
	size_t n = index->strings.n;
	const char *interned = effort_has_memory(&index->effort, memory)
				       ? strtab_intern_n(&index->strings, s, len)
				       : NULL;

	if (interned && index->strings.n > n)
		effort_memory(&index->effort, memory);
	return interned;
}

/* Where code can be: ranges outside belong to functions that the linker threw away. */
static void find_text(struct symbol_index *index, Elf *elf)
{
	size_t n = 0;

	index->text_start = UINT64_MAX;
	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_LOAD ||
		    !(phdr.p_flags & PF_X) || phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr)
			continue;
		index->text_start = MIN(index->text_start, phdr.p_vaddr);
		index->text_end = MAX(index->text_end, phdr.p_vaddr + phdr.p_memsz);
	}
}

const char *index_directory(struct symbol_index *index, int fd)
{
	char self[32], path[PATH_MAX];
	ssize_t len;
	const char *slash;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, path, sizeof(path) - 1);
	if (len <= 0 || *path != '/')
		return "";
	path[len] = '\0';
	slash = strrchr(path, '/');
	return strtab_intern_n(&index->strings, path, (size_t)(slash - path));
}

static void report_file(struct symbol_index *index, int fd, const char *path)
{
	bool usable = file_is_filled(fd) && debugfile_is_elf(fd);
	int own = usable ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	void **userdata;
	Elf *elf;

	if (own < 0)
		return;
	effort_add_file(&index->effort, own);
	dwfl_report_begin(index->dwfl);
	/* On success the descriptor is libdwfl's. */
	index->module = dwfl_report_elf(index->dwfl, path, path, own, 0, false);
	dwfl_report_end(index->dwfl, NULL, NULL);
	if (!index->module) {
		close(own);
		return;
	}
	dwfl_module_info(index->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = index;
	elf = dwfl_module_getelf(index->module, &index->bias);
	if (elf)
		find_text(index, elf);
}

struct symbol_index *symbol_index_open(int fd, const char *path,
				       const struct symbol_sources *sources)
{
	struct symbol_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->dwfl = dwfl_begin(&callbacks);
	if (!index->dwfl) {
		free(index);
		return NULL;
	}
	index->sources = sources;
	effort_init(&index->effort, sources->budget);
	index->debug_root_fd = AT_FDCWD;
	index->alt_fd = -1;
	index->plain_fd = -1;
	index->debug_fd = -1;
	strtab_init(&index->strings);
	map64_init(&index->qualified);
	map64_init(&index->line_tables);
	map64_init(&index->abbrevs);
	index->path = strtab_intern(&index->strings, path);
	index->directory = index_directory(index, fd);
	if (!index->path || !index->directory) {
		symbol_index_close(index);
		return NULL;
	}
	report_file(index, fd, path);
	return index;
}

void symbol_index_close(struct symbol_index *index)
{
	if (!index)
		return;
	index_units_done(index);
	map64_done(&index->qualified);
	map64_done(&index->line_tables);
	map64_done(&index->abbrevs);
	spans_done(&index->symbols);
	vec_done(&index->names);
	strtab_done(&index->strings);
	dwfl_end(index->dwfl);
	if (index->plain)
		dwarf_end(index->plain);
	close_p(&index->plain_fd);
	altlink_done(index); /* the main file's Dwarf refers to it */
	close_p(&index->debug_fd);
	effort_done(&index->effort);
	free(index);
}

/* Then no other is looked for. */
static bool has_debug_info(Elf *elf)
{
	return elf && (elfsection_has(elf, ".debug_info") || elfsection_has(elf, ".zdebug_info"));
}

void symbol_index_debug_file(struct symbol_index *index, struct file_stamp *ret)
{
	if (!has_debug_info(index_elf(index)))
		debugfile_search(index);
	*ret = index->debug_stamp;
}

bool symbol_index_is_whole(const struct symbol_index *index)
{
	return !index->lacks && !index->effort.exhausted && !index->effort.refused;
}

static bool in_code_section(Elf *elf, GElf_Word shndx)
{
	Elf_Scn *scn = elf ? elf_getscn(elf, shndx) : NULL;
	GElf_Shdr shdr;

	return scn && gelf_getshdr(scn, &shdr) && (shdr.sh_flags & SHF_EXECINSTR);
}

static bool wanted(const GElf_Sym *sym, GElf_Word shndx, Elf *elf)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	if (sym->st_size == 0 || shndx == SHN_UNDEF || shndx == SHN_ABS || shndx == SHN_COMMON)
		return false;
	if (type == STT_NOTYPE)
		return in_code_section(elf, shndx);
	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/*
 * Of names for one address: global before weak before local, then the longer range, then the
 * shorter name: see settle_ties.
 */
static uint64_t name_rank(const GElf_Sym *sym)
{
	static const uint64_t by_binding[16] = {
		[STB_GLOBAL] = 3, [STB_GNU_UNIQUE] = 3, [STB_WEAK] = 2
	};
	const uint64_t size_max = (UINT64_C(1) << 62) - 1;

	return by_binding[GELF_ST_BIND(sym->st_info)] << 62 | MIN(sym->st_size, size_max);
}

static int add_symbol(struct symbol_index *index, int i)
{
	GElf_Sym sym;
	GElf_Addr addr;
	GElf_Word shndx;
	Elf *elf;
	struct symbol_name entry = { .interned = NULL };
	const char *name =
		dwfl_module_getsym_info(index->module, i, &sym, &addr, &shndx, &elf, NULL);

	if (!name || sym.st_name == 0 || !wanted(&sym, shndx, elf))
		return 0;
	addr -= index->bias;
	if (addr + sym.st_size < addr)
		return 0;
	if (!index_text(index, elf, name, &entry.text))
		return 0;
	if (!effort_memory(&index->effort, SYMBOL_BYTES) || vec_push(&index->names, entry) < 0)
		return -1;
	return spans_add(&index->symbols, addr, addr + sym.st_size, name_rank(&sym),
			 (uint32_t)(index->names.n - 1));
}

static size_t name_len(const struct symbol_index *index, const struct span *span)
{
	const struct reader *name = &index->names.data[span->item].text;
	size_t len = index_text_len(name, TIE_LEN_MAX);
	const unsigned char *at = memchr(name->at, '@', len);

	return at ? (size_t)(at - name->at) : len;
}

/* Of equal spans the last one counts: let it be that with the shortest name. */
static void settle_ties(struct symbol_index *index)
{
	struct span *list = index->symbols.list.data;

	for (size_t i = 1; i < index->symbols.list.n; i++) {
		struct span *one = &list[i - 1], *other = &list[i];
		uint32_t item = one->item;

		if (one->start != other->start || one->rank != other->rank ||
		    name_len(index, one) >= name_len(index, other))
			continue;
		one->item = other->item;
		other->item = item;
	}
}

/*
 * The names are left alone until they are asked for: those of a large C++ program take more pages
 * than all the rest.
 */
static void read_symbols(struct symbol_index *index)
{
	Elf *elf = index_elf(index);
	int n = 0;

	index->symbols_read = true;
	effort_begin(&index->effort);
	if (effort_long_step(&index->effort) && index_may_unpack(index) &&
	    minidebug_is_bounded(index, elf))
		n = dwfl_module_getsymtab(index->module);
	for (int i = 1; i < MIN(n, (int)SYMBOLS_MAX) && effort_step(&index->effort); i++)
		if (add_symbol(index, i) < 0) {
			index->lacks = true;
			break;
		}
	spans_sort(&index->symbols);
	settle_ties(index);
	effort_end(&index->effort);
	index_drop_pages(elf);
}

/* "pthread_create@@GLIBC_2.34" -> "pthread_create"; NULL: it is no name, or there is no memory. */
static const char *symbol_name(struct symbol_index *index, struct symbol_name *entry)
{
	const char *name = (const char *)entry->text.at, *at;
	size_t len;

	if (entry->interned)
		return entry->interned;
	len = index_text_len(&entry->text, NAME_LEN_MAX);
	if (len == 0 || len == NAME_LEN_MAX)
		return NULL;
	at = memchr(name, '@', len);
	entry->interned = index_intern(index, name, at && at > name ? (size_t)(at - name) : len);
	return entry->interned;
}

bool symbol_index_find(struct symbol_index *index, uint64_t addr, struct index_symbol *ret)
{
	const struct span *span;

	if (!index->symbols_read)
		read_symbols(index);
	span = spans_find(&index->symbols, addr);
	if (!span)
		return index_find_plt(index, addr, ret);
	*ret = (struct index_symbol){ .start = span->start,
				      .size = span->end - span->start,
				      .name = symbol_name(index, &index->names.data[span->item]) };
	return ret->name != NULL;
}
