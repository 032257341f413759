/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-present.c: which pages count as present, asked of this very process: both by PAGEMAP_SCAN and page
 * by page, and never brought in by the question.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "target/present.h"

enum { PAGES = 1024 };

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void open_self(struct present *ret)
{
	_cleanup_close_ int tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(tasks >= 0);
	present_open(ret, tasks, gettid());
	assert_true(ret->pagemap_fd >= 0);
}

static unsigned char *map(size_t pages, int flags)
{
	unsigned char *bytes =
		mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);

	assert_true(bytes != MAP_FAILED);
	madvise(bytes, pages * page_size(), MADV_NOHUGEPAGE);
	return bytes;
}

static struct present_range range_of(const unsigned char *bytes, size_t start, size_t end)
{
	return (struct present_range){ .start = (uintptr_t)bytes + start,
				       .want = (uintptr_t)bytes + start,
				       .end = (uintptr_t)bytes + end };
}

static size_t count_present(const struct present *present, const unsigned char *bytes, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages; i++) {
		struct present_range range =
			range_of(bytes, i * page_size(), (i + 1) * page_size());

		assert_int_equal(present_find(present, &range, 1), 0);
		n += range.from < range.to;
	}
	return n;
}

/* By each way of asking that there is. */
static void both(void (*test)(const struct present *present))
{
	struct present present;

	open_self(&present);
	test(&present);
	if (present.has_scan) {
		present.has_scan = false;
		test(&present);
	}
	present_close(&present);
}

static void check_a_range_ends_at_an_absent_page(const struct present *present)
{
	unsigned char *bytes = map(8, MAP_PRIVATE | MAP_ANONYMOUS);
	size_t page = page_size();
	struct present_range range;

	/* 0: absent, 1 and 2: present, 3: absent, 4: present, 5 to 7: absent */
	memset(bytes + page, 1, 2 * page);
	bytes[4 * page] = 1;
	range = range_of(bytes, page + 100, 8 * page);
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.from, (uintptr_t)bytes + page + 100);
	assert_int_equal(range.to, (uintptr_t)bytes + 3 * page);
	range = range_of(bytes, page + 100, 2 * page + 50);
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.to, (uintptr_t)bytes + 2 * page + 50);
	range = range_of(bytes, 3 * page, 8 * page);
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.from, range.to);
	assert_int_equal(count_present(present, bytes, 8), 3);
	munmap(bytes, 8 * page);
}

/* What lies below the wanted address is taken where it is there, and costs nothing where it is not. */
static void check_below_what_is_wanted(const struct present *present)
{
	unsigned char *bytes = map(4, MAP_PRIVATE | MAP_ANONYMOUS);
	size_t page = page_size();
	struct present_range range = range_of(bytes, page - 128, 4 * page);

	bytes[page] = 1;
	range.want = (uintptr_t)bytes + page + 8;
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.from, (uintptr_t)bytes + page);
	assert_int_equal(range.to, (uintptr_t)bytes + 2 * page);
	bytes[0] = 1;
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.from, (uintptr_t)bytes + page - 128);
	assert_int_equal(range.to, (uintptr_t)bytes + 2 * page);
	madvise(bytes + page, page, MADV_DONTNEED);
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.to, (uintptr_t)bytes + page);
	madvise(bytes, page, MADV_DONTNEED);
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_int_equal(range.from, range.to);
	munmap(bytes, 4 * page);
}

