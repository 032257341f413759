/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-stop-allocs.c: from the first PTRACE_INTERRUPT to the last PTRACE_DETACH of a sweep nothing is
 * allocated, freed, mapped or opened. The functions that would do it are defined here, in front of
 * the C library's, and count; ptrace is, too, and tells when. Under AddressSanitizer, which must own
 * malloc, the test is empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#ifndef SANITIZED

/* before the headers: no inline versions of what is defined below */
#undef _FORTIFY_SOURCE

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "live.h"

enum { NTHREADS = 50, ROUNDS = 20, GOOD_ROUNDS = 3 };

/* ---- what is counted ---- */

static int outstanding; /* threads that were interrupted and not yet released */
static bool reading;    /* none of them has been released yet */
static int violations, violations_reading;
static const char *first_violation;

static void note(const char *what)
{
	if (outstanding <= 0)
		return;
	violations_reading += reading;
	if (violations++ == 0)
		first_violation = what;
}

/* glibc's own names of the functions that stand behind ours */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

void *malloc(size_t size)
{
	note("malloc");
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	note("calloc");
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	note("realloc");
	return __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	note("reallocarray");
	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, total);
}

void free(void *p)
{
	note("free");
	__libc_free(p);
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	note("mmap");
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

static int open_mode(int dirfd, const char *path, int flags, va_list ap)
{
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;

	return (int)syscall(SYS_openat, dirfd, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	note("open");
	va_start(ap, flags);
	fd = open_mode(AT_FDCWD, path, flags, ap);
	va_end(ap);
	return fd;
}

int openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	note("openat");
	va_start(ap, flags);
	fd = open_mode(dirfd, path, flags, ap);
	va_end(ap);
	return fd;
}

FILE *fopen(const char *path, const char *mode)
{
	note("fopen");
	return fopen64(path, mode);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list ap;
	pid_t pid;
	void *addr, *data;
	long r;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	r = syscall(SYS_ptrace, (long)request, (long)pid, addr, data);
	if (r == 0 && request == PTRACE_INTERRUPT) {
		outstanding++;
		reading = true;
	}
	if (r == 0 && request == PTRACE_DETACH) {
		outstanding--;
		reading = false;
	}
	return r;
}

static void begin_counting(void)
{
	outstanding = violations = violations_reading = 0;
	reading = false;
	first_violation = NULL;
}

/* ---- the child ---- */

static void *block_thread(void *arg)
{
	live_block(*(int *)arg);
	return NULL;
}

static void *spin_thread(void *arg)
{
	(void)arg;
	for (;;)
		sched_yield();
	return NULL;
}

static void many_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	setpriority(PRIO_PROCESS, 0, 19);
	for (int i = 1; i < NTHREADS; i++)
		live_thread(i % 2 ? spin_thread : block_thread, &pipes.in);
	live_say(pipes.out, 'r');
	live_block(pipes.in);
}

/* ---- tests ---- */

/* The counting itself: one allocation in a stop is seen, one outside is not. */
static void test_the_counters_count(void **state)
{
	struct live live;
	void *volatile p;

	(void)state;
	live_start(&live, many_main, NULL);
	begin_counting();
	assert_int_equal(ptrace(PTRACE_SEIZE, live.pid, NULL, NULL), 0);
	p = malloc(1);
	assert_int_equal(violations, 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, live.pid, NULL, NULL), 0);
	free(p);
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	assert_int_equal(waitpid(live.pid, NULL, __WALL), live.pid);
	assert_int_equal(ptrace(PTRACE_DETACH, live.pid, NULL, NULL), 0);
	assert_int_equal(violations, 2);
	assert_string_equal(first_violation, "free");
	p = malloc(1);
	free(p);
	assert_int_equal(violations, 2);
	live_end(&live);
}

static size_t count_if(const struct live *live, bool late)
{
	size_t n = 0;

	vec_each(thread, &live->capture.threads)
		if (late)
			n += !thread->consistent || thread->none == SS_NO_STACK_PENDING;
		else
			n += thread->how == CAPTURE_STOPPED && thread->consistent;
	return n;
}

/*
 * Threads that came too late are captured one by one, later, with allocations in between: of such a
 * sweep only the time until the first release is looked at. False if no thread was in time.
 */
static bool check_sweep(struct live *live, unsigned min_stops)
{
	bool late = count_if(live, true) || outstanding;
	int bad = late ? violations_reading : violations;

	if (count_if(live, false) == 0)
		return false;
	if (!late)
		assert_true(live->capture.stops >= min_stops);
	if (bad)
		print_error("%s while threads stand still\n", first_violation);
	assert_int_equal(bad, 0);
	return true;
}

static void count_in_mode(enum ss_stop mode, unsigned min_stops)
{
	struct live live;
	unsigned good = 0;

	live_start(&live, many_main, NULL);
	live_capturer(&live, mode);
	for (int i = 0; i < ROUNDS && good < GOOD_ROUNDS; i++) {
		begin_counting();
		live_sweep(&live);
		good += check_sweep(&live, min_stops);
		outstanding = 0;
	}
	live_end(&live);
	if (!good)
		skip(); /* too busy a machine: no thread was ever in time */
}

static void test_auto(void **state)
{
	(void)state;
	count_in_mode(SS_STOP_AUTO, 1);
}

static void test_all(void **state)
{
	(void)state;
	count_in_mode(SS_STOP_ALL, NTHREADS);
}

/* No descriptor is kept open where they are short: none may be opened in the stop then, either. */
static void test_descriptors_short(void **state)
{
	struct rlimit old, few = { .rlim_cur = 80 };

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	count_in_mode(SS_STOP_ALL, NTHREADS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_counters_count),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_descriptors_short),
	};

	return cmocka_run_group_tests_name("stop-allocs", tests, NULL, NULL);
}

#else

static void test_nothing(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing) };

	return cmocka_run_group_tests_name("stop-allocs", tests, NULL, NULL);
}

#endif
