/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timer of each thread: a perf event that counts the thread's own clock, with user registers and
 * a piece of the stack in each sample. It works for an ordinary user too:
 *
 *	kernel.perf_event_paranoid	without CAP_PERFMON
 *	<= 1				as for root
 *	2				only user mode is sampled: not a thread that stays in the kernel
 *	>= 3 (Debian, Ubuntu)		not at all
 *
 * Each event has a descriptor and a ring, and the kernel limits both (RLIMIT_NOFILE,
 * kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK): where there is no room, `want` says so.
 */
#include "capture/timer.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fileio.h"
#include "base/vec.h"
#include "target/target.h"

enum {
	PAGE = 4096,
	STACK_BYTES = 16 << 10, /* sample_stack_user: a multiple of 8 below 64 KiB */
	RING_BYTES = 16 * PAGE, /* room for three samples */
	RING_SMALL = 8 * PAGE,  /* for one; a smaller ring gives nothing */
	EVENTS_MAX = 512,
	IDLE_DRAINS = 16, /* after which a thread makes room for another one */
	SPARE_FDS = 32,   /* left for all that is opened for a short time */
};

/* Of one thread. */
struct event {
	pid_t tid;
	int fd;
	struct perf_event_mmap_page *page;
	size_t size;   /* of the ring behind the page */
	unsigned idle; /* drains in a row that brought nothing */
};

struct perf_timer {
	struct timer base;
	int keeper; /* an event on ourselves: see keep_ready */
	VEC(struct event) events;
	struct timer_rate rate;
	bool armed;
	struct buf record; /* the one at hand, in one piece */
	uint64_t lost;
};

static struct perf_timer *self(struct timer *timer)
{
	return (struct perf_timer *)timer;
}

static int sys_perf_event_open(const struct perf_event_attr *attr, pid_t tid)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- registers ---- */

/* In the order in which a sample has them (enum perf_event_x86_regs, perf_event_arm64_regs). */
#if defined(__x86_64__)
static const unsigned char registers[] = {
	0, 3, 2, 1, 4, 5, 6, 7, REG_PC, 8, 9, 10, 11, 12, 13, 14, 15,
};
#define REGISTER_MASK 0xff01ffull /* ax to ip, r8 to r15 */
#else
static const unsigned char registers[] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,     16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, REG_PC,
};
#define REGISTER_MASK 0x1ffffffffull
#endif

/* ---- events ---- */

static struct perf_event_attr make_attr(const struct perf_timer *perf)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = perf->rate.period_ns ? perf->rate.period_ns : 1000000000,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
			       PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
		.sample_regs_user = REGISTER_MASK,
		.sample_stack_user = STACK_BYTES,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX, /* nobody waits for it */
		.exclude_kernel = perf->base.user_mode_only,
		.disabled = 1,
	};
}

