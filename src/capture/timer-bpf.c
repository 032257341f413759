/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timer on each CPU: a perf event that counts the CPU's clock and runs a BPF program
 * (capture/bpfclock) when a period is over. All processes of one capture share one set of clocks and
 * one ring: samples of the others are put aside until those are drained.
 */
#include "capture/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/vec.h"
#include "target/target.h"

#if defined(__x86_64__)

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/bpfclock.h"
#include "capture/bpfcode.h"

enum {
	RING_MIN = 4 << 20,
	RING_PER_CPU = 256 << 10,
	RING_MAX = 64 << 20,
	RING_PAGE = 4096,
	WATCHED_MAX = 8192,
	QUEUE_MAX = 64 << 20, /* bytes put aside for a process that does not drain */
};

/* A sample that has been taken out of the ring. */
struct held {
	struct bpf_sample head;
	size_t start; /* of its bytes, in the queue's */
	bool faulted; /* there were more holes than are kept: it ends at one */
	unsigned nholes;
	struct timer_hole holes[TIMER_HOLES];
};

struct queue {
	VEC(struct held) samples;
	struct buf bytes;
};

struct cpu_timer;

/* A clock on each CPU, with one of the programs. */
struct clock_set {
	int program;         /* -1: it is not made yet */
	bool refused;        /* it cannot be made here */
	int *events;         /* of each CPU; -1: it is offline */
	bool *running;       /* of each event */
	uint64_t *period_ns; /* likewise: to change it interrupts that CPU */
};

/* The clocks, which the timers of several processes share. */
struct clocks {
	unsigned users;
	struct bpfclock_maps maps;
	unsigned ncpus;
	struct clock_set sets[BPFCLOCK_KINDS]; /* the deep one is made when it is first needed */
	struct bpfclock_control *control;
	const struct bpfclock_cpu *cpus;
	size_t ring_size;
	uint64_t *consumed;       /* by us */
	const uint64_t *produced; /* by the program */
	const unsigned char *ring;
	VEC(struct cpu_timer *) timers;
	bool *wanted; /* CPUs, by any of them */
	uint64_t looks;
	enum bpfclock_kind kind; /* of the clocks that run */
};

struct cpu_timer {
	struct timer base;
	struct clocks *clocks;
	struct queue queue;
	bool *wanted; /* CPUs */
	bool armed;
	struct timer_rate rate; /* while it is armed */
	uint64_t dropped;
};

static struct cpu_timer *self(struct timer *timer)
{
	return (struct cpu_timer *)timer;
}

/* ---- maps ---- */

static int make_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t n,
		    uint32_t flags, struct ss_error *err)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = key,
		.value_size = value,
		.max_entries = n,
		.map_flags = flags,
	};
	int r = bpf_command(BPF_MAP_CREATE, &attr);

	return r < 0 ? bpf_failed(err, r, "making a BPF map") : r;
}

static int map_memory(int fd, size_t len, int prot, off_t offset, void *ret, struct ss_error *err)
{
	void *memory = mmap(NULL, len, prot, MAP_SHARED, fd, offset);

	if (memory == MAP_FAILED)
		return bpf_failed(err, -errno, "mapping a BPF map");
	*(void **)ret = memory;
	return 0;
}

static size_t state_bytes(const struct clocks *clocks)
{
	return clocks->ncpus * sizeof(struct bpfclock_cpu);
}

static size_t choose_ring_size(unsigned ncpus)
{
	size_t size = RING_MIN;

	while (size < RING_MAX && size < (size_t)ncpus * RING_PER_CPU)
		size *= 2;
	return size;
}

static int make_maps(struct clocks *clocks, struct ss_error *err)
{
	clocks->maps.control = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bpfclock_control), 1,
					BPF_F_MMAPABLE, err);
	if (clocks->maps.control < 0)
		return clocks->maps.control;
	clocks->maps.cpus = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bpfclock_cpu),
				     clocks->ncpus, BPF_F_MMAPABLE, err);
	if (clocks->maps.cpus < 0)
		return clocks->maps.cpus;
	clocks->maps.watched = make_map(BPF_MAP_TYPE_HASH, 4, 4, WATCHED_MAX, 0, err);
	if (clocks->maps.watched < 0)
		return clocks->maps.watched;
	clocks->maps.ring =
		make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, (uint32_t)clocks->ring_size, 0, err);
	return clocks->maps.ring < 0 ? clocks->maps.ring : 0;
}

