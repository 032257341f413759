/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elffile.h: the little of an ELF file's header that tells where it is loaded and which build it
 * is. Pure functions over the file's bytes, which are foreign: every offset and size is checked.
 */
#ifndef SS_TARGET_ELFFILE_H
#define SS_TARGET_ELFFILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum { ELFFILE_MACHINE = EM_X86_64 };
#else
enum { ELFFILE_MACHINE = EM_AARCH64 };
#endif

enum { ELFFILE_BUILD_ID_MAX = 65 }; /* hex digits of 32 bytes and the NUL */

/* NULL if the file is of our class, byte order and machine; else what it is, in static words. */
const char *elffile_check(const unsigned char *bytes, size_t size);

/* Program header i; false beyond the last one, or the end of the bytes. */
bool elffile_segment(const unsigned char *bytes, size_t size, unsigned i, Elf64_Phdr *ret);

/* NT_GNU_BUILD_ID among the notes in bytes[0..size), as lower-case hex; false if there is none. */
bool elffile_note_build_id(const unsigned char *notes, size_t size, uint64_t align,
			   char ret[ELFFILE_BUILD_ID_MAX]);

/* The same in the whole file; "" if it has none. */
void elffile_build_id(const unsigned char *bytes, size_t size, char ret[ELFFILE_BUILD_ID_MAX]);

/*
 * Address in the process - address in the file, of a mapping that begins at `start` with the file's
 * page at `offset`; `flags` (PF_R, PF_X) it must have. False if no segment fits.
 */
bool elffile_bias(const unsigned char *bytes, size_t size, uint64_t start, uint64_t offset,
		  uint32_t flags, uint64_t *ret);

/*
 * The same by the size of the mapping alone, which is that of one executable segment and no other: a
 * separate debug file has the addresses of the segments, but no longer their offsets.
 */
bool elffile_bias_by_size(const unsigned char *bytes, size_t size, uint64_t start, uint64_t end,
			  uint64_t *ret);

/*
 * True if, loaded with this bias, the mapping at `start` shows the file's own bytes: its segment is
 * not writable. RELRO pages look read-only in maps too, but hold relocated data.
 */
bool elffile_is_constant(const unsigned char *bytes, size_t size, uint64_t start, uint64_t offset,
			 uint64_t bias);

#endif
