/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-unwind.c: both unwinders over captures of a live child that is blocked in a known chain of
 * functions, and over the same captures damaged by hand. The child is a fork, so the functions'
 * addresses are ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <alloca.h>

#include "base/attr.h"
#include "live.h"
#include "target/image.h"
#include "unwind/unwind.h"

/* ---- the chain, in a section of its own: the linker tells where that begins and ends ---- */

#define CHAIN        LIVE_NOINLINE __attribute__((section("chain")))
#define KEEP_FRAME() __asm__ volatile("" ::: "memory") /* no tail call */

extern const char __start_chain[], __stop_chain[];

/* The C library's syscall() saves no register, so what its caller keeps there is lost to us. */
CHAIN static void chain_block(int fd)
{
	char c;

	while (syscall(SYS_read, fd, &c, 1) != 0)
		KEEP_FRAME();
}

CHAIN static void chain_c(int fd)
{
	chain_block(fd);
	KEEP_FRAME();
}

CHAIN static void chain_b(int fd)
{
	chain_c(fd);
	KEEP_FRAME();
}

CHAIN static void chain_a(int fd)
{
	chain_b(fd);
	KEEP_FRAME();
}

/* alloca: the CFA is known from the frame pointer only. */
CHAIN static void chain_fp(int fd, size_t room)
{
	char *p = alloca(room);

	__asm__ volatile("" ::"r"(p) : "memory");
	while (syscall(SYS_read, fd, p, 1) != 0)
		KEEP_FRAME();
}

/* A frame pointer without alloca: the CFA hangs on it, but the frame's size is fixed. */
#if !defined(__clang__)
__attribute__((optimize("no-omit-frame-pointer")))
#endif
CHAIN static void
chain_fixed(int fd)
{
	char p;

	while (syscall(SYS_read, fd, &p, 1) != 0)
		KEEP_FRAME();
}

/* A frame larger than any first window, with registers saved above it. */
CHAIN static int chain_big(int fd, int a, int b, int c, int d)
{
	volatile char room[40000];

	room[a] = 1;
	chain_a(fd);
	KEEP_FRAME();
	return room[a] + a * b + c * d;
}

static int handler_fd;

CHAIN static void chain_handler(int signal)
{
	(void)signal;
	chain_block(handler_fd);
	KEEP_FRAME();
}

static bool in_chain(uint64_t pc)
{
	return pc > (uintptr_t)__start_chain && pc <= (uintptr_t)__stop_chain;
}

/* True if pc is a return address into this function: no other of the chain starts in between. */
static bool is_in(uint64_t pc, void (*function)(void))
{
	void (*const all[])(void) = {
		(void (*)(void))chain_block, (void (*)(void))chain_c,
		(void (*)(void))chain_b,     (void (*)(void))chain_a,
		(void (*)(void))chain_fp,    (void (*)(void))chain_handler,
		(void (*)(void))chain_big,   (void (*)(void))chain_fixed,
	};
	uintptr_t best = 0;

	if (!in_chain(pc))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if ((uintptr_t)all[i] < pc && (uintptr_t)all[i] > best)
			best = (uintptr_t)all[i];
	return best == (uintptr_t)function;
}

#define assert_in(pc, function) assert_true(is_in((pc), (void (*)(void))(function)))

/* ---- children ---- */

static void *chain_thread(void *arg)
{
	chain_a(*(int *)arg);
	return NULL;
}

static void chain_main(struct live_pipes pipes, void *arg)
{
	(void)arg;
	live_thread(chain_thread, &pipes.in);
	live_say(pipes.out, 'r');
	chain_a(pipes.in);
}

/* A signal interrupts the chain, and its handler blocks; on a stack of its own if `arg`. */
static void signal_main(struct live_pipes pipes, void *arg)
{
	static char other[65536];
	struct sigaction action = { .sa_handler = chain_handler };

	handler_fd = pipes.in;
	if (arg) {
		sigaltstack(&(stack_t){ .ss_sp = other, .ss_size = sizeof(other) }, NULL);
		action.sa_flags = SA_ONSTACK;
	}
	sigaction(SIGUSR1, &action, NULL);
	live_say(pipes.out, 'r');
	chain_a(pipes.in);
}