/* The ring is mapped twice in a row, so that a record at its end is in one piece. */
static int map_maps(struct clocks *clocks, struct ss_error *err)
{
	int r = map_memory(clocks->maps.control, sizeof(struct bpfclock_control),
			   PROT_READ | PROT_WRITE, 0, &clocks->control, err);

	if (r == 0)
		r = map_memory(clocks->maps.cpus, state_bytes(clocks), PROT_READ, 0, &clocks->cpus,
			       err);
	if (r == 0)
		r = map_memory(clocks->maps.ring, RING_PAGE, PROT_READ | PROT_WRITE, 0,
			       &clocks->consumed, err);
	if (r == 0)
		r = map_memory(clocks->maps.ring, RING_PAGE + 2 * clocks->ring_size, PROT_READ,
			       RING_PAGE, &clocks->produced, err);
	if (r == 0)
		clocks->ring = (const unsigned char *)clocks->produced + RING_PAGE;
	return r;
}

/* ---- the clocks ---- */

static int open_event(int program, int cpu, int *ret, struct ss_error *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000, /* until it is armed */
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 && errno == ENODEV)
		return 0;
	if (fd < 0)
		return bpf_failed(err, -errno, "perf_event_open of a CPU's clock");
	*ret = fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return bpf_failed(err, -errno, "a BPF program on a CPU's clock");
	return 0;
}

