/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/bpfiter.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"

#if defined(__x86_64__)

#include "capture/bpfcode.h"

enum {
	READ_PIECE = 8 * 4096, /* what bpf_seq_read gives at most (kernel/bpf/bpf_iter.c) */
};

/* ---- which words ---- */

/* All records begin with these. */
static const struct bpfcode_word count_words[] = {
	BPFCODE_WORD(bpf_count, voluntary, "nvcsw", NULL),
	BPFCODE_WORD(bpf_count, involuntary, "nivcsw", NULL),
	BPFCODE_WORD(bpf_count, pcount, "sched_info.pcount", NULL),
	BPFCODE_WORD(bpf_count, birth, "start_boottime", NULL),
	BPFCODE_WORD(bpf_count, run_ns, "se.sum_exec_runtime", NULL),
	BPFCODE_WORD(bpf_count, wait_ns, "sched_info.run_delay", NULL),
	BPFCODE_WORD(bpf_count, pid, "pid", NULL),
	BPFCODE_WORD(bpf_count, tgid, "tgid", NULL),
	BPFCODE_WORD(bpf_count, cpu, "thread_info.cpu", "cpu"), /* moved in 5.16 */
};

/* After the counts of a task, before those of a mere count: see struct bpf_task. */
static const struct bpfcode_word on_cpu_words[] = {
	BPFCODE_WORD(bpf_count, on_cpu, "on_cpu", NULL),
};

static const struct bpfcode_word task_words[] = {
	BPFCODE_WORD(bpf_task, state, "__state", NULL),
	BPFCODE_WORD(bpf_task, exit_state, "exit_state", NULL),
	BPFCODE_WORD(bpf_task, exec_start_ns, "se.exec_start", NULL),
	BPFCODE_WORD(bpf_task, flags, "flags", NULL),
	BPFCODE_WORD(bpf_task, thread_status, "thread_info.status", NULL),
	BPFCODE_WORD(bpf_task, comm, "comm", NULL),
};

static const struct bpfcode_word register_words[] = { BPFCODE_REGISTERS(bpf_task) };

/* ---- instructions ---- */

struct code {
	struct bpfcode base;
	int record_len; /* the record is built at the bottom of what the program uses of its stack */
};

static void emit_store(struct code *code, uint8_t src, unsigned to, unsigned len)
{
	bpfcode_store(&code->base, len, BPF_REG_10, (int)to - code->record_len, src);
}

static int emit_words(struct code *code, struct btf *btf, const char *structure, uint8_t from,
		      const struct bpfcode_word *words, size_t n, struct ss_error *err)
{
	return bpfcode_words(&code->base, btf, structure, from, BPF_REG_10, -code->record_len,
			     words, n, err);
}

enum {
	CONTEXT = BPF_REG_6,
	TASK = BPF_REG_7,
	PT_REGS = BPF_REG_8,
};

/*
 * struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; }, the latter NULL
 * after the last one.
 */
static void emit_begin(struct bpfcode *code)
{
	unsigned some;

	bpfcode_move(code, CONTEXT, BPF_REG_1);
	bpfcode_load(code, 8, TASK, CONTEXT, 8);
	some = bpfcode_jump(code, BPF_JNE, TASK, 0);
	bpfcode_set(code, BPF_REG_0, 0);
	bpfcode_exit(code);
	bpfcode_land(code, some);
}

/* After all other words: the time; then bpf_seq_write(meta->seq, record, its length). */
static void emit_end(struct code *code)
{
	bpfcode_call(&code->base, BPF_FUNC_ktime_get_ns);
	emit_store(code, BPF_REG_0, offsetof(struct bpf_count, at_ns), 8);
	bpfcode_load(&code->base, 8, BPF_REG_1, CONTEXT, 0);
	bpfcode_load(&code->base, 8, BPF_REG_1, BPF_REG_1, 0);
	bpfcode_move(&code->base, BPF_REG_2, BPF_REG_10);
	bpfcode_add(&code->base, BPF_REG_2, -code->record_len);
	bpfcode_set(&code->base, BPF_REG_3, code->record_len);
	bpfcode_call(&code->base, BPF_FUNC_seq_write);
	bpfcode_set(&code->base, BPF_REG_0, 0);
	bpfcode_exit(&code->base);
}

/*
 * bpf_probe_read_kernel(record + to, len, r3 + offset of the field): a plain load from a pointer
 * that is itself loaded has the verifier search all of the kernel's BTF, for milliseconds.
 */
static int emit_probe(struct code *code, struct btf *btf, int to, unsigned len,
		      const char *structure, const char *field)
{
	struct btf_field at;
	int r = btf_find_field(btf, btf_find(btf, BTF_STRUCT, structure), field, &at);

	if (r < 0 || at.size != len)
		return -ENOENT;
	bpfcode_add(&code->base, BPF_REG_3, (int32_t)at.offset);
	bpfcode_set(&code->base, BPF_REG_2, (int32_t)len);
	bpfcode_move(&code->base, BPF_REG_1, BPF_REG_10);
	bpfcode_add(&code->base, BPF_REG_1, to - code->record_len);
	bpfcode_call(&code->base, BPF_FUNC_probe_read_kernel);
	return 0;
}

