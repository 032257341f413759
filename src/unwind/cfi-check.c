/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/cfi-check.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

#include "base/reader.h"
#include "target/elfsection.h"

enum {
	REGISTERS_MAX = 512, /* of any ABI: x86-64 has 130, aarch64 128 */
	REMEMBERED_MAX = 64, /* states at a time; compilers nest hardly any */
	HDR_SIZE = 12,
	ENTRY_SIZE = 8,
};

/* ---- numbers ---- */

static bool skip_block(struct reader *reader)
{
	uint64_t len;

	return reader_uleb(reader, &len) && reader_skip(reader, len);
}

static bool skip_register(struct reader *reader)
{
	uint64_t reg;

	return reader_uleb(reader, &reg) && reg < REGISTERS_MAX;
}

/* The size of a pointer in this encoding; 0 if it has none, or one that nobody uses. */
static size_t pointer_size(unsigned char encoding)
{
	if (encoding == DW_EH_PE_omit || (encoding & 0x70) > DW_EH_PE_funcrel)
		return 0;
	switch (encoding & 0x0f) {
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		return 2;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		return 4;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return 8;
	default:
		return 0;
	}
}

/* ---- instructions ---- */

struct program {
	struct reader reader;
	unsigned remembered;
	size_t pointer; /* size of the operand of DW_CFA_set_loc */
};

static bool step_extended(struct program *program, unsigned char opcode)
{
	struct reader *reader = &program->reader;

	switch (opcode) {
	case DW_CFA_set_loc:
		return reader_skip(reader, program->pointer);
	case DW_CFA_advance_loc1:
		return reader_skip(reader, 1);
	case DW_CFA_advance_loc2:
		return reader_skip(reader, 2);
	case DW_CFA_advance_loc4:
		return reader_skip(reader, 4);
	case DW_CFA_MIPS_advance_loc8:
		return reader_skip(reader, 8);
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_def_cfa_register:
		return skip_register(reader);
	case DW_CFA_register:
		return skip_register(reader) && skip_register(reader);
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
	case DW_CFA_GNU_negative_offset_extended:
		return skip_register(reader) && reader_skip_leb(reader);
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_GNU_args_size:
		return reader_skip_leb(reader);
	case DW_CFA_def_cfa_expression:
		return skip_block(reader);
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		return skip_register(reader) && skip_block(reader);
	case DW_CFA_remember_state:
		return ++program->remembered <= REMEMBERED_MAX;
	case DW_CFA_restore_state:
		program->remembered -= program->remembered > 0;
		return true;
	case DW_CFA_nop:
	case DW_CFA_GNU_window_save:
		return true;
	default:
		return false;
	}
}

static bool program_is_sound(struct reader reader, size_t pointer)
{
	struct program program = { .reader = reader, .pointer = pointer };

	while (program.reader.at < program.reader.end) {
		unsigned char opcode = *program.reader.at++;
		bool sound;

		switch (opcode & 0xc0) {
		case DW_CFA_advance_loc:
		case DW_CFA_restore:
			sound = true;
			break;
		case DW_CFA_offset:
			sound = reader_skip_leb(&program.reader);
			break;
		default:
			sound = step_extended(&program, opcode);
			break;
		}
		if (!sound)
			return false;
	}
	return true;
}

/* ---- entries ---- */

struct entry {
	struct reader body; /* behind the id */
	bool is_cie;
	uint64_t cie;  /* else the offset of its CIE */
	uint64_t next; /* offset of the entry behind */
};

/* False at the end, too. */
static bool entry_parse(const struct cfi_check *check, uint64_t offset, struct entry *ret)
{
	struct reader reader = { check->frames, check->frames + check->size };
	uint64_t len, id, at, none;
	size_t size = 4;

	if (!reader_skip(&reader, offset) || !reader_fixed(&reader, 4, &len))
		return false;
	if (len == UINT32_MAX && !reader_fixed(&reader, size = 8, &len))
		return false;
	at = (uint64_t)(reader.at - check->frames);
	ret->body = reader;
	if (len == 0 || !reader_skip(&reader, len))
		return false;
	ret->body.end = reader.at;
	ret->next = at + len;
	if (!reader_fixed(&ret->body, size, &id))
		return false;
	none = check->eh ? 0 : size == 4 ? UINT32_MAX : UINT64_MAX;
	ret->is_cie = id == none;
	ret->cie = check->eh ? at - id : id;
	return true;
}

