/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/bpfiter.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fileio.h"

#if defined(__x86_64__)

#include <linux/bpf.h>

#include "capture/btf.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

enum {
	BTF_MAX = 64 << 20,
	INSNS_MAX = 200,
	READ_PIECE = 8 * 4096, /* what bpf_seq_read gives at most (kernel/bpf/bpf_iter.c) */
};

#define PIDNS_INITIAL_INODE 0xeffffffcu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

/* ---- which words ---- */

struct word {
	const char *path, *older; /* older: its name in kernels before */
	uint16_t to, len;         /* in the record; the kernel's own may be narrower */
};

#define WORD(record, member, path, older)                                                          \
	{                                                                                          \
		path, older, offsetof(struct record, member), sizeof(((struct record *)0)->member) \
	}

/* All records begin with these, pcount first. */
static const struct word count_words[] = {
	WORD(bpf_count, pcount, "sched_info.pcount", NULL),
	WORD(bpf_count, birth, "start_boottime", NULL),
	WORD(bpf_count, run_ns, "se.sum_exec_runtime", NULL),
	WORD(bpf_count, wait_ns, "sched_info.run_delay", NULL),
	WORD(bpf_count, pid, "pid", NULL),
	WORD(bpf_count, tgid, "tgid", NULL),
};

static const struct word task_words[] = {
	WORD(bpf_task, on_cpu, "on_cpu", NULL),
	WORD(bpf_task, state, "__state", NULL),
	WORD(bpf_task, exit_state, "exit_state", NULL),
	WORD(bpf_task, exec_start_ns, "se.exec_start", NULL),
	WORD(bpf_task, voluntary, "nvcsw", NULL),
	WORD(bpf_task, flags, "flags", NULL),
	WORD(bpf_task, cpu, "thread_info.cpu", "cpu"), /* moved in 5.16 */
	WORD(bpf_task, thread_status, "thread_info.status", NULL),
	WORD(bpf_task, comm, "comm", NULL),
};

static const struct word register_words[] = {
	WORD(bpf_task, regs[0], "ax", NULL),      WORD(bpf_task, regs[1], "dx", NULL),
	WORD(bpf_task, regs[2], "cx", NULL),      WORD(bpf_task, regs[3], "bx", NULL),
	WORD(bpf_task, regs[4], "si", NULL),      WORD(bpf_task, regs[5], "di", NULL),
	WORD(bpf_task, regs[6], "bp", NULL),      WORD(bpf_task, regs[7], "sp", NULL),
	WORD(bpf_task, regs[8], "r8", NULL),      WORD(bpf_task, regs[9], "r9", NULL),
	WORD(bpf_task, regs[10], "r10", NULL),    WORD(bpf_task, regs[11], "r11", NULL),
	WORD(bpf_task, regs[12], "r12", NULL),    WORD(bpf_task, regs[13], "r13", NULL),
	WORD(bpf_task, regs[14], "r14", NULL),    WORD(bpf_task, regs[15], "r15", NULL),
	WORD(bpf_task, regs[16], "ip", NULL),     WORD(bpf_task, call, "orig_ax", NULL),
	WORD(bpf_task, code_segment, "cs", NULL),
};

/* ---- instructions ---- */

struct code {
	struct bpf_insn insns[INSNS_MAX];
	unsigned n;
	int record_len;
};

static void emit(struct code *code, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	code->insns[code->n++] = (struct bpf_insn){
		.code = op,
		.dst_reg = dst,
		.src_reg = src,
		.off = off,
		.imm = imm,
	};
}

