/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pairs.c: N threads in pairs that wake each other through pipes as fast as they can, at the least
 * priority. Usage: pairs [N [FILE]]. SIGUSR1 prints "switches N on_cpu_ns N failed N": the sums over
 * all threads of what /proc/self/task/TID/schedstat says, and the calls that failed. FILE then has a
 * line "TID ON_CPU_NS RUNNABLE_NS" for each thread.
 */
#include "target.h"

#include <dirent.h>
#include <sys/resource.h>

struct player {
	int in, out;
};

static _Atomic uint64_t failed;

static void *play(void *arg)
{
	const struct player *player = arg;
	char byte = 0;

	/* or whoever reads the counters would queue behind all of them for a second */
	setpriority(PRIO_PROCESS, 0, 19);
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

struct counts {
	unsigned long long on_cpu_ns, runnable_ns, switches;
};

static bool counts_read(const char *tid, struct counts *ret)
{
	char path[300];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	good = fscanf(file, "%llu %llu %llu", &ret->on_cpu_ns, &ret->runnable_ns, &ret->switches) ==
	       3;
	fclose(file);
	return good;
}

static void report(const char *path)
{
	struct counts one, sum = { 0 };
	FILE *out = fopen(path, "we");
	DIR *dir = opendir("/proc/self/task");

	target_check(out && dir, path);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' || !counts_read(entry->d_name, &one))
			continue;
		sum.on_cpu_ns += one.on_cpu_ns;
		sum.switches += one.switches;
		fprintf(out, "%s %llu %llu\n", entry->d_name, one.on_cpu_ns, one.runnable_ns);
	}
	closedir(dir);
	fclose(out);
	printf("switches %llu on_cpu_ns %llu failed %llu\n", sum.switches, sum.on_cpu_ns,
	       (unsigned long long)failed);
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 200;
	const char *path = argc > 2 ? argv[2] : "/dev/null";
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < threads / 2; i++)
		start_pair();
	target_ready();
	for (;;)
		if (sigwaitinfo(&set, NULL) == SIGUSR1)
			report(path);
}
