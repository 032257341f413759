/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * undumpable.c: a process that has called prctl(PR_SET_DUMPABLE, 0): only CAP_SYS_PTRACE may look
 * at it, its own user may not.
 */
#include "target.h"

int main(void)
{
	target_begin();
	target_check(prctl(PR_SET_DUMPABLE, 0) == 0, "PR_SET_DUMPABLE");
	target_ready();
	target_rest();
}