static void *map_ring(int fd, size_t *size)
{
	void *ring;

	for (*size = RING_BYTES; *size >= RING_SMALL; *size /= 2) {
		ring = mmap(NULL, PAGE + *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (ring != MAP_FAILED)
			return ring;
	}
	return NULL;
}

static struct event *find_event(struct perf_timer *perf, pid_t tid)
{
	vec_each(event, &perf->events)
		if (event->tid == tid)
			return event;
	return NULL;
}

static void close_event(struct perf_timer *perf, struct event *event)
{
	munmap(event->page, PAGE + event->size);
	close(event->fd);
	*event = perf->events.data[--perf->events.n];
}

static void enable(const struct perf_timer *perf, const struct event *event)
{
	uint64_t period_ns = perf->rate.period_ns;

	ioctl(event->fd, PERF_EVENT_IOC_PERIOD, &period_ns);
	ioctl(event->fd, PERF_EVENT_IOC_ENABLE, 0);
}

/* Threads that have not run for some time, or have ended, make room. False: there is none. */
static bool drop_idle(struct perf_timer *perf)
{
	size_t before = perf->events.n;

	for (size_t i = before; i-- > 0;)
		if (perf->events.data[i].idle >= IDLE_DRAINS)
			close_event(perf, &perf->events.data[i]);
	return perf->events.n < before;
}

static bool is_spare(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + SPARE_FDS >= limit.rlim_cur;
}

/* 0, or a negative errno: -ESRCH if the thread is gone, -ENOSPC where it is the number that matters. */
static int open_event(struct perf_timer *perf, pid_t tid)
{
	struct perf_event_attr attr = make_attr(perf);
	struct event event = { .tid = tid };

	if (perf->events.n == EVENTS_MAX || vec_reserve(&perf->events, perf->events.n + 1) < 0)
		return -ENOSPC;
	event.fd = sys_perf_event_open(&attr, tid);
	if (event.fd < 0)
		return event.fd == -EMFILE || event.fd == -ENFILE ? -ENOSPC : event.fd;
	event.page = is_spare(event.fd) ? NULL : map_ring(event.fd, &event.size);
	if (!event.page) {
		close(event.fd);
		return -ENOSPC;
	}
	perf->events.data[perf->events.n++] = event;
	if (perf->armed)
		enable(perf, &event);
	return 0;
}

static bool perf_want(struct timer *timer, pid_t tid, int cpu)
{
	struct perf_timer *perf = self(timer);
	int r;

	(void)cpu;
	if (find_event(perf, tid))
		return true;
	r = open_event(perf, tid);
	if (r == -ENOSPC && drop_idle(perf))
		r = open_event(perf, tid);
	return r == 0;
}

static void perf_unwant(struct timer *timer, pid_t tid)
{
	struct event *event = find_event(self(timer), tid);

	if (event)
		close_event(self(timer), event);
}

static void perf_arm(struct timer *timer, const struct timer_rate *rate)
{
	struct perf_timer *perf = self(timer);

	perf->rate = *rate;
	perf->armed = true;
	vec_each(event, &perf->events)
		enable(perf, event);
}

static void perf_disarm(struct timer *timer)
{
	struct perf_timer *perf = self(timer);

	perf->armed = false;
	while (perf->events.n)
		close_event(perf, &perf->events.data[perf->events.n - 1]);
}

/* ---- samples ---- */

/* What a PERF_RECORD_SAMPLE of ours has before its registers. */
struct sample_head {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t at_ns;
	uint32_t cpu, unused;
	uint64_t abi; /* of the registers; 0: there are none */
	uint64_t regs[ARRAY_SIZE(registers)];
	uint64_t size; /* of the bytes that follow; behind them, how many of those hold */
};

static bool parse_sample(const void *record, size_t len, struct timer_sample *ret)
{
	const struct sample_head *head = record;
	const unsigned char *bytes = (const unsigned char *)(head + 1);
	uint64_t valid = 0;

	if (len < offsetof(struct sample_head, regs) || head->abi == PERF_SAMPLE_REGS_ABI_NONE ||
	    len < sizeof(*head) || head->size > len - sizeof(*head))
		return false;
	if (head->size && len - sizeof(*head) - head->size >= sizeof(valid))
		memcpy(&valid, bytes + head->size, sizeof(valid));
	*ret = (struct timer_sample){
		.tid = (pid_t)head->tid,
		.cpu = (int)head->cpu,
		.at_ns = head->at_ns,
		.nr = TIMER_UNKNOWN_CALL,
		.len = MIN(valid, head->size),
		.bytes = bytes,
		.faulted = valid < head->size,
	};
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
		regs_set(&ret->regs, registers[i], head->regs[i]);
	ret->addr = ret->regs.r[REG_SP];
	return true;
}

/* The record at `at`, which may go on at the ring's begin, in one piece. NULL: memory is out. */
static const void *straighten(struct perf_timer *perf, const struct event *event, uint64_t at,
			      size_t len)
{
	const char *ring = (const char *)event->page + PAGE;
	size_t offset = at & (event->size - 1), first = MIN(len, event->size - offset);

	buf_reset(&perf->record);
	buf_add(&perf->record, ring + offset, first);
	buf_add(&perf->record, ring, len - first);
	return perf->record.failed ? NULL : perf->record.data;
}

static void take_record(struct perf_timer *perf, struct event *event, const void *record,
			size_t len, timer_sink *sink, void *arg)
{
	const struct perf_event_header *header = record;
	struct timer_sample sample;

	if (header->type == PERF_RECORD_LOST && len >= 3 * sizeof(uint64_t))
		perf->lost += ((const uint64_t *)record)[2];
	if (header->type != PERF_RECORD_SAMPLE || !parse_sample(record, len, &sample))
		return;
	sample.tid = event->tid; /* whatever number the record has, in whatever pid namespace */
	sink(arg, &sample);
}

static void drain_event(struct perf_timer *perf, struct event *event, timer_sink *sink, void *arg)
{
	uint64_t head = __atomic_load_n(&event->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t at = event->page->data_tail;

	event->idle = at < head ? 0 : event->idle + 1;
	while (at < head) {
		const struct perf_event_header *header =
			straighten(perf, event, at, sizeof(*header));
		size_t len = header ? header->size : 0;
		bool whole = len >= sizeof(*header) && len <= MIN(head - at, event->size);
		const void *record = whole ? straighten(perf, event, at, len) : NULL;

		if (!record) {
			at = head;
			break;
		}
		take_record(perf, event, record, len, sink, arg);
		at += len;
	}
	__atomic_store_n(&event->page->data_tail, at, __ATOMIC_RELEASE);
}

static void perf_drain(struct timer *timer, timer_sink *sink, void *arg)
{
	struct perf_timer *perf = self(timer);

	vec_each(event, &perf->events)
		drain_event(perf, event, sink, arg);
}

static uint64_t perf_lost(const struct timer *timer)
{
	return ((const struct perf_timer *)timer)->lost;
}

/* ---- life ---- */

static void perf_close(struct timer *timer)
{
	struct perf_timer *perf = self(timer);

	perf_disarm(timer);
	vec_done(&perf->events);
	buf_done(&perf->record);
	close_p(&perf->keeper);
	free(perf);
}

/*
 * The first event of a task on a host switches code paths of the scheduler, which takes the kernel
 * some milliseconds (static_key_slow_inc and synchronize_rcu in account_event), and again when none
 * has been there for a second. An event on ourselves that counts nothing keeps them switched.
 */
static int keep_ready(struct perf_timer *perf)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.disabled = 1,
	};

	perf->keeper = sys_perf_event_open(&attr, 0);
	return perf->keeper < 0 ? perf->keeper : 0;
}

