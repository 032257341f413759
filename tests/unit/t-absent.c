/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-absent.c: a stack with pages that userfaultfd has yet to serve, and serves late. A look does not
 * ask for them; if they go after they were seen it does, and must let all threads go all the same,
 * and come to an end. The child is a copy of this process: so our own pagemap, where those pages are
 * present, plays the one that was read before they went.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/attr.h"
#include "live.h"

enum { STACK = 256 << 10, ROOM = 32 << 10 };

#define LATE_NS (60 * NS_PER_SEC) /* if nobody says when */

/* Shared with the child. */
static struct shared {
	_Atomic unsigned faults, served;
	_Atomic bool serve; /* now */
	uint64_t hole;
	pid_t tid;
} * shared;

static unsigned char *stack; /* at the same place in both */

/* ---- in the child ---- */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void *serve(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage zero = { .range = { .len = page_size() } };

		shared->faults++;
		for (uint64_t end = clock_mono_ns() + LATE_NS;
		     !shared->serve && clock_mono_ns() < end;)
			live_nap();
		zero.range.start = msg.arg.pagefault.address & ~(uint64_t)(page_size() - 1);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
		shared->served++;
	}
	return NULL;
}

/*
 * From now on the pages of [start, end) are served by the thread above. The others of the stack are
 * there; they belong to the area because it would be a mapping of its own. False if that is not
 * permitted.
 */
static bool take_pages(uint64_t start, uint64_t end)
{
	static int fd;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { .start = (uintptr_t)stack, .len = STACK },
					.mode = UFFDIO_REGISTER_MODE_MISSING };

	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &area) < 0 ||
	    madvise((void *)(uintptr_t)start, end - start, MADV_DONTNEED) < 0)
		return false;
	shared->hole = start;
	live_thread(serve, &fd);
	return true;
}

/* Its stack has a hole right above the frame that waits. */
static void *wait_below_a_hole(void *arg)
{
	const struct live_pipes *pipes = arg;
	volatile unsigned char room[ROOM];
	uint64_t mask = ~(uint64_t)(page_size() - 1);
	uint64_t start = ((uint64_t)(uintptr_t)room + page_size() - 1) & mask;
	uint64_t end = (uint64_t)(uintptr_t)(room + ROOM) & mask;

	for (size_t i = 0; i < ROOM; i++)
		room[i] = 1;
	shared->tid = gettid();
	live_say(pipes->out, take_pages(start, end) ? 'r' : 's');
	live_block(pipes->in);
	return (void *)(uintptr_t)room[0];
}

static void hole_main(struct live_pipes pipes, void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	pthread_attr_init(&attr);
	if (pthread_attr_setstack(&attr, stack, STACK) != 0 ||
	    pthread_create(&thread, &attr, wait_below_a_hole, &pipes) != 0)
		_exit(98);
	pthread_join(thread, NULL);
}

/* ---- here ---- */

/* False if userfaultfd is not permitted: it is to root. */
static bool start(struct live *live, enum ss_stop mode)
{
	*shared = (struct shared){ 0 };
	live_start(live, hole_main, NULL);
	live_capturer(live, mode);
	live_await_asleep(live, 0);
	return shared->hole != 0;
}

/* What pagemap says is from before the pages went. */
static void look_back(struct live *live)
{
	close_p(&live->target.present.pagemap_fd);
	live->target.present.pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	assert_true(live->target.present.pagemap_fd >= 0);
}

static const struct capture_thread *waiter(const struct live *live)
{
	vec_each(thread, &live->capture.threads)
		if (thread->look.tid == shared->tid)
			return thread;
	fail_msg("no thread %d", (int)shared->tid);
	return NULL;
}

/* On a busy machine it may be late for its stop. */
static void sweep_until(struct live *live, enum capture_how how)
{
	uint64_t end = clock_mono_ns() + 20 * NS_PER_SEC;

	do {
		assert_true(clock_mono_ns() < end);
		live_sweep(live);
	} while (waiter(live)->how != how);
}

static void serve_late(void)
{
	assert_int_equal(shared->served, 0);
	shared->serve = true;
	while (!shared->served)
		live_nap();
}

/* Copied up to the hole, which is known to be one. */
static void check_cut(const struct capture_thread *thread)
{
	const struct stack_copy *copy = &thread->copies[0];

	assert_true(thread->ncopies > 0);
	assert_int_equal(copy->addr + copy->len, shared->hole);
	assert_true(copy->len > 0);
	assert_true(copy->absent > 0);
}

static void check_no_fault(enum ss_stop mode)
{
	struct live live;

	if (!start(&live, mode)) {
		live_end(&live);
		skip();
	}
	sweep_until(&live, mode == SS_STOP_ALL ? CAPTURE_STOPPED : CAPTURE_UNTOUCHED);
	check_cut(waiter(&live));
	assert_int_equal(shared->faults, 0);
	live_end(&live);
}

static void test_auto_asks_for_no_page(void **state)
{
	(void)state;
	check_no_fault(SS_STOP_AUTO);
}

static void test_all_asks_for_no_page(void **state)
{
	(void)state;
	check_no_fault(SS_STOP_ALL);
}

/* All that was stopped goes on long before the page comes; only its stack is not had. */
static void test_stops_end_before_the_page_comes(void **state)
{
	struct live live;

	(void)state;
	if (!start(&live, SS_STOP_ALL)) {
		live_end(&live);
		skip();
	}
	look_back(&live);
	sweep_until(&live, CAPTURE_STOPPED);
	assert_int_equal(shared->faults, 1);
	assert_true(waiter(&live)->copies[0].absent > 0);
	assert_int_equal(waiter(&live)->copies[0].len, 0);
	live_assert_unharmed(&live);
	/* as good as new: pagemap says the truth again, the thread that was left behind ends */
	assert_int_equal(target_refresh(&live.target, NULL), 0);
	sweep_until(&live, CAPTURE_STOPPED);
	check_cut(waiter(&live));
	serve_late();
	sweep_until(&live, CAPTURE_STOPPED);
	live_end(&live);
}

/* Nobody is stopped: the caller waits for a second, tries again, and is told. */
static void test_a_look_comes_to_an_end(void **state)
{
	struct ss_error err;
	struct live live;

	(void)state;
	if (!start(&live, SS_STOP_AUTO)) {
		live_end(&live);
		skip();
	}
	look_back(&live);
	live_list(&live);
	assert_int_equal(sweep_threads(live.capturer, &live.tids, &live.maps, &live.capture, &err),
			 -ETIMEDOUT);
	live_assert_unharmed(&live);
	assert_int_equal(target_refresh(&live.target, NULL), 0);
	sweep_until(&live, CAPTURE_UNTOUCHED);
	check_cut(waiter(&live));
	serve_late();
	sweep_until(&live, CAPTURE_UNTOUCHED);
	live_end(&live);
}

/*
 * A thread that was left behind in a system call ends there: its frames stay poisoned, which the
 * sanitizer's own end of the thread runs into. What it may still look at is never freed.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "use_sigaltstack=0";
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:copier_init\nleak:copier_abandon\n";
}

static int share(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return shared == MAP_FAILED || stack == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auto_asks_for_no_page),
		cmocka_unit_test(test_all_asks_for_no_page),
		cmocka_unit_test(test_stops_end_before_the_page_comes),
		cmocka_unit_test(test_a_look_comes_to_an_end),
	};

	return cmocka_run_group_tests_name("absent", tests, share, NULL);
}
