/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * children.h: the descendants of some processes, found by asking every new process of /proc for its
 * parent. A process is followed from then on, even if its parent ends. What /proc cannot show is
 * missed: a process that ended between two calls, and one whose parent did so before the first call
 * that could see it (a double fork within one interval). The calling process is never a descendant,
 * nor are those that it has made.
 */
#ifndef SS_TARGET_CHILDREN_H
#define SS_TARGET_CHILDREN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "target/target.h"

struct children;

struct children *children_new(void); /* NULL only if memory is out */
void children_free(struct children *children);

/* Follow the children of this process. 0 or -ENOMEM. */
int children_follow(struct children *children, pid_t pid);

/*
 * Descendants that were not there at the call before, parents first, in ret (its tids are pids).
 * They are followed from now on. Costs one small read while nobody makes a process or thread.
 */
int children_find(struct children *children, struct tids *ret, struct ss_error *err);

#endif
