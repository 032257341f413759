/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages.c: a program's debug information may be many times as large as what we make of it, and
 * every page of it that was looked at once would count as ours to the end. libelf maps files
 * privately and writes to some pages (elf_compress changes section headers in place), and it may
 * have read or unpacked a file into memory instead: so the kernel is asked what each page is, and
 * only unchanged pages of files are given back. Assumes that no other thread writes to the range.
 */
#include "symbol/pages.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"

/* Documentation/admin-guide/mm/pagemap.rst; the second since Linux 3.5 */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_OF_FILE (UINT64_C(1) << 61)
#define PAGE_SWAPPED (UINT64_C(1) << 62)

enum { CHUNK = 1024 }; /* pages asked for at once */

static bool may_go(uint64_t page)
{
	return page & PAGE_PRESENT ? page & PAGE_OF_FILE : !(page & PAGE_SWAPPED);
}

static void drop(uintptr_t start, const uint64_t *pages, size_t n, size_t page_size)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= pages[i] & PAGE_PRESENT;
	if (any)
		madvise((void *)start, n * page_size, MADV_DONTNEED); /* NOLINT: an address */
}

static void drop_chunk(uintptr_t start, const uint64_t *pages, size_t n, size_t page_size)
{
	for (size_t i = 0, run; i < n; i += run + 1) {
		for (run = 0; i + run < n && may_go(pages[i + run]); run++)
			;
		drop(start + i * page_size, pages + i, run, page_size);
	}
}

void pages_drop(const void *start, size_t len)
{
	_cleanup_close_ int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = ((uintptr_t)start + page_size - 1) & ~(page_size - 1);
	uintptr_t end = ((uintptr_t)start + len) & ~(page_size - 1);
	uint64_t pages[CHUNK];

	while (fd >= 0 && at < end) {
		size_t n = MIN((end - at) / page_size, (size_t)CHUNK);
		ssize_t got = pread(fd, pages, n * sizeof(*pages),
				    (off_t)(at / page_size * sizeof(*pages)));

		if (got < (ssize_t)sizeof(*pages))
			break;
		n = (size_t)got / sizeof(*pages);
		drop_chunk(at, pages, n, page_size);
		at += n * page_size;
	}
}
