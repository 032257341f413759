/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault.c: no target but a library to be preloaded into stacksnap, which then meets bad luck at one
 * exact moment. Environment:
 *	FAULT_ALLOC=N	the Nth allocation fails, once; FAULT_ALLOC=N+: so do all later ones
 *	FAULT_STEP=N	before the Nth call on a file or process, FAULT_KILL=PID gets SIGKILL
 *	FAULT_DETACH=1	SIGKILL to itself where a PTRACE_DETACH would deliver a signal to the target
 *	FAULT_LIBDW=1	allocations of elfutils fail too; else they do not, and are not counted
 *	FAULT_COUNT=FILE	at the end "ALLOCATIONS STEPS" is written there
 * Allocations are those of malloc, calloc, realloc and aligned_alloc; steps are calls of open,
 * openat, read, pread, readlink, ptrace and waitpid.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* glibc's own, under names that nobody interposes */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);

static atomic_ulong allocations, steps;
static unsigned long fail_at, kill_at;
static bool fail_on, kill_at_detach;
enum { SPARED_MAX = 4 };
static struct {
	uintptr_t start, size;
} spared[SPARED_MAX];
static int nspared;
static pid_t victim;
static const char *count_path;

/* ---- the plan ---- */

/* The one executable segment of each library that is spared. */
static int note_library(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size, (void)unused;
	if (!strstr(info->dlpi_name, "/libdw") && !strstr(info->dlpi_name, "/libelf"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum && nspared < SPARED_MAX; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X) {
			spared[nspared].start = info->dlpi_addr + phdr->p_vaddr;
			spared[nspared++].size = phdr->p_memsz;
		}
	}
	return 0;
}

static bool is_spared(void *caller)
{
	for (int i = 0; i < nspared; i++)
		if ((uintptr_t)caller - spared[i].start < spared[i].size)
			return true;
	return false;
}

__attribute__((constructor)) static void read_plan(void)
{
	const char *alloc = getenv("FAULT_ALLOC"), *step = getenv("FAULT_STEP");
	const char *pid = getenv("FAULT_KILL");

	fail_on = alloc && strchr(alloc, '+');
	fail_at = alloc ? strtoul(alloc, NULL, 10) : 0;
	kill_at = step ? strtoul(step, NULL, 10) : 0;
	victim = pid ? (pid_t)atoi(pid) : 0;
	kill_at_detach = getenv("FAULT_DETACH") != NULL;
	count_path = getenv("FAULT_COUNT");
	if (!getenv("FAULT_LIBDW"))
		dl_iterate_phdr(note_library, NULL);
}

__attribute__((destructor)) static void write_count(void)
{
	char text[64];
	int fd, len;

	if (!count_path)
		return;
	len = snprintf(text, sizeof(text), "%lu %lu\n", (unsigned long)allocations,
		       (unsigned long)steps);
	fd = (int)syscall(SYS_openat, AT_FDCWD, count_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)!write(fd, text, (size_t)len);
	close(fd);
}

/* ---- memory ---- */

static bool fails(void *caller)
{
	unsigned long n;

	if (is_spared(caller))
		return false;
	n = atomic_fetch_add(&allocations, 1) + 1;
	if (!fail_at || !(n == fail_at || (fail_on && n > fail_at)))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return size && fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(align, size);
}

/* ---- steps ---- */

/* Gone, or a zombie: the system calls here are none of those that count. */
static void await_death(void)
{
	struct timespec nap = { 0, 1000000 };
	char path[32], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)victim);
	for (int i = 0; i < 500; i++) {
		long fd, n;
		const char *state;

		fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
		n = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close((int)fd);
		text[n > 0 ? n : 0] = '\0';
		state = strrchr(text, ')');
		if (!state || state[2] == 'Z')
			return;
		nanosleep(&nap, NULL);
	}
}

static void step(void)
{
	static atomic_bool busy;

	if (atomic_fetch_add(&steps, 1) + 1 != kill_at || !victim || atomic_exchange(&busy, true))
		return;
	kill(victim, SIGKILL);
	await_death();
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *data, size_t len)
{
	step();
	return syscall(SYS_read, fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	step();
	return syscall(SYS_pread64, fd, data, len, offset);
}

ssize_t readlink(const char *path, char *ret, size_t len)
{
	step();
	return syscall(SYS_readlinkat, AT_FDCWD, path, ret, len);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	step();
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	step();
	return (pid_t)syscall(SYS_wait4, pid, status, options, NULL);
}

enum { PTRACE_DETACH = 17 };

/* sys/ptrace.h declares it with an enum */
long ptrace(int request, ...)
{
	long (*next)(int, pid_t, void *, void *) =
		(long (*)(int, pid_t, void *, void *))dlsym(RTLD_NEXT, "ptrace");
	va_list ap;
	pid_t pid;
	void *addr, *data;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	step();
	if (kill_at_detach && request == PTRACE_DETACH && data)
		kill(getpid(), SIGKILL);
	return next(request, pid, addr, data);
}