static void big_main(struct live_pipes pipes, void *arg)
{
	volatile int n = arg != NULL;

	live_say(pipes.out, 'r');
	n = chain_big(pipes.in, n, n, n, n);
	live_say(pipes.out, (char)n);
}

struct room {
	int fd;
	size_t size; /* for alloca; 0: chain_fixed, which has none */
};

static void *fp_thread(void *arg)
{
	const struct room *room = arg;

	if (room->size)
		chain_fp(room->fd, room->size);
	else
		chain_fixed(room->fd);
	return NULL;
}

/* The leader and three threads in chain_fp; if `arg` with frames of different sizes. */
static void fp_main(struct live_pipes pipes, void *arg)
{
	static struct room rooms[3];

	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		rooms[i] = (struct room){ .fd = pipes.in, .size = arg ? 64 * (i + 1) : 64 };
		live_thread(fp_thread, &rooms[i]);
	}
	live_say(pipes.out, 'r');
	for (;;)
		pause();
}

/* The same with three threads in chain_fixed. */
static void fixed_main(struct live_pipes pipes, void *arg)
{
	static struct room room;

	(void)arg;
	room.fd = pipes.in;
	for (int i = 0; i < 3; i++)
		live_thread(fp_thread, &room);
	live_say(pipes.out, 'r');
	for (;;)
		pause();
}

/* ---- walks ---- */

struct fixture {
	struct live live;
	struct images *images;
	struct unwinder *unwinder[2];
	struct walk walk[2];
};

static const struct unwinder_ops *const ops[2] = { &unwinder_cfi, &unwinder_libunwind };

static void capture(struct fixture *f, enum ss_stop mode)
{
	bool changed;

	live_await_asleep(&f->live, 0);
	live_capturer(&f->live, mode);
	live_sweep(&f->live);
	assert_int_equal(images_update(f->images, &f->live.target, &f->live.maps, &changed, NULL),
			 0);
	if (changed)
		for (size_t u = 0; u < 2; u++)
			ops[u]->forget(f->unwinder[u]);
}

static void start(struct fixture *f, live_main child, void *arg)
{
	*f = (struct fixture){ .images = images_new() };
	assert_non_null(f->images);
	live_start(&f->live, child, arg);
	for (size_t u = 0; u < 2; u++)
		assert_int_equal(ops[u]->open(f->images, &f->unwinder[u], NULL), 0);
}

static void end(struct fixture *f)
{
	for (size_t u = 0; u < 2; u++) {
		ops[u]->close(f->unwinder[u]);
		vec_done(&f->walk[u].frames);
	}
	images_free(f->images);
	live_end(&f->live);
}

static struct capture_thread *thread_at(struct fixture *f, size_t i)
{
	assert_true(i < f->live.capture.threads.n);
	return &f->live.capture.threads.data[i];
}

static struct walk *walk_by(struct fixture *f, size_t u, const struct capture_thread *thread,
			    unsigned max_frames)
{
	assert_int_equal(ops[u]->walk(f->unwinder[u], thread, max_frames, &f->walk[u]), 0);
	return &f->walk[u];
}

static void assert_same_frames(const struct walk *a, const struct walk *b)
{
	assert_int_equal(a->frames.n, b->frames.n);
	for (size_t i = 0; i < a->frames.n; i++) {
		assert_int_equal(a->frames.data[i].pc, b->frames.data[i].pc);
		assert_int_equal(a->frames.data[i].flags, b->frames.data[i].flags);
	}
}

/* Both unwinders must say the same. */
static struct walk *walk_both(struct fixture *f, const struct capture_thread *thread)
{
	walk_by(f, 0, thread, 1000);
	walk_by(f, 1, thread, 1000);
	assert_int_equal(f->walk[0].end, f->walk[1].end);
	assert_int_equal(f->walk[0].want_reg, f->walk[1].want_reg);
	assert_same_frames(&f->walk[0], &f->walk[1]);
	return &f->walk[0];
}

