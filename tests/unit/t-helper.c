/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-helper.c: the helper process: what it answers, what becomes of one that is late or killed, and
 * that its caller's children and signals are as if it were not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/helper.h"

#define LONG_NS  (60 * NS_PER_SEC) /* nothing here is waited for so long */
#define SHORT_NS (50 * NS_PER_MS)

static struct helper *helper;

static int setup(void **state)
{
	(void)state;
	helper = helper_new();
	return helper ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	helper_free(helper);
	return 0;
}

static void work_open(const char *path, const char *name, uint64_t number,
		      const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)name, (void)fds;
	ret->fd = open(path, (int)number);
	ret->result = ret->fd < 0 ? -errno : 0;
}

static void work_sleep(const char *path, const char *name, uint64_t number,
		       const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path, (void)name, (void)number, (void)fds, (void)ret;
	for (;;)
		pause();
}

static void work_die(const char *path, const char *name, uint64_t number, const int fds[HELPER_FDS],
		     struct helper_answer *ret)
{
	(void)path, (void)name, (void)number, (void)fds, (void)ret;
	kill(getpid(), SIGKILL);
}

static void work_write(const char *path, const char *name, uint64_t number,
		       const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path, (void)number;
	ret->result = (int)write(fds[0], name, strlen(name));
}

static void work_getpid(const char *path, const char *name, uint64_t number,
			const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path, (void)name, (void)number, (void)fds;
	ret->result = getpid();
}

/* How many descriptors are open there. */
static void work_count(const char *path, const char *name, uint64_t number,
		       const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path, (void)name, (void)fds;
	for (int fd = 0; fd < (int)number; fd++)
		ret->result += fcntl(fd, F_GETFD) >= 0;
}

static int run(helper_work *work, const char *path, uint64_t ns, struct helper_answer *ret)
{
	const struct helper_request request = { .work = work, .path = path, .fds = { -1, -1 } };
	const struct helper_patience patience = { .deadline_ns = clock_mono_ns() + ns };

	return helper_run(helper, &request, &patience, ret);
}

static void assert_works(void)
{
	struct helper_answer answer;

	assert_int_equal(run(work_open, "/dev/null", LONG_NS, &answer), 0);
	assert_int_equal(answer.result, 0);
	assert_true(answer.fd >= 0);
	assert_int_equal(fcntl(answer.fd, F_GETFD), FD_CLOEXEC);
	close(answer.fd);
}

static void test_answers(void **state)
{
	struct helper_answer answer;

	(void)state;
	assert_works();
	assert_works();
	assert_int_equal(run(work_open, "/nowhere", LONG_NS, &answer), 0);
	assert_int_equal(answer.result, -ENOENT);
	assert_int_equal(answer.fd, -1);
}

static void test_takes_descriptors(void **state)
{
	const struct helper_patience patience = { .deadline_ns = clock_mono_ns() + LONG_NS };
	struct helper_request request = { .work = work_write, .path = "", .name = "hello" };
	struct helper_answer answer;
	char text[8] = "";
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	request.fds[0] = ends[1];
	request.fds[1] = -1;
	assert_int_equal(helper_run(helper, &request, &patience, &answer), 0);
	assert_int_equal(answer.result, 5);
	assert_int_equal(read(ends[0], text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	/* it keeps none: the pipe ends with our own end */
	close(ends[1]);
	assert_int_equal(read(ends[0], text, sizeof(text)), 0);
	close(ends[0]);
}

/* No result without its descriptor. */
static void test_no_room(void **state)
{
	struct helper_answer answer;
	struct rlimit before, none;
	int next;

	(void)state;
	assert_int_equal(run(work_open, "/dev/null", LONG_NS, &answer), 0);
	next = answer.fd;
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)next, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(run(work_open, "/dev/null", LONG_NS, &answer), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(answer.result, -EMFILE);
	assert_int_equal(answer.fd, -1);
}

static void test_keeps_nothing_open(void **state)
{
	const struct helper_request request = {
		.work = work_count, .path = "", .number = 64, .fds = { -1, -1 }
	};
	const struct helper_patience patience = { .deadline_ns = clock_mono_ns() + LONG_NS };
	struct helper_answer answer;

	(void)state;
	assert_int_equal(helper_run(helper, &request, &patience, &answer), 0);
	assert_int_equal(answer.result, 1); /* the socket */
}

static void test_is_late(void **state)
{
	struct helper_answer answer;
	uint64_t began_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(run(work_sleep, "", SHORT_NS, &answer), -ETIMEDOUT);
	assert_true(clock_mono_ns() - began_ns >= SHORT_NS);
	assert_works();
}

static void test_is_killed(void **state)
{
	struct helper_answer answer;

	(void)state;
	assert_int_equal(run(work_die, "", LONG_NS, &answer), -EPIPE);
	assert_works();
	assert_int_equal(run(work_getpid, "", LONG_NS, &answer), 0);
	kill(answer.result, SIGKILL);
	assert_works();
}

static bool at_once(void *arg)
{
	(*(unsigned *)arg)++;
	return true;
}

static void test_gives_up(void **state)
{
	unsigned asked = 0;
	const struct helper_request request = { .work = work_sleep, .path = "", .fds = { -1, -1 } };
	const struct helper_patience patience = { clock_mono_ns() + LONG_NS, at_once, &asked };
	struct helper_answer answer;

	(void)state;
	assert_int_equal(helper_run(helper, &request, &patience, &answer), -ECANCELED);
	assert_int_equal(asked, 1);
	assert_works();
}

static volatile sig_atomic_t children_ended;

static void note_child(int signal)
{
	(void)signal;
	children_ended++;
}

static void test_is_nobodys_child(void **state)
{
	struct helper_answer answer;

	(void)state;
	signal(SIGCHLD, note_child);
	assert_works();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(run(work_sleep, "", SHORT_NS, &answer), -ETIMEDOUT);
	helper_free(helper);
	helper = helper_new();
	assert_int_equal(children_ended, 0);
	signal(SIGCHLD, SIG_IGN);
	assert_works();
	assert_int_equal(run(work_sleep, "", SHORT_NS, &answer), -ETIMEDOUT);
	assert_works();
	signal(SIGCHLD, SIG_DFL);
}

static void test_long_names(void **state)
{
	char path[PATH_MAX + 1];
	struct helper_answer answer;

	(void)state;
	memset(path, 'a', PATH_MAX);
	path[PATH_MAX] = '\0';
	assert_int_equal(run(work_open, path, LONG_NS, &answer), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_nothing_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_nobodys_child, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