static void emit_call(struct code *code, int32_t helper)
{
	emit(code, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

static void emit_move(struct code *code, uint8_t dst, uint8_t src)
{
	emit(code, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_set(struct code *code, uint8_t dst, int32_t value)
{
	emit(code, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

static uint8_t width(unsigned len)
{
	return len == 8 ? BPF_DW : len == 4 ? BPF_W : len == 2 ? BPF_H : BPF_B;
}

/* The record is built at the bottom of what the program uses of its stack. */
static void emit_store(struct code *code, uint8_t src, unsigned to, unsigned len)
{
	emit(code, BPF_STX | BPF_MEM | width(len), BPF_REG_10, src,
	     (int16_t)((int)to - code->record_len), 0);
}

/* A word may be wider than 8 bytes (a name); loads zero the upper part of what is narrower. */
static int emit_word(struct code *code, const struct btf *btf, uint32_t type, uint8_t base,
		     const struct word *word)
{
	struct btf_field field;
	int r = btf_find_field(btf, type, word->path, &field);

	if (r < 0 && word->older)
		r = btf_find_field(btf, type, word->older, &field);
	if (r < 0 || field.offset + word->len > INT16_MAX)
		return -ENOENT;
	if (word->len > 8 ? field.size != word->len
			  : field.size > word->len || (field.size & (field.size - 1)))
		return -ENOENT;
	for (unsigned done = 0; done < word->len; done += 8) {
		unsigned rest = word->len - done;

		emit(code, BPF_LDX | BPF_MEM | width(MIN(field.size, 8u)), BPF_REG_1, base,
		     (int16_t)(field.offset + done), 0);
		emit_store(code, BPF_REG_1, word->to + done, MIN(rest, 8u));
	}
	return 0;
}

static int emit_words(struct code *code, const struct btf *btf, const char *structure, uint8_t base,
		      const struct word *words, size_t n, struct ss_error *err)
{
	uint32_t type = btf_find(btf, BTF_STRUCT, structure);

	for (size_t i = 0; i < n; i++)
		if (emit_word(code, btf, type, base, &words[i]) < 0)
			return ss_error_set(err, SS_ERR_OBSERVER, ENOENT,
					    "this kernel's %s has no %s of a known kind", structure,
					    words[i].path);
	return 0;
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
static void emit_begin(struct code *code)
{
	emit_move(code, CONTEXT, BPF_REG_1);
	emit(code, BPF_LDX | BPF_MEM | BPF_DW, TASK, CONTEXT, 8, 0);
	emit(code, BPF_JMP | BPF_JNE | BPF_K, TASK, 0, 2, 0);
	emit_set(code, BPF_REG_0, 0);
	emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* After all other words: the time; then bpf_seq_write(meta->seq, record, its length). */
static void emit_end(struct code *code)
{
	emit_call(code, BPF_FUNC_ktime_get_ns);
	emit_store(code, BPF_REG_0, offsetof(struct bpf_count, at_ns), 8);
	emit(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, CONTEXT, 0, 0);
	emit(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_1, 0, 0);
	emit_move(code, BPF_REG_2, BPF_REG_10);
	emit(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -code->record_len);
	emit_set(code, BPF_REG_3, code->record_len);
	emit_call(code, BPF_FUNC_seq_write);
	emit_set(code, BPF_REG_0, 0);
	emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/*
 * bpf_probe_read_kernel(record + to, len, r3 + offset of the field): a plain load from a pointer
 * that is itself loaded has the verifier search all of the kernel's BTF, for milliseconds.
 */
static int emit_probe(struct code *code, const struct btf *btf, int to, unsigned len,
		      const char *structure, const char *field)
{
	struct btf_field at;
	int r = btf_find_field(btf, btf_find(btf, BTF_STRUCT, structure), field, &at);

	if (r < 0 || at.size != len)
		return -ENOENT;
	emit(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, (int32_t)at.offset);
	emit_set(code, BPF_REG_2, (int32_t)len);
	emit_move(code, BPF_REG_1, BPF_REG_10);
	emit(code, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, to - code->record_len);
	emit_call(code, BPF_FUNC_probe_read_kernel);
	return 0;
}

/* Where a pointer is kept that is followed: below the record. */
enum { POINTER = -8 };

static void emit_load_pointer(struct code *code)
{
	emit(code, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_3, BPF_REG_10,
	     (int16_t)(POINTER - code->record_len), 0);
}

/* A clock of the struct rq at POINTER. */
static int emit_clock(struct code *code, const struct btf *btf, size_t to, const char *field)
{
	emit_load_pointer(code);
	return emit_probe(code, btf, (int)to, 8, "rq", field);
}

/* To POINTER goes the run queue of the task in r3: where it is or was last queued. */
static int emit_find_queue(struct code *code, const struct btf *btf)
{
	int r = emit_probe(code, btf, POINTER, 8, "task_struct", "se.cfs_rq");

	emit_load_pointer(code);
	return r < 0 ? r : emit_probe(code, btf, POINTER, 8, "cfs_rq", "rq");
}

/* -ENOENT: this kernel's tasks do not lead to the clocks of their CPUs. */
static int emit_clocks(struct code *code, const struct btf *btf)
{
	int r;

	emit_move(code, BPF_REG_3, TASK);
	r = emit_find_queue(code, btf);
	if (r == 0)
		r = emit_clock(code, btf, offsetof(struct bpf_task, clock_ns), "clock");
	if (r == 0)
		r = emit_clock(code, btf, offsetof(struct bpf_task, task_clock_ns), "clock_task");
	emit_call(code, BPF_FUNC_get_current_task);
	emit_move(code, BPF_REG_3, BPF_REG_0);
	if (r == 0)
		r = emit_find_queue(code, btf);
	if (r == 0)
		r = emit_clock(code, btf, offsetof(struct bpf_task, own_clock_ns), "clock");
	return r;
}

static void emit_no_clocks(struct code *code)
{
	emit_set(code, BPF_REG_1, 0);
	emit_store(code, BPF_REG_1, offsetof(struct bpf_task, clock_ns), 8);
	emit_store(code, BPF_REG_1, offsetof(struct bpf_task, task_clock_ns), 8);
	emit_store(code, BPF_REG_1, offsetof(struct bpf_task, own_clock_ns), 8);
}

/* What all programs begin with. */
static int begin_record(struct code *code, const struct btf *btf, size_t len, struct ss_error *err)
{
	code->record_len = (int)len;
	emit_begin(code);
	return emit_words(code, btf, "task_struct", TASK, count_words, ARRAY_SIZE(count_words),
			  err);
}

static int make_task_code(struct code *code, const struct btf *btf, bool clocks,
			  struct ss_error *err)
{
	int r;

	r = begin_record(code, btf, sizeof(struct bpf_task), err);
	if (r == 0)
		r = emit_words(code, btf, "task_struct", TASK, task_words, ARRAY_SIZE(task_words),
			       err);
	if (r < 0)
		return r;
	emit_move(code, BPF_REG_1, TASK);
	emit_call(code, BPF_FUNC_task_pt_regs);
	emit_move(code, PT_REGS, BPF_REG_0);
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

static int make_count_code(struct code *code, const struct btf *btf, struct ss_error *err)
{
	int r = begin_record(code, btf, sizeof(struct bpf_count), err);

	if (r == 0)
		emit_end(code);
	return r;
}

/* ---- bpf(2) ---- */

static int sys_bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int fail(struct ss_error *err, int r, const char *what)
{
	if (r == -EPERM || r == -EACCES)
		return ss_error_set(err, SS_ERR_OBSERVER, -r, "%s is not permitted", what);
	return ss_error_set(err, SS_ERR_OBSERVER, -r, "%s: %s", what, strerror(-r));
}

static int load(const struct code *code, uint32_t attach_to, int *ret, struct ss_error *err)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.insn_cnt = code->n,
		.insns = (uintptr_t)code->insns,
		.license = (uintptr_t) "GPL",
		.prog_name = "stacksnap",
		.expected_attach_type = BPF_TRACE_ITER,
		.attach_btf_id = attach_to,
	};
	int r = sys_bpf(BPF_PROG_LOAD, &attr);

	if (r < 0)
		return fail(err, r, "loading a BPF program");
	*ret = r;
	return 0;
}

static int load_task_program(struct bpfiter *iter, const struct btf *btf, uint32_t attach_to,
			     bool clocks, struct ss_error *err)
{
	struct code code = { .n = 0 };
	int r = make_task_code(&code, btf, clocks, err);

	return r < 0 ? r : load(&code, attach_to, &iter->program[BPFITER_TASKS], err);
}

static int load_programs(struct bpfiter *iter, const struct btf *btf, struct ss_error *err)
{
	uint32_t attach_to = btf_find(btf, BTF_FUNCTION, "bpf_iter_task");
	struct code code = { .n = 0 };
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

/* Ask for permission first, with nothing: reading the BTF of a kernel takes a while. */
static int check_permitted(struct ss_error *err)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT, /* CAP_BPF and CAP_PERFMON, as ours */
		.insn_cnt = ARRAY_SIZE(insns),
		.insns = (uintptr_t)insns,
		.license = (uintptr_t) "GPL",
	};
	struct stat st;
	int r;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != PIDNS_INITIAL_INODE)
		return ss_error_set(err, SS_ERR_OBSERVER, EPERM,
				    "a BPF iterator tells pids of the initial pid namespace only");
	r = sys_bpf(BPF_PROG_LOAD, &attr);
	if (r < 0)
		return fail(err, r, "loading a BPF program");
	close(r);
	return 0;
}

/*
 * The bytes, to be unmapped. Before Linux 6.16 the file cannot be mapped, and gives 4 KiB a read
 * (kernel/bpf/sysfs_btf.c).
 */
static int map_btf(void **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > BTF_MAX)
		return -EFBIG;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (bytes == MAP_FAILED)
			return -errno;
		r = file_pread_exact(fd, bytes, (size_t)st.st_size, 0);
	}
	*ret = bytes;
	*ret_len = (size_t)st.st_size;
	if (r < 0)
		munmap(bytes, *ret_len);
	return r;
}

static int make_programs(struct bpfiter *iter, struct ss_error *err)
{
	struct btf btf;
	void *bytes = NULL;
	size_t len = 0;
	int r = check_permitted(err);

	if (r < 0)
		return r;
	r = map_btf(&bytes, &len);
	if (r < 0)
		return fail(err, r, "reading " BTF_PATH);
	r = btf_parse(&btf, bytes, len);
	if (r < 0) {
		r = fail(err, r, "reading " BTF_PATH);
	} else {
		r = load_programs(iter, &btf, err);
		btf_done(&btf);
	}
	munmap(bytes, len);
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

	return sys_bpf(BPF_LINK_CREATE, &attr);
}

static int make_links(struct bpfiter *iter, pid_t pid, struct ss_error *err)
{
	for (unsigned i = 0; i < BPFITER_KINDS; i++) {
		int r = make_link(iter->program[i], (struct limits){ .pid = (uint32_t)pid });

		if (r < 0)
			return fail(err, r, "making a BPF iterator");
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
	_cleanup_close_ int fd = sys_bpf(BPF_ITER_CREATE, &attr);
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

int bpfiter_read_one(const struct bpfiter *iter, pid_t tid, struct buf *buf)
{
	_cleanup_close_ int link =
		make_link(iter->program[BPFITER_TASKS], (struct limits){ .tid = (uint32_t)tid });

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

int bpfiter_read_one(const struct bpfiter *iter, pid_t tid, struct buf *buf)
{
	(void)iter;
	(void)tid;
	(void)buf;
	return -ENOTSUP;
}

#endif