static int open_events(struct clock_set *set, unsigned ncpus, struct ss_error *err)
{
	set->events = malloc(ncpus * sizeof(*set->events));
	set->running = calloc(ncpus, sizeof(*set->running));
	set->period_ns = calloc(ncpus, sizeof(*set->period_ns));
	if (!set->events || !set->running || !set->period_ns)
		return ss_error_oom(err);
	for (unsigned i = 0; i < ncpus; i++)
		set->events[i] = -1;
	for (unsigned i = 0; i < ncpus; i++) {
		int r = open_event(set->program, (int)i, &set->events[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void set_done(struct clock_set *set, unsigned ncpus)
{
	for (unsigned i = 0; set->events && i < ncpus; i++)
		close_p(&set->events[i]);
	free(set->events);
	free(set->running);
	free(set->period_ns);
	close_p(&set->program);
	*set = (struct clock_set){ .program = -1, .refused = set->refused };
}

static int make_set(struct clocks *clocks, enum bpfclock_kind kind, struct ss_error *err)
{
	struct clock_set *set = &clocks->sets[kind];
	int r;

	if (set->program >= 0)
		return 0;
	r = bpfclock_load(&clocks->maps, kind, err);
	if (r >= 0) {
		set->program = r;
		r = open_events(set, clocks->ncpus, err);
	}
	set->refused = r < 0;
	if (r < 0)
		set_done(set, clocks->ncpus);
	return r;
}

static void unmap(const void *memory, size_t len)
{
	if (memory)
		munmap((void *)(uintptr_t)memory, len);
}

static void clocks_free(struct clocks *clocks)
{
	for (unsigned i = 0; i < BPFCLOCK_KINDS; i++)
		set_done(&clocks->sets[i], clocks->ncpus);
	unmap(clocks->control, sizeof(struct bpfclock_control));
	unmap(clocks->cpus, state_bytes(clocks));
	unmap(clocks->consumed, RING_PAGE);
	unmap(clocks->produced, RING_PAGE + 2 * clocks->ring_size);
	close_p(&clocks->maps.ring);
	close_p(&clocks->maps.watched);
	close_p(&clocks->maps.cpus);
	close_p(&clocks->maps.control);
	vec_done(&clocks->timers);
	free(clocks->wanted);
	free(clocks);
}

static int clocks_new(struct clocks **ret, struct ss_error *err)
{
	struct clocks *clocks = malloc(sizeof(*clocks));
	int r;

	if (!clocks)
		return ss_error_oom(err);
	*clocks = (struct clocks){
		.maps = { .control = -1, .cpus = -1, .watched = -1, .ring = -1 },
		.sets = { { .program = -1 }, { .program = -1 } },
		.ncpus = (unsigned)MAX(sysconf(_SC_NPROCESSORS_CONF), 1L),
	};
	clocks->ring_size = choose_ring_size((unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L));
	clocks->wanted = calloc(clocks->ncpus, sizeof(*clocks->wanted));
	r = clocks->wanted ? bpf_check_permitted(err) : ss_error_oom(err);
	if (r == 0)
		r = make_maps(clocks, err);
	if (r == 0)
		r = map_maps(clocks, err);
	if (r == 0)
		r = make_set(clocks, BPFCLOCK_SHALLOW, err);
	if (r < 0) {
		clocks_free(clocks);
		return r;
	}
	*ret = clocks;
	return 0;
}

/* ---- from the ring to the queues ---- */

static void queue_reset(struct queue *queue)
{
	queue->samples.n = 0;
	buf_reset(&queue->bytes);
}

static void queue_done(struct queue *queue)
{
	vec_done(&queue->samples);
	buf_done(&queue->bytes);
}

static struct cpu_timer *find_timer(const struct clocks *clocks, uint32_t tgid)
{
	vec_each(timer, &clocks->timers)
		if ((uint32_t)(*timer)->base.target->pid == tgid)
			return *timer;
	return NULL;
}

static bool add_bytes(struct queue *queue, const void *bytes, size_t len)
{
	size_t before = queue->bytes.len;

	buf_add(&queue->bytes, bytes, len);
	if (!queue->bytes.failed)
		return true;
	queue->bytes.failed = false;
	buf_cut(&queue->bytes, before);
	return false;
}

/* The sample ends at `addr`, where a page is missing. */
static void cut_at(struct held *held, uint64_t addr)
{
	held->head.len = addr - held->head.addr;
	held->faulted = true;
}

static bool add_hole(struct held *held, uint64_t addr, size_t len)
{
	struct timer_hole *last = held->nholes ? &held->holes[held->nholes - 1] : NULL;

	if (last && last->addr + last->len == addr) {
		last->len += len;
		return true;
	}
	if (held->nholes == TIMER_HOLES)
		return false;
	held->holes[held->nholes++] = (struct timer_hole){ addr, len };
	return true;
}

/* The pages of these bytes that were not there; the first one may be a part of a page. */
static void add_holes(struct held *held, const struct bpf_sample *record)
{
	uint64_t at = record->addr, end = record->addr + record->len;

	for (unsigned i = 0; at < end; i++) {
		uint64_t next = MIN((at | (RING_PAGE - 1)) + 1, end);

		if ((record->holes >> i & 1) && !add_hole(held, at, next - at)) {
			cut_at(held, at);
			return;
		}
		at = next;
	}
}

/* Bytes that end with a hole end where it begins. */
static void cut_last_hole(struct held *held)
{
	const struct timer_hole *last = held->nholes ? &held->holes[held->nholes - 1] : NULL;

	if (!last || last->addr + last->len != held->head.addr + held->head.len)
		return;
	cut_at(held, last->addr);
	held->nholes--;
}

static void add_sample(struct cpu_timer *timer, const struct bpf_sample *sample)
{
	struct queue *queue = &timer->queue;
	struct held held = { .head = *sample, .start = queue->bytes.len };

	if (queue->bytes.len > QUEUE_MAX ||
	    vec_reserve(&queue->samples, queue->samples.n + 1) < 0 ||
	    !add_bytes(queue, sample + 1, sample->len)) {
		timer->dropped++;
		return;
	}
	add_holes(&held, sample);
	queue->samples.data[queue->samples.n++] = held;
}

/* Another CPU's bytes have come behind those of this sample. */
static bool move_to_end(struct queue *queue, struct held *held)
{
	_cleanup_free_ char *copy = malloc(held->head.len);
	size_t start = queue->bytes.len;

	if (!copy)
		return false;
	memcpy(copy, queue->bytes.data + held->start, held->head.len);
	if (!add_bytes(queue, copy, held->head.len))
		return false;
	held->start = start;
	return true;
}

/* The sample that a piece belongs to, its bytes the last in the queue. NULL: it was dropped. */
static struct held *find_held(struct queue *queue, const struct bpf_sample *piece)
{
	for (size_t i = queue->samples.n; i-- > 0;) {
		struct held *held = &queue->samples.data[i];

		if (held->head.pid != piece->pid || held->head.at_ns != piece->at_ns)
			continue;
		if (piece->addr < held->head.addr + held->head.len)
			return NULL;
		if (held->start + held->head.len == queue->bytes.len)
			return held;
		return move_to_end(queue, held) ? held : NULL;
	}
	return NULL;
}

static bool add_zeros(struct queue *queue, size_t len)
{
	static const char zeros[RING_PAGE];

	for (; len > sizeof(zeros); len -= sizeof(zeros))
		if (!add_bytes(queue, zeros, sizeof(zeros)))
			return false;
	return add_bytes(queue, zeros, len);
}

/* From the end of the sample to the piece: bytes that are not there. False: no more holes are kept. */
static bool add_gap(struct queue *queue, struct held *held, uint64_t to)
{
	uint64_t end = held->head.addr + held->head.len;

	if (to == end)
		return true;
	if (!add_hole(held, end, to - end) || !add_zeros(queue, to - end)) {
		held->faulted = true;
		return false;
	}
	held->head.len += to - end;
	return true;
}

static void add_piece(struct cpu_timer *timer, const struct bpf_sample *piece)
{
	struct queue *queue = &timer->queue;
	struct held *held = find_held(queue, piece);

	if (!held || held->faulted || !add_gap(queue, held, piece->addr) ||
	    !add_bytes(queue, (const char *)piece + BPFCLOCK_PIECE_HEAD, piece->len))
		return;
	held->head.len += piece->len;
}

static void sort_out(const struct clocks *clocks, const struct bpf_sample *record)
{
	struct cpu_timer *timer = find_timer(clocks, record->tgid);

	if (!timer)
		return;
	if (record->piece)
		add_piece(timer, record);
	else
		add_sample(timer, record);
}

/* Everything that the program has finished (kernel/bpf/ringbuf.c). */
static void empty_ring(struct clocks *clocks)
{
	uint64_t at = *clocks->consumed;

	while (at < __atomic_load_n(clocks->produced, __ATOMIC_ACQUIRE)) {
		const unsigned char *record = clocks->ring + (at & (clocks->ring_size - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			sort_out(clocks, (const struct bpf_sample *)(record + BPF_RINGBUF_HDR_SZ));
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
		__atomic_store_n(clocks->consumed, at, __ATOMIC_RELEASE);
	}
}

/* ---- the operations ---- */

static int watch(const struct cpu_timer *timer, bool on)
{
	uint32_t key = (uint32_t)timer->base.target->pid, value = 1;
	union bpf_attr attr = {
		.map_fd = (uint32_t)timer->clocks->maps.watched,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&value,
	};

	return bpf_command(on ? BPF_MAP_UPDATE_ELEM : BPF_MAP_DELETE_ELEM, &attr);
}

static void leave(struct cpu_timer *timer)
{
	struct clocks *clocks = timer->clocks;

	(void)watch(timer, false);
	for (size_t i = 0; i < clocks->timers.n; i++)
		if (clocks->timers.data[i] == timer)
			clocks->timers.data[i--] = clocks->timers.data[--clocks->timers.n];
	if (--clocks->users == 0)
		clocks_free(clocks);
}

static int join(struct cpu_timer *timer, const struct timer *like, struct ss_error *err)
{
	int r = 0;

	if (like)
		timer->clocks = ((const struct cpu_timer *)like)->clocks;
	else
		r = clocks_new(&timer->clocks, err);
	if (r < 0)
		return r;
	timer->clocks->users++;
	timer->wanted = calloc(timer->clocks->ncpus, sizeof(*timer->wanted));
	if (!timer->wanted || vec_push(&timer->clocks->timers, timer) < 0)
		return ss_error_oom(err);
	r = watch(timer, true);
	return r < 0 ? bpf_failed(err, r, "watching a process") : 0;
}

static int bpf_open(const struct target *target, const struct timer *like, struct timer **ret,
		    struct ss_error *err)
{
	struct cpu_timer *bpf = calloc(1, sizeof(*bpf));
	int r;

	if (!bpf)
		return ss_error_oom(err);
	bpf->base = (struct timer){ .ops = &timer_bpf, .target = target };
	buf_init(&bpf->queue.bytes);
	r = join(bpf, like, err);
	if (r < 0) {
		if (bpf->clocks)
			leave(bpf);
		free(bpf->wanted);
		free(bpf);
		return ss_error_wrap(err, "timer bpf");
	}
	*ret = &bpf->base;
	return 0;
}

static bool bpf_want(struct timer *timer, pid_t tid, int cpu)
{
	struct cpu_timer *bpf = self(timer);

	(void)tid;
	if (cpu >= 0 && (unsigned)cpu < bpf->clocks->ncpus)
		bpf->wanted[cpu] = true;
	else
		memset(bpf->wanted, true, bpf->clocks->ncpus * sizeof(*bpf->wanted));
	return true;
}

static void bpf_unwant(struct timer *timer, pid_t tid)
{
	(void)timer;
	(void)tid;
}

/*
 * Period 0: stop it. One that has this period already is left alone: the ioctl would begin a new one, and
 * where processes join all the time none would ever end.
 */
static void run_event(struct clock_set *set, unsigned cpu, uint64_t period_ns)
{
	bool run = period_ns > 0;

	if (!set->events || set->events[cpu] < 0)
		return;
	if (period_ns && period_ns != set->period_ns[cpu] &&
	    ioctl(set->events[cpu], PERF_EVENT_IOC_PERIOD, &period_ns) == 0)
		set->period_ns[cpu] = period_ns;
	if (run != set->running[cpu])
		ioctl(set->events[cpu], run ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
	set->running[cpu] = run;
}

static void stop_clocks(struct clocks *clocks, enum bpfclock_kind kind)
{
	for (unsigned i = 0; i < clocks->ncpus; i++)
		run_event(&clocks->sets[kind], i, 0);
}

/* Where the deep program cannot be had, samples are not so deep. */
static enum bpfclock_kind choose_kind(struct clocks *clocks, size_t window)
{
	struct ss_error err;

	return window > BPFCLOCK_SAMPLE_BYTES && !clocks->sets[BPFCLOCK_DEEP].refused &&
			       make_set(clocks, BPFCLOCK_DEEP, &err) == 0
		       ? BPFCLOCK_DEEP
		       : BPFCLOCK_SHALLOW;
}

/* What serves all processes that have the clocks armed: the shortest period, the deepest stacks. */
static struct timer_rate join_rates(const struct clocks *clocks, bool *ret_cpus)
{
	struct timer_rate all = { .period_ns = UINT64_MAX, .once = true };

	vec_each(timer, &clocks->timers) {
		const struct cpu_timer *bpf = *timer;

		if (!bpf->armed)
			continue;
		all.period_ns = MIN(all.period_ns, bpf->rate.period_ns);
		all.window = MAX(all.window, bpf->rate.window);
		all.once &= bpf->rate.once;
		for (unsigned i = 0; i < clocks->ncpus; i++)
			ret_cpus[i] |= bpf->wanted[i];
	}
	return all;
}

/* For all processes that have the clocks armed. */
static void run_clocks(struct clocks *clocks)
{
	struct timer_rate rate;
	enum bpfclock_kind kind;

	memset(clocks->wanted, 0, clocks->ncpus * sizeof(*clocks->wanted));
	rate = join_rates(clocks, clocks->wanted);
	kind = clocks->kind = choose_kind(clocks, rate.window);
	clocks->control->window = rate.window;
	__atomic_store_n(&clocks->control->look, rate.once ? ++clocks->looks : 0, __ATOMIC_RELEASE);
	stop_clocks(clocks, kind == BPFCLOCK_DEEP ? BPFCLOCK_SHALLOW : BPFCLOCK_DEEP);
	for (unsigned i = 0; i < clocks->ncpus; i++)
		run_event(&clocks->sets[kind], i, clocks->wanted[i] ? rate.period_ns : 0);
}

static void bpf_arm(struct timer *timer, const struct timer_rate *rate)
{
	struct cpu_timer *bpf = self(timer);

	bpf->rate = *rate;
	bpf->armed = true;
	run_clocks(bpf->clocks);
}

/* The clocks go on for those processes that have them armed. */
static void bpf_disarm(struct timer *timer)
{
	struct cpu_timer *bpf = self(timer);
	struct clocks *clocks = bpf->clocks;
	bool others = false;

	bpf->armed = false;
	memset(bpf->wanted, 0, clocks->ncpus * sizeof(*bpf->wanted));
	vec_each(other, &clocks->timers)
		others |= (*other)->armed;
	if (others) {
		run_clocks(clocks);
		return;
	}
	for (unsigned i = 0; i < BPFCLOCK_KINDS; i++)
		stop_clocks(clocks, i);
}

static void bpf_close(struct timer *timer)
{
	struct cpu_timer *bpf = self(timer);

	bpf_disarm(timer);
	leave(bpf);
	queue_done(&bpf->queue);
	free(bpf->wanted);
	free(bpf);
}

/* How much of a stack there is in a sample, if all of it was there. */
static size_t whole_len(const struct clocks *clocks)
{
	size_t window = clocks->control->window;

	return clocks->kind == BPFCLOCK_DEEP ? window : MIN(window, (size_t)BPFCLOCK_SAMPLE_BYTES);
}

static struct timer_sample make_sample(const struct queue *queue, const struct held *held)
{
	struct timer_sample sample = {
		.tid = (pid_t)held->head.pid,
		.cpu = (int)held->head.cpu,
		.at_ns = held->head.at_ns,
		.nr = (int32_t)held->head.call < 0 ? TIMER_NO_CALL : (int32_t)held->head.call,
		.addr = held->head.addr,
		.len = held->head.len,
		.bytes = (const unsigned char *)queue->bytes.data + held->start,
		.faulted = held->faulted,
		.nholes = held->nholes,
	};

	memcpy(sample.holes, held->holes, sizeof(sample.holes));
	for (unsigned i = 0; i < REG_COUNT; i++)
		regs_set(&sample.regs, i, held->head.regs[i]);
	return sample;
}

static void bpf_drain(struct timer *timer, timer_sink *sink, void *arg)
{
	struct cpu_timer *bpf = self(timer);

	empty_ring(bpf->clocks);
	vec_each(held, &bpf->queue.samples) {
		struct timer_sample sample;

		cut_last_hole(held);
		held->faulted |= held->head.len < whole_len(bpf->clocks);
		sample = make_sample(&bpf->queue, held);
		sink(arg, &sample);
	}
	queue_reset(&bpf->queue);
}

static uint64_t bpf_lost(const struct timer *timer)
{
	const struct cpu_timer *bpf = (const struct cpu_timer *)timer;
	uint64_t lost = bpf->dropped;

	/* nobody knows whose they were: the first one tells of them */
	if (bpf->clocks->timers.data[0] != bpf)
		return lost;
	for (unsigned i = 0; i < bpf->clocks->ncpus; i++)
		lost += bpf->clocks->cpus[i].lost;
	return lost;
}

#else

static int bpf_open(const struct target *target, const struct timer *like, struct timer **ret,
		    struct ss_error *err)
{
	(void)target;
	(void)like;
	(void)ret;
	return ss_error_set(err, SS_ERR_OBSERVER, ENOTSUP,
			    "timer bpf: it is written for x86-64 only");
}

#endif

const struct timer_ops timer_bpf = {
	.name = "bpf",
	.open = bpf_open,
#if defined(__x86_64__)
	.close = bpf_close,
	.want = bpf_want,
	.unwant = bpf_unwant,
	.arm = bpf_arm,
	.disarm = bpf_disarm,
	.drain = bpf_drain,
	.lost = bpf_lost,
#endif
};
