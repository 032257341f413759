/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unpack.h: what the compressed sections of an ELF file claim to become. libdw unpacks all debug
 * sections at once when it opens a file (check_section in libdw/dwarf_begin_elf.c, elfutils 0.188),
 * and libelf only checks that zlib could do it at all, which is a thousandfold.
 */
#ifndef SS_TARGET_UNPACK_H
#define SS_TARGET_UNPACK_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * False if it would be more than any real file becomes. `elf` is of a mapped file, or of memory. The
 * bytes of all that is packed.
 */
bool unpack_is_bounded(Elf *elf, uint64_t *ret_bytes);

#endif
