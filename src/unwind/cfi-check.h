/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi-check.h: call frame information, looked at before libdw is asked. In elfutils 0.188 one register
 * number makes it fill 2 GB, and each state remembered as much again (cfi.c: enough_registers), and
 * it reads on where an entry ends too early (cie.c, fde.c). The same entry is found here by the same
 * steps; what is refused is taken as not there.
 */
#ifndef SS_UNWIND_CFI_CHECK_H
#define SS_UNWIND_CFI_CHECK_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cfi_check {
	const unsigned char *frames; /* the section with the entries; NULL: not to be used */
	size_t size;
	bool eh;                    /* .eh_frame, and not .debug_frame */
	uint64_t vaddr;             /* of the section */
	const unsigned char *table; /* pairs of 4-byte offsets from hdr_vaddr; NULL: none */
	uint32_t count;
	uint64_t hdr_vaddr;
};

/* The .eh_frame and the table that dwarf_getcfi_elf uses. Borrows from elf, of 64 bits. */
struct cfi_check cfi_check_eh_frame(Elf *elf);

/* The same for a .debug_frame, unpacked. */
struct cfi_check cfi_check_debug_frame(Elf *elf);

/* False if asking libdw for addr, an address in the file, could do harm. */
bool cfi_check_address(const struct cfi_check *check, uint64_t addr);

#endif
