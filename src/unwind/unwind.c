/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/unwind.h"

#include <string.h>

const struct unwinder_ops *const unwinders[] = { &unwinder_cfi, &unwinder_libunwind, NULL };
const char *const unwinder_names[] = { "cfi", "libunwind", NULL };

const struct unwinder_ops *unwinder_find(const char *name)
{
	if (!name)
		return unwinders[0];
	for (size_t i = 0; unwinders[i]; i++)
		if (strcmp(unwinders[i]->name, name) == 0)
			return unwinders[i];
	return NULL;
}
