/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contents.h: what a file and its separate debug file hold for us, without reading any of it: to say
 * what is missing and why.
 */
#ifndef SS_SYMBOL_CONTENTS_H
#define SS_SYMBOL_CONTENTS_H

#include <stdbool.h>

#include "symbol/index.h"

/* Which functions of a file have a name without debug information. */
enum contents_names {
	CONTENTS_NO_NAMES,
	CONTENTS_EXPORTED, /* those of .dynsym */
	CONTENTS_ALL,      /* there is .symtab or .gnu_debugdata */
};

struct contents {
	bool debug_info; /* there is DWARF, in the file or beside it */
	bool unreadable; /* it is in the file, but packed or damaged so that nothing comes of it */
	bool lacks;      /* once it was read: it refers to a file that is not there */
	bool unwind;     /* .eh_frame, or .debug_frame in either */
	enum contents_names names;
};

void contents_find(struct symbol_index *index, struct contents *ret);

#endif
