/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * realtime.c: real-time priority for the thread that stops others, and the one that copies for it,
 * where CPUs are short.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "capture/capturer.h"

/* Of all threads on this host, ourselves among them; 0: not known. */
static size_t count_runnable(void)
{
	char text[128];
	unsigned runnable;

	if (file_read_at(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*s %*s %*s %u/", &runnable) != 1)
		return 0;
	return runnable;
}

bool realtime_is_needed(const struct capture *capture)
{
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN), running = 0;

	vec_each(thread, &capture->threads)
		running += thread->look.state == 'R';
	return running > cpus || count_runnable() > cpus;
}

static bool set_priority(pid_t tid, int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(tid, policy, &param) == 0;
}

/*
 * While others stand still for us we should not have to queue for a CPU behind the rest of them:
 * with 50 spinning threads on 2 CPUs the pause was 25 ms without, 2.7 ms with real-time priority.
 * Not where CPUs are free: there sched_yield lets a thread that has to run on ours do so at once.
 * It needs CAP_SYS_NICE or RLIMIT_RTPRIO.
 */
void realtime_begin(struct capturer *capturer)
{
	if (!capturer->crowded)
		return;
	capturer->realtime = set_priority(0, SCHED_FIFO | SCHED_RESET_ON_FORK, 1);
	if (capturer->realtime && capturer->aside)
		set_priority(aside_tid(capturer->aside), SCHED_FIFO | SCHED_RESET_ON_FORK, 1);
}

void realtime_end(struct capturer *capturer)
{
	if (!capturer->realtime || capturer->late.n)
		return;
	set_priority(0, SCHED_OTHER, 0);
	if (capturer->aside)
		set_priority(aside_tid(capturer->aside), SCHED_OTHER, 0);
	capturer->realtime = false;
}
