/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers are those with which the thread entered the kernel (bpf_task_pt_regs), whatever the
 * kernel does for it: the timer's own frame would be the kernel's in a system call. A clock that is
 * an hrtimer cannot hit the code that saves them, as interrupts are off there (entry_64.S).
 * bpf_probe_read_user takes no fault: it fails at once and as a whole, so stacks are read page by page,
 * and go on behind a page that nobody has touched yet.
 */
#include "capture/bpfclock.h"

#include "base/attr.h"
#include "capture/bpfcode.h"
#include "capture/regs-arch.h"
#include "capture/timer.h"

#if defined(__x86_64__)

enum {
	PAGE_BITS = 12,
	PAGE = 1 << PAGE_BITS,
	FIRST_BYTES = BPFCLOCK_SAMPLE_BYTES + PAGE, /* the first page may be nearly empty */
	PIECE_PAGES = 16,
	PIECE_BYTES = PIECE_PAGES * PAGE,
	MISSING_PAGES = 4 * PIECE_PAGES,
	/* pieces of the largest window, and some that are read page by page */
	ROUNDS = TIMER_WINDOW_MAX / PIECE_BYTES + MISSING_PAGES + PIECE_PAGES,
};

/* Registers that helpers leave alone, and what is kept on the program's stack. */
enum {
	ADDR = BPF_REG_6,    /* of the first byte of stack */
	CONTROL = BPF_REG_7, /* struct bpfclock_control */
	LEN = BPF_REG_8,     /* bytes copied */
	RECORD = BPF_REG_9,
	AT_THREAD = -8, /* pid and tgid */
	AT_TGID = -16,  /* keys of lookups */
	AT_CPU = -12,
	AT_STATE = -24, /* struct bpfclock_cpu */
	AT_TIME = -32,
	AT_ROUND = -40,  /* of the loop over pieces */
	AT_SAMPLE = -48, /* the sample's record, until it goes out */
};

#define SAMPLE(member) ((int)offsetof(struct bpf_sample, member))

/* r0 = the value of the key at r10 + key, or the program ends. */
static void emit_lookup(struct bpfcode *code, int map, int key)
{
	unsigned found;

	bpfcode_map(code, BPF_REG_1, map);
	bpfcode_move(code, BPF_REG_2, BPF_REG_10);
	bpfcode_add(code, BPF_REG_2, key);
	bpfcode_call(code, BPF_FUNC_map_lookup_elem);
	found = bpfcode_jump(code, BPF_JNE, BPF_REG_0, 0);
	bpfcode_set(code, BPF_REG_0, 0);
	bpfcode_exit(code);
	bpfcode_land(code, found);
}

/* Ends the program unless the thread's process is watched. */
static void emit_filter(struct bpfcode *code, const struct bpfclock_maps *maps)
{
	bpfcode_call(code, BPF_FUNC_get_current_pid_tgid);
	bpfcode_store(code, 8, BPF_REG_10, AT_THREAD, BPF_REG_0);
	bpfcode_emit(code, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32);
	bpfcode_store(code, 4, BPF_REG_10, AT_TGID, BPF_REG_0);
	emit_lookup(code, maps->watched, AT_TGID);
	bpfcode_call(code, BPF_FUNC_get_smp_processor_id);
	bpfcode_store(code, 4, BPF_REG_10, AT_CPU, BPF_REG_0);
	emit_lookup(code, maps->cpus, AT_CPU);
	bpfcode_store(code, 8, BPF_REG_10, AT_STATE, BPF_REG_0);
}