/* Every second page, from the top down, as stacks lie; more than one answer of the kernel holds. */
static void check_many_ranges(const struct present *present)
{
	unsigned char *bytes = map(2 * PAGES, MAP_PRIVATE | MAP_ANONYMOUS);
	struct present_range ranges[PAGES];
	size_t page = page_size();

	for (size_t i = 0; i < PAGES; i++) {
		size_t at = 2 * (PAGES - 1 - i);

		if (i % 3)
			bytes[at * page] = 1;
		ranges[i] = range_of(bytes, at * page + 8, (at + 2) * page);
		ranges[i].index = i;
	}
	/* two out of order, and one far away */
	ranges[10] = range_of(bytes, 0, page);
	ranges[10].index = 10;
	ranges[20] = (struct present_range){ .start = 0, .end = 16, .index = 20 };
	ranges[30] =
		(struct present_range){ .start = UINT64_MAX - 16, .end = UINT64_MAX, .index = 30 };
	assert_int_equal(present_find(present, ranges, PAGES), 0);
	for (size_t k = 0; k < PAGES; k++) {
		const struct present_range *range = &ranges[k];
		size_t i = range->index;
		bool there = i % 3 && i != 10 && i != 20;

		assert_true(k == 0 || ranges[k - 1].start <= range->start);
		assert_int_equal(range->from < range->to, there);
		if (there)
			assert_int_equal(range->to, (range->start & ~(page - 1)) + page);
	}
	assert_int_equal(count_present(present, bytes, 2 * PAGES), PAGES - (PAGES + 2) / 3);
	munmap(bytes, 2 * PAGES * page);
}

static void check_kinds_of_pages(const struct present *present)
{
	size_t page = page_size();
	unsigned char *shared = map(2, MAP_SHARED | MAP_ANONYMOUS);
	unsigned char *zero = map(2, MAP_PRIVATE | MAP_ANONYMOUS);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char *file = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, 0);
	volatile unsigned char got;

	assert_true(file != MAP_FAILED);
	madvise(file, 2 * page, MADV_RANDOM); /* no pages around the one that is touched */
	assert_int_equal(count_present(present, shared, 2), 0);
	assert_int_equal(count_present(present, zero, 2), 0);
	assert_int_equal(count_present(present, file, 1), 0); /* though the page cache has it */
	shared[0] = 1;
	got = zero[0];
	got = file[0];
	(void)got;
	assert_int_equal(count_present(present, shared, 2), 1);
	assert_int_equal(count_present(present, zero, 2), 1);
	assert_int_equal(count_present(present, file, 1), 1);
	assert_int_equal(mprotect(shared, page, PROT_NONE), 0);
	assert_int_equal(count_present(present, shared, 2), 1); /* unreadable is not absent */
	munmap(shared, 2 * page);
	munmap(zero, 2 * page);
	munmap(file, 2 * page);
	close(fd);
}

static void check_huge_pages(const struct present *present)
{
	size_t huge = 2 << 20;
	unsigned char *bytes =
		mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *aligned = bytes + (huge - (uintptr_t)bytes % huge) % huge;
	struct present_range range;

	assert_true(bytes != MAP_FAILED);
	madvise(aligned, huge, MADV_HUGEPAGE);
	aligned[0] = 1;
	range = range_of(aligned, 0, huge);
	assert_int_equal(present_find(present, &range, 1), 0);
	assert_true(range.to - range.from == huge || range.to - range.from == page_size());
	munmap(bytes, 2 * huge);
}

static void test_a_range_ends_at_an_absent_page(void **state)
{
	(void)state;
	both(check_a_range_ends_at_an_absent_page);
}

static void test_below_what_is_wanted(void **state)
{
	(void)state;
	both(check_below_what_is_wanted);
}

static void test_many_ranges(void **state)
{
	(void)state;
	both(check_many_ranges);
}

static void test_kinds_of_pages(void **state)
{
	(void)state;
	both(check_kinds_of_pages);
}

static void test_huge_pages(void **state)
{
	(void)state;
	both(check_huge_pages);
}

static void test_nothing_can_be_said(void **state)
{
	struct present none = { .pagemap_fd = -1 };
	struct present_range range = { .start = 1, .want = 2, .end = 3, .from = 4, .to = 5 };

	(void)state;
	assert_int_equal(present_find(&none, &range, 1), -EBADF);
	assert_int_equal(range.from, 4);
	assert_int_equal(range.to, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_range_ends_at_an_absent_page),
		cmocka_unit_test(test_below_what_is_wanted),
		cmocka_unit_test(test_many_ranges),
		cmocka_unit_test(test_kinds_of_pages),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_nothing_can_be_said),
	};

	return cmocka_run_group_tests_name("present", tests, NULL, NULL);
}
