/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contents.h: what a file and its separate debug file hold for us, without reading any of it: to say
 * what is missing and why.
 */
#ifndef SS_SYMBOL_CONTENTS_H
#define SS_SYMBOL_CONTENTS_H

#include <stdbool.h>

#include "symbol/index.h"

struct contents {
	bool debug_info; /* there is DWARF, in the file or beside it */
	bool lacks;      /* it refers to a file that is not there, or memory was out */
	bool unwind;     /* .eh_frame, or .debug_frame in either */
};

void contents_find(struct symbol_index *index, struct contents *ret);

#endif
