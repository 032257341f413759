/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floor.c: the least time in which this kernel stops every thread of a process, hands over its
 * registers and its stack, and lets it go: PTRACE_INTERRUPT to all, waitpid for each, GETREGSET,
 * process_vm_readv of 16 KiB above each sp (less where the mapping ends), DETACH. Nothing is done
 * with what was read. Usage: floor PID; prints "threads N bytes N pause_ns N".
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WINDOW = 16 * 1024,
	THREADS_MAX = 20000,
	MAPS_MAX = 100000,
	BATCH = 1024, /* IOV_MAX */
};

struct range {
	uint64_t start, end;
};

struct floor {
	pid_t tids[THREADS_MAX];
	struct iovec local[THREADS_MAX], remote[THREADS_MAX];
	struct range maps[MAPS_MAX];
	size_t nthreads, nmaps;
	char *buffers;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_threads(struct floor *f, pid_t pid)
{
	const struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		die(path);
	while ((entry = readdir(dir)) && f->nthreads < THREADS_MAX)
		if (entry->d_name[0] != '.')
			f->tids[f->nthreads++] = atoi(entry->d_name);
	closedir(dir);
}

static void read_maps(struct floor *f, pid_t pid)
{
	char path[64], line[4096];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		die(path);
	while (f->nmaps < MAPS_MAX && fgets(line, sizeof(line), file)) {
		struct range *map = &f->maps[f->nmaps];
		char *end;

		map->start = strtoull(line, &end, 16);
		map->end = strtoull(end + 1, NULL, 16);
		f->nmaps++;
	}
	fclose(file);
}

/* Threads that end meanwhile are left out. */
static void seize_all(struct floor *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->nthreads; i++)
		if (ptrace(PTRACE_SEIZE, f->tids[i], NULL, NULL) == 0)
			f->tids[kept++] = f->tids[i];
	f->nthreads = kept;
	if (!kept)
		die("PTRACE_SEIZE");
}

static void prepare_buffers(struct floor *f)
{
	f->buffers = malloc(f->nthreads * WINDOW);
	if (!f->buffers)
		die("malloc");
	memset(f->buffers, 1, f->nthreads * WINDOW); /* no page fault in the pause */
}

static uint64_t mapping_end(const struct floor *f, uint64_t addr)
{
	size_t low = 0, high = f->nmaps;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (f->maps[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->nmaps && f->maps[low].start <= addr ? f->maps[low].end : addr;
}

static uint64_t stack_pointer(pid_t tid)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) != 0)
		return 0;
#if defined(__x86_64__)
	return regs.rsp;
#elif defined(__aarch64__)
	return regs.sp;
#else
#error "which register is the stack pointer?"
#endif
}

static void find_stacks(struct floor *f)
{
	for (size_t i = 0; i < f->nthreads; i++) {
		uint64_t sp = stack_pointer(f->tids[i]);
		uint64_t len = mapping_end(f, sp) - sp;

		if (len > WINDOW)
			len = WINDOW;
		f->remote[i] = (struct iovec){ (void *)(uintptr_t)sp, len };
		f->local[i] = (struct iovec){ f->buffers + i * WINDOW, len };
	}
}

static size_t copy_stacks(struct floor *f, pid_t pid)
{
	size_t bytes = 0;

	for (size_t i = 0; i < f->nthreads; i += BATCH) {
		size_t n = f->nthreads - i < BATCH ? f->nthreads - i : BATCH;
		ssize_t got = process_vm_readv(pid, f->local + i, n, f->remote + i, n, 0);

		if (got > 0)
			bytes += (size_t)got;
	}
	return bytes;
}

static void stop_and_go(struct floor *f, pid_t pid)
{
	int64_t start = now_ns();
	size_t bytes;

	for (size_t i = 0; i < f->nthreads; i++)
		ptrace(PTRACE_INTERRUPT, f->tids[i], NULL, NULL);
	for (size_t i = 0; i < f->nthreads; i++)
		waitpid(f->tids[i], NULL, __WALL);
	find_stacks(f);
	bytes = copy_stacks(f, pid);
	for (size_t i = 0; i < f->nthreads; i++)
		ptrace(PTRACE_DETACH, f->tids[i], NULL, NULL);
	printf("threads %zu bytes %zu pause_ns %lld\n", f->nthreads, bytes,
	       (long long)(now_ns() - start));
}

int main(int argc, char **argv)
{
	struct floor *f = calloc(1, sizeof(*f));
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;

	if (!f || pid <= 0) {
		fputs("usage: floor PID\n", stderr);
		return 64;
	}
	read_threads(f, pid);
	read_maps(f, pid);
	seize_all(f);
	prepare_buffers(f);
	stop_and_go(f, pid);
	free(f->buffers);
	free(f);
	return 0;
}
