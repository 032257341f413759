/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-btf.c: the kernel's BTF. Whatever the bytes, every type and every path must end, and a type
 * that is found must be one.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void ask(struct btf *btf)
{
	uint32_t id = btf_find(btf, BTF_STRUCT, "outer");
	struct btf_field field;

	check(id <= btf->n);
	for (uint32_t type = 0; type <= btf->n + 1 && type < 64; type++) {
		(void)btf_find_field(btf, type, "in.b", &field);
		(void)btf_find_field(btf, type, "deep", &field);
		if (btf_find_field(btf, type, "", &field) == 0)
			check(field.offset == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size: nothing may be read behind it. */
	void *copy = malloc(size ? size : 1);
	struct btf btf;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	if (btf_parse(&btf, copy, size) == 0) {
		ask(&btf);
		btf_done(&btf);
	}
	free(copy);
	return 0;
}
