/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-children.c: the descendants of processes. Every test forks a few, which live until their pipe
 * is closed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/children.h"

/* A child that waits for its end, with a child of its own if `deep`; ret_inner is the pid of the innermost. */
static pid_t spawn(bool deep, pid_t *ret_inner)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool outer = deep && fork() > 0;
		pid_t self = getpid();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* the inner one says who it is once it is sure to end with its parent */
		if (!outer)
			(void)!write(fds[1], &self, sizeof(self));
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], ret_inner, sizeof(*ret_inner)), sizeof(*ret_inner));
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct fixture {
	struct children *children;
	struct tids found;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->children = children_new();
	*state = fixture;
	return children_follow(fixture->children, getpid());
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	children_free(fixture->children);
	vec_done(&fixture->found.tid);
	free(fixture);
	return 0;
}

static size_t find(struct fixture *fixture)
{
	struct ss_error err;

	assert_int_equal(children_find(fixture->children, &fixture->found, &err), 0);
	return fixture->found.tid.n;
}

static void test_finds_those_that_are_there_parents_first(void **state)
{
	struct fixture *fixture = *state;
	pid_t inner, pid = spawn(true, &inner);

	assert_int_equal(find(fixture), 2);
	assert_int_equal(fixture->found.tid.data[0], pid);
	assert_int_equal(fixture->found.tid.data[1], inner);
	end(pid);
}

static void test_tells_each_once(void **state)
{
	struct fixture *fixture = *state;
	pid_t inner, first = spawn(false, &inner), second;

	assert_int_equal(find(fixture), 1);
	assert_int_equal(find(fixture), 0);
	second = spawn(false, &inner);
	assert_int_equal(find(fixture), 1);
	assert_int_equal(fixture->found.tid.data[0], second);
	end(first);
	end(second);
}

/* A grandchild that comes later, while its parent is known already. */
static void test_follows_what_it_found(void **state)
{
	struct fixture *fixture = *state;
	pid_t inner, pid;

	children_free(fixture->children);
	fixture->children = children_new();
	pid = spawn(true, &inner);
	assert_int_equal(children_follow(fixture->children, pid), 0);
	assert_int_equal(find(fixture), 1);
	assert_int_equal(fixture->found.tid.data[0], inner);
	end(pid);
}

/* Started from the very shell that is looked at. */
static void test_neither_ourselves_nor_our_children(void **state)
{
	struct fixture *fixture = *state;
	struct children *children = children_new();
	struct ss_error err;
	pid_t inner, pid = spawn(false, &inner);

	assert_int_equal(children_follow(children, getppid()), 0);
	assert_int_equal(children_find(children, &fixture->found, &err), 0);
	vec_each(found, &fixture->found.tid) {
		assert_int_not_equal(*found, getpid());
		assert_int_not_equal(*found, pid);
	}
	children_free(children);
	end(pid);
}

static void test_strangers_are_not_followed(void **state)
{
	struct fixture *fixture = *state;
	pid_t inner, pid = spawn(false, &inner);

	children_free(fixture->children);
	fixture->children = children_new();
	assert_int_equal(children_follow(fixture->children, pid), 0);
	assert_int_equal(find(fixture), 0);
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finds_those_that_are_there_parents_first,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_tells_each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_what_it_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_neither_ourselves_nor_our_children, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_strangers_are_not_followed, setup, teardown),
	};

	return cmocka_run_group_tests_name("children", tests, NULL, NULL);
}
