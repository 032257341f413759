/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cutshort.c, three in one, for what happens if a file is cut short while stacksnap reads it:
 * with -DLIBRARY a library whose one function waits for ever; with -DSHIM a library to be preloaded
 * into stacksnap, which empties the file CUT_FILE when it is mapped for the CUT_AT-th time; else the
 * program that calls the former.
 */
#if defined(LIBRARY)

#include <unistd.h>

void cut_wait(void);

static __attribute__((noinline)) void cut_inner(void)
{
	for (;;)
		pause();
}

void cut_wait(void)
{
	cut_inner();
	__asm__ volatile("" ::: "memory");
}

#elif defined(SHIM)

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(int fd, const char *path)
{
	struct stat a, b;

	return path && fd >= 0 && fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	static void *(*next)(void *, size_t, int, int, int, off_t);
	static int n;
	const char *path = getenv("CUT_FILE");
	void *p;

	if (!next)
		next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
	p = next(addr, len, prot, flags, fd, offset);
	if (p != MAP_FAILED && is_file(fd, path) && ++n == atoi(getenv("CUT_AT")))
		(void)!truncate(path, 0);
	return p;
}

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(addr, len, prot, flags, fd, offset);
}

#else

#include "target.h"

void cut_wait(void);

int main(void)
{
	target_begin();
	target_ready();
	cut_wait();
}

#endif
