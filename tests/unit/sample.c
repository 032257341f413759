/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample.c: the invented process, and what writers make of it. Nothing in it depends on the
 * machine: golden files are compared byte by byte.
 */
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"

#ifndef GOLDEN_DIR
#define GOLDEN_DIR "tests/data/golden"
#endif

/* The engine's is not linked here, and golden files must not change with each release. */
__attribute__((weak)) const char *ss_version(void)
{
	return "0-test";
}

static const struct mapping map_demo = {
	.start = 0x401000,
	.end = 0x40a000,
	.offset = 0x1000,
	.path = "/usr/bin/demo",
	.build_id = "0123456789abcdef",
	.symbolized = true,
};
static const struct mapping map_libc = {
	.start = 0x7f0000026000,
	.end = 0x7f000017c000,
	.offset = 0x26000,
	.path = "/usr/lib/x86_64-linux-gnu/libc.so.6",
	.build_id = "feedbeef",
	.symbolized = true,
};
static const struct mapping map_foo = {
	.start = 0x7f0000400000,
	.end = 0x7f0000402000,
	.path = "/opt/a b;c/libfoo\033.so",
	.build_id = "",
};
const struct mapping *const sample_mappings[] = { &map_demo, &map_libc, &map_foo };
const size_t sample_nmappings = ARRAY_SIZE(sample_mappings);

#define LIBC "nptl/"
static const struct function f_join = { "pthread_join", "pthread_join@@GLIBC_2.34", "", 0 };
static const struct function f_lock = { "__lll_lock_wait", "__lll_lock_wait", LIBC "lowlevellock.c",
					39 };
static const struct function f_start = { "start_thread", "start_thread", LIBC "pthread_create.c",
					 297 };
static const struct function f_restore = { "__restore_rt", "__restore_rt", "", 0 };
static const struct function f_main = { "main", "main", "/src/app/main.c", 10 };
static const struct function f_waiter = { "(anonymous namespace)::waiter<int, std::vector<char> >",
					  "_ZN12_GLOBAL__N_16waiter", "/src/app/cache.cc", 40 };
static const struct function f_at = { "std::map<int, char>::at", "_ZNSt3mapIicE2atEi",
				      "/usr/include/c++/12/bits/stl_map.h", 540 };
static const struct function f_handler = { "on_signal", "on_signal", "/src/app/sig.c", 7 };
static const struct function f_jit = { "LazyCompile:~tick /app/a b.js:1", "LazyCompile:~tick", "",
				       0 };
static const struct function f_loop = { "run(void (*)(int))", "run", "/src/app/l:o op.c", 3 };

static const struct function f_short = { "[short waits]", "", "", 0 };

static const struct line l_short[] = { { &f_short, "", 0 } };
static const struct line l_join[] = { { &f_join, "", 0 } };
static const struct line l_lock[] = { { &f_lock, LIBC "lowlevellock.c", 49 } };
static const struct line l_start[] = { { &f_start, LIBC "pthread_create.c", 442 } };
static const struct line l_restore[] = { { &f_restore, "", 0 } };
static const struct line l_main[] = {
	{ &f_at, "/usr/include/c++/12/bits/stl_map.h", 552 },
	{ &f_main, "/src/app/main.c", 21 },
};
static const struct line l_waiter[] = {
	{ &f_at, "/usr/include/c++/12/bits/stl_tree.h", 99 },
	{ &f_waiter, "/src/app/cache.cc", 42 },
};
static const struct line l_handler[] = { { &f_handler, "/src/app/sig.c", 9 } };
static const struct line l_jit[] = { { &f_jit, "", 0 } };
static const struct line l_loop[] = { { &f_loop, "/src/app/l:o op.c", 5 } };

#define LINES(l) .nlines = ARRAY_SIZE(l), .lines = (l)

static const struct location at_join = { 0x7f0000090123, false, &map_libc,
					 0x90123,        0x2b,  LINES(l_join) };
static const struct location at_lock = { 0x7f0000090456, false, &map_libc,
					 0x90456,        0x2b,  LINES(l_lock) };
static const struct location at_start = { 0x7f0000090fd4, false, &map_libc,
					  0x90fd4,        0x2f4, LINES(l_start) };
static const struct location at_restore = { 0x7f0000042520, true, &map_libc,
					    0x42520,        0,    LINES(l_restore) };
static const struct location at_main = { 0x401234, false, &map_demo, 0x1234, 0x34, LINES(l_main) };
static const struct location at_waiter = {
	0x401456, false, &map_demo, 0x1456, 0x18, LINES(l_waiter)
};
static const struct location at_handler = { 0x401500, true, &map_demo,
					    0x1500,   0x10, LINES(l_handler) };
static const struct location at_loop = { 0x401600, true, &map_demo, 0x1600, 0x20, LINES(l_loop) };
static const struct location at_foo = { .pc = 0x7f0000400777,
					.mapping = &map_foo,
					.module_offset = 0x777 };
static const struct location at_jit = { .pc = 0x7f00aaaa0010,
					.function_offset = 0x10,
					LINES(l_jit) };
