/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schedclock.c: scheduler clocks against CLOCK_MONOTONIC. Owns one offset per CPU, for looks that do
 * not tell it. Waits for a thread of ours on another CPU, so nothing of the target may be stopped
 * while it runs. Never takes one CPU's clock for another's: exec_start is rq_clock_task(), which
 * leaves out steal and interrupt time CPU by CPU (kernel/sched/core.c, update_rq_clock_task).
 */
#include "target/schedclock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "target/procparse.h"

enum {
	CPUS_MAX = 8192, /* NR_CPUS of the largest kernel configurations */
	TRIES = 3,
	WINDOW_NS = 20000, /* of a reading that nothing came in between */
	PROC_STAT_MAX = 4 << 20,
};

/* A look may be older than the end of its wait by one tick (4 ms at 250 Hz). */
#define SLACK_NS ((int64_t)(4 * NS_PER_MS))

#if defined(__x86_64__)
enum { CALL_RESTART_SYSCALL = 219 };
#else
enum { CALL_RESTART_SYSCALL = 128 };
#endif

void schedclock_init(struct schedclock *clock)
{
	*clock = (struct schedclock){ 0 };
}

void schedclock_done(struct schedclock *clock)
{
	vec_done(&clock->cpus);
	buf_done(&clock->stat);
}

void schedclock_begin(struct schedclock *clock)
{
	clock->cpus.n = 0;
	buf_reset(&clock->stat);
}

static int read_own_exec_start(uint64_t *ret)
{
	char text[1024];
	ssize_t n = file_read_at(AT_FDCWD, "/proc/thread-self/sched", text, sizeof(text));

	return n < 0 ? (int)n : procparse_exec_start(text, ret);
}

/*
 * To tell us our CPU time the kernel brings exec_start up to date (task_sched_runtime): it is the
 * CPU's clock at that very moment. The best of a few tries is the one with the least time in which a
 * tick or a preemption can have moved it once more.
 */
static int measure_offset(int64_t *ret)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < TRIES && best > WINDOW_NS; i++) {
		uint64_t before = clock_mono_ns(), window, exec_start;
		int r;

		clock_thread_cpu_ns();
		r = read_own_exec_start(&exec_start);
		if (r < 0)
			return r;
		window = clock_mono_ns() - before;
		if (window < best) {
			best = window;
			*ret = (int64_t)(before - exec_start);
		}
	}
	return 0;
}

struct measurement {
	int64_t offset_ns;
	int result; /* 0 or a negative errno */
};

static void *measure(void *arg)
{
	struct measurement *measurement = arg;

	measurement->result = measure_offset(&measurement->offset_ns);
	return NULL;
}

/*
 * A thread for the purpose: one that came back from a CPU would find its own taken, or stay where it
 * was and take turns with the thread of the target that runs there, 4 ms each.
 */
static int start_on(int cpu, struct measurement *measurement, pthread_t *ret)
{
	cpu_set_t sets[CPUS_MAX / CPU_SETSIZE] = { 0 };
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);

	if (r)
		return -r;
	CPU_SET_S((size_t)cpu, sizeof(sets), sets);
	r = pthread_attr_setaffinity_np(&attr, sizeof(sets), sets);
	if (r == 0)
		r = pthread_create(ret, &attr, measure, measurement);
	pthread_attr_destroy(&attr);
	return -r;
}

static int measure_on(int cpu, int64_t *ret)
{
	struct measurement measurement = { 0 };
	pthread_t thread;
	int r = start_on(cpu, &measurement, &thread);

	if (r < 0)
		return r;
	pthread_join(thread, NULL);
	*ret = measurement.offset_ns;
	return measurement.result;
}

static uint64_t read_steal_ns(struct buf *stat, int cpu)
{
	uint64_t ticks = 0;
	long hz = sysconf(_SC_CLK_TCK);

	if (stat->len == 0)
		file_read_whole_at(AT_FDCWD, "/proc/stat", PROC_STAT_MAX, stat);
	if (stat->len == 0 || hz <= 0)
		return 0;
	procparse_cpu_steal(stat->data, cpu, &ticks);
	return ticks * (NS_PER_SEC / (uint64_t)hz);
}

/* What is known of a CPU. 0, -ENOMEM, or -ENODATA: no such CPU. */
static int find_cpu(struct schedclock *clock, int cpu, struct schedclock_cpu **ret)
{
	if (cpu < 0 || cpu >= CPUS_MAX)
		return -ENODATA;
	while (clock->cpus.n <= (size_t)cpu) {
		if (vec_push(&clock->cpus, (struct schedclock_cpu){ 0 }) < 0)
			return -ENOMEM;
	}
	*ret = &clock->cpus.data[cpu];
	if (!(*ret)->steal_known)
		(*ret)->steal_ns = read_steal_ns(&clock->stat, cpu);
	(*ret)->steal_known = true;
	return 0;
}

static int find_offset(struct schedclock_cpu *entry, const struct look *look, int64_t *ret)
{
	if (look->clock_known) {
		*ret = look->clock_offset_ns;
		return 0;
	}
	if (entry->state == SCHEDCLOCK_UNTRIED)
		entry->state = measure_on(look->cpu, &entry->offset_ns) < 0 ? SCHEDCLOCK_FAILED
									    : SCHEDCLOCK_KNOWN;
	*ret = entry->offset_ns;
	return entry->state == SCHEDCLOCK_KNOWN ? 0 : -ENODATA;
}

static bool can_be_dated(const struct look *look)
{
	return (look->state == 'S' || look->state == 'D') && look->exec_start_ns != 0 &&
	       !(look->call == CALL_NUMBER && look->nr == CALL_RESTART_SYSCALL);
}

int schedclock_since(struct schedclock *clock, const struct look *look, uint64_t *ret_ns,
		     bool *ret_at_least)
{
	struct schedclock_cpu *cpu;
	int64_t offset, waited;
	int r;

	if (!can_be_dated(look))
		return -ENODATA;
	r = find_cpu(clock, look->cpu, &cpu);
	if (r == 0)
		r = find_offset(cpu, look, &offset);
	if (r < 0)
		return r;
	waited = (int64_t)(look->at_ns - look->exec_start_ns - (uint64_t)offset);
	if (waited < -SLACK_NS)
		return -ENODATA;
	*ret_ns = waited > 0 ? (uint64_t)waited : 0;
	*ret_at_least = cpu->steal_ns > *ret_ns / 100;
	return 0;
}