/* Ends the program if this look has this thread from this CPU already. r0: struct bpfclock_cpu. */
static void emit_once(struct bpfcode *code, const struct bpfclock_maps *maps)
{
	unsigned always, other_look, other_thread;

	bpfcode_map_value(code, CONTROL, maps->control);
	bpfcode_load(code, 8, BPF_REG_1, CONTROL, offsetof(struct bpfclock_control, look));
	always = bpfcode_jump(code, BPF_JEQ, BPF_REG_1, 0);
	bpfcode_load(code, 4, BPF_REG_4, BPF_REG_10, AT_THREAD);
	bpfcode_load(code, 8, BPF_REG_2, BPF_REG_0, offsetof(struct bpfclock_cpu, look));
	other_look = bpfcode_jump_reg(code, BPF_JNE, BPF_REG_1, BPF_REG_2);
	bpfcode_load(code, 8, BPF_REG_3, BPF_REG_0, offsetof(struct bpfclock_cpu, tid));
	other_thread = bpfcode_jump_reg(code, BPF_JNE, BPF_REG_3, BPF_REG_4);
	bpfcode_set(code, BPF_REG_0, 0);
	bpfcode_exit(code);
	bpfcode_land(code, other_look);
	bpfcode_land(code, other_thread);
	bpfcode_store(code, 8, BPF_REG_0, offsetof(struct bpfclock_cpu, look), BPF_REG_1);
	bpfcode_store(code, 8, BPF_REG_0, offsetof(struct bpfclock_cpu, tid), BPF_REG_4);
	bpfcode_land(code, always);
}

/* RECORD = room in the ring; returns the jump for where there is none. */
static unsigned emit_reserve(struct bpfcode *code, const struct bpfclock_maps *maps, int size)
{
	unsigned none;

	bpfcode_map(code, BPF_REG_1, maps->ring);
	bpfcode_set(code, BPF_REG_2, size);
	bpfcode_set(code, BPF_REG_3, 0);
	bpfcode_call(code, BPF_FUNC_ringbuf_reserve);
	none = bpfcode_jump(code, BPF_JEQ, BPF_REG_0, 0);
	bpfcode_move(code, RECORD, BPF_REG_0);
	return none;
}

static void emit_count_lost(struct bpfcode *code)
{
	bpfcode_load(code, 8, BPF_REG_1, BPF_REG_10, AT_STATE);
	bpfcode_load(code, 8, BPF_REG_2, BPF_REG_1, offsetof(struct bpfclock_cpu, lost));
	bpfcode_add(code, BPF_REG_2, 1);
	bpfcode_store(code, 8, BPF_REG_1, offsetof(struct bpfclock_cpu, lost), BPF_REG_2);
}

static void emit_end(struct bpfcode *code)
{
	bpfcode_set(code, BPF_REG_0, 0);
	bpfcode_exit(code);
}

/* Ends the program. The sample goes out last: what comes behind it in the ring must be whole by then. */
static void emit_finish(struct bpfcode *code)
{
	bpfcode_load(code, 8, BPF_REG_1, BPF_REG_10, AT_SAMPLE);
	bpfcode_set(code, BPF_REG_2, BPF_RB_NO_WAKEUP);
	bpfcode_call(code, BPF_FUNC_ringbuf_submit);
	emit_end(code);
}

static void emit_submit(struct bpfcode *code)
{
	bpfcode_move(code, BPF_REG_1, RECORD);
	bpfcode_set(code, BPF_REG_2, BPF_RB_NO_WAKEUP);
	bpfcode_call(code, BPF_FUNC_ringbuf_submit);
}

static void emit_set_word(struct bpfcode *code, int off, unsigned len, int32_t value)
{
	bpfcode_set(code, BPF_REG_1, value);
	bpfcode_store(code, len, RECORD, off, BPF_REG_1);
}

