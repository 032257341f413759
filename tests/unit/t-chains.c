/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-chains.c: who waits for whom, as the text, the report of --chains and JSON tell it. REGEN=1 writes
 * the golden files anew.
 */
#include "write/chains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample-chains.h"

static int setup(void **state)
{
	struct sample_chains *sample = malloc(sizeof(*sample));

	assert_non_null(sample);
	sample_chains_init(sample);
	*state = sample;
	return 0;
}

static int teardown(void **state)
{
	sample_chains_done(*state);
	free(*state);
	return 0;
}

static void check(const struct sample_chains *sample, const struct writer *writer,
		  const struct write_options *options, const char *golden)
{
	char *text = sample_write(writer, sample->snapshots, 2, options, NULL);

	sample_check_golden(golden, text);
	free(text);
}

static void test_dump(void **state)
{
	check(*state, &writer_dump, NULL, "chains-dump");
}

static void test_roots(void **state)
{
	check(*state, &writer_dump, &(struct write_options){ .chains = true }, "chains-roots");
}

static void test_json(void **state)
{
	check(*state, &writer_json, NULL, "chains-json");
}

/* ---- one thread ---- */

static void assert_chain(struct sample_chains *sample, pid_t tid, const char *ends,
			 const char *chain)
{
	struct buf buf = { 0 };

	buf_puts(&buf, "");
	write_ends(&buf, sample_chains_thread(sample, tid));
	assert_string_equal(buf.data, ends);
	buf_reset(&buf);
	write_chain(&buf, tid < CHAINS_BACK ? &sample->front : &sample->back,
		    sample_chains_thread(sample, tid));
	assert_string_equal(buf.data, chain);
	buf_done(&buf);
}

static void test_ends(void **state)
{
	assert_chain(*state, 101, "other end: process 77 \"postgres\"", "");
	assert_chain(*state, 112,
		     "other end: process 300 \"cat\", process 301 \"t\\x1bee\", process 302 and 2 "
		     "more, perhaps others",
		     "");
	assert_chain(*state, 113, "held by process 310 \"flock\"", "");
	/* the wait itself says these */
	assert_chain(*state, 118, "", "");
	assert_chain(*state, 108, "", "");
}

static void test_chain_to_a_thread(void **state)
{
	assert_chain(*state, 103, "",
		     "chain of 2 ends at thread 101 \"fetcher\" [socket recv]: in recvfrom of fd 7 "
		     "(unix -> inode 5), other end: process 77 \"postgres\"");
	assert_chain(*state, 117, "", "chain of 1 ends at thread 116 \"spinner\" [on-cpu]");
}

static void test_fates(void **state)
{
	assert_chain(*state, 104, "", "in deadlock 1");
	assert_chain(*state, 201, "", "in deadlock 2");
	assert_chain(*state, 106, "", "waits for ever: it is behind deadlock 1");
	assert_chain(*state, 107, "", "waits for ever: nobody is left who could end this wait");
	assert_chain(*state, 109, "", "waits for ever: whom it waits for does");
	assert_chain(*state, 111, "", "in a cycle that ends by itself: a wait in it has a timeout");
}

static void test_a_thread_of_another_process_has_its_pid(void **state)
{
	struct sample_chains *sample = *state;
	const struct thread_ref ref = { &sample->back, sample_chains_thread(sample, 201) };
	struct buf buf = { 0 };

	write_ref(&buf, &ref, &sample->front);
	assert_string_equal(buf.data, "thread 201 \"ring-3\" [mutex, 2.00 s] of process 200");
	buf_reset(&buf);
	write_ref(&buf, &ref, &sample->back);
	assert_string_equal(buf.data, "thread 201 \"ring-3\" [mutex, 2.00 s]");
	buf_done(&buf);
}

/* ---- whole documents ---- */

/* With one process the section stands before its coverage, with several behind all of them, once. */
static void test_where_deadlocks_stand(void **state)
{
	struct sample_chains *sample = *state;
	char *one = sample_write(&writer_dump, sample->snapshots, 1, NULL, NULL);
	char *two = sample_write(&writer_dump, sample->snapshots, 2, NULL, NULL);
	const char *found = strstr(two, "\nFound 2 deadlocks:\n");

	assert_true(strstr(one, "\nFound 2 deadlocks:\n") < strstr(one, "\n# threads:"));
	assert_non_null(found);
	assert_null(strstr(found + 2, "Found "));
	assert_null(strstr(found, "# threads:"));
	free(one);
	free(two);
}

