/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-write.c: the helpers that all writers share, and the count, folded and JSON writers on the
 * sample. REGEN=1 writes the golden files anew.
 */
#include "write/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sample.h"

static void assert_short(const char *name, const char *expected)
{
	struct buf buf = { 0 };

	write_short_name(&buf, name);
	assert_string_equal(buf.data, expected);
	buf_done(&buf);
}

static void test_short_names(void **state)
{
	(void)state;
	assert_short("main", "main");
	assert_short("std::vector<int, std::allocator<int> >::push_back", "std::vector::push_back");
	assert_short("std::function<void (int (*)(char))>::operator()",
		     "std::function::operator()");
	assert_short("A<(1 > 2), (x->y)>::f<B>", "A::f");
	assert_short("(anonymous namespace)::f<int>", "(anonymous namespace)::f");
	assert_short("f<&(g<int>)>", "f");
}

static bool matches(const char *pattern, const char *name)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = write_name_matches(&regex, name);
	regfree(&regex);
	return found;
}

static void test_names_match_whole_or_as_shown(void **state)
{
	static const char name[] = "app::Pool<int>::run<long>";

	(void)state;
	assert_true(matches("Pool<int>", name));
	assert_true(matches("^app::Pool::run$", name));
	assert_true(matches("run<long>$", name));
	assert_false(matches("Pool::run<long>", name));
	assert_false(matches("Pool::stop", name));
	assert_true(matches("^main$", "main"));
	assert_false(matches("^$", "main"));
}

static void test_operators_stay_whole(void **state)
{
	(void)state;
	assert_short("operator<", "operator<");
	assert_short("operator< <int>", "operator<");
	assert_short("std::operator<< <std::char_traits<char> >", "std::operator<<");
	assert_short("P<T>::operator->", "P::operator->");
	assert_short("P<T>::operator->*", "P::operator->*");
	assert_short("A<int>::operator<=>", "A::operator<=>");
	assert_short("f<&A::operator< >::g", "f::g");
	assert_short("A::operator std::vector<int>", "A::operator std::vector");
	assert_short("myoperator<int>", "myoperator");
}

static void test_rust_names(void **state)
{
	(void)state;
	assert_short("<alloc::vec::Vec<u8> as core::ops::Drop>::drop",
		     "<alloc::vec::Vec as core::ops::Drop>::drop");
	assert_short("core::ptr::drop_in_place::<[u8; 4]>", "core::ptr::drop_in_place");
	assert_short("core::slice::<impl [T]>::iter", "core::slice::<impl [T]>::iter");
	assert_short("call::<fn() -> u8>", "call");
}

static void test_senseless_names_are_shown_whole(void **state)
{
	(void)state;
	assert_short("a<b", "a<b");
	assert_short("a<b(c", "a<b(c");
	assert_short("a>b", "a>b");
	assert_short("a<\033>", "a");
	assert_short("x\033<", "x\\x1b<");
	assert_short("<", "<");
	assert_short("::<>", "::<>");
}

static void assert_words(enum thread_state state, const struct wait *wait, const char *expected)
{
	struct thread thread = { .state = state, .wait = *wait };
	struct buf buf = { 0 };

	write_state(&buf, &thread);
	assert_string_equal(buf.data, expected);
	buf_done(&buf);
}

static void test_states(void **state)
{
	struct wait wait = { .call = -1, .fd = -1 };

	(void)state;
	assert_words(STATE_ON_CPU, &wait, "on-cpu");
	assert_words(STATE_BLOCKED, &wait, "blocked");
	wait.kind = WAIT_COND;
	assert_words(STATE_BLOCKED, &wait, "cond wait");
	assert_words(STATE_STOPPED, &wait, "stopped");
	wait.kind = WAIT_SYSCALL;
	assert_words(STATE_BLOCKED, &wait, "syscall");
	wait.call = 451;
	assert_words(STATE_BLOCKED, &wait, "syscall 451");
	wait.call_name = "wait4";
	assert_words(STATE_BLOCKED, &wait, "syscall wait4");
}