/* Who, where and when, of a sample or a piece; AT_TIME holds the time. */
static void emit_head(struct bpfcode *code, int32_t piece)
{
	bpfcode_load(code, 8, BPF_REG_1, BPF_REG_10, AT_TIME);
	bpfcode_store(code, 8, RECORD, SAMPLE(at_ns), BPF_REG_1);
	bpfcode_load(code, 8, BPF_REG_1, BPF_REG_10, AT_THREAD);
	bpfcode_store(code, 8, RECORD, SAMPLE(pid), BPF_REG_1);
	bpfcode_load(code, 4, BPF_REG_1, BPF_REG_10, AT_CPU);
	bpfcode_store(code, 4, RECORD, SAMPLE(cpu), BPF_REG_1);
	emit_set_word(code, SAMPLE(piece), 4, piece);
	emit_set_word(code, SAMPLE(holes), 8, 0);
}

/* The bytes below sp that a leaf function may use come first; if their page is not there, that is a hole. */
static void emit_red_zone(struct bpfcode *code)
{
	bpfcode_add(code, ADDR, -REGS_RED_ZONE);
	bpfcode_store(code, 8, RECORD, SAMPLE(addr), ADDR);
}

/*
 * r0 = bpf_probe_read_user(RECORD + head + offset, r2, ADDR + LEN + more), where `offset` is a
 * register or 0 for none, and `more` likewise.
 */
static void emit_read(struct bpfcode *code, int head, uint8_t offset, uint8_t more)
{
	bpfcode_move(code, BPF_REG_1, RECORD);
	bpfcode_add(code, BPF_REG_1, head);
	if (offset)
		bpfcode_emit(code, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, offset, 0, 0);
	bpfcode_move(code, BPF_REG_3, ADDR);
	bpfcode_emit(code, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_3, LEN, 0, 0);
	if (more)
		bpfcode_emit(code, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_3, more, 0, 0);
	bpfcode_call(code, BPF_FUNC_probe_read_user);
}

/*
 * Unless r0 is 0, set the bit of the page that begins at (or with) byte `offset` (a register) of the
 * record. The mask is in the record, where the verifier does not follow its values: it would try all
 * combinations.
 */
