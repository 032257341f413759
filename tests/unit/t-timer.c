/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-timer.c: sweeps that see running threads through the kernel's timer, over threads whose
 * registers and stacks are known by construction. LOOKS in the environment: more looks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>

#include "base/attr.h"
#include "capture/capturer.h"
#include "known.h"

#if defined(__x86_64__)

enum { LOOKS = 100 };

/* What became of the looks at spinning threads. */
struct tally {
	size_t sampled, copied, none, wrong;
};

static unsigned looks(void)
{
	const char *text = getenv("LOOKS");

	return text ? (unsigned)atoi(text) : LOOKS;
}

/* A capturer with this observer and timer; skips the test where one of them is not permitted. */
static void open_capturer(struct live *live, enum ss_stop mode, const char *observer,
			  const char *timer)
{
	struct ss_error err;

	live_capturer(live, mode);
	if (capturer_observe(live->capturer, observer, NULL, &err) < 0) {
		live_end(live);
		skip();
	}
	if (capturer_time(live->capturer, timer, NULL, &err) < 0) {
		print_message("%s\n", err.message);
		live_end(live);
		skip();
	}
}

static void count_look(const struct known_start *start, const struct capture_thread *thread,
		       uint64_t before, struct tally *tally)
{
	const struct known *known = known_find(start, thread->look.tid);

	if (!known)
		return;
	if (thread->how == CAPTURE_NONE) {
		tally->none++;
		return;
	}
	tally->sampled += thread->how == CAPTURE_SAMPLED;
	tally->copied += thread->how == CAPTURE_UNTOUCHED;
	tally->wrong += !known_fits(known, &thread->regs, before) ||
			!known_stack_fits(known, thread);
}

/* Every look at every thread is of one instant after it began, and stops nothing. */
static struct tally look_at_spinners(unsigned nthreads, const char *observer, const char *timer)
{
	struct known_start start = known_new(nthreads);
	struct tally tally = { 0 };
	struct live live;

	live_start(&live, known_main, &start);
	open_capturer(&live, SS_STOP_AUTO, observer, timer);
	for (unsigned i = 0; i < looks(); i++) {
		uint64_t before[KNOWN_THREADS_MAX];

		for (unsigned k = 0; k < nthreads; k++)
			before[k] = start.threads[k].turn;
		live_sweep(&live);
		vec_each(thread, &live.capture.threads) {
			const struct known *known = known_find(&start, thread->look.tid);

			if (known)
				count_look(&start, thread, before[known - start.threads], &tally);
		}
		assert_int_equal(live.capture.stops, 0);
	}
	live_end(&live);
	munmap(start.threads, nthreads * sizeof(*start.threads));
	print_message("%u threads, %s, %s: %zu sampled, %zu copied, %zu not seen, %zu wrong\n",
		      nthreads, observer, timer, tally.sampled, tally.copied, tally.none,
		      tally.wrong);
	return tally;
}

static void assert_seen(const struct tally *tally, unsigned nthreads)
{
	assert_int_equal(tally->wrong, 0);
	/* a thread may fail to get a CPU for as long as a look has patience */
	assert_true(tally->none * 20 <= (size_t)nthreads * looks());
	assert_true(tally->sampled + tally->copied > 0);
}

static void test_bpf(void **state)
{
	struct tally tally;

	(void)state;
	tally = look_at_spinners(1, "bpf", "bpf");
	assert_seen(&tally, 1);
	tally = look_at_spinners(6, "bpf", "bpf");
	assert_seen(&tally, 6);
	/* more than there are CPUs: some wait for one */
	assert_true(tally.copied > 0);
}

static void test_bpf_with_proc(void **state)
{
	struct tally tally = look_at_spinners(2, "proc", "bpf");

	(void)state;
	assert_seen(&tally, 2);
	assert_int_equal(tally.copied, 0);
}

static void test_perf(void **state)
{
	struct tally tally;

	(void)state;
	tally = look_at_spinners(2, "proc", "perf");
	assert_seen(&tally, 2);
	assert_int_equal(tally.copied, 0);
	tally = look_at_spinners(3, "bpf", "perf");
	assert_seen(&tally, 3);
}