static const struct location at_short = { .exact = true, LINES(l_short) };
static const struct location at_wild = { .pc = 0x10 };

static const struct frame joiner[] = { { 0x7f0000090123, 0, &at_join }, { 0x401234, 0, &at_main } };
static const struct frame holder[] = {
	{ 0x401500, FRAME_EXACT, &at_handler },
	{ 0x7f0000042520, FRAME_EXACT | FRAME_SIGNAL, &at_restore },
	{ 0x401600, FRAME_EXACT, &at_loop },
	{ 0x7f0000090fd4, 0, &at_start },
};
static const struct frame waiter[] = {
	{ 0x7f0000090456, 0, &at_lock },
	{ 0x401456, FRAME_INFERRED, &at_waiter },
	{ 0x7f0000090fd4, 0, &at_start },
};
static const struct frame poller[] = {
	{ 0x7f0000400777, 0, &at_foo },
	{ 0x7f00aaaa0010, 0, &at_jit },
	{ 0x10, 0, &at_wild },
	{ 0x20, 0, NULL },
};

static const struct frame short_waits[] = {
	{ 0, FRAME_EXACT, &at_short },
	{ 0x401456, 0, &at_waiter },
	{ 0x7f0000090fd4, 0, &at_start },
};

const struct stack *sample_stack(struct stack_table *table, enum sample_stack which)
{
	static const struct {
		const struct frame *frames;
		unsigned n;
		enum ss_stack_end end;
	} stacks[] = {
		[SAMPLE_JOINER] = { joiner, ARRAY_SIZE(joiner), SS_END_COMPLETE },
		[SAMPLE_HOLDER] = { holder, ARRAY_SIZE(holder), SS_END_COMPLETE },
		[SAMPLE_WAITER] = { waiter, ARRAY_SIZE(waiter), SS_END_COMPLETE },
		[SAMPLE_POLLER] = { poller, ARRAY_SIZE(poller), SS_END_NO_CFI },
		[SAMPLE_SHORT_WAITS] = { short_waits, ARRAY_SIZE(short_waits), SS_END_COMPLETE },
	};
	const struct stack *stack =
		stack_intern(table, stacks[which].frames, stacks[which].n, stacks[which].end);

	assert_non_null(stack);
	return stack;
}

static const struct fd_info epoll_fd = { .fd = 5,
					 .type = FD_EPOLL,
					 .text = "anon_inode:[eventpoll]\n" };

#define NO_WAIT                                                     \
	{                                                           \
		.call = -1, .fd = -1, .timeout_ns = WAIT_NO_TIMEOUT \
	}
#define ON_MUTEX                                                                          \
	.kind = WAIT_MUTEX, .call = 202, .call_name = "futex", .object = 0x560a7b5d90c0,  \
	.owner = 3673, .holder = HOLDER_THREAD, .lock_type = LOCK_GLIBC_NORMAL, .fd = -1, \
	.timeout_ns = WAIT_NO_TIMEOUT

static const struct thread threads[SAMPLE_THREADS] = {
	{ .tid = 3671,
	  .name = "main\033[2J\xff",
	  .state = STATE_BLOCKED,
	  .wait = { .kind = WAIT_JOIN,
		    .call = 202,
		    .call_name = "futex",
		    .object = 0x7f0000500990,
		    .owner = 3674,
		    .holder = HOLDER_THREAD,
		    .fd = -1,
		    .timeout_ns = WAIT_NO_TIMEOUT,
		    .since_ns = 302000000000,
		    .since_known = true,
		    .since_at_least = true },
	  .consistent = true,
	  .cpu = 0,
	  .on_cpu_ns = 1000 },
	{ .tid = 3673,
	  .name = "holder",
	  .state = STATE_ON_CPU,
	  .wait = NO_WAIT,
	  .was_stopped = true,
	  .consistent = true,
	  .cpu = 1 },
	{ .tid = 3674,
	  .name = "worker",
	  .state = STATE_BLOCKED,
	  .wait = { ON_MUTEX, .since_ns = 12300000000, .since_known = true },
	  .consistent = true,
	  .cpu = 1 },
	{ .tid = 3675, .name = "worker", .state = STATE_BLOCKED, .wait = { ON_MUTEX }, .cpu = -1 },
	{ .tid = 3676,
	  .name = "io \"x\";y",
	  .state = STATE_BLOCKED,
	  .wait = { .kind = WAIT_IO_WAIT,
		    .call = 232,
		    .call_name = "epoll_wait",
		    .fd = 5,
		    .fd_info = &epoll_fd,
		    .timeout_ns = 1000000000,
		    .since_ns = 430000000,
		    .since_known = true,
		    .place = "ep_poll" },
	  .consistent = true,
	  .cpu = 1 },
	{ .tid = 3677,
	  .name = "gone",
	  .state = STATE_UNKNOWN,
	  .wait = NO_WAIT,
	  .no_stack = SS_NO_STACK_VANISHED,
	  .cpu = -1 },
};

