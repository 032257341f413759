/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passage.h: a system call that may never return, and how its thread is left behind.
 *
 * process_vm_readv waits for a page that userfaultfd or a file system serves. No signal ends that but
 * SIGKILL, which would end the whole process. A thread in such a call can only be cancelled: when the
 * call does return the thread ends there and then, and executes not one instruction of ours. Until
 * then what the call may write to has to stay where it is; nothing else does.
 */
#ifndef SS_CAPTURE_PASSAGE_H
#define SS_CAPTURE_PASSAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct passage {
	_Atomic uint64_t since_ns; /* CLOCK_MONOTONIC when the thread went in; 0: nobody is in */
	pthread_t thread;
	pid_t tid;
	int cancel_state; /* outside */
};

/* Around the call. Between them the thread may be cancelled, at any instruction. */
void passage_enter(struct passage *passage);
void passage_leave(struct passage *passage);

/*
 * Cancel and detach the thread if it has been in the passage for longer than limit_ns and waits there.
 * False if it has not, or has just come out: then it can be joined as before, and if it was cancelled
 * it ends by itself, at the latest in its next passage. After true neither the passage nor what the
 * call writes to may be freed.
 */
bool passage_abandon(struct passage *passage, pthread_t thread, uint64_t limit_ns);

#endif
