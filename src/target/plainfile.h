/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plainfile.h: an ELF file's debug information without its compression. libdw unpacks every debug
 * section when it opens a file (check_section in libdw/dwarf_begin_elf.c, elfutils 0.188), also
 * those that nobody reads (location lists), takes twice as long as libdeflate does, and cannot
 * unpack what zstd packed.
 */
#ifndef SS_TARGET_PLAINFILE_H
#define SS_TARGET_PLAINFILE_H

#include <libelf.h>

/* NULL-terminated names of sections: all that names, files and lines are made of; CFI. */
extern const char *const plainfile_names[];
extern const char *const plainfile_frames[];

/*
 * A file in memory, as a separate debug file would be: headers, notes, and the wanted sections,
 * unpacked. Its size is that of `elf` or what unpack_is_bounded allows for
 * it, which is to be asked first. The descriptor, for libelf to read and the caller to close; -1 if
 * nothing wanted is packed or it cannot be made: then the file itself has to do.
 */
int plainfile_make(Elf *elf, const char *const *wanted);

#endif
