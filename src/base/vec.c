/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/vec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int vec_grow(void *data_p, size_t *cap, size_t want, size_t size)
{
	void **data = data_p;
	size_t room = *cap ? *cap : 8;
	void *p;

	while (room < want) {
		if (room > SIZE_MAX / 2)
			return -ENOMEM;
		room *= 2;
	}
	p = reallocarray(*data, room, size);
	if (!p)
		return -ENOMEM;
	*data = p;
	*cap = room;
	return 0;
}
