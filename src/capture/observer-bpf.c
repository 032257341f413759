/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The observer that has the kernel walk over its own tasks (capture/bpfiter): it gives every blocked
 * thread's registers, so that none need be stopped for them. A walk for the counts of all threads,
 * which tell who has run; then those who have, all in one walk, or the few one by one. Whatever a
 * record cannot tell, or the walk did not meet, is asked of /proc: so every look is answered.
 *
 * That a record holds for a thread off the CPU: its last user registers have long been saved when
 * on_cpu is cleared (finish_task, kernel/sched/core.c). A thread that runs again sets on_cpu first
 * (prepare_task); when it leaves the CPU it has counted a switch (nvcsw or nivcsw in __schedule)
 * before on_cpu is cleared. So with on_cpu 0 at the record and at a later proof, and as many switches
 * at both, it did not run in between. pcount alone would not do: since Linux 5.14 a thread that is
 * preempted on its way to sleep comes back without pcount rising (sched_info_arrive).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "capture/bpfiter.h"
#include "capture/observer.h"
#include "target/target.h"

#if defined(__x86_64__)

enum {
	/* of fewer than one in so many threads, each by itself is cheaper: */
	PROOFS_SHARE = 8,
	LOOKS_SHARE = 32,
};

#define LIST_AGE_NS (4 * NS_PER_MS) /* how old a list may be for the counters that follow it */

/* include/linux/sched.h; what PF_USER_WORKER was before 6.4 is long gone */
enum {
	PF_IO_WORKER = 0x10,
	PF_USER_WORKER = 0x4000,
	PF_KTHREAD = 0x200000,
	TASK_REPORT = 0x7f,
	TASK_IDLE = 0x402,
	TASK_UNINTERRUPTIBLE = 0x2,
	TASK_RTLOCK_WAIT = 0x1000,
	TASK_FROZEN = 0x8000,
};

enum {
	TS_COMPAT = 0x2, /* arch/x86/include/asm/thread_info.h: a call of 32 bits (int 0x80) */
	USER_CS = 0x33,  /* 64-bit code */
};

struct bpf_observer {
	struct observer base;
	struct bpfiter iter;
	struct buf counts, proof; /* struct bpf_count, by pid */
	struct buf tasks;   /* struct bpf_task, by pid: of the looks at hand, or of one thread */
	struct buf again;   /* the same of one thread, after /proc has waited for it */
	uint64_t listed_ns; /* CLOCK_MONOTONIC of a list that no counters have used; 0: none */
	bool looks_one_by_one, proofs_one_by_one;
	bool whole_host; /* a walk cannot be limited (Linux before 6.1) */
	bool clock_known;
	int64_t clock_offset_ns; /* CLOCK_MONOTONIC - what rq->clock shows, with nothing stolen */
};

static struct bpf_observer *self(struct observer *observer)
{
	return (struct bpf_observer *)observer;
}

/* ---- records ---- */

/* All records begin with a struct bpf_count. */
static int compare_pids(const void *a, const void *b)
{
	uint32_t x = ((const struct bpf_count *)a)->pid, y = ((const struct bpf_count *)b)->pid;

	return x < y ? -1 : x > y;
}

/*
 * Of records of `len` bytes drop other processes' (Linux before 6.1), and order the rest by pid: mostly
 * they come so. True if any were dropped.
 */
static bool order_records(struct buf *buf, size_t len, pid_t tgid)
{
	size_t kept = 0;
	bool ordered = true, dropped = false;

	for (size_t at = 0; at + len <= buf->len; at += len) {
		char *record = buf->data + at;

		if (((const struct bpf_count *)record)->tgid != (uint32_t)tgid) {
			dropped = true;
			continue;
		}
		if (kept != at)
			memcpy(buf->data + kept, record, len);
		if (kept && compare_pids(buf->data + kept - len, buf->data + kept) >= 0)
			ordered = false;
		kept += len;
	}
	buf_cut(buf, kept);
	if (!ordered)
		qsort(buf->data, buf->len / len, len, compare_pids);
	return dropped;
}

static const void *find_record(const struct buf *buf, size_t len, pid_t tid)
{
	const struct bpf_count wanted = { .pid = (uint32_t)tid };

	return buf->len ? bsearch(&wanted, buf->data, buf->len / len, len, compare_pids) : NULL;
}

static size_t known_threads(const struct bpf_observer *bpf)
{
	return bpf->counts.len / sizeof(struct bpf_count);
}

