/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-copier.c: batches of copies, read from this very process: bad ranges among good ones, and
 * stacks at the edge of their mapping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "capture/copier.h"
#include "capture/regs-arch.h"
#include "target/maps.h"
#include "target/target.h"

enum { PAGE = 4096 };

/* The copier reads this very process. */
static void open_self(struct target *target, struct maps *maps, struct copier *copier)
{
	struct ss_error err;

	maps_init(maps);
	assert_int_equal(target_open(getpid(), target, &err), 0);
	assert_int_equal(target_read_maps(target, maps, &err), 0);
	assert_int_equal(copier_init(copier, target, &err), 0);
}

static void close_self(struct target *target, struct maps *maps, struct copier *copier)
{
	copier_done(copier);
	maps_done(maps);
	target_close(target);
}

static void test_stack_at_the_bottom_of_its_mapping(void **state)
{
	unsigned char *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct target target;
	struct copier copier;
	struct maps maps;
	uint64_t stack = (uint64_t)(uintptr_t)pages + PAGE;

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	memset(pages + PAGE, 's', PAGE);
	open_self(&target, &maps, &copier);
	assert_int_equal(copier_reserve(&copier, 2, 4 * PAGE, NULL), 0);
	assert_true(copier_add_stack(&copier, &maps, 0, stack + 16, 2 * PAGE));
	assert_true(copier_add_stack(&copier, &maps, 0, stack + 1024, 1024));
	assert_int_equal(copier_run(&copier), 0);
	assert_int_equal(copier.jobs.data[0].addr, stack);
	assert_int_equal(copier.jobs.data[0].got, PAGE);
	assert_true(copier.jobs.data[0].to_map_end);
	assert_int_equal(copier.jobs.data[1].addr, stack + 1024 - REGS_RED_ZONE);
	assert_int_equal(copier.jobs.data[1].got, 1024 + REGS_RED_ZONE);
	assert_false(copier.jobs.data[1].to_map_end);
	close_self(&target, &maps, &copier);
	munmap(pages, 3 * PAGE);
}