static void emit_hole(struct bpfcode *code, uint8_t offset)
{
	unsigned there = bpfcode_jump(code, BPF_JEQ, BPF_REG_0, 0);

	bpfcode_move(code, BPF_REG_1, offset);
	bpfcode_add(code, BPF_REG_1, PAGE - 1);
	bpfcode_emit(code, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_1, 0, 0, PAGE_BITS);
	bpfcode_set(code, BPF_REG_2, 1);
	bpfcode_emit(code, BPF_ALU64 | BPF_LSH | BPF_X, BPF_REG_2, BPF_REG_1, 0, 0);
	bpfcode_load(code, 8, BPF_REG_1, RECORD, SAMPLE(holes));
	bpfcode_emit(code, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	bpfcode_store(code, 8, RECORD, SAMPLE(holes), BPF_REG_1);
	bpfcode_land(code, there);
}

/* The rest of the first page. LEN = its bytes. */
static void emit_first_page(struct bpfcode *code)
{
	bpfcode_move(code, BPF_REG_1, ADDR);
	bpfcode_emit(code, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, PAGE - 1);
	bpfcode_set(code, BPF_REG_2, PAGE);
	bpfcode_emit(code, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_2, BPF_REG_1, 0, 0);
	bpfcode_store(code, 8, BPF_REG_10, AT_TGID, BPF_REG_2);
	bpfcode_set(code, LEN, 0);
	emit_read(code, BPFCLOCK_HEAD, 0, 0);
	emit_hole(code, LEN);
	bpfcode_load(code, 8, LEN, BPF_REG_10, AT_TGID);
}

/* Jumps where there is as much as is wanted. */
static unsigned emit_enough(struct bpfcode *code)
{
	bpfcode_load(code, 8, BPF_REG_2, CONTROL, offsetof(struct bpfclock_control, window));
	return bpfcode_jump_reg(code, BPF_JGE, LEN, BPF_REG_2);
}

/* Registers, and the stack up to FIRST_BYTES. */
static int emit_sample(struct bpfcode *code, struct btf *btf, const struct bpfclock_maps *maps,
		       struct ss_error *err)
{
	static const struct bpfcode_word words[] = { BPFCODE_REGISTERS(bpf_sample) };
	unsigned none, some, full, enough, loop;
	int r;

	bpfcode_call(code, BPF_FUNC_ktime_get_ns);
	bpfcode_store(code, 8, BPF_REG_10, AT_TIME, BPF_REG_0);
	bpfcode_call(code, BPF_FUNC_get_current_task_btf);
	bpfcode_move(code, BPF_REG_1, BPF_REG_0);
	bpfcode_call(code, BPF_FUNC_task_pt_regs);
	bpfcode_move(code, ADDR, BPF_REG_0);
	none = emit_reserve(code, maps, BPFCLOCK_HEAD + FIRST_BYTES);
	some = bpfcode_jump(code, BPF_JA, 0, 0);
	bpfcode_land(code, none);
	emit_count_lost(code);
	emit_end(code);
	bpfcode_land(code, some);
	bpfcode_store(code, 8, BPF_REG_10, AT_SAMPLE, RECORD);
	r = bpfcode_words(code, btf, "pt_regs", ADDR, RECORD, 0, words, ARRAY_SIZE(words), err);
	if (r < 0)
		return r;
	emit_head(code, 0);
	bpfcode_load(code, 8, ADDR, RECORD, SAMPLE(regs) + 8 * REG_SP);
	emit_red_zone(code);
	emit_first_page(code);
	loop = code->n;
	full = bpfcode_jump(code, BPF_JGT, LEN, FIRST_BYTES - PAGE);
	enough = emit_enough(code);
	bpfcode_set(code, BPF_REG_2, PAGE);
	emit_read(code, BPFCLOCK_HEAD, LEN, 0);
	emit_hole(code, LEN);
	bpfcode_add(code, LEN, PAGE);
	bpfcode_jump_back(code, loop);
	bpfcode_land(code, full);
	bpfcode_land(code, enough);
	bpfcode_store(code, 8, RECORD, SAMPLE(len), LEN);
	return 0;
}

/* The piece that goes on at ADDR + LEN: RECORD, with its bytes. Returns the jump for its failure. */
static unsigned emit_piece(struct bpfcode *code, const struct bpfclock_maps *maps, int bytes)
{
	unsigned none = emit_reserve(code, maps, BPFCLOCK_PIECE_HEAD + bytes);
	unsigned some = bpfcode_jump(code, BPF_JA, 0, 0);

	bpfcode_land(code, none);
	emit_count_lost(code);
	emit_finish(code);
	bpfcode_land(code, some);
	emit_head(code, 1);
	bpfcode_move(code, BPF_REG_1, ADDR);
	bpfcode_emit(code, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, LEN, 0, 0);
	bpfcode_store(code, 8, RECORD, SAMPLE(addr), BPF_REG_1);
	emit_set_word(code, SAMPLE(len), 8, bytes);
	bpfcode_set(code, BPF_REG_2, bytes);
	emit_read(code, BPFCLOCK_PIECE_HEAD, 0, 0);
	return bpfcode_jump(code, BPF_JNE, BPF_REG_0, 0);
}

static void emit_discard(struct bpfcode *code)
{
	bpfcode_move(code, BPF_REG_1, RECORD);
	bpfcode_set(code, BPF_REG_2, BPF_RB_NO_WAKEUP);
	bpfcode_call(code, BPF_FUNC_ringbuf_discard);
}

#define STATE(member) ((int)offsetof(struct bpfclock_cpu, member))

/* r1 = struct bpfclock_cpu */
static void emit_state(struct bpfcode *code)
{
	bpfcode_load(code, 8, BPF_REG_1, BPF_REG_10, AT_STATE);
}

static void emit_set_state(struct bpfcode *code, int member, int32_t value)
{
	emit_state(code);
	bpfcode_set(code, BPF_REG_2, value);
	bpfcode_store(code, 8, BPF_REG_1, member, BPF_REG_2);
}

/* A large piece; if it is not there as a whole, its pages follow one by one. */
static void emit_large(struct bpfcode *code, const struct bpfclock_maps *maps, unsigned loop)
{
	unsigned failed = emit_piece(code, maps, PIECE_BYTES);

	emit_submit(code);
	bpfcode_add(code, LEN, PIECE_BYTES);
	bpfcode_jump_back(code, loop);
	bpfcode_land(code, failed);
	emit_discard(code);
	emit_set_state(code, STATE(pages), PIECE_PAGES);
	bpfcode_jump_back(code, loop);
}

/* One page of it; where too many are missing the stack has ended, or is as good as lost. */
static void emit_small(struct bpfcode *code, const struct bpfclock_maps *maps, unsigned loop)
{
	unsigned failed, ended;

	bpfcode_add(code, BPF_REG_2, -1);
	bpfcode_store(code, 8, BPF_REG_1, STATE(pages), BPF_REG_2);
	failed = emit_piece(code, maps, PAGE);
	emit_submit(code);
	bpfcode_add(code, LEN, PAGE);
	bpfcode_jump_back(code, loop);
	bpfcode_land(code, failed);
	emit_discard(code);
	emit_state(code);
	bpfcode_load(code, 8, BPF_REG_2, BPF_REG_1, STATE(missing));
	bpfcode_add(code, BPF_REG_2, 1);
	bpfcode_store(code, 8, BPF_REG_1, STATE(missing), BPF_REG_2);
	bpfcode_add(code, LEN, PAGE);
	ended = bpfcode_jump(code, BPF_JGE, BPF_REG_2, MISSING_PAGES);
	bpfcode_jump_back(code, loop);
	bpfcode_land(code, ended);
	emit_finish(code);
}

/*
 * What is wanted beyond the first bytes. The verifier walks through every round of the loop: but for
 * their number it must not know one from the other, so what a round has found is kept in the map.
 */
static void emit_pieces(struct bpfcode *code, const struct bpfclock_maps *maps)
{
	unsigned loop, small, going, enough;

	emit_set_state(code, STATE(pages), 0);
	emit_set_state(code, STATE(missing), 0);
	bpfcode_set(code, BPF_REG_1, 0);
	bpfcode_store(code, 8, BPF_REG_10, AT_ROUND, BPF_REG_1);
	loop = code->n;
	bpfcode_load(code, 8, BPF_REG_1, BPF_REG_10, AT_ROUND);
	bpfcode_add(code, BPF_REG_1, 1);
	bpfcode_store(code, 8, BPF_REG_10, AT_ROUND, BPF_REG_1);
	enough = emit_enough(code);
	going = bpfcode_jump(code, BPF_JLE, BPF_REG_1, ROUNDS);
	bpfcode_land(code, enough);
	emit_finish(code);
	bpfcode_land(code, going);
	emit_state(code);
	bpfcode_load(code, 8, BPF_REG_2, BPF_REG_1, STATE(pages));
	small = bpfcode_jump(code, BPF_JNE, BPF_REG_2, 0);
	emit_large(code, maps, loop);
	bpfcode_land(code, small);
	emit_small(code, maps, loop);
}

int bpfclock_load(const struct bpfclock_maps *maps, enum bpfclock_kind kind, struct ss_error *err)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_PERF_EVENT };
	struct bpfcode code = { .n = 0 };
	struct bpf_types types;
	int r = bpf_types_open(&types, err);

	if (r < 0)
		return r;
	emit_filter(&code, maps);
	emit_once(&code, maps);
	r = emit_sample(&code, &types.btf, maps, err);
	bpf_types_close(&types);
	if (r < 0)
		return r;
	if (kind == BPFCLOCK_DEEP)
		emit_pieces(&code, maps);
	else
		emit_finish(&code);
	return bpf_load(&code, &attr, err);
}

#endif
