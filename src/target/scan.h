/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.h: the words and numbers that the texts of /proc are made of. Each function moves *p behind
 * what it took; where it returns false, *p may have moved. Nothing is read behind the NUL.
 * Async-signal-safe.
 */
#ifndef SS_TARGET_SCAN_H
#define SS_TARGET_SCAN_H

#include <stdbool.h>
#include <stdint.h>

void scan_blanks(const char **p); /* and tabs, if there are any */
bool scan_char(const char **p, char c);
bool scan_text(const char **p, const char *text);
bool scan_word(const char **p); /* behind blanks */

/* Digits only: no sign, no blanks, no prefix; false if there are none or they do not fit. */
bool scan_digits(const char **p, unsigned base, uint64_t *ret);
bool scan_number(const char **p, unsigned base, uint64_t *ret); /* behind blanks */
bool scan_signed(const char **p, uint64_t *ret);  /* decimal, perhaps negative: two's complement */
bool scan_address(const char **p, uint64_t *ret); /* "0x7f12", behind blanks */

/* True if nothing follows but blanks and one newline. */
bool scan_at_end(const char *p);

/* The text behind `prefix` at the next line that begins with it, from line p on; NULL if none. */
const char *scan_line(const char *p, const char *prefix);

#endif
