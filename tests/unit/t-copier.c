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
				       PAGE));
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

static void test_what_was_not_reserved_is_refused(void **state)
{
	struct target target;
	struct copier copier;
	struct maps maps;
	uint64_t here = (uint64_t)(uintptr_t)&target & ~15ull;

	(void)state;
	open_self(&target, &maps, &copier);
	assert_int_equal(copier_reserve(&copier, 1, 64, NULL), 0);
	assert_false(copier_add(&copier, &maps, 0, here, copier.chunks.data[0].size + 1) &&
		     copier.jobs.data[0].len > copier.chunks.data[0].size);
	while (copier.jobs.n < copier.jobs.cap)
		assert_true(copier_add(&copier, &maps, 0, here, 8));
	assert_false(copier_add(&copier, &maps, 0, here, 8));
	close_self(&target, &maps, &copier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_at_the_bottom_of_its_mapping),
		cmocka_unit_test(test_bad_ranges_between_good_ones),
		cmocka_unit_test(test_what_was_not_reserved_is_refused),
	};

	return cmocka_run_group_tests_name("copier", tests, NULL, NULL);
}
