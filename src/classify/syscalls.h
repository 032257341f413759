/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscalls.h: names of this architecture's system calls, from a table that gen-syscalls.awk makes
 * at build time.
 */
#ifndef SS_CLASSIFY_SYSCALLS_H
#define SS_CLASSIFY_SYSCALLS_H

#include <stdint.h>

/* "futex", or NULL if the number is not known. */
const char *syscall_name(int64_t nr);

#endif