static void assert_wait(const struct wait *wait, const char *expected)
{
	struct ss_snapshot *snapshot = sample_new(SAMPLE_PID);
	struct thread thread = { .state = STATE_BLOCKED, .wait = *wait };
	struct buf buf = { 0 };

	write_wait(&buf, snapshot, &thread);
	assert_string_equal(buf.data ? buf.data : "", expected);
	buf_done(&buf);
	sample_free(snapshot);
}

static void test_wait_of_a_lock(void **state)
{
	struct wait wait = { .kind = WAIT_MUTEX, .object = 0x10, .fd = -1, .timeout_ns = -1 };

	(void)state;
	assert_wait(&wait, "waits for mutex 0x10");
	wait.owner = 3673;
	wait.holder = HOLDER_THREAD;
	assert_wait(&wait, "waits for mutex 0x10 held by thread 3673 \"holder\"");
	wait.lock_type = LOCK_GLIBC_RECURSIVE;
	wait.lock_traits = LOCK_ROBUST | LOCK_INHERIT;
	assert_wait(&wait, "waits for mutex 0x10 held by thread 3673 \"holder\" (glibc "
			   "pthread_mutex, recursive, robust, priority inheritance)");
	wait.lock_type = LOCK_NONE;
	wait.lock_traits = LOCK_INHERIT;
	wait.owner = 99;
	wait.timeout_ns = 1000000000;
	assert_wait(&wait, "waits for mutex 0x10 held by thread 99 (priority inheritance), "
			   "timeout 1.00 s");
	wait.kind = WAIT_JOIN;
	wait.owner = 3676;
	assert_wait(&wait, "waits for thread 3676 \"io 'x';y\" to end, timeout 1.00 s");
}

/* Numbers that are no thread of this process get no thread's name, whoever else has them. */
static void test_wait_of_a_lock_held_elsewhere(void **state)
{
	struct wait wait = { .kind = WAIT_MUTEX,
			     .object = 0x10,
			     .owner = 3673,
			     .fd = -1,
			     .timeout_ns = -1,
			     .lock_type = LOCK_GLIBC_NORMAL };

	(void)state;
	wait.holder = HOLDER_EXITED;
	assert_wait(&wait, "waits for mutex 0x10 held by thread 3673, which has exited (glibc "
			   "pthread_mutex, normal)");
	wait.holder = HOLDER_ABSENT;
	assert_wait(&wait, "waits for mutex 0x10 held by thread 3673, which is not in this process "
			   "(copied by fork?) (glibc pthread_mutex, normal)");
	wait.holder = HOLDER_THREAD;
	wait.owner_pid = 3600;
	wait.lock_traits = LOCK_SHARED;
	assert_wait(&wait, "waits for mutex 0x10 held by thread 3673 of process 3600 (glibc "
			   "pthread_mutex, normal, shared)");
}

static void test_wait_of_a_lock_of_nobody(void **state)
{
	struct wait wait = { .kind = WAIT_RWLOCK_WRITE,
			     .object = 0x10,
			     .fd = -1,
			     .timeout_ns = -1,
			     .holder = HOLDER_READERS,
			     .readers = 3,
			     .lock_type = LOCK_GLIBC_RWLOCK };

	(void)state;
	assert_wait(&wait, "waits for rwlock 0x10 held by 3 readers (glibc pthread_rwlock)");
	wait.readers = 1;
	assert_wait(&wait, "waits for rwlock 0x10 held by 1 reader (glibc pthread_rwlock)");
	wait.holder = HOLDER_HANDOVER;
	assert_wait(&wait, "waits for rwlock 0x10, being handed over (glibc pthread_rwlock)");
	wait.kind = WAIT_COND;
	wait.holder = HOLDER_UNKNOWN;
	wait.mutex = 0x50;
	wait.lock_type = LOCK_GLIBC_COND;
	assert_wait(&wait, "waits for condition variable 0x10, with mutex 0x50 (glibc "
			   "pthread_cond)");
}