/* The frames from `first` on are those of the chain. */
static void assert_chain(const struct walk *walk, size_t first)
{
	assert_true(walk->frames.n > first + 4);
	assert_in(walk->frames.data[first].pc, chain_block);
	assert_in(walk->frames.data[first + 1].pc, chain_c);
	assert_in(walk->frames.data[first + 2].pc, chain_b);
	assert_in(walk->frames.data[first + 3].pc, chain_a);
	assert_false(in_chain(walk->frames.data[first + 4].pc));
}

/* Fetch what is lacking, as often as it takes. */
static struct walk *walk_to_the_end(struct fixture *f, size_t i)
{
	struct walk *walk = walk_both(f, thread_at(f, i));

	for (int pass = 0; pass < 4 && walk->end != SS_END_COMPLETE; pass++) {
		struct sweep_request request = {
			.thread = i,
			.registers = walk->end == SS_END_NEEDS_REGISTER,
			.memory = walk->want_addr,
			.window = 1 << 20,
		};

		assert_int_equal(sweep_again(f->live.capturer, &request, 1, &f->live.maps,
					     &f->live.capture, NULL),
				 0);
		walk = walk_both(f, thread_at(f, i));
	}
	return walk;
}

/* ---- the chain in each mode ---- */

static void test_chain_all(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	for (size_t i = 0; i < 2; i++) {
		struct walk *walk = walk_to_the_end(&f, i);

		assert_int_equal(walk->end, SS_END_COMPLETE);
		assert_chain(walk, 1);
		assert_int_equal(walk->frames.data[0].flags, FRAME_EXACT);
		assert_int_equal(walk->frames.data[1].flags, 0);
	}
	end(&f);
}

static void test_chain_auto(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_AUTO);
	for (size_t i = 0; i < 2; i++) {
		struct walk *walk = walk_to_the_end(&f, i);

		assert_int_equal(walk->end, SS_END_COMPLETE);
		assert_chain(walk, 1);
	}
	end(&f);
}

/* Without a stop: the same stack, or the part of it that needs no further register. */
static void test_chain_never(void **state)
{
	struct fixture f;
	struct walk whole = { 0 };
	struct walk *walk;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	walk = walk_to_the_end(&f, 0);
	vec_each(frame, &walk->frames)
		assert_int_equal(vec_push(&whole.frames, *frame), 0);
	capture(&f, SS_STOP_NEVER);
	walk = walk_to_the_end(&f, 0);
	assert_true(walk->end == SS_END_COMPLETE || walk->end == SS_END_NEEDS_REGISTER);
	if (walk->end == SS_END_COMPLETE)
		assert_int_equal(walk->frames.n, whole.frames.n);
	assert_true(walk->frames.n >= 2);
	for (size_t i = 0; i < walk->frames.n; i++)
		assert_int_equal(walk->frames.data[i].pc, whole.frames.data[i].pc);
	vec_done(&whole.frames);
	end(&f);
}

static void test_rows_are_made_anew(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	for (int round = 0; round < 3; round++) {
		assert_chain(walk_both(&f, thread_at(&f, 1)), 1);
		for (size_t u = 0; u < 2; u++)
			ops[u]->forget(f.unwinder[u]);
	}
	end(&f);
}

/* ---- signals ---- */

static void assert_signal_frames(const struct walk *walk)
{
	size_t at = 0;

	assert_int_equal(walk->end, SS_END_COMPLETE);
	while (at < walk->frames.n && !(walk->frames.data[at].flags & FRAME_SIGNAL))
		at++;
	assert_true(at + 1 < walk->frames.n);
	assert_in(walk->frames.data[at - 1].pc, chain_handler);
	/* below the trampoline: the very instruction that was interrupted, in syscall() */
	assert_int_equal(walk->frames.data[at + 1].flags, FRAME_EXACT);
	assert_chain(walk, at + 2);
}

