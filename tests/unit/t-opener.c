/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-opener.c: which mounts are local, what is opened, and what is remembered of files that do not
 * come in time. With a file system that really does not answer: tests/it/slowfiles.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "target/mounts.h"
#include "target/opener.h"
#include "target/target.h"

/* ---- mounts ---- */

static const char table[] =
	"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"22 21 0:22 / /home rw shared:2 master:3 - nfs4 server:/home rw,vers=4.2\n"
	"23 21 0:23 / /mnt/my\\040files rw - fuse.sshfs host: rw,user_id=0\n"
	"24 21 0:24 / /lazy rw - fuse.stargz stargz rw\n"
	"25 21 0:25 / /c1 rw - overlay overlay rw,lowerdir=/var/a:/var/b,upperdir=/var/c\n"
	"26 21 0:26 / /c2 rw - overlay overlay rw,lowerdir=/var/a:/lazy/b,upperdir=/var/c\n"
	"27 21 0:27 / /c3 rw - overlay overlay rw,lowerdir+=/lazy/b,upperdir=/var/c\n"
	"28 21 0:28 / /new rw - fsofnextyear none rw\n"
	"29 21 0:29 / /home/local rw - tmpfs tmpfs rw\n"
	"30 29 0:30 / /home/local rw - nfs server:/over rw\n"
	"nonsense\n\n31 21 8\n";

static void parse_table(struct mounts *mounts)
{
	struct buf text;

	memset(mounts, 0, sizeof(*mounts));
	buf_init(&mounts->text);
	buf_init(&text);
	buf_add(&text, table, sizeof(table));
	assert_int_equal(mounts_parse(mounts, &text), 0);
}

static void test_local_mounts(void **state)
{
	static const struct {
		int id;
		bool local;
	} cases[] = {
		{ 21, true },  { 22, false }, { 23, false }, { 24, false }, { 25, true },
		{ 26, false }, { 27, false }, { 28, false }, { 29, true },  { 30, false },
	};
	struct mounts mounts;

	(void)state;
	parse_table(&mounts);
	assert_int_equal(mounts.entries.n, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(mounts_find_id(&mounts, cases[i].id)->local, cases[i].local);
	assert_null(mounts_find_id(&mounts, 31));
	assert_int_equal(mounts_find_dev(&mounts, makedev(8, 1))->id, 21);
	assert_null(mounts_find_dev(&mounts, makedev(8, 2)));
	mounts_done(&mounts);
}

static void test_paths_of_mounts(void **state)
{
	static const struct {
		const char *path;
		int id;
	} cases[] = {
		{ "/", 21 },
		{ "/homer/x", 21 },
		{ "/home", 22 },
		{ "/home/me/bin/x", 22 },
		{ "/mnt/my", 21 },
		{ "/mnt/my files/x", 23 },
		{ "/home/local/x", 30 },
	};
	struct mounts mounts;

	(void)state;
	parse_table(&mounts);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(mounts_find_path(&mounts, cases[i].path)->id, cases[i].id);
	mounts_done(&mounts);
}

/* ---- opening ---- */

struct fixture {
	struct target target;
	struct opener *opener;
	char dir[32], path[64];
};

static bool give_up;

static bool may_give_up(void *arg)
{
	(void)arg;
	return give_up;
}

static int setup(void **state)
{
	static const struct opener_options options = { .file_ns = 100 * NS_PER_MS,
						       .all_ns = 60 * NS_PER_SEC,
						       .give_up = may_give_up };
	struct fixture *f = calloc(1, sizeof(*f));
	struct ss_error err;
	int fd;

	*state = f;
	give_up = false;
	strcpy(f->dir, "/tmp/t-opener-XXXXXX");
	if (!mkdtemp(f->dir) || target_open(getpid(), &f->target, &err) < 0)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
	fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "hello", 5) != 5)
		return -1;
	close(fd);
	f->opener = opener_new(&options, NULL);
	f->target.opener = f->opener;
	return opener_begin(f->opener, &f->target) >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	opener_free(f->opener);
	target_close(&f->target);
	free(f);
	return 0;
}

static void assert_opens(struct fixture *f, enum opener_root root)
{
	const struct opener_name name = { .root = root, .path = f->path };
	struct opened opened;
	char text[8] = "";

	assert_int_equal(opener_open(f->opener, &name, &opened), 0);
	assert_int_equal(opened.st.st_size, 5);
	assert_int_equal(pread(opened.fd, text, sizeof(text), 0), 5);
	assert_string_equal(text, "hello");
	close(opened.fd);
}

static void test_opens(void **state)
{
	struct fixture *f = *state;
	const char *path;

	assert_opens(f, OPENER_OURS);
	assert_opens(f, OPENER_THEIRS);
	assert_int_equal(opener_late(f->opener, &path), 0);
	assert_string_equal(path, "");
}