/* Is the target's main thread to be sampled, and in the kernel too? */
static int try_target(struct perf_timer *perf)
{
	struct perf_event_attr attr = make_attr(perf);
	int fd = sys_perf_event_open(&attr, perf->base.target->anchor);

	if (fd == -EACCES || fd == -EPERM) {
		perf->base.user_mode_only = true;
		attr = make_attr(perf);
		fd = sys_perf_event_open(&attr, perf->base.target->anchor);
	}
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int explain(int r, struct ss_error *err)
{
	char text[32];

	if ((r != -EACCES && r != -EPERM) ||
	    file_read_at(-1, "/proc/sys/kernel/perf_event_paranoid", text, sizeof(text)) <= 0)
		return ss_error_set(err, SS_ERR_OBSERVER, -r, "timer perf: perf_event_open: %s",
				    strerror(-r));
	return ss_error_set(err, SS_ERR_OBSERVER, -r,
			    "timer perf: perf_event_open is not permitted "
			    "(kernel.perf_event_paranoid is %d)",
			    atoi(text));
}

static int perf_open(const struct target *target, const struct timer *like, struct timer **ret,
		     struct ss_error *err)
{
	struct perf_timer *perf = calloc(1, sizeof(*perf));
	int r;

	(void)like;
	if (!perf)
		return ss_error_oom(err);
	perf->base = (struct timer){ .ops = &timer_perf, .target = target };
	buf_init(&perf->record);
	r = keep_ready(perf);
	if (r == 0)
		r = try_target(perf);
	if (r < 0) {
		perf_close(&perf->base);
		return explain(r, err);
	}
	*ret = &perf->base;
	return 0;
}

const struct timer_ops timer_perf = {
	.name = "perf",
	.open = perf_open,
	.close = perf_close,
	.want = perf_want,
	.unwant = perf_unwant,
	.arm = perf_arm,
	.disarm = perf_disarm,
	.drain = perf_drain,
	.lost = perf_lost,
};
