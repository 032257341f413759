/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plainfile.c: see plainfile.h. Two passes over the sections: where each of them goes, then its
 * bytes. The file is laid out as
 *
 *	ELF header | program headers | bytes of sections | section headers
 *
 * and every section keeps its number, so that links between them hold. What is in the input is
 * foreign data: its bytes come from libelf, which has checked their offsets, and what does not
 * unpack to exactly the size that it claims makes no file at all.
 */
#include "target/plainfile.h"

#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/attr.h"
#include "base/vec.h"

#ifdef HAVE_LIBDEFLATE_H
#include <libdeflate.h>
#else
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#ifndef ELFCOMPRESS_ZSTD /* glibc 2.37 */
#define ELFCOMPRESS_ZSTD 2
#endif

const char *const plainfile_names[] = {
	".debug_info",   ".debug_types",       ".debug_abbrev",     ".debug_line",
	".debug_str",    ".debug_str_offsets", ".debug_addr",       ".debug_line_str",
	".debug_ranges", ".debug_rnglists",    ".gnu_debugaltlink", ".symtab",
	".strtab",       ".symtab_shndx",      ".shstrtab",         NULL,
};

const char *const plainfile_frames[] = { ".debug_frame", ".shstrtab", NULL };

enum { ALIGNMENT = 16 }; /* of everything: libelf reads in place what is aligned */

#define SIZE_LIMIT (UINT64_C(1) << 40)

/* One section of the new file. */
struct part {
	Elf64_Shdr shdr;
	const unsigned char *from; /* NULL: it has no bytes */
	size_t len;
	Elf64_Word packing; /* ELFCOMPRESS_..., 0: it is not packed */
};

struct plan {
	Elf64_Ehdr ehdr;
	const Elf64_Phdr *phdrs;
	size_t nphdrs;
	VEC(struct part) parts;
	uint64_t size;
	uint64_t copied; /* of it, from sections that are not packed */
	bool any_packed;
};

/* ---- where everything goes ---- */

/* Room for so many bytes. Beyond the limit it does not matter where: no such file is made. */
static uint64_t take(struct plan *plan, uint64_t len)
{
	uint64_t at = (plan->size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);

	plan->size = MIN(at, SIZE_LIMIT) + MIN(len, SIZE_LIMIT);
	return at;
}

static bool is_wanted(const char *name, const char *const *wanted)
{
	for (; *wanted; wanted++)
		if (strcmp(name, *wanted) == 0)
			return true;
	return false;
}

/* Of code and data, addresses are all that is needed. */
static bool is_kept(const Elf64_Shdr *shdr, const char *name, const char *const *wanted)
{
	if (shdr->sh_type == SHT_NOBITS || shdr->sh_type == SHT_NULL)
		return false;
	return shdr->sh_flags & SHF_ALLOC ? shdr->sh_type == SHT_NOTE : is_wanted(name, wanted);
}

static bool plan_packed(struct part *part)
{
	Elf64_Chdr chdr;

	if (part->len < sizeof(chdr))
		return false;
	memcpy(&chdr, part->from, sizeof(chdr));
	part->packing = chdr.ch_type;
	part->from += sizeof(chdr);
	part->len -= sizeof(chdr);
	part->shdr.sh_flags &= ~(Elf64_Xword)SHF_COMPRESSED;
	part->shdr.sh_size = chdr.ch_size;
	part->shdr.sh_addralign = chdr.ch_addralign;
	return true;
}

static bool plan_section(struct plan *plan, Elf_Scn *scn, const char *name,
			 const char *const *wanted)
{
	const Elf64_Shdr *shdr = elf64_getshdr(scn);
	struct part part = { 0 };
	const Elf_Data *data;

	if (!shdr)
		return false;
	part.shdr = *shdr;
	if (is_kept(shdr, name, wanted)) {
		data = elf_rawdata(scn, NULL);
		if (!data || (data->d_size && !data->d_buf))
			return false;
		part.from = data->d_buf;
		part.len = data->d_size;
		if ((shdr->sh_flags & SHF_COMPRESSED) && !plan_packed(&part))
			return false;
		plan->any_packed |= part.packing != 0;
		plan->copied += part.packing ? 0 : part.len;
		part.shdr.sh_offset = take(plan, part.shdr.sh_size);
	} else if (shdr->sh_type != SHT_NULL) {
		part.shdr.sh_type = SHT_NOBITS;
	}
	return vec_push(&plan->parts, part) == 0;
}