/* Where a pointer is kept that is followed: below the record. */
enum { POINTER = -8 };

static void emit_load_pointer(struct code *code)
{
	bpfcode_load(&code->base, 8, BPF_REG_3, BPF_REG_10, POINTER - code->record_len);
}

/* A clock of the struct rq at POINTER. */
static int emit_clock(struct code *code, struct btf *btf, size_t to, const char *field)
{
	emit_load_pointer(code);
	return emit_probe(code, btf, (int)to, 8, "rq", field);
}

/* To POINTER goes the run queue of the task in r3: where it is or was last queued. */
static int emit_find_queue(struct code *code, struct btf *btf)
{
	int r = emit_probe(code, btf, POINTER, 8, "task_struct", "se.cfs_rq");

	emit_load_pointer(code);
	return r < 0 ? r : emit_probe(code, btf, POINTER, 8, "cfs_rq", "rq");
}

/* -ENOENT: this kernel's tasks do not lead to the clocks of their CPUs. */
static int emit_clocks(struct code *code, struct btf *btf)
{
	int r;

	bpfcode_move(&code->base, BPF_REG_3, TASK);
	r = emit_find_queue(code, btf);
	if (r == 0)
		r = emit_clock(code, btf, offsetof(struct bpf_task, clock_ns), "clock");
	if (r == 0)
		r = emit_clock(code, btf, offsetof(struct bpf_task, task_clock_ns), "clock_task");
	bpfcode_call(&code->base, BPF_FUNC_get_current_task);
	bpfcode_move(&code->base, BPF_REG_3, BPF_REG_0);
	if (r == 0)
		r = emit_find_queue(code, btf);
	if (r == 0)
		r = emit_clock(code, btf, offsetof(struct bpf_task, own_clock_ns), "clock");
	return r;
}

static void emit_no_clocks(struct code *code)
{
	bpfcode_set(&code->base, BPF_REG_1, 0);
	emit_store(code, BPF_REG_1, offsetof(struct bpf_task, clock_ns), 8);
	emit_store(code, BPF_REG_1, offsetof(struct bpf_task, task_clock_ns), 8);
	emit_store(code, BPF_REG_1, offsetof(struct bpf_task, own_clock_ns), 8);
}

static int emit_on_cpu(struct code *code, struct btf *btf, struct ss_error *err)
{
	return emit_words(code, btf, "task_struct", TASK, on_cpu_words, ARRAY_SIZE(on_cpu_words),
			  err);
}

static int emit_counts(struct code *code, struct btf *btf, struct ss_error *err)
{
	return emit_words(code, btf, "task_struct", TASK, count_words, ARRAY_SIZE(count_words),
			  err);
}

static void begin_record(struct code *code, size_t len)
{
	code->record_len = (int)len;
	emit_begin(&code->base);
}

static int make_task_code(struct code *code, struct btf *btf, bool clocks, struct ss_error *err)
{
	int r;

	begin_record(code, sizeof(struct bpf_task));
	r = emit_counts(code, btf, err);
	if (r == 0)
		r = emit_on_cpu(code, btf, err);
	if (r == 0)
		r = emit_words(code, btf, "task_struct", TASK, task_words, ARRAY_SIZE(task_words),
			       err);
	if (r < 0)
		return r;
	bpfcode_move(&code->base, BPF_REG_1, TASK);
	bpfcode_call(&code->base, BPF_FUNC_task_pt_regs);
	bpfcode_move(&code->base, PT_REGS, BPF_REG_0);
	r = emit_words(code, btf, "pt_regs", PT_REGS, register_words, ARRAY_SIZE(register_words),
		       err);
	if (r == 0 && clocks)
		r = emit_clocks(code, btf);
	if (r < 0)
		return r;
	if (!clocks)
		emit_no_clocks(code);
	emit_end(code);
	return 0;
}

static int make_count_code(struct code *code, struct btf *btf, struct ss_error *err)
{
	int r;

	begin_record(code, sizeof(struct bpf_count));
	r = emit_on_cpu(code, btf, err);
	if (r == 0)
		r = emit_counts(code, btf, err);
	if (r == 0)
		emit_end(code);
	return r;
}

/* ---- bpf(2) ---- */

static int load(const struct code *code, uint32_t attach_to, int *ret, struct ss_error *err)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_ITER,
		.attach_btf_id = attach_to,
	};
	int r = bpf_load(&code->base, &attr, err);

	if (r < 0)
		return r;
	*ret = r;
	return 0;
}

static int load_task_program(struct bpfiter *iter, struct btf *btf, uint32_t attach_to, bool clocks,
			     struct ss_error *err)
{
	struct code code = { .record_len = 0 };
	int r = make_task_code(&code, btf, clocks, err);

	return r < 0 ? r : load(&code, attach_to, &iter->program[BPFITER_TASKS], err);
}

