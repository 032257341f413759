/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/scan.h"

#include <string.h>

void scan_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
}

bool scan_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

bool scan_text(const char **p, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

bool scan_word(const char **p)
{
	scan_blanks(p);
	if (**p == '\0' || **p == '\n')
		return false;
	*p += strcspn(*p, " \t\n");
	return true;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

bool scan_digits(const char **p, unsigned base, uint64_t *ret)
{
	const char *start = *p;
	uint64_t value = 0;

	for (; digit_value(**p) < base; (*p)++) {
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit_value(**p), &value))
			return false;
	}
	*ret = value;
	return *p > start;
}

bool scan_number(const char **p, unsigned base, uint64_t *ret)
{
	scan_blanks(p);
	return scan_digits(p, base, ret);
}

bool scan_signed(const char **p, uint64_t *ret)
{
	bool negative;

	scan_blanks(p);
	negative = scan_char(p, '-');
	if (!scan_digits(p, 10, ret))
		return false;
	if (negative)
		*ret = 0 - *ret;
	return true;
}

bool scan_address(const char **p, uint64_t *ret)
{
	scan_blanks(p);
	return scan_text(p, "0x") && scan_digits(p, 16, ret);
}

bool scan_at_end(const char *p)
{
	scan_blanks(&p);
	return *p == '\0' || (*p == '\n' && p[1] == '\0');
}

const char *scan_line(const char *p, const char *prefix)
{
	while (p) {
		const char *rest = p;

		if (scan_text(&rest, prefix))
			return rest;
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return NULL;
}
