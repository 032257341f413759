/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plt.c: names for the stubs of the procedure linkage table, which have no symbols. A stub is read,
 * not assumed: its indirect jump names a GOT slot, and the relocation of that slot names the
 * function. That serves .plt, .plt.sec and .plt.got of every linker alike. x86-64 only; elsewhere
 * nothing is found. Reads only the file.
 */
#include "symbol/index-internal.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

enum { STUB_SIZE = 16 };

static bool is_plt(Elf *elf, const GElf_Shdr *shdr)
{
	size_t strings;
	const char *name;

	if (elf_getshdrstrndx(elf, &strings) < 0)
		return false;
	name = elf_strptr(elf, strings, shdr->sh_name);
	return name && strncmp(name, ".plt", 4) == 0;
}

/* The PLT section that covers addr; NULL if none. */
static Elf_Scn *find_section(Elf *elf, uint64_t addr, GElf_Shdr *ret)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, ret) && ret->sh_type == SHT_PROGBITS &&
		    addr - ret->sh_addr < ret->sh_size && is_plt(elf, ret))
			return scn;
	return NULL;
}

/*
 * The GOT slot that the stub jumps through, 0 if it has no such jump: an optional endbr64 and an
 * optional bnd prefix, then "jmp *disp(%rip)" (ff 25 disp32). The header stub begins with a push.
 */
static uint64_t stub_slot(const unsigned char *code, size_t len, uint64_t addr)
{
	static const unsigned char endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t i = 0;
	int32_t disp;

	if (len >= sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0)
		i = sizeof(endbr64);
	i += i < len && code[i] == 0xf2;
	if (i + 6 > len || code[i] != 0xff || code[i + 1] != 0x25)
		return 0;
	memcpy(&disp, code + i + 2, sizeof(disp));
	return addr + i + 6 + (uint64_t)(int64_t)disp;
}

/* The name of the symbol whose address the relocation puts into `slot`. */
static const char *slot_name(struct effort *effort, Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr,
			     uint64_t slot)
{
	Elf_Data *rels = elf_getdata(scn, NULL);
	Elf_Scn *symscn = elf_getscn(elf, shdr->sh_link);
	Elf_Data *syms = symscn ? elf_getdata(symscn, NULL) : NULL;
	GElf_Shdr symhdr;
	GElf_Rela rela;
	GElf_Sym sym;

	if (!rels || !syms || !gelf_getshdr(symscn, &symhdr))
		return NULL;
	for (int i = 0; effort_step(effort) && gelf_getrela(rels, i, &rela); i++)
		if (rela.r_offset == slot)
			return gelf_getsym(syms, (int)GELF_R_SYM(rela.r_info), &sym)
				       ? elf_strptr(elf, symhdr.sh_link, sym.st_name)
				       : NULL;
	return NULL;
}

static const char *find_slot_name(struct effort *effort, Elf *elf, uint64_t slot)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = NULL;

		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_RELA &&
		    (shdr.sh_flags & SHF_ALLOC))
			name = slot_name(effort, elf, scn, &shdr, slot);
		if (name && *name)
			return name;
	}
	return NULL;
}

static const char *plt_name(struct symbol_index *index, const char *name)
{
	char text[4096];
	int len = snprintf(text, sizeof(text), "%s@plt", name);

	return len < (int)sizeof(text) ? strtab_intern(&index->strings, text) : NULL;
}

bool index_find_plt(struct symbol_index *index, uint64_t addr, struct index_symbol *ret)
{
	Elf *elf = index_elf(index);
	const char *name = NULL;
	GElf_Ehdr ehdr;
	GElf_Shdr shdr;
	Elf_Scn *scn;
	Elf_Data *data;
	uint64_t start, slot, size;

	if (!elf || !gelf_getehdr(elf, &ehdr) || ehdr.e_machine != EM_X86_64)
		return false;
	scn = find_section(elf, addr, &shdr);
	data = scn ? elf_rawdata(scn, NULL) : NULL;
	if (!data)
		return false;
	/* .plt.got has entries of 8 bytes unless built for CET */
	size = shdr.sh_entsize == 8 ? 8 : STUB_SIZE;
	start = addr - (addr - shdr.sh_addr) % size;
	if (start - shdr.sh_addr >= data->d_size)
		return false;
	slot = stub_slot((unsigned char *)data->d_buf + (start - shdr.sh_addr),
			 MIN(size, data->d_size - (start - shdr.sh_addr)), start);
	effort_begin(&index->effort);
	if (slot)
		name = find_slot_name(&index->effort, elf, slot);
	effort_end(&index->effort);
	name = name ? plt_name(index, name) : NULL;
	if (!name)
		return false;
	*ret = (struct index_symbol){ .start = start, .size = size, .name = name };
	return true;
}