static void test_wait_of_a_descriptor(void **state)
{
	struct fd_info info = { .type = FD_PIPE, .text = "pipe:[77]" };
	struct wait wait = {
		.kind = WAIT_PIPE_READ, .call_name = "read", .fd = 5, .timeout_ns = -1
	};

	(void)state;
	assert_wait(&wait, "in read of fd 5");
	wait.fd_info = &info;
	assert_wait(&wait, "in read of fd 5 (pipe:[77])");
	wait.call_name = NULL;
	info.text = "";
	assert_wait(&wait, "on fd 5");
}

static void test_wait_of_nothing_known(void **state)
{
	struct wait wait = { .kind = WAIT_SYSCALL,
			     .call_name = "wait4",
			     .fd = -1,
			     .timeout_ns = WAIT_TIMEOUT_UNKNOWN };

	(void)state;
	assert_wait(&wait, "");
	wait.place = "do_wait";
	assert_wait(&wait, "in the kernel's do_wait");
	wait.kind = WAIT_CHILD;
	assert_wait(&wait, "in wait4");
}

static void test_focus_and_ignore(void **state)
{
	struct ss_snapshot *snapshot = sample_new(SAMPLE_PID);
	struct write_options options = { 0 };
	regex_t regex;

	(void)state;
	assert_int_equal(regcomp(&regex, "map<.*at$", REG_EXTENDED | REG_NOSUB), 0);
	options.focus = &regex;
	assert_true(write_wants_thread(&snapshot->threads[0], &options));
	assert_false(write_wants_thread(&snapshot->threads[1], &options));
	assert_false(write_wants_thread(&snapshot->threads[5], &options));
	options = (struct write_options){ .ignore = &regex };
	assert_false(write_wants_thread(&snapshot->threads[0], &options));
	assert_true(write_wants_thread(&snapshot->threads[1], &options));
	assert_true(write_wants_thread(&snapshot->threads[5], &options));
	regfree(&regex);
	sample_free(snapshot);
}

static void test_raw_locations(void **state)
{
	struct mapping mapping = { .path = "/lib/libc.so.6" };
	struct location location = { .pc = 0x7f00, .module_offset = 0x1234 };
	struct buf buf = { 0 };

	(void)state;
	write_raw_location(&buf, &location);
	assert_string_equal(buf.data, "0x7f00");
	buf_reset(&buf);
	location.mapping = &mapping;
	write_raw_location(&buf, &location);
	assert_string_equal(buf.data, "libc.so.6+0x1234");
	buf_reset(&buf);
	mapping.path = "[vdso]";
	write_raw_location(&buf, &location);
	assert_string_equal(buf.data, "[vdso]+0x1234");
	buf_done(&buf);
}

static void test_coverage_tells_everything_missing(void **state)
{
	struct ss_snapshot snapshot = { .stop = "all",
					.observer = "proc",
					.timer = "",
					.timer_refusal = "",
					.unwinder = "cfi" };
	struct buf buf = { 0 };

	(void)state;
	snapshot.coverage.no_stack[SS_NO_STACK_PENDING] = 3;
	snapshot.coverage.stack_end[SS_END_WINDOW] = 2;
	snapshot.coverage.threads_filtered = 7;
	write_coverage(&buf, &snapshot, "> ");
	assert_non_null(strstr(buf.data, ", 3 did not stop within the deadline; 7 left out"));
	assert_non_null(strstr(buf.data, "0 complete, 2 cut short (2 deeper than the copied"));
	assert_non_null(strstr(buf.data, "> stops: 0\n"));
	assert_int_equal(strncmp(buf.data, "> threads: 0 seen", 17), 0);
	buf_done(&buf);
}

static void check_writer(const struct writer *writer, const char *golden)
{
	char *text = sample_write_one(writer, NULL, NULL);

	sample_check_golden(golden, text);
	free(text);
}

static void test_count(void **state)
{
	(void)state;
	check_writer(&writer_count, "count");
}

static void test_folded(void **state)
{
	(void)state;
	check_writer(&writer_folded, "folded");
}

static void test_json(void **state)
{
	(void)state;
	check_writer(&writer_json, "json");
}