/* Wait until the handler is blocked, too: in a read with another stack pointer. */
static void interrupt_chain(struct fixture *f)
{
	uint64_t sp, end_ns = clock_mono_ns() + 10 * NS_PER_SEC;

	capture(f, SS_STOP_NEVER);
	sp = thread_at(f, 0)->look.sp;
	kill(f->live.pid, SIGUSR1);
	do {
		assert_true(clock_mono_ns() < end_ns);
		capture(f, SS_STOP_NEVER);
	} while (thread_at(f, 0)->look.call != CALL_NUMBER || thread_at(f, 0)->look.sp == sp);
}

static void test_signal_frame(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, signal_main, NULL);
	interrupt_chain(&f);
	capture(&f, SS_STOP_ALL);
	assert_signal_frames(walk_to_the_end(&f, 0));
	end(&f);
}

/* The trampoline restores all registers from memory, so nothing is lost without a stop either. */
static void test_signal_frame_auto(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, signal_main, NULL);
	interrupt_chain(&f);
	capture(&f, SS_STOP_AUTO);
	assert_signal_frames(walk_to_the_end(&f, 0));
	end(&f);
}

static void test_signal_on_another_stack(void **state)
{
	const enum ss_stop modes[] = { SS_STOP_AUTO, SS_STOP_ALL };
	struct fixture f;

	(void)state;
	start(&f, signal_main, &f);
	interrupt_chain(&f);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		capture(&f, modes[i]);
		assert_signal_frames(walk_to_the_end(&f, 0));
	}
	end(&f);
}

/* ---- ends ---- */

/* Cut the copy at every word: the walk ends there, says where, and has the frames before. */
static void test_window(void **state)
{
	struct fixture f;
	struct capture_thread thread;
	size_t whole;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	thread = *thread_at(&f, 1);
	whole = walk_both(&f, &thread)->frames.n;
	assert_int_equal(f.walk[0].end, SS_END_COMPLETE);
	for (size_t len = 128; len < 512; len += 8) {
		struct walk *walk;
		uint64_t cut = thread.copies[0].addr + len;

		thread.copies[0].len = len;
		thread.copies[0].to_map_end = false;
		walk = walk_both(&f, &thread);
		if (walk->end == SS_END_COMPLETE)
			break;
		assert_int_equal(walk->end, SS_END_WINDOW);
		assert_true(walk->frames.n >= 1 && walk->frames.n < whole);
		for (size_t u = 0; u < 2; u++)
			assert_in_range(f.walk[u].want_addr, cut, cut + 4096);
		thread.copies[0].to_map_end = true;
		assert_int_equal(walk_both(&f, &thread)->end, SS_END_UNREADABLE);
	}
	end(&f);
}

/* A second piece that goes on where the first was cut is as good as one. */
static void test_two_pieces(void **state)
{
	struct fixture f;
	struct capture_thread thread;
	size_t whole;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	thread = *thread_at(&f, 1);
	whole = walk_both(&f, &thread)->frames.n;
	thread.copies[1] = thread.copies[0];
	thread.copies[1].addr += 176;
	thread.copies[1].bytes += 176;
	thread.copies[1].len -= 176;
	thread.copies[0].len = 176;
	thread.copies[0].to_map_end = false;
	thread.ncopies = 2;
	assert_int_equal(walk_both(&f, &thread)->frames.n, whole);
	assert_int_equal(f.walk[0].end, SS_END_COMPLETE);
	end(&f);
}

/*
 * What is missing first lies above registers that the same frame saved: one extension must bring
 * those, too.
 */
static void test_gap_below_the_missing_word(void **state)
{
	struct sweep_request request = { .window = 1 << 20 };
	struct fixture f;
	struct regs regs;
	struct walk *walk;
	unsigned pieces;

	(void)state;
	start(&f, big_main, NULL);
	capture(&f, SS_STOP_ALL);
	regs = thread_at(&f, 0)->regs;
	capture(&f, SS_STOP_AUTO);
	thread_at(&f, 0)->regs = regs; /* it has not moved: these hold, however we were compiled */
	walk = walk_both(&f, thread_at(&f, 0));
	assert_int_equal(walk->end, SS_END_WINDOW);
	assert_in(walk->frames.data[walk->frames.n - 1].pc, chain_big);
	request.memory = walk->want_addr;
	pieces = thread_at(&f, 0)->ncopies;
	assert_int_equal(
		sweep_again(f.live.capturer, &request, 1, &f.live.maps, &f.live.capture, NULL), 0);
	/* one more, or several with pages between them that nobody has touched */
	assert_true(thread_at(&f, 0)->ncopies > pieces);
	assert_int_equal(walk_both(&f, thread_at(&f, 0))->end, SS_END_COMPLETE);
	end(&f);
}

