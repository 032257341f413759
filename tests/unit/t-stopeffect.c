/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-stopeffect.c: what a stop may do to which call, and which of them may be restarted unseen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/attr.h"
#include "model/stopeffect.h"

static void test_may_return(void **state)
{
	static const int listed[] = { SYS_epoll_pwait, SYS_semop,        SYS_rt_sigtimedwait,
				      SYS_recvfrom,    SYS_accept4,      SYS_sendmsg,
				      SYS_connect,     SYS_io_getevents, SYS_io_uring_enter,
				      SYS_read,        SYS_writev };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
		assert_true(stopeffect_may_return_eintr(listed[i]));
#ifdef SYS_epoll_wait
	assert_true(stopeffect_may_return_eintr(SYS_epoll_wait));
#endif
}

static void test_depends_on_fd(void **state)
{
	(void)state;
	assert_true(stopeffect_depends_on_fd(SYS_read));
	assert_true(stopeffect_depends_on_fd(SYS_writev));
	assert_false(stopeffect_depends_on_fd(SYS_recvfrom));
	assert_false(stopeffect_depends_on_fd(SYS_futex));
}

/* The kernel restarts these by itself, with the time that remains. */
static void test_never_returns(void **state)
{
	static const int transparent[] = { SYS_futex,    SYS_pread64,   SYS_ppoll,
					   SYS_pselect6, SYS_nanosleep, SYS_wait4,
					   SYS_msgrcv,   SYS_flock,     SYS_restart_syscall };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(transparent); i++)
		assert_false(stopeffect_may_return_eintr(transparent[i]));
	assert_true(stopeffect_may_restart(SYS_semop));
	assert_false(stopeffect_may_restart(SYS_ioctl));
	assert_false(stopeffect_may_restart(SYS_futex));
	assert_false(stopeffect_may_return_eintr(-1));
	assert_false(stopeffect_may_return_eintr(INT64_MAX));
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
		if (stopeffect_has_timeout(timeouts[i].nr, timeouts[i].args) !=
		    timeouts[i].has_timeout)
			fail_msg("case %zu", i);
}