static void test_count_cut_stacks_are_counted_together(void **state)
{
	struct write_options options = { .max_frames = 1 };
	char *text = sample_write_one(&writer_count, &options, NULL);

	(void)state;
	assert_int_equal(strncmp(text, "thread profile: total 5\n2 @ 0x7f0000090456\n", 42), 0);
	assert_non_null(strstr(text, "# more frames follow, left out by -n\n"));
	free(text);
}

static void test_folded_cut_stacks_stand_on_truncated(void **state)
{
	struct write_options options = { .max_frames = 1 };
	char *text = sample_write_one(&writer_folded, &options, NULL);

	(void)state;
	assert_non_null(strstr(text, "demo;worker;[truncated];__lll_lock_wait 2\n"));
	free(text);
}

static char *write_two(const struct writer *writer)
{
	struct ss_snapshot *a = sample_new(SAMPLE_PID), *b = sample_new(77);
	const struct ss_snapshot *const both[] = { a, b };
	char *text = sample_write(writer, both, 2, NULL, NULL);

	sample_free(a);
	sample_free(b);
	return text;
}

static void test_several_processes(void **state)
{
	char *text = write_two(&writer_count);

	(void)state;
	assert_int_equal(strncmp(text, "=== 3671 demo ===\nthread profile", 32), 0);
	assert_non_null(strstr(text, "\n\n=== 77 demo ===\nthread profile"));
	free(text);
	text = write_two(&writer_folded);
	assert_non_null(strstr(text, "__lll_lock_wait 4\n"));
	free(text);
	text = write_two(&writer_json);
	assert_non_null(strstr(text, "},\n{\"pid\":77,"));
	free(text);
}

static void test_empty_processes_are_documents_too(void **state)
{
	struct ss_snapshot empty = { .pid = 1,
				     .comm = "",
				     .exe = "",
				     .cmdline = "",
				     .stop = "auto",
				     .observer = "proc",
				     .timer = "",
				     .timer_refusal = "",
				     .unwinder = "cfi",
				     .maps = "" };
	const struct ss_snapshot *const snapshots[] = { &empty };

	(void)state;
	for (size_t i = 0; i < nwriters; i++)
		free(sample_write(writers[i], snapshots, 1, NULL, NULL));
}

static void test_writers_are_in_the_order_of_formats(void **state)
{
	(void)state;
	assert_int_equal(nwriters, SS_FORMAT_HTML + 1);
	assert_string_equal(writers[SS_FORMAT_TEXT]->name, "text");
	assert_string_equal(writers[SS_FORMAT_COUNT]->name, "count");
	assert_string_equal(writers[SS_FORMAT_PPROF]->name, "pprof");
	assert_string_equal(writers[SS_FORMAT_FOLDED]->name, "folded");
	assert_string_equal(writers[SS_FORMAT_JSON]->name, "json");
	assert_string_equal(writers[SS_FORMAT_SPEEDSCOPE]->name, "speedscope");
	assert_string_equal(writers[SS_FORMAT_HTML]->name, "html");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_names),
		cmocka_unit_test(test_names_match_whole_or_as_shown),
		cmocka_unit_test(test_operators_stay_whole),
		cmocka_unit_test(test_rust_names),
		cmocka_unit_test(test_senseless_names_are_shown_whole),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_wait_of_a_lock),
		cmocka_unit_test(test_wait_of_a_lock_held_elsewhere),
		cmocka_unit_test(test_wait_of_a_lock_of_nobody),
		cmocka_unit_test(test_wait_of_a_descriptor),
		cmocka_unit_test(test_wait_of_nothing_known),
		cmocka_unit_test(test_focus_and_ignore),
		cmocka_unit_test(test_raw_locations),
		cmocka_unit_test(test_coverage_tells_everything_missing),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_count_cut_stacks_are_counted_together),
		cmocka_unit_test(test_folded_cut_stacks_stand_on_truncated),
		cmocka_unit_test(test_several_processes),
		cmocka_unit_test(test_empty_processes_are_documents_too),
		cmocka_unit_test(test_writers_are_in_the_order_of_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