static void test_never_means_no_ptrace(void **state)
{
	struct known_start start = known_new(1);
	struct live live;

	(void)state;
	live_start(&live, known_main, &start);
	open_capturer(&live, SS_STOP_NEVER, "bpf", NULL);
	live_sweep(&live);
	for (size_t i = 0; i < live.capture.threads.n; i++)
		assert_int_not_equal(live.capture.threads.data[i].how, CAPTURE_NONE);
	assert_int_equal(live.capture.stops, 0);
	live_end(&live);
	munmap(start.threads, sizeof(*start.threads));
}

/* ---- deep stacks ---- */

enum { DEEP_BYTES = 300 << 10 };

static volatile bool spun_enough;

LIVE_SMALL LIVE_NOINLINE static int spin_deep(struct live_pipes pipes, size_t bytes)
{
	volatile char room[4000];

	room[0] = (char)bytes;
	if (bytes > sizeof(room))
		return spin_deep(pipes, bytes - sizeof(room)) + room[0];
	live_say(pipes.out, 'x');
	while (!spun_enough)
		room[1]++;
	return room[1];
}

static void deep_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	spin_deep(pipes, DEEP_BYTES);
}

/* Asked for more, the timer stores as much of the stack as there is. */
static void check_deep(const char *timer, size_t want)
{
	struct sweep_request request = { .thread = 0 };
	struct ss_error err;
	struct live live;
	const struct capture_thread *thread;

	live_start(&live, deep_main, NULL);
	open_capturer(&live, SS_STOP_AUTO, "proc", timer);
	live_sweep(&live);
	thread = &live.capture.threads.data[0];
	assert_int_equal(thread->how, CAPTURE_SAMPLED);
	request.memory = thread->regs.r[REG_SP] + thread->copies[0].len;
	request.window = want;
	assert_int_equal(sweep_again(live.capturer, &request, 1, &live.maps, &live.capture, &err),
			 0);
	assert_int_equal(thread->how, CAPTURE_SAMPLED);
	assert_true(thread->copies[0].len >= MIN(want, (size_t)DEEP_BYTES) ||
		    thread->copies[0].to_map_end);
	assert_false(thread->consistent);
	live_end(&live);
}

static void test_deep(void **state)
{
	(void)state;
	check_deep("bpf", DEEP_BYTES);
}

/* ---- stacks with pages that nobody has touched ---- */

enum { UNTOUCHED_BYTES = 100 << 10 };

LIVE_NOINLINE static int spin_above_holes(struct live_pipes pipes)
{
	volatile char room[UNTOUCHED_BYTES];

	room[0] = 1;
	live_say(pipes.out, 'x');
	while (!spun_enough)
		room[0]++;
	return room[0];
}

/* A fresh thread's stack has been touched nowhere but where it was used. */
static void *holes_thread(void *arg)
{
	volatile uint64_t below[2] = { 0x1234567890abcdef, (uintptr_t)below };

	spin_above_holes(*(struct live_pipes *)arg);
	return (void *)(uintptr_t)below[0];
}

static void holes_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	live_thread(holes_thread, &pipes);
	live_block(pipes.in);
}

/* The words 0x1234567890abcdef and their own address, in what was captured. */
static bool has_mark(const struct capture_thread *thread)
{
	for (unsigned i = 0; i < thread->ncopies; i++) {
		const struct stack_copy *copy = &thread->copies[i];
		uint64_t first = (copy->addr + 7) & ~7ull;

		for (uint64_t addr = first; addr + 16 <= copy->addr + copy->len; addr += 8)
			if (known_word(thread, addr) == 0x1234567890abcdef &&
			    known_word(thread, addr + 8) == addr)
				return true;
	}
	return false;
}

static void test_holes(void **state)
{
	struct sweep_request request = { .window = UNTOUCHED_BYTES + (64 << 10) };
	const struct capture_thread *thread;
	struct ss_error err;
	struct live live;

	(void)state;
	live_start(&live, holes_main, NULL);
	open_capturer(&live, SS_STOP_AUTO, "proc", "bpf");
	live_sweep(&live);
	while (live.capture.threads.data[request.thread].how != CAPTURE_SAMPLED)
		request.thread++;
	thread = &live.capture.threads.data[request.thread];
	request.memory = thread->regs.r[REG_SP] + thread->copies[0].len;
	assert_int_equal(sweep_again(live.capturer, &request, 1, &live.maps, &live.capture, &err),
			 0);
	assert_int_equal(thread->how, CAPTURE_SAMPLED);
	assert_true(thread->ncopies > 1);
	assert_true(thread->copies[0].absent > 0);
	assert_true(has_mark(thread));
	live_end(&live);
}

