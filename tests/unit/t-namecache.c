/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-namecache.c: findings that go to bytes and to disk and come back the same, and bytes, files and
 * directories that must not be believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/attr.h"
#include "symbol/cachedir.h"

static const struct namecache_key key = { .build_id = "0123456789abcdef0123456789abcdef01234567",
					  .file = { 1, 7, 2000, 6, 8 },
					  .debug = { 1, 9, 1000, 5, 10 } };

static const struct index_frame chain[] = {
	{ .linkage_name = "_ZN1a1bEv",
	  .name = "b",
	  .decl_file = "/src/b.h",
	  .decl_line = 10,
	  .file = "/src/b.h",
	  .line = 12 },
	{ .linkage_name = "c",
	  .name = "c",
	  .decl_file = "/src/c.c",
	  .decl_line = 20,
	  .file = "/src/c.c",
	  .line = 25,
	  .entry = 0x1000 },
};

static const struct index_finding whole = {
	.chain = chain, .n = 2, .has_symbol = true, .symbol = { 0x1000, 0x80, "c.cold" }
};

static struct namecache *make(void)
{
	const struct index_finding only_symbol = { .has_symbol = true,
						   .symbol = { 0x2000, 8, "d" } };
	const struct index_finding only_lines = { .chain = chain, .n = 1 };
	const struct index_finding nothing = { 0 };
	struct namecache *cache = namecache_new();

	assert_non_null(cache);
	assert_int_equal(namecache_add(cache, 0x1010, &whole), 0);
	assert_int_equal(namecache_add(cache, 0x2004, &only_symbol), 0);
	assert_int_equal(namecache_add(cache, 0x3000, &only_lines), 0);
	assert_int_equal(namecache_add(cache, 0, &nothing), 0);
	return cache;
}

static void assert_frame(const struct index_frame *a, const struct index_frame *b)
{
	assert_string_equal(a->linkage_name, b->linkage_name);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->decl_file, b->decl_file);
	assert_string_equal(a->file, b->file);
	assert_int_equal(a->decl_line, b->decl_line);
	assert_int_equal(a->line, b->line);
	assert_int_equal(a->entry, b->entry);
}

static void assert_made(const struct namecache *cache)
{
	struct index_finding found;

	assert_true(namecache_find(cache, 0x1010, &found));
	assert_int_equal(found.n, 2);
	assert_frame(&found.chain[0], &chain[0]);
	assert_frame(&found.chain[1], &chain[1]);
	assert_true(found.has_symbol);
	assert_string_equal(found.symbol.name, "c.cold");
	assert_int_equal(found.symbol.start, 0x1000);
	assert_int_equal(found.symbol.size, 0x80);
	assert_true(namecache_find(cache, 0x2004, &found));
	assert_int_equal(found.n, 0);
	assert_string_equal(found.symbol.name, "d");
	assert_true(namecache_find(cache, 0x3000, &found));
	assert_int_equal(found.n, 1);
	assert_false(found.has_symbol);
	assert_true(namecache_find(cache, 0, &found));
	assert_int_equal(found.n, 0);
	assert_false(namecache_find(cache, 0x1011, &found));
	assert_false(namecache_find(cache, UINT64_MAX, &found));
}

/* ---- bytes ---- */

static void encode(struct buf *ret)
{
	struct namecache *cache = make();

	buf_init(ret);
	namecache_encode(cache, &key, ret);
	assert_false(ret->failed);
	namecache_free(cache);
}

static int decode(const struct namecache_key *with, const void *bytes, size_t len)
{
	struct namecache *cache = namecache_new();
	void *copy = malloc(len ? len : 1); /* of the exact size: nothing may be read behind it */
	struct index_finding found;
	int r;

	memcpy(copy, bytes, len);
	r = namecache_decode(cache, with, copy, len);
	free(copy);
	if (r == 0)
		assert_made(cache);
	else
		assert_false(namecache_find(cache, 0x1010, &found));
	assert_false(namecache_has_grown(cache));
	namecache_free(cache);
	return r;
}

static void test_round_trip(void **state)
{
	struct namecache *cache = make();
	struct buf bytes;

	(void)state;
	assert_made(cache);
	assert_true(namecache_has_grown(cache));
	namecache_free(cache);
	encode(&bytes);
	assert_int_equal(decode(&key, bytes.data, bytes.len), 0);
	buf_done(&bytes);
}

