/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * columns.h: aligning the lines of a stack in the count form.
 */
#ifndef SS_WRITE_COLUMNS_H
#define SS_WRITE_COLUMNS_H

#include "base/buf.h"

/*
 * Append the lines, each begun with "#\t". A line is "ADDRESS\tNAME\t\tPLACE\n", whose cells are
 * aligned with those of its neighbours, or "ADDRESS[\tTEXT]\n", written as it is.
 */
void columns_put(struct buf *buf, const char *lines);

#endif