/* What a CIE says of its FDEs. */
struct cie {
	bool sized;     /* augmentation 'z': they have augmentation data, with its length */
	size_t pointer; /* size of their addresses */
};

/* The data that each letter of the augmentation stands for. */
static bool parse_augmentation(struct reader *reader, const unsigned char *letters, struct cie *ret)
{
	uint64_t encoding;

	for (; *letters; letters++) {
		switch (*letters) {
		case 'L':
			if (!reader_skip(reader, 1))
				return false;
			break;
		case 'R':
			if (!reader_fixed(reader, 1, &encoding) || (encoding & DW_EH_PE_indirect))
				return false;
			ret->pointer = pointer_size((unsigned char)encoding);
			break;
		case 'P':
			if (!reader_fixed(reader, 1, &encoding) ||
			    !reader_skip(reader, pointer_size((unsigned char)encoding)))
				return false;
			break;
		case 'S': /* signal frame */
		case 'B': /* aarch64: keys */
		case 'G':
			break;
		default:
			return false;
		}
	}
	return ret->pointer > 0;
}

static bool cie_parse(const struct cfi_check *check, uint64_t offset, struct cie *ret)
{
	struct entry entry;
	struct reader *body = &entry.body, data;
	const unsigned char *letters;
	uint64_t version, len;

	if (!entry_parse(check, offset, &entry) || !entry.is_cie ||
	    !reader_fixed(body, 1, &version) || (version != 1 && version != 3 && version != 4))
		return false;
	letters = body->at;
	body->at = memchr(letters, '\0', (size_t)(body->end - letters));
	if (!body->at++ || (version == 4 && !reader_skip(body, 2)) || !reader_skip_leb(body) ||
	    !reader_skip_leb(body) ||
	    !(version == 1 ? reader_skip(body, 1) : reader_skip_leb(body)))
		return false;
	*ret = (struct cie){ .sized = *letters == 'z', .pointer = 8 };
	if (*letters && !ret->sized)
		return false; /* GCC 2 */
	data = *body;
	if (ret->sized) {
		if (!reader_uleb(body, &len))
			return false;
		data = *body;
		if (!reader_skip(body, len))
			return false;
		data.end = body->at;
	}
	return parse_augmentation(&data, letters + ret->sized, ret) &&
	       program_is_sound(*body, ret->pointer);
}

static bool fde_is_sound(const struct cfi_check *check, struct entry *entry)
{
	struct cie cie;

	return cie_parse(check, entry->cie, &cie) && reader_skip(&entry->body, 2 * cie.pointer) &&
	       (!cie.sized || skip_block(&entry->body)) &&
	       program_is_sound(entry->body, cie.pointer);
}

static bool entry_is_sound(const struct cfi_check *check, uint64_t offset, struct entry *entry)
{
	struct cie cie;

	return entry->is_cie ? cie_parse(check, offset, &cie) : fde_is_sound(check, entry);
}

/* libdw reads all entries in order if there is no table. */
static bool all_are_sound(const struct cfi_check *check)
{
	struct entry entry;

	for (uint64_t at = 0; entry_parse(check, at, &entry); at = entry.next)
		if (!entry_is_sound(check, at, &entry))
			return false;
	return true;
}

/* ---- finding the sections ---- */

static void use_section(struct cfi_check *check, const Elf_Data *data, uint64_t vaddr)
{
	if (!data || !data->d_buf)
		return;
	check->frames = data->d_buf;
	check->size = data->d_size;
	check->vaddr = vaddr;
}

/* False if the header is one that libdw may take for a table, and we would not. */
static bool use_header(struct cfi_check *check, const Elf_Data *data, uint64_t vaddr,
		       uint64_t *ret_frames)
{
	/* version 1; pcrel|sdata4 pointer, udata4 count, datarel|sdata4 table */
	static const unsigned char usual[] = { 1, 0x1b, 0x03, 0x3b };
	const unsigned char *header = data ? data->d_buf : NULL;
	int32_t pointer;

	if (!header || data->d_size < HDR_SIZE || memcmp(header, usual, sizeof(usual)) != 0)
		return false;
	memcpy(&pointer, header + 4, sizeof(pointer));
	memcpy(&check->count, header + 8, sizeof(check->count));
	if (check->count > (data->d_size - HDR_SIZE) / ENTRY_SIZE)
		return false;
	if (check->count > 0)
		check->table = header + HDR_SIZE;
	check->hdr_vaddr = vaddr;
	*ret_frames = vaddr + 4 + (uint64_t)(int64_t)pointer;
	return true;
}