/*
 * All CPUs have one clock (sched_clock_cpu), which each reads now and then: ours as the walk began,
 * so the record with the least difference is the one that was made at once.
 */
static void compare_clocks(struct bpf_observer *bpf)
{
	const struct bpf_task *task;

	bpf->clock_known = false;
	for (size_t at = 0; at < bpf->tasks.len; at += sizeof(*task)) {
		int64_t offset;

		task = (const struct bpf_task *)(bpf->tasks.data + at);
		offset = (int64_t)(task->count.at_ns - task->own_clock_ns);
		if (task->own_clock_ns == 0 || task->task_clock_ns == 0)
			continue;
		if (!bpf->clock_known || offset < bpf->clock_offset_ns)
			bpf->clock_offset_ns = offset;
		bpf->clock_known = true;
	}
}

/* Left empty on failure: then /proc answers. */
static int walk(struct bpf_observer *bpf, enum bpfiter_kind kind, struct buf *buf)
{
	size_t len = kind == BPFITER_TASKS ? sizeof(struct bpf_task) : sizeof(struct bpf_count);
	int r;

	buf_reset(buf);
	r = bpfiter_read(&bpf->iter, kind, buf);
	if (r < 0)
		buf_reset(buf);
	if (order_records(buf, len, bpf->base.target->pid))
		bpf->whole_host = true;
	if (kind == BPFITER_TASKS)
		compare_clocks(bpf);
	return r;
}

static const struct bpf_task *find_task(const struct buf *tasks, pid_t tid)
{
	return find_record(tasks, sizeof(struct bpf_task), tid);
}

/* The thread as it is now; left empty on failure. */
static void read_task(const struct bpf_observer *bpf, pid_t tid, struct buf *buf)
{
	buf_reset(buf);
	if (bpfiter_read_one(&bpf->iter, BPFITER_TASKS, tid, buf) < 0)
		buf_reset(buf);
	order_records(buf, sizeof(struct bpf_task), bpf->base.target->pid);
}

static const struct bpf_count *find_count(const struct buf *counts, pid_t tid)
{
	return find_record(counts, sizeof(struct bpf_count), tid);
}

/* ---- from a record to a look ---- */

/* As task_state_index() and task_index_to_char() do it. */
static char state_letter(const struct bpf_task *task)
{
	uint32_t state = (task->state | task->exit_state) & TASK_REPORT;
	unsigned index;

	if ((task->state & TASK_IDLE) == TASK_IDLE)
		return 'I';
	if (task->state & (TASK_RTLOCK_WAIT | TASK_FROZEN))
		state = TASK_UNINTERRUPTIBLE;
	index = state ? 32 - (unsigned)__builtin_clz(state) : 0;
	return "RSDTtXZP"[index];
}

/* It has no user registers. */
static enum look_worker which_worker(const struct bpf_task *task)
{
	if (task->flags & PF_IO_WORKER)
		return WORKER_IO_URING;
	return task->flags & PF_USER_WORKER ? WORKER_OTHER : WORKER_NONE;
}

/*
 * A thread in the middle of a switch; one in code or a call of 32 bits, whose arguments are
 * elsewhere.
 */
static bool is_odd(const struct bpf_task *task)
{
	if (task->exit_state || which_worker(task))
		return false;
	return (task->count.on_cpu && task->state) || (task->thread_status & TS_COMPAT) ||
	       (task->flags & PF_KTHREAD) ||
	       (!task->count.on_cpu && (uint16_t)task->code_segment != USER_CS);
}

static void fill_counters(const struct bpf_count *count, struct look *look)
{
	look->at_ns = count->at_ns;
	look->birth = count->birth;
	look->on_cpu_ns = count->run_ns;
	look->run_queue_ns = count->wait_ns;
	look->pcount = count->pcount;
	look->sched_known = count->run_ns || count->wait_ns || count->pcount;
	look->switches_known = look->voluntary_known = true;
	look->switches = count->voluntary + count->involuntary;
	look->voluntary = count->voluntary;
}

static void fill_call(const struct bpf_task *task, struct look *look)
{
	static const unsigned char args[] = REGS_CALL_ARGS;
	int32_t nr = (int32_t)task->call;

	look->sp = task->regs[REG_SP];
	look->pc = task->regs[REG_PC];
	/* -1 after a fault or an interrupt (idtentry_body) */
	look->call = nr < 0 ? CALL_NONE : CALL_NUMBER;
	look->nr = nr;
	for (unsigned i = 0; nr >= 0 && i < ARRAY_SIZE(args); i++)
		look->args[i] = task->regs[args[i]];
}