static void test_damaged_bytes(void **state)
{
	struct buf bytes;

	(void)state;
	encode(&bytes);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(decode(&key, bytes.data, len), -EINVAL);
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.data[i] ^= 0x40;
		assert_int_equal(decode(&key, bytes.data, bytes.len), -EINVAL);
		bytes.data[i] ^= 0x40;
	}
	buf_add(&bytes, "x", 1);
	assert_int_equal(decode(&key, bytes.data, bytes.len), -EINVAL);
	buf_done(&bytes);
}

static void test_other_key(void **state)
{
	struct namecache_key other = key;
	struct buf bytes;

	(void)state;
	encode(&bytes);
	other.debug.changed_ns++;
	assert_int_equal(decode(&other, bytes.data, bytes.len), -EINVAL);
	other = key;
	other.file.number++;
	assert_int_equal(decode(&other, bytes.data, bytes.len), -EINVAL);
	other = key;
	other.build_id[0] = 'f';
	assert_int_equal(decode(&other, bytes.data, bytes.len), -EINVAL);
	buf_done(&bytes);
}

/* Every word behind the checksum made wild, and the checksum made right again. */
static void test_crafted_bytes(void **state)
{
	enum { CHECKSUM_AT = 16, BEHIND = 20 };
	struct buf bytes;
	unsigned refused = 0;

	(void)state;
	encode(&bytes);
	for (size_t i = BEHIND; i + 4 <= bytes.len; i += 4) {
		struct namecache *cache = namecache_new();
		uint32_t old, wild = 0xfffffff0, sum;

		memcpy(&old, bytes.data + i, 4);
		memcpy(bytes.data + i, &wild, 4);
		sum = (uint32_t)crc32_z(0, (unsigned char *)bytes.data + BEHIND,
					bytes.len - BEHIND);
		memcpy(bytes.data + CHECKSUM_AT, &sum, 4);
		refused += namecache_decode(cache, &key, bytes.data, bytes.len) < 0;
		memcpy(bytes.data + i, &old, 4);
		namecache_free(cache);
	}
	/* the format, the key, the counts, the offsets of strings; not addresses and lines */
	assert_in_range(refused, 42, 72);
	buf_done(&bytes);
}

static void test_full(void **state)
{
	const struct index_finding finding = { .chain = chain, .n = 2 };
	struct namecache *cache = namecache_new();
	struct index_finding found;
	uint64_t addr = 0;
	int r;

	(void)state;
	do
		r = namecache_add(cache, ++addr, &finding);
	while (r == 0 && addr < 1 << 20);
	assert_int_equal(r, -ENOSPC);
	assert_true(namecache_find(cache, 1, &found));
	assert_false(namecache_find(cache, addr, &found));
	namecache_free(cache);
}

/* ---- files ---- */

static char base[] = "/tmp/t-namecache.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/stacksnap%s%s", base, *name ? "/" : "", name);
	return path;
}

