/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pairs.c: N threads in pairs that wake each other through pipes as fast as they can, at the least
 * priority. Usage: pairs [N [FILE]]. Every 20 ms it notes what /proc/self/task/TID/schedstat says of
 * each of them. SIGUSR1 writes a line "TIME_NS TID ON_CPU_NS" for each note to FILE, in the time of
 * CLOCK_REALTIME, prints "switches N failed N", the switches of all threads and the calls that failed,
 * and begins the notes anew.
 */
#include "target.h"

#include <fcntl.h>
#include <sys/resource.h>

enum { THREADS_MAX = 400, NOTES_MAX = 4096, INTERVAL_MS = 20 };

struct player {
	int in, out;
};

static _Atomic uint64_t failed;
static _Atomic int nthreads_next, nthreads;
static pid_t tids[THREADS_MAX];

static void *play(void *arg)
{
	const struct player *player = arg;
	char byte = 0;

	/* or whoever reads the counters would queue behind all of them for a second */
	setpriority(PRIO_PROCESS, 0, 19);
	tids[nthreads_next++] = target_tid();
	nthreads++;
	for (;;) {
		failed += read(player->in, &byte, 1) != 1;
		failed += write(player->out, &byte, 1) != 1;
	}
	return NULL;
}

static void start_pair(void)
{
	struct player *players = calloc(2, sizeof(*players));
	int there[2], back[2];

	target_check(players && pipe(there) == 0 && pipe(back) == 0, "pair");
	players[0] = (struct player){ there[0], back[1] };
	players[1] = (struct player){ back[0], there[1] };
	for (int i = 0; i < 2; i++)
		target_thread("player", 64 * 1024, play, &players[i]);
	target_check(write(there[1], "", 1) == 1, "write");
}

/* ---- notes ---- */

struct note {
	int64_t time_ns;
	uint64_t on_cpu_ns[THREADS_MAX], switches;
};

static int counters[THREADS_MAX]; /* their schedstat */
static struct note *notes;
static unsigned nnotes;

static void open_counters(void)
{
	char path[64];

	for (int i = 0; i < nthreads; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", (int)tids[i]);
		counters[i] = open(path, O_RDONLY | O_CLOEXEC);
		target_check(counters[i] >= 0, path);
	}
}

static void take_note(void)
{
	struct note *note = &notes[nnotes];
	unsigned long long on_cpu_ns, runnable_ns, switches;
	struct timespec now;
	char text[128];

	note->switches = 0;
	for (int i = 0; i < nthreads; i++) {
		ssize_t len = pread(counters[i], text, sizeof(text) - 1, 0);

		text[len > 0 ? len : 0] = 0;
		target_check(sscanf(text, "%llu %llu %llu", &on_cpu_ns, &runnable_ns, &switches) ==
				     3,
			     "schedstat");
		note->on_cpu_ns[i] = on_cpu_ns;
		note->switches += switches;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	note->time_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
	nnotes += nnotes < NOTES_MAX - 1;
}

static void report(const char *path)
{
	FILE *out = fopen(path, "we");

	target_check(out != NULL, path);
	take_note();
	for (unsigned n = 0; n < nnotes; n++)
		for (int i = 0; i < nthreads; i++)
			fprintf(out, "%lld %d %llu\n", (long long)notes[n].time_ns, (int)tids[i],
				(unsigned long long)notes[n].on_cpu_ns[i]);
	fclose(out);
	printf("switches %llu failed %llu\n", (unsigned long long)notes[nnotes - 1].switches,
	       (unsigned long long)failed);
	nnotes = 0;
	take_note();
}

int main(int argc, char **argv)
{
	const struct timespec interval = { 0, INTERVAL_MS * NS_PER_MS };
	int threads = argc > 1 ? atoi(argv[1]) : 200;
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	notes = calloc(NOTES_MAX, sizeof(*notes));
	target_check(notes && threads <= THREADS_MAX, "threads");
	for (int i = 0; i < threads / 2; i++)
		start_pair();
	while (nthreads < threads / 2 * 2)
		target_nap_ms(1);
	open_counters();
	take_note();
	target_ready();
	for (;;) {
		if (sigtimedwait(&set, NULL, &interval) == SIGUSR1)
			report(argc > 2 ? argv[2] : "/dev/null");
		else
			take_note();
	}
}
