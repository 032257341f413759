/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonchain.h: who waits for whom, as JSON: a thread's chain (null: nobody is known who could end
 * its wait), and the deadlocks of the whole document.
 */
#ifndef SS_WRITE_JSONCHAIN_H
#define SS_WRITE_JSONCHAIN_H

#include "model/snapshot.h"
#include "write/jsonvalue.h"

void json_chain(struct json *j, const struct chain *chain);
void json_deadlocks(struct json *j, const struct ss_snapshot *first);

#endif