static void remove_all(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(base + strlen(base) - 6, "XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	remove_all();
	return 0;
}

static int store(void)
{
	struct namecache *cache = make();
	int r = cachedir_store(&(struct cachedir){ .base = base }, &key, cache);

	namecache_free(cache);
	return r;
}

static bool load(void)
{
	struct namecache *cache = namecache_new();
	bool loaded = cachedir_load(&(struct cachedir){ .base = base }, &key, cache);

	if (loaded)
		assert_made(cache);
	namecache_free(cache);
	return loaded;
}

static void test_store_and_load(void **state)
{
	struct stat st;

	(void)state;
	assert_false(load());
	assert_int_equal(stat(path_of(""), &st), -1); /* looking makes nothing */
	assert_int_equal(store(), 0);
	assert_int_equal(store(), 0);
	assert_true(load());
	assert_int_equal(stat(path_of(key.build_id), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of(""), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_a_new_home(void **state)
{
	struct namecache *cache = make();

	(void)state;
	remove_all();
	assert_false(load());
	assert_int_equal(store(), 0);
	assert_true(load());
	assert_int_equal(
		cachedir_store(&(struct cachedir){ .base = "/nowhere/at/all" }, &key, cache),
		-ENOENT);
	namecache_free(cache);
}

/* As root with the home of another user. */
static void test_another_users_home(void **state)
{
	struct namecache *cache = make();
	char path[64];

	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(chown(base, 65534, 65534), 0);
		snprintf(path, sizeof(path), "%s/.cache", base);
		assert_int_equal(cachedir_store(&(struct cachedir){ .base = path }, &key, cache),
				 -ENOENT);
		assert_int_equal(access(path, F_OK), -1);
	}
	namecache_free(cache);
}

static void test_what_others_could_write(void **state)
{
	(void)state;
	assert_int_equal(store(), 0);
	assert_int_equal(chmod(base, 0777), 0);
	assert_false(load());
	assert_int_equal(store(), -EPERM);
	assert_int_equal(chmod(base, 0755), 0);
	assert_true(load());
	assert_int_equal(chmod(path_of(""), 0770), 0);
	assert_false(load());
	assert_int_equal(chmod(path_of(""), 0700), 0);
	assert_int_equal(chmod(path_of(key.build_id), 0620), 0);
	assert_false(load());
	assert_int_equal(chmod(path_of(key.build_id), 0600), 0);
	assert_true(load());
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(path_of(key.build_id), 65534, 65534), 0);
	assert_false(load());
	assert_int_equal(chown(base, 65534, 65534), 0);
	assert_int_equal(store(), -EPERM);
}

static void test_links_are_not_followed(void **state)
{
	char elsewhere[300];

	(void)state;
	assert_int_equal(store(), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", base);
	assert_int_equal(rename(path_of(""), elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path_of("")), 0);
	assert_false(load());
	assert_true(store() < 0);
	assert_int_equal(unlink(path_of("")), 0);
	assert_int_equal(rename(elsewhere, path_of("")), 0);
	assert_true(load());
	assert_int_equal(rename(path_of(key.build_id), elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path_of(key.build_id)), 0);
	assert_false(load());
	assert_int_equal(store(), 0); /* the link is replaced, not what it leads to */
	assert_true(load());
}

static void test_names_that_lead_elsewhere(void **state)
{
	static const char *const names[] = { "", "../../x", "0123/4567", "0123", "ABCDEF0123" };
	struct namecache *cache = make();
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct namecache_key wild = { 0 };

		strcpy(wild.build_id, names[i]);
		assert_int_equal(cachedir_store(&(struct cachedir){ .base = base }, &wild, cache),
				 -EINVAL);
		assert_false(cachedir_load(&(struct cachedir){ .base = base }, &wild, cache));
	}
	assert_int_equal(cachedir_store(&(struct cachedir){ .base = "relative" }, &key, cache),
			 -EINVAL);
	assert_int_equal(stat(path_of(""), &st), -1);
	namecache_free(cache);
}

static void test_damaged_file(void **state)
{
	(void)state;
	assert_int_equal(store(), 0);
	assert_int_equal(truncate(path_of(key.build_id), 200), 0);
	assert_false(load());
	assert_int_equal(truncate(path_of(key.build_id), 1 << 30), 0);
	assert_false(load());
	assert_int_equal(truncate(path_of(key.build_id), 0), 0);
	assert_false(load());
	assert_int_equal(store(), 0);
	assert_true(load());
}

/* Files of a megabyte with these last uses; then one is stored. */
static void test_the_oldest_go(void **state)
{
	char name[64];
	unsigned left = 0;
	struct stat st;

	(void)state;
	assert_int_equal(store(), 0);
	for (unsigned i = 0; i < 80; i++) {
		struct timespec times[2] = { { .tv_sec = 1000000 + i }, { .tv_sec = 1000000 + i } };
		int fd;

		snprintf(name, sizeof(name), "%08x", i);
		fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, 1 << 20), 0);
		assert_int_equal(futimens(fd, times), 0);
		close(fd);
	}
	assert_int_equal(store(), 0);
	for (unsigned i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "%08x", i);
		if (stat(path_of(name), &st) == 0)
			left++;
		else
			assert_int_equal(left, 0); /* no younger one went before it */
	}
	assert_int_equal(left, 63);
	assert_true(load());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_bytes),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_crafted_bytes),
		cmocka_unit_test(test_full),
		cmocka_unit_test_setup_teardown(test_store_and_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_new_home, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_users_home, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_others_could_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_that_lead_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_oldest_go, setup, teardown),
	};

	return cmocka_run_group_tests_name("namecache", tests, NULL, NULL);
}