static int load_programs(struct bpfiter *iter, struct btf *btf, struct ss_error *err)
{
	uint32_t attach_to = btf_find(btf, BTF_FUNCTION, "bpf_iter_task");
	struct code code = { .record_len = 0 };
	int r;

	if (attach_to == 0)
		return ss_error_set(err, SS_ERR_OBSERVER, ENOENT,
				    "this kernel has no task iterator");
	/* the clocks can be done without */
	if (load_task_program(iter, btf, attach_to, true, err) < 0) {
		r = load_task_program(iter, btf, attach_to, false, err);
		if (r < 0)
			return r;
	}
	r = make_count_code(&code, btf, err);
	return r < 0 ? r : load(&code, attach_to, &iter->program[BPFITER_COUNTS], err);
}

static int make_programs(struct bpfiter *iter, struct ss_error *err)
{
	struct bpf_types types;
	int r = bpf_check_permitted(err);

	if (r == 0)
		r = bpf_types_open(&types, err);
	if (r < 0)
		return r;
	r = load_programs(iter, &types.btf, err);
	bpf_types_close(&types);
	return r;
}

static int share_programs(struct bpfiter *iter, const struct bpfiter *like, struct ss_error *err)
{
	for (unsigned i = 0; i < BPFITER_KINDS; i++) {
		iter->program[i] = fcntl(like->program[i], F_DUPFD_CLOEXEC, 0);
		if (iter->program[i] < 0)
			return ss_error_sys(err, errno, "cannot duplicate a descriptor");
	}
	return 0;
}

/*
 * A walk is limited to one process, or to one thread, by a struct of union bpf_iter_link_info that
 * 6.1 brought; what is older takes it and ignores it.
 */
struct limits {
	uint32_t tid, pid, pid_fd;
};

/* A descriptor, or a negative errno. */
static int make_link(int program, struct limits info)
{
	union bpf_attr attr = {
		.link_create = {
			.prog_fd = (uint32_t)program,
			.attach_type = BPF_TRACE_ITER,
			.iter_info = (uintptr_t)&info,
			.iter_info_len = sizeof(info),
		},
	};

	return bpf_command(BPF_LINK_CREATE, &attr);
}

static int make_links(struct bpfiter *iter, pid_t pid, struct ss_error *err)
{
	for (unsigned i = 0; i < BPFITER_KINDS; i++) {
		int r = make_link(iter->program[i], (struct limits){ .pid = (uint32_t)pid });

		if (r < 0)
			return bpf_failed(err, r, "making a BPF iterator");
		iter->link[i] = r;
	}
	return 0;
}

int bpfiter_open(pid_t pid, const struct bpfiter *like, struct bpfiter *ret, struct ss_error *err)
{
	struct bpfiter iter = { .program = { -1, -1 }, .link = { -1, -1 } };
	int r = like ? share_programs(&iter, like, err) : make_programs(&iter, err);

	if (r == 0)
		r = make_links(&iter, pid, err);
	if (r < 0) {
		bpfiter_close(&iter);
		return r;
	}
	*ret = iter;
	return 0;
}

void bpfiter_close(struct bpfiter *iter)
{
	for (unsigned i = 0; i < BPFITER_KINDS; i++) {
		close_p(&iter->link[i]);
		close_p(&iter->program[i]);
	}
}

static int read_link(int link, struct buf *buf)
{
	union bpf_attr attr = { .iter_create.link_fd = (uint32_t)link };
	_cleanup_close_ int fd = bpf_command(BPF_ITER_CREATE, &attr);
	char piece[READ_PIECE];
	ssize_t n;

	if (fd < 0)
		return fd;
	/* to tell this the kernel brings the clock of our CPU up to date (task_sched_runtime) */
	clock_thread_cpu_ns();
	for (;;) {
		n = read(fd, piece, sizeof(piece));
		if (n == 0)
			return buf->failed ? -ENOMEM : 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0)
			buf_add(buf, piece, (size_t)n);
	}
}

int bpfiter_read(const struct bpfiter *iter, enum bpfiter_kind kind, struct buf *buf)
{
	return read_link(iter->link[kind], buf);
}

int bpfiter_read_one(const struct bpfiter *iter, enum bpfiter_kind kind, pid_t tid, struct buf *buf)
{
	_cleanup_close_ int link =
		make_link(iter->program[kind], (struct limits){ .tid = (uint32_t)tid });

	return link < 0 ? link : read_link(link, buf);
}

#else

int bpfiter_open(pid_t pid, const struct bpfiter *like, struct bpfiter *ret, struct ss_error *err)
{
	(void)pid;
	(void)like;
	(void)ret;
	return ss_error_set(err, SS_ERR_OBSERVER, ENOTSUP, "it is written for x86-64 only");
}

void bpfiter_close(struct bpfiter *iter)
{
	(void)iter;
}

int bpfiter_read(const struct bpfiter *iter, enum bpfiter_kind kind, struct buf *buf)
{
	(void)iter;
	(void)kind;
	(void)buf;
	return -ENOTSUP;
}

int bpfiter_read_one(const struct bpfiter *iter, enum bpfiter_kind kind, pid_t tid, struct buf *buf)
{
	(void)iter;
	(void)kind;
	(void)tid;
	(void)buf;
	return -ENOTSUP;
}

#endif
