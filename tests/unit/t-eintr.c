/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-eintr.c: which calls a stop may break off, and which of them may be restarted unseen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "base/attr.h"
#include "model/eintr.h"

static void test_may_return(void **state)
{
	static const int listed[] = { SYS_epoll_pwait, SYS_semop,        SYS_rt_sigtimedwait,
				      SYS_recvfrom,    SYS_accept4,      SYS_sendmsg,
				      SYS_connect,     SYS_io_getevents, SYS_io_uring_enter,
				      SYS_read,        SYS_writev };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
		assert_true(eintr_may_return(listed[i]));
#ifdef SYS_epoll_wait
	assert_true(eintr_may_return(SYS_epoll_wait));
#endif
}

static void test_depends_on_fd(void **state)
{
	(void)state;
	assert_true(eintr_depends_on_fd(SYS_read));
	assert_true(eintr_depends_on_fd(SYS_writev));
	assert_false(eintr_depends_on_fd(SYS_recvfrom));
	assert_false(eintr_depends_on_fd(SYS_futex));
}

/* The kernel restarts these by itself, with the time that remains. */
static void test_never_returns(void **state)
{
	static const int transparent[] = { SYS_futex,    SYS_pread64,   SYS_ppoll,
					   SYS_pselect6, SYS_nanosleep, SYS_wait4,
					   SYS_msgrcv,   SYS_flock,     SYS_restart_syscall };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(transparent); i++)
		assert_false(eintr_may_return(transparent[i]));
	assert_false(eintr_may_return(-1));
	assert_false(eintr_may_return(INT64_MAX));
}

static const struct {
	int nr;
	uint64_t args[6];
	bool has_timeout;
} timeouts[] = {
	{ SYS_epoll_pwait, { 5, 0x7ffe00, 1, 0xffffffff }, false }, /* -1, not sign-extended */
	{ SYS_epoll_pwait, { 5, 0x7ffe00, 1, UINT64_MAX }, false },
	{ SYS_epoll_pwait, { 5, 0x7ffe00, 1, 0 }, true },
	{ SYS_epoll_pwait, { 5, 0x7ffe00, 1, 600 }, true },
	{ SYS_epoll_pwait2, { 5, 0x7ffe00, 1, 0 }, false },
	{ SYS_epoll_pwait2, { 5, 0x7ffe00, 1, 0x7ffe40 }, true },
	{ SYS_semop, { 1, 0x7ffe00, 1, 0x7ffe40 }, false }, /* the fourth is noise */
	{ SYS_semtimedop, { 1, 0x7ffe00, 1, 0 }, false },
	{ SYS_semtimedop, { 1, 0x7ffe00, 1, 0x7ffe40 }, true },
	{ SYS_rt_sigtimedwait, { 0x7ffe00, 0, 0, 8 }, false },
	{ SYS_rt_sigtimedwait, { 0x7ffe00, 0, 0x7ffe40, 8 }, true },
	{ SYS_io_getevents, { 1, 1, 1, 0x7ffe00, 0 }, false },
	{ SYS_io_getevents, { 1, 1, 1, 0x7ffe00, 0x7ffe40 }, true },
	{ SYS_recvfrom, { 3 }, true },       /* SO_RCVTIMEO cannot be seen */
	{ SYS_io_uring_enter, { 3 }, true }, /* nor can a timeout in the ring */
	{ SYS_futex, { 0 }, true },          /* not listed: nothing is known */
};

static void test_has_timeout(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++)
		if (eintr_has_timeout(timeouts[i].nr, timeouts[i].args) != timeouts[i].has_timeout)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_may_return),
		cmocka_unit_test(test_depends_on_fd),
		cmocka_unit_test(test_never_returns),
		cmocka_unit_test(test_has_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