/* A range that has gone since the maps were read spoils no other. */
static void test_bad_ranges_between_good_ones(void **state)
{
	const bool bad[] = { true, false, true, true, false, false, true };
	unsigned char *pages = mmap(NULL, ARRAY_SIZE(bad) * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct target target;
	struct copier copier;
	struct maps maps;

	(void)state;
	assert_true(pages != MAP_FAILED);
	open_self(&target, &maps, &copier);
	assert_int_equal(copier_reserve(&copier, ARRAY_SIZE(bad), ARRAY_SIZE(bad) * PAGE, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(pages + i * PAGE, (int)('a' + i), PAGE);
		assert_true(copier_add(&copier, &maps, i, (uint64_t)(uintptr_t)(pages + i * PAGE),
				       (uint64_t)(uintptr_t)(pages + i * PAGE), PAGE));
		if (bad[i])
			mprotect(pages + i * PAGE, PAGE, PROT_NONE);
	}
	assert_int_equal(copier_run(&copier), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(copier.jobs.data[i].got, bad[i] ? 0 : PAGE);
		if (!bad[i])
			assert_memory_equal(copier.jobs.data[i].bytes, pages + i * PAGE, PAGE);
	}
	close_self(&target, &maps, &copier);
	munmap(pages, ARRAY_SIZE(bad) * PAGE);
}

/* Pages 0, 3 and 4 of eight are not there: none comes in, and what is there is all copied. */
static void test_absent_pages(void **state)
{
	unsigned char *pages =
		mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t start = (uint64_t)(uintptr_t)pages;
	unsigned char in_memory[8];
	struct capture_thread thread = { 0 };
	struct target target;
	struct copier copier;
	struct maps maps;

	(void)state;
	assert_true(pages != MAP_FAILED);
	madvise(pages, 8 * PAGE, MADV_NOHUGEPAGE);
	open_self(&target, &maps, &copier);
	memset(pages + PAGE, 'x', 2 * PAGE);
	memset(pages + 5 * PAGE, 'y', 3 * PAGE);
	assert_int_equal(copier_reserve(&copier, 1, 8 * PAGE, NULL), 0);
	assert_true(copier_add_stack(&copier, &maps, 0, start + PAGE, 7 * PAGE - 8));
	assert_int_equal(copier_run(&copier), 0);
	assert_int_equal(copier.jobs.n, 2);
	vec_each(job, &copier.jobs)
		copy_job_store(job, &thread);
	assert_int_equal(thread.ncopies, 2);
	assert_int_equal(thread.copies[0].addr, start + PAGE);
	assert_int_equal(thread.copies[0].len, 2 * PAGE);
	assert_int_equal(thread.copies[0].absent, 2 * PAGE);
	assert_memory_equal(thread.copies[0].bytes, pages + PAGE, 2 * PAGE);
	assert_int_equal(thread.copies[1].addr, start + 5 * PAGE);
	assert_int_equal(thread.copies[1].len, 3 * PAGE - 8);
	assert_int_equal(thread.copies[1].absent, 0);
	assert_memory_equal(thread.copies[1].bytes, pages + 5 * PAGE, 3 * PAGE - 8);
	assert_int_equal(mincore(pages, 8 * PAGE, in_memory), 0);
	assert_memory_equal(in_memory, "\0\1\1\0\0\1\1\1", 8);
	close_self(&target, &maps, &copier);
	munmap(pages, 8 * PAGE);
}

/* A stack of which not even the first word is in memory is known to be that. */
static void test_a_stack_that_is_not_there(void **state)
{
	unsigned char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t start = (uint64_t)(uintptr_t)pages;
	struct capture_thread thread = { 0 };
	struct target target;
	struct copier copier;
	struct maps maps;

	(void)state;
	assert_true(pages != MAP_FAILED);
	open_self(&target, &maps, &copier);
	pages[0] = 1; /* only the bytes below the stack are there */
	assert_int_equal(copier_reserve(&copier, 1, PAGE, NULL), 0);
	assert_true(copier_add_stack(&copier, &maps, 0, start + PAGE, 256));
	assert_int_equal(copier_run(&copier), 0);
	copy_job_store(&copier.jobs.data[0], &thread);
	assert_int_equal(thread.ncopies, 1);
	assert_int_equal(thread.copies[0].addr + thread.copies[0].len, start + PAGE);
	assert_int_equal(thread.copies[0].absent, 256);
	close_self(&target, &maps, &copier);
	munmap(pages, 2 * PAGE);
}

/* Where nobody says which pages are there, all is read, by a way that userfaultfd cannot block. */
static void test_without_pagemap(void **state)
{
	unsigned char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct target target;
	struct copier copier;
	struct maps maps;

	(void)state;
	assert_true(pages != MAP_FAILED);
	memset(pages, 'm', PAGE);
	open_self(&target, &maps, &copier);
	present_close(&target.present);
	assert_int_equal(copier_reserve(&copier, 2, 2 * PAGE, NULL), 0);
	assert_true(copier_add_stack(&copier, &maps, 0, (uint64_t)(uintptr_t)pages, PAGE));
	assert_int_equal(copier_run(&copier), 0);
	assert_int_equal(copier.jobs.data[0].got, PAGE);
	assert_memory_equal(copier.jobs.data[0].bytes, pages, PAGE);
	close_self(&target, &maps, &copier);
	munmap(pages, 2 * PAGE);
}

static void test_what_was_not_reserved_is_refused(void **state)
{
	struct target target;
	struct copier copier;
	struct maps maps;
	uint64_t here = (uint64_t)(uintptr_t)&target & ~15ull;

	(void)state;
	open_self(&target, &maps, &copier);
	assert_int_equal(copier_reserve(&copier, 1, 64, NULL), 0);
	assert_false(copier_add(&copier, &maps, 0, here, here, copier.chunks.data[0].size + 1) &&
		     copier.jobs.data[0].len > copier.chunks.data[0].size);
	while (copier.jobs.n < copier.jobs.cap)
		assert_true(copier_add(&copier, &maps, 0, here, here, 8));
	assert_false(copier_add(&copier, &maps, 0, here, here, 8));
	close_self(&target, &maps, &copier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_at_the_bottom_of_its_mapping),
		cmocka_unit_test(test_bad_ranges_between_good_ones),
		cmocka_unit_test(test_absent_pages),
		cmocka_unit_test(test_a_stack_that_is_not_there),
		cmocka_unit_test(test_without_pagemap),
		cmocka_unit_test(test_what_was_not_reserved_is_refused),
	};

	return cmocka_run_group_tests_name("copier", tests, NULL, NULL);
}