/* ---- a capture ---- */

static void count_samples(const struct known_start *start, const struct capture *capture,
			  struct tally *tally)
{
	uint64_t at_ns = 0;

	vec_each(sample, &capture->samples) {
		assert_int_equal(sample->how, CAPTURE_SAMPLED);
		assert_int_equal(sample->run, RUN_ON_CPU);
		if (start->n == 1) {
			assert_true(sample->look.at_ns >= at_ns);
			at_ns = sample->look.at_ns;
		}
		count_look(start, sample, 0, tally);
	}
}

/* Ticks stop nothing and wait for nothing: the samples come in between. */
static void check_capture(unsigned nthreads, const char *observer, const char *timer)
{
	struct known_start start = known_new(nthreads);
	struct tally tally = { 0 };
	struct ss_error err;
	struct live live;

	live_start(&live, known_main, &start);
	open_capturer(&live, SS_STOP_AUTO, observer, timer);
	assert_true(capturer_sample(live.capturer, 500));
	for (unsigned i = 0; tally.sampled < 50 && i < 5000; i++) {
		live_list(&live);
		assert_int_equal(
			sweep_tick(live.capturer, &live.tids, &live.maps, &live.capture, &err), 0);
		assert_int_equal(live.capture.stops, 0);
		count_samples(&start, &live.capture, &tally);
		live_nap();
	}
	assert_true(tally.sampled >= 50);
	assert_int_equal(tally.wrong, 0);
	live_end(&live);
	munmap(start.threads, nthreads * sizeof(*start.threads));
}

static void test_capture_bpf(void **state)
{
	(void)state;
	check_capture(1, "bpf", "bpf");
	check_capture(4, "bpf", "bpf");
}

static void test_capture_perf(void **state)
{
	(void)state;
	check_capture(1, "proc", "perf");
	check_capture(4, "bpf", "perf");
}

/* After a capture a look sees running threads as it did before, and nothing is sampled. */
static void test_end_of_capture(void **state)
{
	struct known_start start = known_new(1);
	struct tally tally = { 0 };
	struct ss_error err;
	struct live live;

	(void)state;
	live_start(&live, known_main, &start);
	open_capturer(&live, SS_STOP_AUTO, "proc", "bpf");
	live_list(&live);
	assert_true(capturer_sample(live.capturer, 500));
	for (unsigned i = 0; tally.sampled == 0 && i < 5000; i++) {
		assert_int_equal(
			sweep_tick(live.capturer, &live.tids, &live.maps, &live.capture, &err), 0);
		count_samples(&start, &live.capture, &tally);
		live_nap();
	}
	capturer_end_samples(live.capturer);
	tally = (struct tally){ 0 };
	for (unsigned i = 0; i < 10; i++) {
		live_sweep(&live);
		assert_int_equal(live.capture.samples.n, 0);
		vec_each(thread, &live.capture.threads)
			count_look(&start, thread, 0, &tally);
	}
	assert_true(tally.sampled > 0);
	assert_int_equal(tally.wrong, 0);
	live_end(&live);
	munmap(start.threads, sizeof(*start.threads));
}

/* Two processes share the clocks: each gets its own samples, and the first may go. */
static void test_shared(void **state)
{
	struct known_start one = known_new(1), two = known_new(1);
	struct live first, second;
	struct tally tally = { 0 };
	struct ss_error err;

	(void)state;
	live_start(&first, known_main, &one);
	open_capturer(&first, SS_STOP_AUTO, "bpf", "bpf");
	live_start(&second, known_main, &two);
	live_capturer(&second, SS_STOP_AUTO);
	assert_int_equal(capturer_observe(second.capturer, "bpf", first.capturer, &err), 0);
	assert_int_equal(capturer_time(second.capturer, NULL, first.capturer, &err), 0);
	assert_true(capturer_sample(first.capturer, 500));
	assert_true(capturer_sample(second.capturer, 500));
	live_list(&second);
	live_list(&first);
	for (unsigned i = 0; tally.sampled < 20 && i < 5000; i++) {
		if (tally.sampled >= 10 && first.pid) {
			live_end(&first);
			first.pid = 0;
		}
		if (first.pid)
			assert_int_equal(sweep_tick(first.capturer, &first.tids, &first.maps,
						    &first.capture, &err),
					 0);
		assert_int_equal(sweep_tick(second.capturer, &second.tids, &second.maps,
					    &second.capture, &err),
				 0);
		vec_each(sample, &second.capture.samples)
			assert_non_null(known_find(&two, sample->look.tid));
		count_samples(&two, &second.capture, &tally);
		live_nap();
	}
	assert_int_equal(tally.wrong, 0);
	assert_true(tally.sampled >= 20);
	live_end(&second);
	munmap(one.threads, sizeof(*one.threads));
	munmap(two.threads, sizeof(*two.threads));
}

