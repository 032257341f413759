/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chains.h: who waits for whom, in words: the lines under a thread's header, the section of
 * deadlocks, and the report of --chains.
 */
#ifndef SS_WRITE_CHAINS_H
#define SS_WRITE_CHAINS_H

#include "write/write.h"

/* `thread 12 "x" [mutex, 3.20 s]`, with the process's pid if it is not `here`. */
void write_ref(struct buf *buf, const struct thread_ref *ref, const struct ss_snapshot *here);

/* `thread 12 "x"` or `process 77 "postgres"` */
void write_party(struct buf *buf, const struct party *party);

/* The stack, a line a function, indented. */
void write_stack_lines(struct buf *buf, const struct thread *thread,
		       const struct write_options *options);

/*
 * What the thread waits for and who is at the other end, in one line, indented; nothing if it is not
 * known to wait.
 */
void write_wait_line(struct buf *buf, const struct thread_ref *ref);

/*
 * Who is at the other end of what the thread waits on: "other end: process 77 "postgres""; nothing if
 * that is not known, or a thread that the wait itself names.
 */
void write_ends(struct buf *buf, const struct thread *thread);

/*
 * Where the chain of waits leads: "ends at thread 12 "x" [socket recv, 3.20 s]: in recvfrom of fd 3
 * (...)", "in deadlock 1", "waits for ever"; nothing if it leads nowhere.
 */
void write_chain(struct buf *buf, const struct ss_snapshot *snapshot, const struct thread *thread);

/* "Found 1 deadlock:" and what is in it, stacks too; nothing if there is none. */
void write_deadlocks(struct buf *buf, const struct ss_snapshot *first,
		     const struct write_options *options);

/* Those that others wait for, or that wait for ever, sorted by how many wait, and who does. */
void write_roots(struct buf *buf, const struct ss_snapshot *const *snapshots, size_t n,
		 const struct write_options *options);

#endif