/* Only files of this machine's own kind: the headers are copied as they are. */
static bool plan_headers(struct plan *plan, Elf *elf)
{
	const Elf64_Ehdr *ehdr = elf64_getehdr(elf);
	const unsigned char native = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
									       : ELFDATA2MSB;

	if (!ehdr || ehdr->e_ident[EI_DATA] != native || elf_getphdrnum(elf, &plan->nphdrs) < 0)
		return false;
	plan->ehdr = *ehdr;
	plan->size = sizeof(*ehdr);
	plan->phdrs = plan->nphdrs ? elf64_getphdr(elf) : NULL;
	if (plan->nphdrs && !plan->phdrs)
		return false;
	plan->ehdr.e_phoff = plan->nphdrs ? take(plan, plan->nphdrs * sizeof(Elf64_Phdr)) : 0;
	return true;
}

/*
 * libdw looks for .dwo files beside the file that refers to them, which a file in memory is not. What
 * refers to some has these sections (gcc and clang, -gsplit-dwarf), or what linkers make of them.
 */
static bool may_be_split(const char *name)
{
	return strcmp(name, ".debug_gnu_pubnames") == 0 || strcmp(name, ".gdb_index") == 0;
}

static bool make_plan(struct plan *plan, Elf *elf, const char *const *wanted)
{
	size_t names, n, file_size;

	if (elf_getshdrnum(elf, &n) < 0 || elf_getshdrstrndx(elf, &names) < 0 ||
	    !elf_rawfile(elf, &file_size) || !plan_headers(plan, elf))
		return false;
	for (size_t i = 0; i < n; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		const Elf64_Shdr *shdr = scn ? elf64_getshdr(scn) : NULL;
		const char *name = shdr ? elf_strptr(elf, names, shdr->sh_name) : NULL;

		if (!scn || (name && may_be_split(name)) ||
		    !plan_section(plan, scn, name ? name : "", wanted))
			return false;
	}
	plan->ehdr.e_shoff = take(plan, plan->parts.n * sizeof(Elf64_Shdr));
	/* sections of real files do not overlap */
	return plan->any_packed && plan->copied <= file_size && plan->size < SIZE_LIMIT;
}

/* ---- its bytes ---- */

static bool unpack_zlib(const struct part *part, unsigned char *to)
{
#ifdef HAVE_LIBDEFLATE_H
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	bool done = decompressor &&
		    libdeflate_zlib_decompress(decompressor, part->from, part->len, to,
					       part->shdr.sh_size, NULL) == LIBDEFLATE_SUCCESS;

	libdeflate_free_decompressor(decompressor);
	return done;
#else
	uLongf len = part->shdr.sh_size;

	return uncompress(to, &len, part->from, part->len) == Z_OK && len == part->shdr.sh_size;
#endif
}

static bool unpack(const struct part *part, unsigned char *to)
{
	switch (part->packing) {
	case ELFCOMPRESS_ZLIB:
		return unpack_zlib(part, to);
#ifdef HAVE_ZSTD
	case ELFCOMPRESS_ZSTD:
		return ZSTD_decompress(to, part->shdr.sh_size, part->from, part->len) ==
		       part->shdr.sh_size;
#endif
	default:
		return false;
	}
}

static bool fill(const struct plan *plan, unsigned char *file)
{
	Elf64_Shdr *shdrs = (Elf64_Shdr *)(file + plan->ehdr.e_shoff);

	memcpy(file, &plan->ehdr, sizeof(plan->ehdr));
	if (plan->nphdrs)
		memcpy(file + plan->ehdr.e_phoff, plan->phdrs, plan->nphdrs * sizeof(Elf64_Phdr));
	vec_each(part, &plan->parts) {
		*shdrs++ = part->shdr;
		if (part->packing && !unpack(part, file + part->shdr.sh_offset))
			return false;
		if (!part->packing && part->len)
			memcpy(file + part->shdr.sh_offset, part->from, part->len);
	}
	return true;
}

/* A longer file would be SIGXFSZ. */
static bool may_have_size(uint64_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

static bool write_plan(const struct plan *plan, int fd)
{
	void *file;
	bool done;

	if (ftruncate(fd, (off_t)plan->size) < 0)
		return false;
	file = mmap(NULL, plan->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		return false;
	done = fill(plan, file);
	munmap(file, plan->size);
	return done;
}

int plainfile_make(Elf *elf, const char *const *wanted)
{
	_cleanup_close_ int fd = -1;
	struct plan plan = { 0 };
	bool done = make_plan(&plan, elf, wanted) && may_have_size(plan.size);

	if (done)
		fd = memfd_create("stacksnap-debug", MFD_CLOEXEC);
	done = fd >= 0 && write_plan(&plan, fd);
	vec_done(&plan.parts);
	return done ? steal_fd(&fd) : -1;
}