/* A look at one process stores running threads of the other, too: no look of that one takes them. */
static void test_shared_looks(void **state)
{
	struct ss_error err;
	struct known_start start[2] = { known_new(1), known_new(1) };
	struct live lives[2];
	struct tally tally = { 0 };

	(void)state;
	live_start(&lives[0], known_main, &start[0]);
	open_capturer(&lives[0], SS_STOP_AUTO, "proc", "bpf");
	live_start(&lives[1], known_main, &start[1]);
	live_capturer(&lives[1], SS_STOP_AUTO);
	assert_int_equal(capturer_time(lives[1].capturer, "bpf", lives[0].capturer, &err), 0);
	for (unsigned i = 0; i < 2 * looks(); i++) {
		struct live *live = &lives[i % 2];
		const struct known_start *known = &start[i % 2];
		uint64_t before = known->threads[0].turn;

		live_sweep(live);
		vec_each(thread, &live->capture.threads)
			count_look(known, thread, before, &tally);
	}
	assert_true(tally.sampled > 0);
	assert_int_equal(tally.wrong, 0);
	live_end(&lives[1]);
	live_end(&lives[0]);
	for (unsigned i = 0; i < 2; i++)
		munmap(start[i].threads, sizeof(*start[i].threads));
}

/* The most bytes of stack that a sample of this sweep has. */
static size_t deepest(const struct capture *capture)
{
	size_t most = 0;

	vec_each(sample, &capture->samples) {
		size_t len = 0;

		for (unsigned i = 0; i < sample->ncopies; i++)
			len += sample->copies[i].len;
		most = MAX(most, len);
	}
	return most;
}

/* Samples that were taken before are passed over; where we get no CPU, the ring loses parts of some. */
static bool samples_are_deep(struct live *live)
{
	enum { SAMPLED_TICKS = 50 };
	unsigned sampled = 0;
	struct ss_error err;

	for (unsigned i = 0; sampled < SAMPLED_TICKS && i < 5000; i++) {
		assert_int_equal(
			sweep_tick(live->capturer, &live->tids, &live->maps, &live->capture, &err),
			0);
		sampled += live->capture.samples.n > 0;
		if (i > 0 && deepest(&live->capture) >= DEEP_BYTES)
			return true;
		live_nap();
	}
	return false;
}

/* A process that joins with small samples leaves the others theirs. */
static void test_shared_depth(void **state)
{
	struct ss_error err;
	struct known_start start = known_new(1);
	struct live deep, other;

	(void)state;
	live_start(&deep, deep_main, NULL);
	open_capturer(&deep, SS_STOP_AUTO, "proc", "bpf");
	live_start(&other, known_main, &start);
	live_capturer(&other, SS_STOP_AUTO);
	assert_int_equal(capturer_time(other.capturer, "bpf", deep.capturer, &err), 0);
	live_list(&deep);
	assert_true(capturer_sample(deep.capturer, 500));
	capturer_deepen_samples(deep.capturer);
	capturer_deepen_samples(deep.capturer);
	assert_true(samples_are_deep(&deep));
	assert_true(capturer_sample(other.capturer, 500));
	assert_true(samples_are_deep(&deep));
	live_end(&other);
	live_end(&deep);
	munmap(start.threads, sizeof(*start.threads));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bpf),          cmocka_unit_test(test_bpf_with_proc),
		cmocka_unit_test(test_perf),         cmocka_unit_test(test_never_means_no_ptrace),
		cmocka_unit_test(test_deep),         cmocka_unit_test(test_holes),
		cmocka_unit_test(test_capture_bpf),  cmocka_unit_test(test_capture_perf),
		cmocka_unit_test(test_shared),       cmocka_unit_test(test_shared_depth),
		cmocka_unit_test(test_shared_looks), cmocka_unit_test(test_end_of_capture),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}

#else

int main(void)
{
	puts("1..0 # SKIP written for x86-64");
	return 0;
}

#endif