static const struct ss_coverage coverage = {
	.threads_seen = 6,
	.threads_sampled = 5,
	.no_stack = { [SS_NO_STACK_VANISHED] = 1 },
	.stack_end = { [SS_END_COMPLETE] = 4, [SS_END_NO_CFI] = 1 },
	.inconsistent = 1,
	.frames = 16,
	.frames_unnamed = 3,
	.frames_inferred = 2,
	.stops = 1,
	.timer_sampled = 1,
	.timer_within_ns = 210000,
	.longest_stop_ns = 80000,
	.total_stop_ns = 80000,
	.pause_ns = 90000,
	.bytes_copied = 20480,
	.waits_undated = 1,
	.owners_unsettled = 1,
	.ends_unseen = 1,
	.threads_halted = 1,
	.ticks_planned = 1,
	.ticks_done = 1,
};

static const char maps[] =
	"00400000-00401000 r--p 00000000 08:01 11 /usr/bin/demo\n"
	"00401000-0040a000 r-xp 00001000 08:01 11 /usr/bin/demo\n"
	"7f0000026000-7f000017c000 r-xp 00026000 08:01 12 /usr/lib/x86_64-linux-gnu/libc.so.6\n"
	"7f0000400000-7f0000402000 r-xp 00000000 08:01 13 /opt/a b;c/libfoo\033.so\n"
	"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]\n";

struct ss_snapshot *sample_new(pid_t pid)
{
	struct ss_snapshot *s = calloc(1, sizeof(*s));
	static const enum sample_stack stacks[] = { SAMPLE_JOINER, SAMPLE_HOLDER, SAMPLE_WAITER,
						    SAMPLE_WAITER, SAMPLE_POLLER };

	assert_non_null(s);
	*s = (struct ss_snapshot){ .pid = pid,
				   .comm = "demo",
				   .exe = "/usr/bin/demo",
				   .cmdline = "demo \"quoted\" back\\slash",
				   .stop = "auto",
				   .observer = "proc",
				   .timer = "perf",
				   .timer_refusal = "loading a BPF program is not permitted",
				   .unwinder = "cfi",
				   .wall_ns = 1700000000123456789,
				   .took_ns = 12300000,
				   .nthreads = SAMPLE_THREADS,
				   .nmappings = ARRAY_SIZE(sample_mappings),
				   .mappings = sample_mappings,
				   .maps = maps,
				   .coverage = coverage };
	arena_init(&s->arena);
	stack_table_init(&s->stacks);
	s->threads = arena_memdup(&s->arena, threads, sizeof(threads));
	assert_non_null(s->threads);
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		s->threads[i].stack = sample_stack(&s->stacks, stacks[i]);
	return s;
}

void sample_free(struct ss_snapshot *snapshot)
{
	stack_table_done(&snapshot->stacks);
	arena_done(&snapshot->arena);
	free(snapshot);
}

/* The whole file, malloc'd. */
static char *read_whole(const char *path, size_t *len)
{
	struct buf buf = { 0 };

	assert_int_equal(file_read_whole_at(AT_FDCWD, path, 1 << 30, &buf), 0);
	if (len)
		*len = buf.len;
	return buf.data ? buf.data : strdup("");
}

char *sample_capture(int (*write)(struct out *out, void *arg, struct ss_error *err), void *arg,
		     size_t *len)
{
	char dir[] = "/tmp/stacksnap-test-XXXXXX", path[64], *text;
	struct ss_error err;
	struct out *out;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(out_open(path, &out, &err), 0);
	assert_int_equal(write(out, arg, &err), 0);
	assert_int_equal(out_commit(out, &err), 0);
	text = read_whole(path, len);
	unlink(path);
	rmdir(dir);
	return text;
}

struct snapshots {
	const struct writer *writer;
	const struct ss_snapshot *const *snapshots;
	size_t n;
	const struct write_options *options;
};

static int write_snapshots(struct out *out, void *arg, struct ss_error *err)
{
	const struct snapshots *s = arg;

	return s->writer->snapshots(out, s->snapshots, s->n, s->options, err);
}

char *sample_write(const struct writer *writer, const struct ss_snapshot *const *snapshots,
		   size_t n, const struct write_options *options, size_t *len)
{
	static const struct write_options none;
	struct snapshots all = { writer, snapshots, n, options ? options : &none };

	return sample_capture(write_snapshots, &all, len);
}

char *sample_write_one(const struct writer *writer, const struct write_options *options,
		       size_t *len)
{
	struct ss_snapshot *snapshot = sample_new(SAMPLE_PID);
	const struct ss_snapshot *const snapshots[] = { snapshot };
	char *text = sample_write(writer, snapshots, 1, options, len);

	sample_free(snapshot);
	return text;
}

static void write_golden(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

void sample_check_golden(const char *name, const char *text)
{
	const char *dir = getenv("GOLDEN_DIR"), *regen = getenv("REGEN");
	char path[4096], *golden;

	snprintf(path, sizeof(path), "%s/%s.txt", dir ? dir : GOLDEN_DIR, name);
	if (regen && strcmp(regen, "1") == 0) {
		write_golden(path, text);
		return;
	}
	golden = read_whole(path, NULL);
	assert_string_equal(text, golden);
	free(golden);
}