/* In a call rax, rcx and r11 are not the program's (entry_SYSCALL_64). */
static void fill_registers(const struct bpf_task *task, struct regs *regs)
{
	bool in_call = (int32_t)task->call >= 0;

	for (unsigned i = 0; i < REG_COUNT; i++)
		if (!in_call || (i != 0 && i != 2 && i != 11))
			regs_set(regs, i, task->regs[i]);
}

static void fill_look(const struct bpf_observer *bpf, const struct bpf_task *task,
		      struct look *look, struct regs *regs)
{
	fill_counters(&task->count, look);
	memcpy(look->comm, task->comm, sizeof(task->comm));
	look->comm[sizeof(task->comm)] = '\0';
	look->state = state_letter(task);
	look->cpu = (int)task->count.cpu;
	look->exec_start_ns = task->exec_start_ns;
	look->clock_known = bpf->clock_known && task->task_clock_ns;
	look->clock_offset_ns =
		bpf->clock_offset_ns + (int64_t)(task->clock_ns - task->task_clock_ns);
	look->worker = which_worker(task);
	look->queued = task->state == 0 && !task->exit_state && !task->count.on_cpu;
	if (task->state == 0)
		look->exec_start_ns = 0;
	if (look->worker || (task->state == 0 && !task->exit_state && !look->queued)) {
		look->call = look->worker && task->state ? CALL_NONE : CALL_RUNNING;
		return;
	}
	fill_call(task, look);
	fill_registers(task, regs);
}

/* ---- the operations ---- */

static void bpf_close(struct observer *observer)
{
	struct bpf_observer *bpf = self(observer);

	bpfiter_close(&bpf->iter);
	buf_done(&bpf->counts);
	buf_done(&bpf->proof);
	buf_done(&bpf->tasks);
	buf_done(&bpf->again);
	free(bpf);
}

static int bpf_open(const struct target *target, const struct observer *like, struct observer **ret,
		    struct ss_error *err)
{
	const struct bpf_observer *other = (const struct bpf_observer *)like;
	struct bpf_observer *bpf = calloc(1, sizeof(*bpf));
	int r;

	if (!bpf)
		return ss_error_oom(err);
	bpf->base = (struct observer){ .ops = &observer_bpf, .target = target };
	buf_init(&bpf->counts);
	buf_init(&bpf->proof);
	buf_init(&bpf->tasks);
	buf_init(&bpf->again);
	r = bpfiter_open(target->pid, other ? &other->iter : NULL, &bpf->iter, err);
	if (r < 0) {
		free(bpf);
		return ss_error_wrap(err, "observer bpf");
	}
	*ret = &bpf->base;
	return 0;
}

/* The walk that lists serves the counters that follow at once. */
static int bpf_list(struct observer *observer, struct tids *ret, struct ss_error *err)
{
	struct bpf_observer *bpf = self(observer);

	if (walk(bpf, BPFITER_COUNTS, &bpf->counts) < 0 || bpf->counts.len == 0)
		return target_list(observer->target, ret, err);
	ret->tid.n = 0;
	if (vec_reserve(&ret->tid, known_threads(bpf)) < 0)
		return ss_error_oom(err);
	for (size_t i = 0; i < known_threads(bpf); i++)
		ret->tid.data[ret->tid.n++] =
			(pid_t)((const struct bpf_count *)bpf->counts.data)[i].pid;
	bpf->listed_ns = clock_mono_ns();
	return 0;
}

static void bpf_begin(struct observer *observer)
{
	struct bpf_observer *bpf = self(observer);

	if (bpf->listed_ns == 0 || clock_mono_ns() - bpf->listed_ns > LIST_AGE_NS)
		(void)walk(bpf, BPFITER_COUNTS, &bpf->counts);
	bpf->listed_ns = 0;
}

/* Of a thread on a CPU they do not prove that it has stood still: see above, of pcount. */
static int bpf_counters(struct observer *observer, const struct procfs_thread *thread,
			struct look *look)
{
	const struct bpf_count *count = find_count(&self(observer)->counts, thread->tid);

	if (!count)
		return -ESRCH;
	if (count->on_cpu)
		return -EAGAIN;
	fill_counters(count, look);
	return look->sched_known ? 0 : -ENODATA;
}

static void bpf_begin_looks(struct observer *observer, size_t n)
{
	struct bpf_observer *bpf = self(observer);

	bpf->looks_one_by_one = !bpf->whole_host && n < known_threads(bpf) / LOOKS_SHARE;
	if (n && !bpf->looks_one_by_one)
		(void)walk(bpf, BPFITER_TASKS, &bpf->tasks);
}

