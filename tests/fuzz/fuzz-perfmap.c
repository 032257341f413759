/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-perfmap.c: any text as a perf map: what is found lies in the text.
 */
#include <stdlib.h>
#include <string.h>

#include "symbol/perfmap.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	struct perfmap_names *names = perfmap_parse((const char *)data, len);
	struct perfmap_name found;

	if (!names)
		abort();
	for (uint64_t addr = 0; addr < 0x3000; addr += 0x7f)
		if (perfmap_names_find(names, addr, &found) &&
		    (found.name < (const char *)data || found.len == 0 ||
		     found.name + found.len > (const char *)data + len || found.start > addr))
			abort();
	perfmap_names_free(names);
	return 0;
}