/* -1: there is no .eh_frame section, so libdw asks the program headers. */
static int use_sections(struct cfi_check *check, Elf *elf)
{
	Elf_Scn *scn = NULL, *header = NULL;
	GElf_Shdr shdr, header_shdr;
	const char *name;
	uint64_t frames;

	while ((scn = elfsection_next(elf, scn, &name, &shdr)) && strcmp(name, ".eh_frame") != 0)
		if (strcmp(name, ".eh_frame_hdr") == 0)
			header = scn;
	if (!scn)
		return -1;
	if (shdr.sh_type == SHT_NOBITS)
		return 0;
	if (header) {
		gelf_getshdr(header, &header_shdr);
		if (!use_header(check, elf_rawdata(header, NULL), header_shdr.sh_addr, &frames))
			return 0;
		if (frames != shdr.sh_addr)
			check->table = NULL;
	}
	use_section(check, elf_rawdata(scn, NULL), shdr.sh_addr);
	return 0;
}

/* Without section headers: .eh_frame ends where the file does. */
static void use_segments(struct cfi_check *check, Elf *elf)
{
	size_t n, size;
	GElf_Phdr phdr;
	uint64_t frames, offset;

	if (elf_getphdrnum(elf, &n) < 0 || !elf_rawfile(elf, &size))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			return;
		if (phdr.p_type == PT_GNU_EH_FRAME)
			break;
		phdr.p_type = PT_NULL;
	}
	if (n == 0 || phdr.p_type != PT_GNU_EH_FRAME ||
	    !use_header(
		    check,
		    elf_getdata_rawchunk(elf, (int64_t)phdr.p_offset, phdr.p_filesz, ELF_T_BYTE),
		    phdr.p_vaddr, &frames))
		return;
	offset = frames - phdr.p_vaddr + phdr.p_offset;
	if (offset < size)
		use_section(check,
			    elf_getdata_rawchunk(elf, (int64_t)offset, size - offset, ELF_T_BYTE),
			    frames);
}

struct cfi_check cfi_check_eh_frame(Elf *elf)
{
	struct cfi_check check = { .eh = true };

	if (use_sections(&check, elf) < 0)
		use_segments(&check, elf);
	if (check.frames && !check.table && !all_are_sound(&check))
		check.frames = NULL;
	return check;
}

struct cfi_check cfi_check_debug_frame(Elf *elf)
{
	struct cfi_check check = { 0 };
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	const char *name;

	while (!check.frames && (scn = elfsection_next(elf, scn, &name, &shdr)))
		if ((strcmp(name, ".debug_frame") == 0 || strcmp(name, ".zdebug_frame") == 0) &&
		    shdr.sh_type != SHT_NOBITS)
			use_section(&check, elf_getdata(scn, NULL), shdr.sh_addr);
	if (check.frames && !all_are_sound(&check))
		check.frames = NULL;
	return check;
}

/* ---- one address ---- */

static uint64_t table_value(const struct cfi_check *check, uint32_t i, unsigned which)
{
	int32_t offset;

	memcpy(&offset, check->table + (size_t)i * ENTRY_SIZE + (size_t)which * sizeof(offset),
	       sizeof(offset));
	return check->hdr_vaddr + (uint64_t)(int64_t)offset;
}

/* As binary_search_fde in libdw/fde.c: the table may be in disorder, so the steps have to be its. */
static bool find_fde(const struct cfi_check *check, uint64_t addr, uint64_t *ret)
{
	uint32_t low = 0, high = check->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (addr < table_value(check, middle, 0)) {
			high = middle;
			continue;
		}
		low = middle + 1;
		if (low < check->count && addr >= table_value(check, low, 0))
			continue;
		*ret = table_value(check, middle, 1) - check->vaddr;
		return true;
	}
	return false;
}

bool cfi_check_address(const struct cfi_check *check, uint64_t addr)
{
	struct entry entry;
	uint64_t offset;

	if (!check->frames)
		return false;
	if (!check->table || !find_fde(check, addr, &offset))
		return true; /* all have been looked at, or none will be */
	return entry_parse(check, offset, &entry) && !entry.is_cie && fde_is_sound(check, &entry);
}