static void test_opens_files_only(void **state)
{
	struct fixture *f = *state;
	struct opener_name name = { .root = OPENER_OURS, .path = f->path };
	struct opened opened;

	unlink(f->path);
	assert_int_equal(opener_open(f->opener, &name, &opened), -ENOENT);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(opener_open(f->opener, &name, &opened), -EINVAL);
	assert_int_equal(opener_open_at(f->opener, AT_FDCWD, f->path), -EINVAL);
	assert_int_equal(opener_open_at(NULL, AT_FDCWD, f->path), -EINVAL);
	unlink(f->path);
	assert_int_equal(symlink("/etc/passwd", f->path), 0);
	name.flags = O_NOFOLLOW;
	assert_int_equal(opener_open(f->opener, &name, &opened), -EINVAL);
}

static void test_opens_links(void **state)
{
	struct fixture *f = *state;
	struct opened opened;
	struct stat st;
	char link[32];

	assert_int_equal(stat("/proc/self/exe", &st), 0);
	snprintf(link, sizeof(link), "%d/exe", (int)getpid());
	/* of a device that is no local mount's: through the helper */
	assert_int_equal(
		opener_open_link(f->opener, f->target.task_fd, link, "/x/exe", st.st_dev, &opened),
		0);
	assert_int_equal(opened.st.st_ino, st.st_ino);
	close(opened.fd);
	assert_int_equal(opener_open_link(f->opener, f->target.task_fd, link, "/x/exe",
					  makedev(4095, 77), &opened),
			 0);
	assert_int_equal(opened.st.st_ino, st.st_ino);
	close(opened.fd);
}

static void test_describes_descriptors(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	uint64_t inode;
	struct stat st;
	mode_t mode;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(opener_stat_fd(&f->target, fd, f->path, &mode, &inode), 0);
	assert_true(S_ISREG(mode));
	assert_int_equal(inode, st.st_ino);
	close(fd);
	assert_true(opener_stat_fd(&f->target, 1 << 16, f->path, &mode, &inode) < 0);
}

/* ---- what does not answer ---- */

static void work_sleep(const char *path, const char *name, uint64_t number,
		       const int fds[HELPER_FDS], struct helper_answer *ret)
{
	(void)path, (void)name, (void)number, (void)fds, (void)ret;
	for (;;)
		pause();
}

static int wait_for(struct opener *opener, const char *path)
{
	const struct helper_request request = { .work = work_sleep,
						.path = path,
						.fds = { -1, -1 } };
	struct helper_answer answer;

	return opener_run(opener, &request, &answer);
}

static uint64_t took_ns(struct opener *opener, const char *path)
{
	uint64_t began_ns = clock_mono_ns();

	assert_int_equal(wait_for(opener, path), -ETIMEDOUT);
	return clock_mono_ns() - began_ns;
}

/* A directory that did not answer is not asked again, nor what is below it; others are. */
static void test_remembers(void **state)
{
	struct fixture *f = *state;
	struct opener *other = opener_new(NULL, f->opener);

	assert_true(took_ns(f->opener, "/slow/place/a") >= 100 * NS_PER_MS);
	assert_true(took_ns(f->opener, "/slow/other/a") >= 100 * NS_PER_MS);
	give_up = true; /* what is not known to be dead is not waited for */
	assert_int_equal(wait_for(f->opener, "/slow/place/b"), -ETIMEDOUT);
	assert_int_equal(wait_for(f->opener, "/slow/place/c/d"), -ETIMEDOUT);
	assert_int_equal(wait_for(other, "/slow/place/e"), -ETIMEDOUT);
	assert_int_equal(wait_for(f->opener, "/slow/placebo"), -ECANCELED);
	assert_int_equal(wait_for(f->opener, "/slow/third/a"), -ECANCELED);
	opener_free(other);
	give_up = false;
	assert_opens(f, OPENER_THEIRS);
}

/* When the time for all is spent, nobody is blamed for it. */
static void test_all_time_is_spent(void **state)
{
	static const struct opener_options options = { .file_ns = 100 * NS_PER_MS,
						       .all_ns = 150 * NS_PER_MS,
						       .give_up = may_give_up };
	struct opener *opener = opener_new(&options, NULL);

	(void)state;
	assert_true(took_ns(opener, "/slow/a/x") >= 100 * NS_PER_MS);
	assert_true(took_ns(opener, "/slow/b/x") < 100 * NS_PER_MS);
	give_up = true;
	assert_int_equal(wait_for(opener, "/slow/a/y"), -ETIMEDOUT);
	assert_int_equal(wait_for(opener, "/slow/b/y"), -ECANCELED);
	opener_free(opener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_mounts),
		cmocka_unit_test(test_paths_of_mounts),
		cmocka_unit_test_setup_teardown(test_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opens_files_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opens_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_describes_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remembers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_time_is_spent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
