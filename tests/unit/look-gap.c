/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * look-gap ROUNDS: the longest gap that a spinning thread sees in windows of 1.5 ms, with one look at it
 * in each: none, by each timer, by a stop; in turn, so that all ways meet the same machine. Windows in
 * which the thread lost its CPU to others are dropped. Prints a line a way, microseconds:
 *
 *	WAY windows N median X p99 Y
 *
 * It needs root, two CPUs and the bpf observer; else it says "none" and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "live.h"

#define WINDOW_NS (1500 * NS_PER_US)
#define LEAD_NS   (200 * NS_PER_US) /* of a window, before the look */

/* Of the spinner, in shared memory. */
struct spun {
	_Atomic unsigned window, seen; /* asked for, and begun */
	_Atomic uint64_t gap_ns;       /* the longest one in this window */
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void spin_main(struct live_pipes pipes, void *arg)
{
	struct spun *spun = arg;
	uint64_t last = clock_mono_ns(), longest = 0;

	pin(1);
	setpriority(PRIO_PROCESS, 0, -20);
	live_say(pipes.out, 'x');
	for (;;) {
		uint64_t now = clock_mono_ns();

		longest = MAX(longest, now - last);
		last = now;
		spun->gap_ns = longest;
		if (spun->seen == spun->window)
			continue;
		longest = 0;
		spun->gap_ns = 0;
		spun->seen = spun->window;
	}
}

/* ---- ways ---- */

struct way {
	const char *name, *timer; /* timer NULL: no look; "": a stop */
	struct capturer *capturer;
	VEC(double) gaps;
	unsigned dropped;
};

static struct way ways[] = {
	{ .name = "untouched" },
	{ .name = "stop", .timer = "" },
	{ .name = "bpf", .timer = "bpf" },
	{ .name = "perf", .timer = "perf" },
};

static bool open_way(struct live *live, struct way *way)
{
	struct ss_error err;

	if (!way->timer)
		return true;
	if (capturer_new(&live->target, SS_STOP_AUTO, &way->capturer, &err) < 0 ||
	    capturer_observe(way->capturer, "bpf", NULL, &err) < 0) {
		printf("none: %s\n", err.message);
		return false;
	}
	if (!*way->timer)
		return true;
	if (capturer_time(way->capturer, way->timer, NULL, &err) == 0)
		return true;
	printf("none: %s\n", err.message);
	return false;
}

static void wait_until(uint64_t ns)
{
	while (clock_mono_ns() < ns)
		continue;
}

static uint64_t switches(const struct live *live)
{
	struct procfs_thread thread = { .tid = live->pid, .schedstat_fd = -1 };
	uint64_t pcount = 0;

	procfs_pcount(&live->target, &thread, &pcount);
	return pcount;
}

static bool look(struct live *live, const struct way *way)
{
	struct ss_error err;

	if (!way->timer)
		return true;
	return sweep_threads(way->capturer, &live->tids, &live->maps, &live->capture, &err) == 0 &&
	       live->capture.threads.data[0].how ==
		       (*way->timer ? CAPTURE_SAMPLED : CAPTURE_STOPPED);
}

/* A stop is a switch of its own. */
static void one_window(struct live *live, struct spun *spun, struct way *way)
{
	uint64_t begin, before, expected = way->timer && !*way->timer;
	bool good;

	spun->window++;
	while (spun->seen != spun->window)
		continue;
	before = switches(live);
	begin = clock_mono_ns();
	wait_until(begin + LEAD_NS);
	good = look(live, way);
	wait_until(begin + WINDOW_NS);
	if (!good || switches(live) - before > expected)
		way->dropped++;
	else
		(void)vec_push(&way->gaps, (double)spun->gap_ns / 1000.0);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void show(struct way *way)
{
	size_t n = way->gaps.n;

	if (!n) {
		printf("none: no window of %s was quiet\n", way->name);
		return;
	}
	qsort(way->gaps.data, n, sizeof(double), compare);
	printf("%s windows %zu median %.1f p99 %.1f\n", way->name, n, way->gaps.data[n / 2],
	       way->gaps.data[n * 99 / 100]);
}

static void measure(struct live *live, struct spun *spun, unsigned rounds)
{
	pin(0);
	setpriority(PRIO_PROCESS, 0, -10);
	live_list(live);
	for (unsigned i = 0; i < rounds; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
			one_window(live, spun, &ways[(i + k) % ARRAY_SIZE(ways)]);
		if (i % 16 == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 20 * (long)NS_PER_MS }, NULL);
	}
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
		show(&ways[k]);
}

int main(int argc, char **argv)
{
	struct spun *spun = mmap(NULL, sizeof(*spun), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good = sysconf(_SC_NPROCESSORS_ONLN) > 1 && geteuid() == 0;
	struct live live;

	if (!good || spun == MAP_FAILED) {
		puts("none: it takes root and two CPUs");
		return 0;
	}
	live_start(&live, spin_main, spun);
	for (size_t k = 0; good && k < ARRAY_SIZE(ways); k++)
		good = open_way(&live, &ways[k]);
	if (good)
		measure(&live, spun, argc > 1 ? (unsigned)atoi(argv[1]) : 200);
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
		capturer_free(ways[k].capturer);
		vec_done(&ways[k].gaps);
	}
	live_end(&live);
	return 0;
}