static const struct {
	int nr;
	uint64_t args[6];
	enum fd_type type;
	unsigned effects;
	uint64_t length; /* or its address */
} effects[] = {
	{ SYS_read, { 3, 0x7ffe00, 100 }, FD_PIPE, STOPEFFECT_NONE, 100 },
	{ SYS_read, { 3, 0x7ffe00, 100 }, FD_EVENTFD, STOPEFFECT_NONE, 100 },
	{ SYS_read, { 3, 0x7ffe00, 100 }, FD_SOCKET, STOPEFFECT_EINTR, 100 },
	{ SYS_read, { 3, 0x7ffe00, 100 }, FD_DEVICE, STOPEFFECT_SHORT, 100 },
	{ SYS_read, { 3, 0x7ffe00, 9 }, FD_UNKNOWN, STOPEFFECT_EINTR | STOPEFFECT_SHORT, 9 },
	{ SYS_write, { 3, 0x7ffe00, 100 }, FD_PIPE, STOPEFFECT_SHORT, 100 },
	{ SYS_write, { 3, 0x7ffe00, 9 }, FD_SOCKET, STOPEFFECT_EINTR | STOPEFFECT_SHORT, 9 },
	{ SYS_write, { 3, 0x7ffe00, 100 }, FD_FILE, STOPEFFECT_NONE, 100 },
	{ SYS_writev, { 3, 0x7ffe00, 2 }, FD_PIPE, STOPEFFECT_SHORT, 0x7ffe00 },
	{ SYS_sendfile, { 3, 4, 0, 9 }, FD_UNKNOWN, STOPEFFECT_EINTR | STOPEFFECT_SHORT, 9 },
	{ SYS_recvfrom, { 3, 0, 100 }, FD_UNKNOWN, STOPEFFECT_EINTR, 100 },
	{ SYS_recvfrom,
	  { 3, 0, 100, MSG_WAITALL },
	  FD_UNKNOWN,
	  STOPEFFECT_EINTR | STOPEFFECT_SHORT,
	  100 },
	{ SYS_recvmsg,
	  { 3, 0x7ffe00, MSG_WAITALL },
	  FD_UNKNOWN,
	  STOPEFFECT_EINTR | STOPEFFECT_SHORT,
	  0x7ffe00 },
	{ SYS_sendto, { 3, 0, 9, 0 }, FD_UNKNOWN, STOPEFFECT_EINTR | STOPEFFECT_SHORT, 9 },
	{ SYS_sendto, { 3, 0, 9, MSG_DONTWAIT }, FD_UNKNOWN, STOPEFFECT_NONE, 9 },
	{ SYS_recvmmsg, { 3, 0, 1, 0 }, FD_UNKNOWN, STOPEFFECT_EINTR, 1 },
	{ SYS_recvmmsg, { 3, 0, 2, 0 }, FD_UNKNOWN, STOPEFFECT_EINTR | STOPEFFECT_SHORT, 2 },
	{ SYS_recvmmsg, { 3, 0, 2, MSG_WAITFORONE }, FD_UNKNOWN, STOPEFFECT_EINTR, 2 },
	{ SYS_getrandom, { 0x7ffe00, 256 }, FD_UNKNOWN, STOPEFFECT_NONE, 256 },
	{ SYS_getrandom, { 0x7ffe00, 257 }, FD_UNKNOWN, STOPEFFECT_SHORT, 257 },
	{ SYS_futex, { 0x7ffe00, FUTEX_WAIT_PRIVATE }, FD_UNKNOWN, STOPEFFECT_NONE, 0x7ffe00 },
	{ SYS_futex,
	  { 0x7ffe00, FUTEX_WAIT_REQUEUE_PI_PRIVATE },
	  FD_UNKNOWN,
	  STOPEFFECT_ENDS,
	  0x7ffe00 },
	{ SYS_close, { 3 }, FD_UNKNOWN, STOPEFFECT_ENDS, 3 },
	{ SYS_ppoll, { 3 }, FD_UNKNOWN, STOPEFFECT_NONE, 3 },
	{ SYS_reboot, { 3 }, FD_UNKNOWN, STOPEFFECT_UNKNOWN, 0 },
};

static void test_effects(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(effects); i++) {
		int nr = effects[i].nr;
		const uint64_t *args = effects[i].args;
		uint64_t length, n;

		if (stopeffect_get(nr, args, effects[i].type) != effects[i].effects)
			fail_msg("case %zu", i);
		if (effects[i].effects & STOPEFFECT_SHORT &&
		    (stopeffect_find_length(nr, args, &length, &n), length != effects[i].length))
			fail_msg("length of case %zu", i);
	}
}

static void test_where_the_length_is(void **state)
{
	const uint64_t args[6] = { 3, 0x7ffe00, 2 };
	uint64_t value, n;

	(void)state;
	assert_int_equal(stopeffect_find_length(SYS_write, args, &value, &n), LENGTH_VALUE);
	assert_int_equal(value, 2);
	assert_int_equal(stopeffect_find_length(SYS_pwritev2, args, &value, &n), LENGTH_IOVEC);
	assert_int_equal(value, 0x7ffe00);
	assert_int_equal(n, 2);
	assert_int_equal(stopeffect_find_length(SYS_recvmsg, args, &value, &n), LENGTH_MSGHDR);
	assert_int_equal(value, 0x7ffe00);
}

static void test_seen_by_others(void **state)
{
	(void)state;
	assert_true(stopeffect_is_seen_at("seccomp_do_user_notification"));
	assert_true(stopeffect_is_seen_at("seccomp_do_user_notification.isra.0"));
	assert_true(stopeffect_is_seen_at("handle_userfault"));
	assert_false(stopeffect_is_seen_at("handle_userfault_other"));
	assert_false(stopeffect_is_seen_at("pipe_read"));
	assert_false(stopeffect_is_seen_at(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_may_return),     cmocka_unit_test(test_depends_on_fd),
		cmocka_unit_test(test_never_returns),  cmocka_unit_test(test_has_timeout),
		cmocka_unit_test(test_effects),        cmocka_unit_test(test_where_the_length_is),
		cmocka_unit_test(test_seen_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
