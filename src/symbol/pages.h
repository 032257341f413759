/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages.h: keeping the memory that mapped files take small.
 */
#ifndef SS_SYMBOL_PAGES_H
#define SS_SYMBOL_PAGES_H

#include <stddef.h>

/*
 * Unmap the pages of this range that are unchanged pages of files: they come back from the page
 * cache when they are looked at. All other memory in the range stays as it is.
 */
void pages_drop(const void *start, size_t len);

#endif