static void test_no_cfi(void **state)
{
	const uint64_t wild[] = { 0, 16, UINT64_MAX, 0x8000000000000000 };
	struct fixture f;
	struct capture_thread thread;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	thread = *thread_at(&f, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		thread.regs.r[REG_PC] = wild[i];
		assert_int_equal(walk_both(&f, &thread)->end, SS_END_NO_CFI);
		assert_int_equal(f.walk[0].frames.n, 1);
		assert_int_equal(f.walk[0].frames.data[0].pc, wild[i]);
	}
	end(&f);
}

static void test_depth(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, chain_main, NULL);
	capture(&f, SS_STOP_ALL);
	for (size_t u = 0; u < 2; u++) {
		struct walk *walk = walk_by(&f, u, thread_at(&f, 0), 3);

		assert_int_equal(walk->end, SS_END_DEPTH);
		assert_int_equal(walk->frames.n, 3);
		assert_in(walk->frames.data[2].pc, chain_c);
	}
	end(&f);
}

/* ---- the frame pointer ---- */

static void forget_registers(struct capture_thread *thread)
{
	thread->regs.known = 1ull << REG_SP | 1ull << REG_PC;
}

static void test_register_needed(void **state)
{
	struct fixture f;
	struct capture_thread thread;

	(void)state;
	start(&f, fp_main, NULL);
	capture(&f, SS_STOP_ALL);
	thread = *thread_at(&f, 1);
	forget_registers(&thread);
	assert_int_equal(walk_both(&f, &thread)->end, SS_END_NEEDS_REGISTER);
	assert_int_equal(f.walk[0].want_reg, REG_FP);
	assert_int_equal(f.walk[0].frames.n, 2);
	assert_in(f.walk[0].frames.data[1].pc, chain_fp);
	assert_int_equal(f.walk[0].frames.data[1].flags, 0);
	end(&f);
}

/* auto: one stop for the register, then complete. */
static void test_register_from_a_stop(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, fp_main, NULL);
	capture(&f, SS_STOP_AUTO);
	assert_int_equal(walk_both(&f, thread_at(&f, 1))->end, SS_END_NEEDS_REGISTER);
	assert_int_equal(walk_to_the_end(&f, 1)->end, SS_END_COMPLETE);
	assert_int_equal(thread_at(&f, 1)->stops, 1);
	assert_true(thread_at(&f, 1)->consistent);
	assert_int_equal(f.live.capture.stops, 1);
	end(&f);
}

/* Two complete walks teach the frame's size, and the third thread is unwound with it. */
static void test_learned_frame_size(void **state)
{
	struct fixture f;
	struct capture_thread thread;
	struct walk *walk;
	size_t whole;

	(void)state;
	start(&f, fixed_main, NULL);
	capture(&f, SS_STOP_ALL);
	thread = *thread_at(&f, 3);
	forget_registers(&thread);
	whole = walk_by(&f, 0, thread_at(&f, 1), 1000)->frames.n;
	assert_int_equal(f.walk[0].end, SS_END_COMPLETE);
	assert_int_equal(walk_by(&f, 0, &thread, 1000)->end, SS_END_NEEDS_REGISTER);
	walk_by(&f, 0, thread_at(&f, 1), 1000); /* the same CFA again: nothing new */
	assert_int_equal(walk_by(&f, 0, &thread, 1000)->end, SS_END_NEEDS_REGISTER);
	walk_by(&f, 0, thread_at(&f, 2), 1000);
	walk = walk_by(&f, 0, &thread, 1000);
	assert_int_equal(walk->end, SS_END_COMPLETE);
	assert_int_equal(walk->frames.n, whole);
	assert_int_equal(walk->frames.data[1].flags, FRAME_INFERRED);
	ops[0]->forget(f.unwinder[0]);
	assert_int_equal(walk_by(&f, 0, &thread, 1000)->end, SS_END_NEEDS_REGISTER);
	end(&f);
}

