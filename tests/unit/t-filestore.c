/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-filestore.c: files by build id, in directories that the test fills with programs that it
 * compiles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "symbol/filestore.h"
#include "workshop.h"

#define ID       "abcdef0100000077"
#define OTHER_ID "abcdef0100000078"

/* a has the build id, a.debug is its debug file, b is another build. */
static int setup(void **state)
{
	(void)state;
	if (workshop_open() < 0)
		return -1;
	return run("echo 'int main(void) { return 0; }' >a.c &&"
		   "gcc -g -Wl,--build-id=0x" ID " a.c -o a &&"
		   "gcc -g -Wl,--build-id=0x" OTHER_ID " a.c -o b &&"
		   "objcopy --only-keep-debug a a.debug && mkdir made");
}

static int teardown(void **state)
{
	(void)state;
	return workshop_close();
}

static const char *below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static ino_t inode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(below(name), &st), 0);
	return st.st_ino;
}

/* Which file is found, as its inode; 0 if none is. `command` fills the directory "made" anew. */
static ino_t find(const char *command, const char *path, bool debug_only, int sysroot_fd)
{
	_cleanup_free_ char *wanted = strdup(path), *made = strdup(below("made"));
	const char *const dirs[] = { "/nonexistent", made, NULL };
	struct filestore *store = filestore_new(dirs, sysroot_fd);
	_cleanup_close_ int fd = -1;
	struct stat st = { 0 };

	assert_int_equal(run("rm -r made && mkdir made"), 0);
	assert_int_equal(run(command), 0);
	assert_non_null(store);
	fd = filestore_find(store, ID, wanted, debug_only);
	filestore_free(store);
	if (fd >= 0)
		assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void test_by_build_id(void **state)
{
	(void)state;
	assert_int_equal(find("mkdir -p made/.build-id/ab && ln a made/.build-id/ab/cdef0100000077",
			      "/gone", false, -1),
			 inode_of("a"));
	assert_int_equal(
		find("mkdir -p made/.build-id/ab && ln -s $PWD/a made/.build-id/ab/cdef0100000077",
		     "/gone", false, -1),
		inode_of("a"));
	assert_int_equal(find("mkdir -p made/.build-id/ab &&"
			      "ln a.debug made/.build-id/ab/cdef0100000077.debug",
			      "/gone", true, -1),
			 inode_of("a.debug"));
}

static void test_anywhere(void **state)
{
	(void)state;
	assert_int_equal(find("mkdir -p made/x/y && ln a.debug made/0 && ln a made/x/y/prog",
			      "/gone", false, -1),
			 inode_of("a"));
	assert_int_equal(find("mkdir -p made/x/y && ln a made/0 && ln a.debug made/x/y/prog",
			      "/gone", true, -1),
			 inode_of("a.debug"));
}

static void test_links_are_not_followed(void **state)
{
	(void)state;
	assert_int_equal(find("ln -s .. made/loop && ln -s $PWD/a made/a", "/gone", false, -1), 0);
}

static void test_other_build_is_refused(void **state)
{
	(void)state;
	assert_int_equal(find("mkdir -p made/.build-id/ab && ln b made/.build-id/ab/cdef0100000077",
			      below("b"), false, -1),
			 0);
}

static void test_own_path(void **state)
{
	(void)state;
	assert_int_equal(find("true", below("a"), false, -1), inode_of("a"));
	assert_int_equal(find("true", below("a"), true, -1), 0);
	assert_int_equal(find("true", "a", false, -1), 0);
}

static void test_sysroot(void **state)
{
	_cleanup_close_ int root = -1;

	(void)state;
	assert_int_equal(run("mkdir -p root/opt && ln a root/opt/prog &&"
			     "ln -s ../../../../../../$PWD/a root/opt/out"),
			 0);
	root = open(below("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_int_equal(find("true", "/opt/prog", false, root), inode_of("a"));
	assert_int_equal(find("true", "/opt/out", false, root), 0);
}

/* A debug file of the other host's root, whatever our own has. */
static void test_sysroot_debug_files(void **state)
{
	_cleanup_close_ int root = -1;

	(void)state;
	assert_int_equal(run("mkdir -p root/usr/lib/debug/.build-id/ab &&"
			     "ln a.debug root/usr/lib/debug/.build-id/ab/cdef0100000077.debug"),
			 0);
	root = open(below("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_int_equal(find("true", "/gone", true, root), inode_of("a.debug"));
	assert_int_equal(find("true", "/gone", false, root), 0);
	assert_int_equal(find("true", "/gone", true, -1), 0);
}

static void test_no_server(void **state)
{
	(void)state;
	assert_int_equal(filestore_fetch(NULL, ID, "/gone", true), -1);
	assert_int_equal(filestore_fetch(NULL, ID, "/gone", false), -1);
}

static void test_odd_build_ids(void **state)
{
	static const char *const ids[] = { "", "ab", "../..", "ab/../../x", "ABCDEF01" };
	struct filestore *store = filestore_new(NULL, -1);

	(void)state;
	assert_non_null(store);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(filestore_find(store, ids[i], below("a"), false), -1);
	filestore_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_build_id),
		cmocka_unit_test(test_anywhere),
		cmocka_unit_test(test_links_are_not_followed),
		cmocka_unit_test(test_other_build_is_refused),
		cmocka_unit_test(test_own_path),
		cmocka_unit_test(test_sysroot),
		cmocka_unit_test(test_sysroot_debug_files),
		cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_odd_build_ids),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