static void test_one_deadlock_has_no_number(void **state)
{
	struct sample_chains *sample = *state;
	struct buf buf = { 0 };

	sample->front.ndeadlocks = 1;
	write_deadlocks(&buf, &sample->front, &(struct write_options){ 0 });
	assert_non_null(strstr(buf.data, "Found 1 deadlock:\n\n  thread 104 "));
	assert_null(strstr(buf.data, "Deadlock 1:"));
	assert_non_null(strstr(buf.data, "\n  1 more thread waits for ever behind it\n"));
	sample->deadlocks[0].nbehind = 2;
	buf_reset(&buf);
	write_deadlocks(&buf, &sample->front, &(struct write_options){ 0 });
	assert_non_null(strstr(buf.data, "\n  2 more threads wait for ever behind it\n"));
	buf_done(&buf);
}

/* A count of "^thread " must give the threads, whatever sections follow. */
static void test_sections_are_indented(void **state)
{
	struct sample_chains *sample = *state;
	struct buf buf = { 0 };

	write_deadlocks(&buf, &sample->front, &(struct write_options){ 0 });
	write_roots(&buf, sample->snapshots, 2, &(struct write_options){ 0 });
	assert_null(strstr(buf.data, "\nthread "));
	buf_done(&buf);
}

static void test_nobody_waits(void **state)
{
	struct sample_chains *sample = *state;
	struct buf buf = { 0 };

	sample->back.ndeadlocks = 0;
	sample_chains_thread(sample, 201)->chain = NULL;
	write_roots(&buf, &sample->snapshots[1], 1, &(struct write_options){ 0 });
	assert_string_equal(buf.data, "no thread is known to wait for another\n\n");
	buf_done(&buf);
}

/* ---- the report of --chains ---- */

/* A process that two threads wait for, one of them with others behind it, is told once. */
static void test_a_process_is_one_root(void **state)
{
	struct sample_chains *sample = *state;
	static const struct party postgres = { .pid = 77, .name = "postgres" };
	struct buf buf = { 0 };
	struct chain chain = { .parties = &postgres, .nparties = 1, .complete = true };

	sample_chains_thread(sample, 116)->state = STATE_BLOCKED;
	sample_chains_thread(sample, 116)->chain = &chain;
	write_roots(&buf, sample->snapshots, 2, &(struct write_options){ 0 });
	assert_int_equal(strncmp(buf.data, "5 threads wait for process 77 \"postgres\"\n", 41), 0);
	assert_null(strstr(buf.data + 41, "for process 77"));
	buf_done(&buf);
}

/* That nobody hangs on it does not make it well. */
static void test_who_waits_for_ever_is_told(void **state)
{
	struct sample_chains *sample = *state;
	struct buf buf = { 0 };

	sample_chains_thread(sample, 107)->nbehind = 0;
	write_roots(&buf, sample->snapshots, 2, &(struct write_options){ 0 });
	assert_non_null(strstr(buf.data,
			       "\n0 threads wait for thread 107 \"orphan\" [mutex, 2.00 s]\n"
			       "  waits for mutex 0x7000 held by thread 99, which has "
			       "exited (glibc pthread_mutex, normal)\n"
			       "  waits for ever: nobody is left who could end this wait\n"
			       "    __lll_lock_wait "));
	buf_done(&buf);
}

static void count_lines(const char *text, const char *word, unsigned expected)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	assert_int_equal(n, expected);
}

static void test_many_waiters_are_counted(void **state)
{
	enum { WAITERS = 25 };
	struct thread threads[WAITERS + 1] = { { .tid = 1, .name = "root", .nbehind = WAITERS } };
	struct ss_snapshot snapshot = { .pid = 1, .threads = threads, .nthreads = WAITERS + 1 };
	const struct ss_snapshot *const all[] = { &snapshot };
	struct chain chain = { .next = { &snapshot, threads }, .root = { &snapshot, threads } };
	struct buf buf = { 0 };

	(void)state;
	for (pid_t i = 1; i <= WAITERS; i++)
		threads[i] = (struct thread){
			.tid = 1 + i, .name = "waits", .state = STATE_BLOCKED, .chain = &chain
		};
	write_roots(&buf, all, 1, &(struct write_options){ 0 });
	assert_int_equal(strncmp(buf.data, "25 threads wait for thread 1 ", 29), 0);
	count_lines(buf.data, "\"waits\"", 20);
	assert_non_null(strstr(buf.data, "\n  and 5 more\n"));
	buf_done(&buf);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_dump),
		CASE(test_roots),
		CASE(test_json),
		CASE(test_ends),
		CASE(test_chain_to_a_thread),
		CASE(test_fates),
		CASE(test_a_thread_of_another_process_has_its_pid),
		CASE(test_where_deadlocks_stand),
		CASE(test_one_deadlock_has_no_number),
		CASE(test_sections_are_indented),
		CASE(test_nobody_waits),
		CASE(test_a_process_is_one_root),
		CASE(test_who_waits_for_ever_is_told),
		cmocka_unit_test(test_many_waiters_are_counted),
	};

	return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