/* Two threads agree, but only because both asked alloca for the same size. */
static void test_agreeing_alloca_teaches_nothing(void **state)
{
	struct fixture f;
	struct capture_thread thread;

	(void)state;
	start(&f, fp_main, NULL);
	capture(&f, SS_STOP_ALL);
	walk_by(&f, 0, thread_at(&f, 1), 1000);
	walk_by(&f, 0, thread_at(&f, 2), 1000);
	thread = *thread_at(&f, 3);
	forget_registers(&thread);
	assert_int_equal(walk_by(&f, 0, &thread, 1000)->end, SS_END_NEEDS_REGISTER);
	end(&f);
}

/* Frames that vary in size teach nothing. */
static void test_varied_frame_size(void **state)
{
	struct fixture f;
	struct capture_thread thread;

	(void)state;
	start(&f, fp_main, &f);
	capture(&f, SS_STOP_ALL);
	walk_by(&f, 0, thread_at(&f, 1), 1000);
	walk_by(&f, 0, thread_at(&f, 2), 1000);
	thread = *thread_at(&f, 1);
	forget_registers(&thread);
	assert_int_equal(walk_by(&f, 0, &thread, 1000)->end, SS_END_NEEDS_REGISTER);
	end(&f);
}

/*
 * A learned size that leads to no return address is not believed, and leaves no mark: here the
 * thread's stack is moved under it by hand.
 */
static void test_wrong_frame_size_is_rejected(void **state)
{
	struct fixture f;
	struct capture_thread thread;
	unsigned char *bytes;
	struct walk *walk;

	(void)state;
	start(&f, fixed_main, NULL);
	capture(&f, SS_STOP_ALL);
	walk_by(&f, 0, thread_at(&f, 1), 1000);
	walk_by(&f, 0, thread_at(&f, 2), 1000);
	thread = *thread_at(&f, 3);
	forget_registers(&thread);
	bytes = malloc(thread.copies[0].len);
	assert_non_null(bytes);
	memset(bytes, 0, thread.copies[0].len);
	/* syscall()'s return address stays */
	memcpy(bytes, thread.copies[0].bytes, thread.regs.r[REG_SP] + 8 - thread.copies[0].addr);
	thread.copies[0].bytes = bytes;
	walk = walk_by(&f, 0, &thread, 1000);
	assert_int_equal(walk->end, SS_END_NEEDS_REGISTER);
	assert_int_equal(walk->frames.n, 2);
	assert_int_equal(walk->frames.data[1].flags, 0);
	free(bytes);
	end(&f);
}

/* ---- the table of unwinders ---- */

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(unwinder_find(NULL), unwinders[0]);
	assert_ptr_equal(unwinder_find("cfi"), &unwinder_cfi);
	assert_ptr_equal(unwinder_find("libunwind"), &unwinder_libunwind);
	assert_null(unwinder_find("frame-pointer"));
	for (size_t i = 0; unwinders[i] || unwinder_names[i]; i++)
		assert_string_equal(unwinders[i]->name, unwinder_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_all),
		cmocka_unit_test(test_chain_auto),
		cmocka_unit_test(test_chain_never),
		cmocka_unit_test(test_rows_are_made_anew),
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_signal_frame_auto),
		cmocka_unit_test(test_signal_on_another_stack),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_two_pieces),
		cmocka_unit_test(test_gap_below_the_missing_word),
		cmocka_unit_test(test_no_cfi),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_register_needed),
		cmocka_unit_test(test_register_from_a_stop),
		cmocka_unit_test(test_learned_frame_size),
		cmocka_unit_test(test_varied_frame_size),
		cmocka_unit_test(test_wrong_frame_size_is_rejected),
		cmocka_unit_test(test_agreeing_alloca_teaches_nothing),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("unwind", tests, NULL, NULL);
}
