/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sparse array of names by number. syscalls-table.h is generated (gen-syscalls.awk) into the
 * build directory. It assumes numbers of the native ABI; those of x32 (bit 30 set) are not known
 * and give NULL.
 */
#include "classify/syscalls.h"

#include <sys/syscall.h>

#include "base/attr.h"

static const char *const names[] = {
#include "classify/syscalls-table.h"
};

const char *syscall_name(int64_t nr)
{
	if (nr < 0 || (uint64_t)nr >= ARRAY_SIZE(names))
		return NULL;
	return names[nr];
}
