/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs those before it */
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "symbol/effort.h"

#define MB (UINT64_C(1) << 20)

/* A file of so many bytes behind a hole. */
static int make_file(uint64_t hole, size_t len)
{
	int fd = memfd_create("t-effort", MFD_CLOEXEC);
	static char bytes[1 << 20];

	assert_true(fd >= 0 && len <= sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, len, (off_t)hole), len);
	return fd;
}

static void test_memory_is_shared(void **state)
{
	struct effort_budget budget;
	struct effort a, b;

	(void)state;
	effort_budget_init(&budget);
	effort_init(&a, &budget);
	effort_init(&b, &budget);
	assert_true(effort_memory(&a, 100 * MB));
	assert_false(effort_memory(&b, 100 * MB));
	assert_true(b.refused && !a.refused);
	assert_true(effort_memory(&b, 50 * MB)); /* less may still be had */
	effort_done(&a);
	assert_true(effort_memory(&b, 100 * MB));
	effort_done(&b);
	assert_int_equal(budget.memory, 0);
	effort_budget_done(&budget);
}

static void test_alone(void **state)
{
	struct effort effort;

	(void)state;
	effort_init(&effort, NULL);
	assert_true(effort_memory(&effort, 100 * MB));
	assert_false(effort_memory(&effort, 100 * MB));
	assert_false(effort_memory(&effort, UINT64_MAX));
	effort_done(&effort);
}

/* Bytes on disk give room, each file's once, and holes none. */
static void test_files(void **state)
{
	_cleanup_close_ int full = make_file(0, MB), hole = make_file(1 << 30, 4096);
	struct effort effort;

	(void)state;
	effort_init(&effort, NULL);
	assert_false(effort_memory(&effort, 220 * MB));
	effort_add_file(&effort, full);
	effort_add_file(&effort, full);
	effort_add_file(&effort, hole);
	assert_in_range(effort.budget->bytes, MB, MB + 8192);
	assert_true(effort_memory(&effort, 220 * MB));
	assert_true(file_is_filled(full));
	assert_false(file_is_filled(hole));
	effort_done(&effort);
}

static void test_time(void **state)
{
	struct effort_budget budget;
	struct effort a, b;

	(void)state;
	effort_budget_init(&budget);
	effort_init(&a, &budget);
	effort_init(&b, &budget);
	effort_begin(&a);
	assert_true(effort_long_step(&a));
	budget.spent_ns = UINT64_C(6000000000); /* as if the other had taken them */
	assert_false(effort_long_step(&a));
	effort_end(&a);
	assert_false(effort_long_step(&b));
	effort_done(&a);
	effort_done(&b);
	effort_budget_done(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_shared),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
