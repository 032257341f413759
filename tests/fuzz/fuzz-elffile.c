/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-elffile.c: program headers and notes of a file that may be anything. The build id that comes
 * out must be hex digits; nothing may be read beyond the bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/elffile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char id[ELFFILE_BUILD_ID_MAX];
	uint64_t bias = 0;

	if (elffile_check(data, size))
		return 0;
	elffile_build_id(data, size, id);
	if (strspn(id, "0123456789abcdef") != strlen(id))
		abort();
	elffile_bias(data, size, 0x7f0000001000, 0x1000, PF_X, &bias);
	elffile_is_constant(data, size, 0x7f0000001000, 0x1000, bias);
	return 0;
}