/* False: it has to be asked of /proc. */
static bool tell(const struct bpf_observer *bpf, const struct bpf_task *task, struct look *look,
		 struct regs *regs)
{
	regs->known = 0;
	if (!task || is_odd(task))
		return false;
	*look = (struct look){ .tid = (pid_t)task->count.pid, .cpu = -1 };
	fill_look(bpf, task, look, regs);
	procfs_wchan(bpf->base.target, look);
	return true;
}

/* What the looks at hand have met; or, if they come one by one, the thread as it is now. */
static bool tell_met(struct bpf_observer *bpf, pid_t tid, struct look *look, struct regs *regs)
{
	if (bpf->looks_one_by_one) {
		read_task(bpf, tid, &bpf->tasks);
		compare_clocks(bpf);
	}
	return tell(bpf, find_task(&bpf->tasks, tid), look, regs);
}

/*
 * A thread on its way to sleep: /proc has waited until it was off its CPU (wait_task_inactive), so
 * that its record tells its registers by now. Without those it might have to be stopped.
 */
static void tell_again(struct bpf_observer *bpf, pid_t tid, struct look *look, struct regs *regs)
{
	if (bpf->whole_host || (look->call != CALL_NUMBER && look->call != CALL_NONE))
		return;
	read_task(bpf, tid, &bpf->again);
	(void)tell(bpf, find_task(&bpf->again, tid), look, regs);
}

static int bpf_look(struct observer *observer, const struct procfs_thread *thread,
		    struct look *look, struct regs *regs)
{
	int r;

	if (tell_met(self(observer), thread->tid, look, regs))
		return 0;
	r = procfs_look(observer->target, thread, look);
	if (r == 0)
		tell_again(self(observer), thread->tid, look, regs);
	return r;
}

static int bpf_relook(struct observer *observer, const struct procfs_thread *thread,
		      struct look *look, struct regs *regs)
{
	int r;

	if (tell_met(self(observer), thread->tid, look, regs))
		return 0;
	r = procfs_relook_call(observer->target, thread, look);
	if (r == 0)
		tell_again(self(observer), thread->tid, look, regs);
	return r;
}

static void bpf_begin_proof(struct observer *observer, size_t n)
{
	struct bpf_observer *bpf = self(observer);

	bpf->proofs_one_by_one = !bpf->whole_host && n < known_threads(bpf) / PROOFS_SHARE;
	if (!bpf->proofs_one_by_one)
		(void)walk(bpf, BPFITER_COUNTS, &bpf->proof);
}

static const struct bpf_count *find_proof(struct bpf_observer *bpf, pid_t tid)
{
	if (bpf->proofs_one_by_one) {
		buf_reset(&bpf->proof);
		if (bpfiter_read_one(&bpf->iter, BPFITER_COUNTS, tid, &bpf->proof) < 0)
			buf_reset(&bpf->proof);
	}
	return find_count(&bpf->proof, tid);
}

/* A look that /proc answered has no switches: it is held against what /proc says. */
static bool bpf_stood_still(struct observer *observer, const struct procfs_thread *thread,
			    const struct look *look)
{
	const struct bpf_count *count;
	uint64_t pcount;

	if (!look->switches_known)
		return procfs_pcount(observer->target, thread, &pcount) == 0 &&
		       pcount == look->pcount;
	count = find_proof(self(observer), thread->tid);
	return count && !count->on_cpu && count->birth == look->birth &&
	       count->pcount == look->pcount &&
	       count->voluntary + count->involuntary == look->switches;
}

#else

static int bpf_open(const struct target *target, const struct observer *like, struct observer **ret,
		    struct ss_error *err)
{
	(void)target;
	(void)like;
	(void)ret;
	return ss_error_set(err, SS_ERR_OBSERVER, ENOTSUP,
			    "observer bpf: it is written for x86-64 only");
}

#endif

const struct observer_ops observer_bpf = {
	.name = "bpf",
	.tells_who_runs = true,
	.open = bpf_open,
#if defined(__x86_64__)
	.close = bpf_close,
	.list = bpf_list,
	.begin = bpf_begin,
	.counters = bpf_counters,
	.begin_looks = bpf_begin_looks,
	.look = bpf_look,
	.relook = bpf_relook,
	.begin_proof = bpf_begin_proof,
	.stood_still = bpf_stood_still,
#endif
};
