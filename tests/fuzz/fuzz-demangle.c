/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-demangle.c: linker names, of whatever language they claim to be. What comes out is short, and
 * comes soon.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1), *readable;

	if (!name)
		return 0;
	memcpy(name, data, size);
	name[size] = '\0';
	readable = demangle(name);
	if (readable && strlen(readable) > 4096 + strlen("@plt"))
		abort();
	free(readable);
	free(name);
	return 0;
}
