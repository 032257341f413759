/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answers come from /proc/TID/pagemap: by its ioctl PAGEMAP_SCAN, or page by page. Ranges that
 * lie near each other, such as small stacks side by side, are asked for at once. Pages that other
 * processes or the page cache have are not present here: until the target touches them they cost it a
 * fault. Huge pages, shared memory and the zero page are present once they were touched.
 */
#include "target/present.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/attr.h"

enum {
	/*
	 * Pages between two ranges that are walked rather than asked for apart: a call costs as much
	 * as some 200 of them (0.34 us, 1.6 ns each), and no gap may be a heap of gigabytes.
	 */
	GAP_PAGES = 128,
	SCAN_REGIONS = 256,
	READ_PAGES = 512,
};

#define PAGEMAP_PRESENT (1ull << 63) /* an entry's bit, Documentation/admin-guide/mm/pagemap.rst */

/* ---- PAGEMAP_SCAN, as of include/uapi/linux/fs.h, Linux 6.7: older headers lack it ---- */

struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_REQUEST    _IOWR('f', 16, struct scan_arg)
#define SCAN_IS_PRESENT (1ull << 3)

/* Regions of present pages from start on; *ret_end: how far they say all. Or a negative errno. */
static int scan(int fd, uint64_t start, uint64_t end, struct scan_region *regions, size_t n,
		uint64_t *ret_end)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = n,
		.category_mask = SCAN_IS_PRESENT,
		.return_mask = SCAN_IS_PRESENT,
	};
	int r = ioctl(fd, SCAN_REQUEST, &arg);

	*ret_end = arg.walk_end;
	return r < 0 ? -errno : r;
}

void present_open(struct present *ret, int task_fd, pid_t tid)
{
	struct scan_region region;
	char path[32];
	uint64_t end;

	snprintf(path, sizeof(path), "%d/pagemap", (int)tid);
	ret->pagemap_fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	ret->has_scan = ret->pagemap_fd >= 0 && scan(ret->pagemap_fd, 0, 0, &region, 1, &end) >= 0;
}

void present_close(struct present *present)
{
	close_p(&present->pagemap_fd);
	present->pagemap_fd = -1;
}

/* ---- ranges that are asked for at once ---- */

struct cluster {
	struct present_range *ranges; /* by start; those before `at` are done */
	size_t n, at;
	uint64_t start, end, page;
};

/* A region of present pages, the next one up: what it says of one range. */
static void note_in_range(struct present_range *range, uint64_t start, uint64_t end)
{
	bool begun = range->from < range->to;

	if (end <= range->start)
		return;
	if (begun && start == range->to) {
		range->to = MIN(end, range->end);
	} else if (!begun &&
		   (start <= range->start || (start <= range->want && end > range->want))) {
		range->from = MAX(start, range->start);
		range->to = MIN(end, range->end);
	} else if (start > range->to) {
		range->next = MIN(range->next, start);
	}
}

static void note(struct cluster *cluster, uint64_t start, uint64_t end)
{
	for (size_t i = cluster->at; i < cluster->n && cluster->ranges[i].start < end; i++)
		note_in_range(&cluster->ranges[i], start, end);
	while (cluster->at < cluster->n && cluster->ranges[cluster->at].end <= end)
		cluster->at++;
}

static void scan_cluster(int fd, struct cluster *cluster)
{
	struct scan_region regions[SCAN_REGIONS];
	uint64_t at = cluster->start;

	while (at < cluster->end) {
		uint64_t end;
		uint64_t pages = (cluster->end - at) / cluster->page;
		/* no more than there may be: the kernel allocates as many */
		int n = scan(fd, at, cluster->end, regions, MIN(pages, (uint64_t)SCAN_REGIONS),
			     &end);

		for (int i = 0; i < n; i++)
			note(cluster, regions[i].start, regions[i].end);
		if (n < 0 || end <= at)
			return;
		at = end;
	}
}

/* The same from the entries of the pages. */
static void read_cluster(int fd, struct cluster *cluster)
{
	uint64_t entries[READ_PAGES], page = cluster->page, at = cluster->start;

	while (at < cluster->end) {
		size_t want = MIN((cluster->end - at) / page, (uint64_t)READ_PAGES);
		ssize_t got = pread(fd, entries, want * sizeof(entries[0]),
				    (off_t)(at / page * sizeof(entries[0])));
		size_t n = got > 0 ? (size_t)got / sizeof(entries[0]) : 0;

		if (n == 0)
			return;
		for (size_t i = 0; i < n; i++, at += page)
			if (entries[i] & PAGEMAP_PRESENT)
				note(cluster, at, at + page);
	}
}

/* Rounded up; user memory has no addresses with the sign bit set. */
static uint64_t page_end(uint64_t addr, uint64_t page)
{
	return MIN(addr, (uint64_t)INT64_MAX - page) / page * page + (addr % page ? page : 0);
}

/* The cluster that begins with ranges[0]. */
static struct cluster make_cluster(struct present_range *ranges, size_t n, uint64_t page)
{
	struct cluster cluster = {
		.ranges = ranges,
		.n = 1,
		.start = ranges[0].start / page * page,
		.end = page_end(ranges[0].end, page),
		.page = page,
	};

	for (; cluster.n < n; cluster.n++) {
		const struct present_range *next = &ranges[cluster.n];

		if (next->start > cluster.end && next->start - cluster.end > GAP_PAGES * page)
			break;
		cluster.end = MAX(cluster.end, page_end(next->end, page));
	}
	return cluster;
}

/* ---- sorting ---- */

static void reverse(struct present_range *ranges, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct present_range range = ranges[i];

		ranges[i] = ranges[n - 1 - i];
		ranges[n - 1 - i] = range;
	}
}

/* Put ranges[i] in its place among those `gap` apart before it. */
static void sink(struct present_range *ranges, size_t i, size_t gap)
{
	struct present_range range = ranges[i];

	for (; i >= gap && ranges[i - gap].start > range.start; i -= gap)
		ranges[i] = ranges[i - gap];
	ranges[i] = range;
}

/* Shell's: qsort may allocate. Stacks mostly come from the highest to the lowest. */
static void sort(struct present_range *ranges, size_t n)
{
	if (n && ranges[0].start > ranges[n - 1].start)
		reverse(ranges, n);
	for (size_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (size_t i = gap; i < n; i++)
			if (ranges[i - gap].start > ranges[i].start)
				sink(ranges, i, gap);
}

int present_find(const struct present *present, struct present_range *ranges, size_t n)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (present->pagemap_fd < 0)
		return -EBADF;
	sort(ranges, n);
	for (size_t i = 0; i < n; i++) {
		ranges[i].from = ranges[i].to = ranges[i].want;
		ranges[i].next = ranges[i].end;
	}
	for (size_t i = 0; i < n;) {
		struct cluster cluster = make_cluster(ranges + i, n - i, page);

		if (present->has_scan)
			scan_cluster(present->pagemap_fd, &cluster);
		else
			read_cluster(present->pagemap_fd, &cluster);
		i += cluster.n;
	}
	return 0;
}
