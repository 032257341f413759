/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/passage.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "target/procparse.h"

#define LEFT_BEHIND UINT64_MAX

void passage_enter(struct passage *passage)
{
	passage->thread = pthread_self();
	passage->tid = gettid();
	passage->since_ns = clock_mono_ns();
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &passage->cancel_state);
}

void passage_leave(struct passage *passage)
{
	if (atomic_exchange(&passage->since_ns, 0) == LEFT_BEHIND)
		for (;;)
			pause(); /* its cancellation is under way */
	pthread_setcancelstate(passage->cancel_state, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
}

/* A thread that merely has no CPU, on a busy machine, is no reason to leave it. */
static bool is_waiting(pid_t tid)
{
	char path[64], text[1024];
	struct proc_stat stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	return file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       procparse_stat(text, &stat) == 0 && stat.state != 'R';
}

/*
 * The thread is cancelled first and declared to be left behind after that: its signal is there when
 * the call returns. A thread that comes out in between has set 0, and is not left.
 */
bool passage_abandon(struct passage *passage, pthread_t thread, uint64_t limit_ns)
{
	uint64_t since_ns = passage->since_ns;

	if (since_ns == 0 || since_ns == LEFT_BEHIND || !pthread_equal(passage->thread, thread) ||
	    clock_mono_ns() - since_ns <= limit_ns || !is_waiting(passage->tid))
		return false;
	pthread_cancel(thread);
	if (!atomic_compare_exchange_strong(&passage->since_ns, &since_ns, LEFT_BEHIND))
		return false;
	pthread_detach(thread);
	return true;
}
