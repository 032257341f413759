/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-lockwords.c: memory around futex words, read at once, from this very process: words at the ends
 * of pages, unmapped ones among others, and many of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/lockwords.h"
#include "target/target.h"

enum { PAGE = 4096, MANY = 1000 };

struct fixture {
	struct target target;
	struct lockwords words;
	unsigned char *page; /* one page between two that are not mapped */
};

static struct fixture fixture;

static int setup(void **state)
{
	struct ss_error err;
	unsigned char *map =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(map, PAGE);
	munmap(map + 2 * PAGE, PAGE);
	fixture.page = map + PAGE;
	for (unsigned i = 0; i < PAGE; i++)
		fixture.page[i] = (unsigned char)(i * 7 + i / 256);
	lockwords_init(&fixture.words);
	*state = &fixture;
	return target_open(getpid(), &fixture.target, &err);
}

static int teardown(void **state)
{
	(void)state;
	munmap(fixture.page, PAGE);
	target_close(&fixture.target);
	lockwords_done(&fixture.words);
	return 0;
}

static uint64_t at(unsigned offset)
{
	return (uintptr_t)fixture.page + offset;
}

static void assert_bytes(size_t thread, unsigned offset, size_t len)
{
	const struct lockword *word = lockwords_find(&fixture.words, thread);
	const unsigned char *bytes;

	assert_non_null(word);
	assert_true(word->valid && word->stable);
	bytes = lockword_bytes(word, at(offset), len);
	assert_non_null(bytes);
	assert_memory_equal(bytes, fixture.page + offset, len);
}

static void test_reads_before_and_after(void **state)
{
	(void)state;
	lockwords_add(&fixture.words, 7, 1, at(100));
	assert_int_equal(lockwords_read(&fixture.words, &fixture.target), 0);
	assert_bytes(7, 100 - LOCKWORD_BEFORE, LOCKWORD_BEFORE + LOCKWORD_AFTER);
	assert_null(lockword_bytes(lockwords_find(&fixture.words, 7), at(100), LOCKWORD_AFTER + 1));
	assert_null(lockword_bytes(lockwords_find(&fixture.words, 7), at(100 - LOCKWORD_BEFORE - 1),
				   4));
	assert_null(lockwords_find(&fixture.words, 8));
}

static void test_stays_in_its_page(void **state)
{
	(void)state;
	lockwords_add(&fixture.words, 0, 1, at(4));
	lockwords_add(&fixture.words, 1, 1, at(PAGE - 8));
	assert_int_equal(lockwords_read(&fixture.words, &fixture.target), 0);
	assert_bytes(0, 0, 4 + LOCKWORD_AFTER);
	assert_bytes(1, PAGE - 8 - LOCKWORD_BEFORE, 8 + LOCKWORD_BEFORE);
}

static void test_unmapped_words_spoil_no_other(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		lockwords_add(&fixture.words, i, 1,
			      i % 3 == 1 ? at(0) - 64 - i : at(64 + i % 2 * 512));
	lockwords_add(&fixture.words, MANY, 1, UINT64_MAX - 4);
	assert_int_equal(lockwords_read(&fixture.words, &fixture.target), 0);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 == 1)
			assert_false(lockwords_find(&fixture.words, i)->valid);
		else
			assert_bytes(i, 64 + i % 2 * 512, 20);
}

static void test_clear_forgets(void **state)
{
	(void)state;
	lockwords_add(&fixture.words, 7, 1, at(100));
	lockwords_clear(&fixture.words);
	assert_null(lockwords_find(&fixture.words, 7));
	assert_int_equal(lockwords_read(&fixture.words, &fixture.target), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads_before_and_after, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stays_in_its_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmapped_words_spoil_no_other, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_clear_forgets, setup, teardown),
	};

	return cmocka_run_group_tests_name("lockwords", tests, NULL, NULL);
}
