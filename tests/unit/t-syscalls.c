/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-syscalls.c: names of system calls, against the numbers of the headers it is compiled with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "classify/syscalls.h"

static void test_names_of_headers(void **state)
{
	(void)state;
	assert_string_equal(syscall_name(SYS_read), "read");
	assert_string_equal(syscall_name(SYS_futex), "futex");
	assert_string_equal(syscall_name(SYS_epoll_pwait), "epoll_pwait");
	assert_string_equal(syscall_name(SYS_restart_syscall), "restart_syscall");
	assert_string_equal(syscall_name(SYS_newfstatat), "newfstatat");
	assert_string_equal(syscall_name(SYS_pidfd_open), "pidfd_open");
}

/* Calls with the same number everywhere, known whether the headers know them or not. */
static void test_names_of_new_calls(void **state)
{
	(void)state;
	assert_string_equal(syscall_name(425), "io_uring_setup");
	assert_string_equal(syscall_name(449), "futex_waitv");
	assert_string_equal(syscall_name(455), "futex_wait");
	assert_string_equal(syscall_name(462), "mseal");
}

static void test_unknown(void **state)
{
	(void)state;
	assert_null(syscall_name(-1));
	assert_null(syscall_name(INT64_MIN));
	assert_null(syscall_name(INT64_MAX));
	assert_null(syscall_name(100000));
	assert_null(syscall_name(0x40000000 + SYS_read)); /* x32 */
}

/* A name that was put at another call's number would be missing at its own. */
static void test_all_but_a_few_numbers(void **state)
{
	unsigned named = 0;

	(void)state;
	for (int64_t nr = 0; nr < 1000; nr++)
		named += syscall_name(nr) != NULL;
	assert_in_range(named, 300, 420);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_headers),
		cmocka_unit_test(test_names_of_new_calls),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_all_but_a_few_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
