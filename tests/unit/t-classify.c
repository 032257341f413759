/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-classify.c: waits from invented looks, stacks and memory. A stack is written as a string, leaf
 * first: "libc/futex_wait|libc/-|app/main", a mapping and a function each ("-": it has no name; the
 * mappings are those of scene_mapping). Values of futexes are those seen in real processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/attr.h"
#include "base/clock.h"
#include "classify/classify.h"

enum { FRAMES_MAX = 40 };

/* The kernel's operations with their flags, as they are seen most. */
enum {
	OP_WAIT = 0x80,
	OP_WAIT_SHARED = 0,
	OP_BITSET = 0x189, /* private, CLOCK_REALTIME */
	OP_BITSET_MONO = 0x89,
	OP_JOIN = 0x109,
	OP_LOCK_PI = 0x86,
	OP_LOCK_PI2 = 0x8d,
	OP_REQUEUE_PI = 0x8b,
	OP_WAKE = 0x81,
};

#define WORD 0x560a7b5d90c0ull

static struct mapping libc_map = { .path = "/usr/lib/x86_64-linux-gnu/libc.so.6" };
static struct mapping musl_map = { .path = "/lib/ld-musl-x86_64.so.1" };
static struct mapping app_map = { .path = "/srv/app" };

struct scene {
	struct look look;
	struct classify_input input;
	struct classify_memory memory[CLASSIFY_ANSWERS];
	struct fd_info fd;
	struct classify_result result;
	char names[1024];
	struct function functions[FRAMES_MAX];
	struct line lines[FRAMES_MAX];
	struct location locations[FRAMES_MAX];
	struct stack *stack;
};

static void scene_init(struct scene *s, char state, int64_t nr, const uint64_t args[6])
{
	*s = (struct scene){
		.look = { .tid = 100, .state = state, .call = CALL_NUMBER, .nr = nr },
	};
	if (args)
		memcpy(s->look.args, args, sizeof(s->look.args));
	s->input.look = &s->look;
}

static void scene_done(struct scene *s)
{
	free(s->stack);
}

static struct mapping *scene_mapping(const char *name)
{
	if (strcmp(name, "libc") == 0)
		return &libc_map;
	return strcmp(name, "musl") == 0 ? &musl_map : &app_map;
}

static void scene_frame(struct scene *s, unsigned i, char *text)
{
	char *name = strchr(text, '/');

	*name++ = '\0';
	s->functions[i].name = name;
	s->lines[i].function = &s->functions[i];
	s->locations[i] = (struct location){
		.mapping = scene_mapping(text),
		.nlines = strcmp(name, "-") != 0,
		.lines = &s->lines[i],
	};
	s->stack->frames[i].location = &s->locations[i];
}

static void scene_stack(struct scene *s, const char *text)
{
	char *save, *token;

	assert_true(strlen(text) < sizeof(s->names));
	strcpy(s->names, text);
	free(s->stack);
	s->stack = calloc(1, sizeof(*s->stack) + FRAMES_MAX * sizeof(struct frame));
	assert_non_null(s->stack);
	for (token = strtok_r(s->names, "|", &save); token; token = strtok_r(NULL, "|", &save)) {
		assert_true(s->stack->n < FRAMES_MAX);
		scene_frame(s, s->stack->n++, token);
	}
	s->input.stack = s->stack;
}

static const struct wait *scene_classify(struct scene *s)
{
	memset(&s->result, 0xa5, sizeof(s->result));
	classify_thread(&s->input, &s->result);
	return &s->result.wait;
}

/* Answer the wanted memory at addr, all else as unreadable, and classify again. */
static const struct wait *scene_answer(struct scene *s, uint64_t addr, const void *bytes,
				       size_t len)
{
	assert_in_range(s->result.nwants, 1, CLASSIFY_WANTS);
	for (unsigned i = 0; i < s->result.nwants; i++) {
		struct classify_memory *piece = &s->memory[s->input.nmemory++];

		*piece = s->result.wants[i];
		if (piece->addr != addr)
			continue;
		assert_int_equal(piece->len, len);
		memcpy(piece->bytes, bytes, len);
		piece->valid = true;
	}
	s->input.memory = s->memory;
	return scene_classify(s);
}

/* Memory of the target, by address: everything else is unreadable. */
struct piece {
	uint64_t addr;
	const void *bytes;
	size_t len;
};

static void find_bytes(struct classify_memory *want, const struct piece *pieces, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct piece *piece = &pieces[i];

		if (want->addr < piece->addr || want->addr - piece->addr > piece->len ||
		    piece->len - (want->addr - piece->addr) < want->len)
			continue;
		memcpy(want->bytes, (const char *)piece->bytes + (want->addr - piece->addr),
		       want->len);
		want->valid = true;
	}
}

/* Classify with this memory until nothing more is wanted. */
static const struct wait *scene_settle(struct scene *s, const struct piece *pieces, unsigned n)
{
	s->input.memory = s->memory;
	for (unsigned round = 1; round <= CLASSIFY_ROUNDS; round++) {
		scene_classify(s);
		for (unsigned i = 0; i < s->result.nwants && round < CLASSIFY_ROUNDS; i++) {
			struct classify_memory *piece = &s->memory[s->input.nmemory++];

			*piece = s->result.wants[i];
			find_bytes(piece, pieces, n);
		}
	}
	assert_int_equal(s->result.nwants, 0);
	return &s->result.wait;
}

static const struct wait *scene_answer_fd(struct scene *s, int fd, enum fd_type type)
{
	s->fd = (struct fd_info){ .fd = fd, .type = type, .text = "" };
	s->input.fd = &s->fd;
	return scene_classify(s);
}

static void scene_futex(struct scene *s, uint32_t op, uint64_t val, uint64_t timeout,
			const char *stack)
{
	scene_init(s, 'S', SYS_futex, (uint64_t[6]){ WORD, op, val, timeout, 0x7ffe00, 0 });
	if (stack)
		scene_stack(s, stack);
}

/* ---- states ---- */

static const struct {
	char letter;
	enum look_call call;
	enum capture_run run;
	enum thread_state state;
} states[] = {
	{ 'R', CALL_RUNNING, RUN_ON_CPU, STATE_ON_CPU },
	{ 'R', CALL_RUNNING, RUN_RUNNABLE, STATE_RUNNABLE },
	{ 'R', CALL_RUNNING, RUN_UNKNOWN, STATE_RUNNING_OR_RUNNABLE },
	{ 'S', CALL_RUNNING, RUN_UNKNOWN, STATE_RUNNING_OR_RUNNABLE },
	{ 'S', CALL_RUNNING, RUN_ON_CPU, STATE_ON_CPU },
	{ 'S', CALL_NUMBER, RUN_UNKNOWN, STATE_BLOCKED },
	{ 'S', CALL_NONE, RUN_UNKNOWN, STATE_BLOCKED },
	{ 'D', CALL_NUMBER, RUN_UNKNOWN, STATE_BLOCKED },
	{ 'D', CALL_UNREADABLE, RUN_UNKNOWN, STATE_BLOCKED },
	{ 'I', CALL_NONE, RUN_UNKNOWN, STATE_BLOCKED },
	{ 'T', CALL_NONE, RUN_UNKNOWN, STATE_STOPPED },
	{ 't', CALL_RUNNING, RUN_ON_CPU, STATE_STOPPED },
	{ 'Z', CALL_NONE, RUN_UNKNOWN, STATE_ZOMBIE },
	{ 'X', CALL_RUNNING, RUN_UNKNOWN, STATE_ZOMBIE },
	{ 0, CALL_UNREADABLE, RUN_UNKNOWN, STATE_UNKNOWN },
	{ '?', CALL_NUMBER, RUN_UNKNOWN, STATE_UNKNOWN },
};

static void test_states(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		scene_init(&s, states[i].letter, SYS_getpid, NULL);
		s.look.call = states[i].call;
		s.input.run = states[i].run;
		scene_classify(&s);
		if (s.result.state != states[i].state)
			fail_msg("case %zu: %s", i, thread_state_name(s.result.state));
	}
}

static void test_no_wait_unless_blocked(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'R', SYS_read, (uint64_t[6]){ 3 });
	strcpy(s.look.wchan, "pipe_read");
	scene_classify(&s);
	assert_int_equal(s.result.wait.kind, WAIT_NONE);
	assert_int_equal(s.result.wait.call, -1);
	assert_int_equal(s.result.wait.fd, -1);
	assert_int_equal(s.result.want_fd, -1);
	assert_null(s.result.wait.place);
}

static void test_stopped_thread_keeps_its_wait(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'T', SYS_rt_sigsuspend, NULL);
	assert_int_equal(scene_classify(&s)->kind, WAIT_SIGNAL);
	assert_int_equal(s.result.state, STATE_STOPPED);
}

/* ---- one rule a call ---- */

#define PTR     0x7ffe1000
#define NO_TIME WAIT_NO_TIMEOUT
#define UNKNOWN WAIT_TIMEOUT_UNKNOWN
#define MS(n)   ((n) * (int64_t)NS_PER_MS)

static const struct {
	int nr;
	uint64_t args[6];
	char state;
	enum wait_kind kind;
	int fd;
	int64_t timeout_ns;
} calls[] = {
	{ SYS_read, { 3, PTR, 1 }, 'S', WAIT_SYSCALL, 3, NO_TIME },
	{ SYS_read, { 3, PTR, 1 }, 'D', WAIT_DISK, 3, NO_TIME },
	{ SYS_read, { 0xffffffff, PTR, 1 }, 'S', WAIT_SYSCALL, -1, NO_TIME },
	{ SYS_recvfrom, { 7, PTR, 1 }, 'S', WAIT_SOCKET_RECV, 7, NO_TIME },
	{ SYS_recvmsg, { 7, PTR }, 'S', WAIT_SOCKET_RECV, 7, NO_TIME },
	{ SYS_recvmmsg, { 7, PTR, 1, 0, 0 }, 'S', WAIT_SOCKET_RECV, 7, NO_TIME },
	{ SYS_sendto, { 7, PTR, 1 }, 'S', WAIT_SOCKET_SEND, 7, NO_TIME },
	{ SYS_sendmsg, { 7, PTR }, 'S', WAIT_SOCKET_SEND, 7, NO_TIME },
	{ SYS_accept, { 4 }, 'S', WAIT_ACCEPT, 4, NO_TIME },
	{ SYS_accept4, { 4 }, 'S', WAIT_ACCEPT, 4, NO_TIME },
	{ SYS_connect, { 4, PTR, 16 }, 'S', WAIT_CONNECT, 4, NO_TIME },
	{ SYS_epoll_pwait, { 5, PTR, 1, 0xffffffff }, 'S', WAIT_IO_WAIT, 5, NO_TIME },
	{ SYS_epoll_pwait, { 5, PTR, 1, 250 }, 'S', WAIT_IO_WAIT, 5, MS(250) },
	{ SYS_epoll_pwait2, { 5, PTR, 1, 0 }, 'S', WAIT_IO_WAIT, 5, NO_TIME },
	{ SYS_epoll_pwait2, { 5, PTR, 1, PTR }, 'S', WAIT_IO_WAIT, 5, UNKNOWN },
	{ SYS_ppoll, { PTR, 3, 0 }, 'S', WAIT_IO_WAIT, -1, NO_TIME },
	{ SYS_ppoll, { 0, 0, PTR }, 'S', WAIT_SLEEP, -1, UNKNOWN },
	{ SYS_ppoll, { 0, 0, 0 }, 'S', WAIT_SIGNAL, -1, NO_TIME },
	{ SYS_pselect6, { 8, PTR, 0, 0, 0 }, 'S', WAIT_IO_WAIT, -1, NO_TIME },
	{ SYS_pselect6, { 8, 0, 0, 0, PTR }, 'S', WAIT_SLEEP, -1, UNKNOWN },
	{ SYS_pselect6, { 0, PTR, 0, 0, PTR }, 'S', WAIT_SLEEP, -1, UNKNOWN },
	{ SYS_io_getevents, { PTR, 1, 1, PTR, 0 }, 'S', WAIT_IO_WAIT, -1, NO_TIME },
	{ SYS_io_uring_enter, { 9, 0, 1, 1 }, 'S', WAIT_IO_URING, 9, NO_TIME },
	{ SYS_io_uring_enter, { 9, 0, 1, 1 | 8 }, 'S', WAIT_IO_URING, 9, UNKNOWN },
	{ SYS_io_uring_enter, { 0, 0, 1, 1 | 16 }, 'S', WAIT_IO_URING, -1, NO_TIME },
	{ SYS_fsync, { 3 }, 'D', WAIT_DISK, 3, NO_TIME },
	{ SYS_fdatasync, { 3 }, 'S', WAIT_DISK, 3, NO_TIME },
	{ SYS_msync, { PTR, 4096 }, 'D', WAIT_DISK, -1, NO_TIME },
	{ SYS_openat, { 0xffffff9c, PTR }, 'D', WAIT_DISK, -1, NO_TIME },
	{ SYS_openat, { 0xffffff9c, PTR }, 'S', WAIT_SYSCALL, -1, NO_TIME }, /* a FIFO */
	{ SYS_munmap, { PTR, 4096 }, 'D', WAIT_SYSCALL, -1, NO_TIME },
	{ SYS_flock, { 3, 2 }, 'S', WAIT_FILE_LOCK, 3, NO_TIME },
	{ SYS_fcntl, { 3, 7, PTR }, 'S', WAIT_FILE_LOCK, 3, NO_TIME },  /* F_SETLKW */
	{ SYS_fcntl, { 3, 38, PTR }, 'S', WAIT_FILE_LOCK, 3, NO_TIME }, /* F_OFD_SETLKW */
	{ SYS_fcntl, { 3, 3 }, 'S', WAIT_SYSCALL, 3, NO_TIME },
	{ SYS_ioctl, { 3, 1 }, 'S', WAIT_SYSCALL, 3, UNKNOWN },
	{ SYS_wait4, { 0xffffffff }, 'S', WAIT_CHILD, -1, NO_TIME },
	{ SYS_waitid, { 3, 12 }, 'S', WAIT_CHILD, 12, NO_TIME }, /* P_PIDFD */
	{ SYS_clone, { 0x4111 }, 'D', WAIT_CHILD, -1, NO_TIME }, /* CLONE_VFORK */
	{ SYS_clone, { 0x3d0f00 }, 'D', WAIT_SYSCALL, -1, NO_TIME },
	{ SYS_rt_sigsuspend, { PTR, 8 }, 'S', WAIT_SIGNAL, -1, NO_TIME },
	{ SYS_rt_sigtimedwait, { PTR, 0, 0, 8 }, 'S', WAIT_SIGNAL, -1, NO_TIME },
	{ SYS_clock_nanosleep, { 0, 1, PTR }, 'S', WAIT_SLEEP, -1, UNKNOWN },
	{ SYS_msgrcv, { 1, PTR, 8 }, 'S', WAIT_MESSAGE_QUEUE, -1, NO_TIME },
	{ SYS_msgsnd, { 1, PTR, 8 }, 'S', WAIT_MESSAGE_QUEUE, -1, NO_TIME },
	{ SYS_mq_timedreceive, { 6, PTR, 8, 0, 0 }, 'S', WAIT_MESSAGE_QUEUE, 6, NO_TIME },
	{ SYS_mq_timedsend, { 6, PTR, 8, 0, PTR }, 'S', WAIT_MESSAGE_QUEUE, 6, UNKNOWN },
	{ SYS_semop, { 1, PTR, 1 }, 'S', WAIT_SEMAPHORE, -1, NO_TIME },
	{ SYS_semtimedop, { 1, PTR, 1, 0 }, 'S', WAIT_SEMAPHORE, -1, NO_TIME },
	{ SYS_getpid, { 0 }, 'S', WAIT_SYSCALL, -1, NO_TIME },
	{ 100000, { 0 }, 'S', WAIT_SYSCALL, -1, UNKNOWN },
	{ -5, { 0 }, 'S', WAIT_SYSCALL, -1, UNKNOWN },
#ifdef __x86_64__
	{ SYS_poll, { PTR, 2, 0xffffffff }, 'S', WAIT_IO_WAIT, -1, NO_TIME },
	{ SYS_poll, { 0, 0, 30 }, 'S', WAIT_SLEEP, -1, MS(30) },
	{ SYS_select, { 8, PTR, 0, 0, 0 }, 'S', WAIT_IO_WAIT, -1, NO_TIME },
	{ SYS_epoll_wait, { 5, PTR, 1, 10 }, 'S', WAIT_IO_WAIT, 5, MS(10) },
	{ SYS_pause, { 0 }, 'S', WAIT_SIGNAL, -1, NO_TIME },
	{ SYS_vfork, { 0 }, 'D', WAIT_CHILD, -1, NO_TIME },
#endif
};

static void test_calls(void **state)
{
	const struct wait *wait;
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		scene_init(&s, calls[i].state, calls[i].nr, calls[i].args);
		wait = scene_classify(&s);
		if (wait->kind != calls[i].kind || wait->fd != calls[i].fd ||
		    s.result.want_fd != calls[i].fd || wait->timeout_ns != calls[i].timeout_ns ||
		    wait->call != calls[i].nr)
			fail_msg("case %zu: %s, fd %d, timeout %lld", i, wait_kind_name(wait->kind),
				 wait->fd, (long long)wait->timeout_ns);
	}
}

static void test_call_names(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_keyctl, NULL);
	assert_string_equal(scene_classify(&s)->call_name, "keyctl");
	scene_init(&s, 'S', 100000, NULL);
	assert_null(scene_classify(&s)->call_name);
}

static void test_child_is_owner(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_wait4, (uint64_t[6]){ 4242 });
	assert_int_equal(scene_classify(&s)->owner, 4242);
	scene_init(&s, 'S', SYS_wait4, (uint64_t[6]){ 0xffffff00 }); /* a process group */
	assert_int_equal(scene_classify(&s)->owner, 0);
	scene_init(&s, 'S', SYS_waitid, (uint64_t[6]){ 1, 4242 });
	assert_int_equal(scene_classify(&s)->owner, 4242);
	scene_init(&s, 'S', SYS_waitid, (uint64_t[6]){ 0, 4242 });
	assert_int_equal(scene_classify(&s)->owner, 0);
}

/* ---- descriptors ---- */

static const struct {
	int nr;
	char state;
	enum fd_type type;
	enum wait_kind kind;
} descriptors[] = {
	{ SYS_read, 'S', FD_PIPE, WAIT_PIPE_READ },
	{ SYS_write, 'S', FD_PIPE, WAIT_PIPE_WRITE },
	{ SYS_read, 'D', FD_PIPE, WAIT_PIPE_READ },
	{ SYS_readv, 'S', FD_SOCKET, WAIT_SOCKET_RECV },
	{ SYS_writev, 'S', FD_SOCKET, WAIT_SOCKET_SEND },
	{ SYS_pread64, 'S', FD_FILE, WAIT_FILE_READ },
	{ SYS_pwrite64, 'S', FD_FILE, WAIT_FILE_WRITE },
	{ SYS_pread64, 'D', FD_FILE, WAIT_DISK },
	{ SYS_pwritev2, 'D', FD_FILE, WAIT_DISK },
	{ SYS_read, 'S', FD_DEVICE, WAIT_IO_WAIT }, /* a terminal */
	{ SYS_read, 'D', FD_DEVICE, WAIT_DISK },    /* a block device */
	{ SYS_read, 'S', FD_EVENTFD, WAIT_IO_WAIT },
	{ SYS_read, 'S', FD_TIMERFD, WAIT_IO_WAIT },
	{ SYS_read, 'S', FD_SIGNALFD, WAIT_IO_WAIT },
	{ SYS_read, 'S', FD_INOTIFY, WAIT_IO_WAIT },
	{ SYS_read, 'S', FD_OTHER, WAIT_IO_WAIT },
	{ SYS_read, 'S', FD_UNKNOWN, WAIT_SYSCALL },
	{ SYS_recvfrom, 'S', FD_SOCKET, WAIT_SOCKET_RECV },
	{ SYS_accept, 'S', FD_UNKNOWN, WAIT_ACCEPT },
	{ SYS_fsync, 'D', FD_FILE, WAIT_DISK },
	{ SYS_close, 'S', FD_FILE, WAIT_SYSCALL },
	{ SYS_ftruncate, 'D', FD_FILE, WAIT_DISK },
};

static void test_descriptors(void **state)
{
	const struct wait *wait;
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(descriptors); i++) {
		scene_init(&s, descriptors[i].state, descriptors[i].nr, (uint64_t[6]){ 11 });
		scene_classify(&s);
		assert_int_equal(s.result.want_fd, 11);
		wait = scene_answer_fd(&s, 11, descriptors[i].type);
		if (wait->kind != descriptors[i].kind)
			fail_msg("case %zu: %s", i, wait_kind_name(wait->kind));
		assert_ptr_equal(wait->fd_info, &s.fd);
		assert_int_equal(s.result.want_fd, -1);
	}
}

static void test_answer_for_another_fd(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_read, (uint64_t[6]){ 11 });
	assert_int_equal(scene_answer_fd(&s, 12, FD_PIPE)->kind, WAIT_SYSCALL);
	assert_null(s.result.wait.fd_info);
	assert_int_equal(s.result.want_fd, -1);
}

/* ---- rounds ---- */

static const struct pollfd_bytes {
	int32_t fd;
	int16_t events, revents;
} poll_one = { 6, 1, 0 }, poll_ignored = { -1, 1, 0 };

static void test_poll_of_one(void **state)
{
	static const int64_t five_seconds[2] = { 5, 0 };
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_ppoll, (uint64_t[6]){ PTR, 1, PTR + 64 });
	assert_int_equal(scene_classify(&s)->kind, WAIT_IO_WAIT);
	assert_int_equal(s.result.nwants, 2);
	assert_int_equal(s.result.want_fd, -1);

	scene_answer(&s, PTR, &poll_one, sizeof(poll_one));
	assert_int_equal(s.result.want_fd, 6);
	assert_int_equal(s.result.nwants, 0);
	assert_int_equal(s.result.wait.timeout_ns, UNKNOWN); /* that answer was not valid */

	memcpy(s.memory[0].bytes, five_seconds, sizeof(five_seconds));
	s.memory[0].valid = true;
	scene_answer_fd(&s, 6, FD_EVENTFD);
	assert_int_equal(s.result.want_fd, -1);
	assert_int_equal(s.result.nwants, 0);
	assert_int_equal(s.result.wait.kind, WAIT_IO_WAIT);
	assert_int_equal(s.result.wait.fd, 6);
	assert_ptr_equal(s.result.wait.fd_info, &s.fd);
	assert_int_equal(s.result.wait.timeout_ns, 5 * NS_PER_SEC);
}

static void test_poll_of_an_ignored_one(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_ppoll, (uint64_t[6]){ PTR, 1, 0 });
	scene_classify(&s);
	assert_int_equal(scene_answer(&s, PTR, &poll_ignored, sizeof(poll_ignored))->kind,
			 WAIT_SIGNAL);
	assert_int_equal(s.result.want_fd, -1);
}

static void test_clone3(void **state)
{
	static const uint64_t vfork_flags = 0x4100, thread_flags = 0x3d0f00;
	struct scene s;

	(void)state;
	scene_init(&s, 'D', SYS_clone3, (uint64_t[6]){ PTR, 88 });
	assert_int_equal(scene_classify(&s)->kind, WAIT_SYSCALL);
	assert_int_equal(scene_answer(&s, PTR, &vfork_flags, 8)->kind, WAIT_CHILD);
	scene_init(&s, 'D', SYS_clone3, (uint64_t[6]){ PTR, 88 });
	scene_classify(&s);
	assert_int_equal(scene_answer(&s, PTR, &thread_flags, 8)->kind, WAIT_SYSCALL);
}

static void test_unreadable_memory_is_not_asked_twice(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_nanosleep, (uint64_t[6]){ PTR });
	scene_classify(&s);
	assert_int_equal(s.result.nwants, 1);
	assert_int_equal(scene_answer(&s, 0, NULL, 0)->timeout_ns, UNKNOWN);
	assert_int_equal(s.result.nwants, 0);
	assert_int_equal(s.result.wait.kind, WAIT_SLEEP);
}

/* ---- timeouts ---- */

static const struct {
	int64_t seconds, nanoseconds, ns;
} durations[] = {
	{ 0, 0, 0 },
	{ 300, 5, 300000000005 },
	{ 0, 999999999, 999999999 },
	{ 0, 1000000000, UNKNOWN },
	{ -1, 0, UNKNOWN },
	{ 1, -1, UNKNOWN },
	{ INT64_MAX, 999999999, INT64_MAX }, /* sleep infinity */
	{ 9223372036, 999999999, INT64_MAX },
};

static void test_durations(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		scene_init(&s, 'S', SYS_nanosleep, (uint64_t[6]){ PTR });
		assert_int_equal(scene_classify(&s)->timeout_ns, UNKNOWN);
		scene_answer(&s, PTR, &durations[i], 16);
		if (s.result.wait.timeout_ns != durations[i].ns)
			fail_msg("case %zu: %lld", i, (long long)s.result.wait.timeout_ns);
	}
}

static const struct {
	int nr;
	uint64_t args[6];
} timed[] = {
	{ SYS_clock_nanosleep, { 1, 0, PTR } },
	{ SYS_ppoll, { PTR + 64, 2, PTR } },
	{ SYS_pselect6, { 9, PTR + 64, 0, 0, PTR } },
	{ SYS_epoll_pwait2, { 5, PTR + 64, 1, PTR } },
	{ SYS_rt_sigtimedwait, { PTR + 64, 0, PTR, 8 } },
	{ SYS_semtimedop, { 1, PTR + 64, 1, PTR } },
	{ SYS_recvmmsg, { 5, PTR + 64, 1, 0, PTR } },
	{ SYS_io_getevents, { 1, 1, 1, PTR + 64, PTR } },
	{ SYS_futex, { WORD, OP_WAIT, 7, PTR } },
};

static void test_timespecs(void **state)
{
	static const int64_t time[2] = { 1, 500000000 };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(timed); i++) {
		scene_init(&s, 'S', timed[i].nr, timed[i].args);
		assert_int_equal(scene_classify(&s)->timeout_ns, UNKNOWN);
		if (scene_answer(&s, PTR, time, sizeof(time))->timeout_ns != MS(1500))
			fail_msg("case %zu", i);
	}
}

#ifdef SYS_select
static void test_timeval(void **state)
{
	static const int64_t time[2] = { 1, 500000 };
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_select, (uint64_t[6]){ 9, PTR + 64, 0, 0, PTR });
	scene_classify(&s);
	assert_int_equal(scene_answer(&s, PTR, time, sizeof(time))->timeout_ns, MS(1500));
}
#endif

static void test_futex_timeouts(void **state)
{
	struct scene s;

	(void)state;
	scene_futex(&s, OP_WAIT, 7, 0, NULL);
	assert_int_equal(scene_classify(&s)->timeout_ns, NO_TIME);
	scene_futex(&s, OP_BITSET, 0, 0, NULL);
	assert_int_equal(scene_classify(&s)->timeout_ns, NO_TIME);
	scene_futex(&s, OP_BITSET, 0, PTR, NULL); /* absolute */
	assert_int_equal(scene_classify(&s)->timeout_ns, UNKNOWN);
	assert_int_equal(s.result.nwants, 0);
}

/* ---- futexes by the functions at the leaf ---- */

static const struct {
	uint32_t op;
	uint64_t val;
	const char *stack;
	enum wait_kind kind;
} named[] = {
	/* glibc with all names */
	{ OP_WAIT, 2, "libc/futex_wait|libc/__GI___lll_lock_wait|libc/___pthread_mutex_lock|app/f",
	  WAIT_MUTEX },
	{ OP_BITSET, 2,
	  "libc/__futex_abstimed_wait_common|libc/__GI___futex_abstimed_wait64|"
	  "libc/__futex_clocklock64|libc/__pthread_mutex_clocklock_common|"
	  "libc/___pthread_mutex_timedlock64|app/f",
	  WAIT_MUTEX },
	{ OP_WAIT_SHARED, 0x80002149,
	  "libc/futex_wait|libc/__pthread_mutex_lock_full|libc/___pthread_mutex_lock|app/f",
	  WAIT_MUTEX },
	{ OP_BITSET, 0,
	  "libc/__futex_abstimed_wait_common64|libc/__futex_abstimed_wait_common|"
	  "libc/__GI___futex_abstimed_wait_cancelable64|libc/__pthread_cond_wait_common|"
	  "libc/___pthread_cond_wait|app/f",
	  WAIT_COND },
	{ OP_BITSET, 3,
	  "libc/__futex_abstimed_wait_common|libc/__GI___futex_abstimed_wait64|"
	  "libc/__pthread_rwlock_rdlock_full64|libc/___pthread_rwlock_rdlock|app/f",
	  WAIT_RWLOCK_READ },
	{ OP_BITSET, 3,
	  "libc/__GI___futex_abstimed_wait64|libc/__pthread_rwlock_wrlock_full64|app/f",
	  WAIT_RWLOCK_WRITE },
	{ OP_BITSET, 0,
	  "libc/__futex_abstimed_wait_common64|libc/__futex_abstimed_wait_common|"
	  "libc/__GI___futex_abstimed_wait_cancelable64|libc/do_futex_wait|"
	  "libc/__new_sem_wait_slow64|libc/__new_sem_wait|app/f",
	  WAIT_SEMAPHORE },
	{ OP_WAIT, 0, "libc/futex_wait|libc/futex_wait_simple|libc/___pthread_barrier_wait|app/f",
	  WAIT_BARRIER },
	{ OP_WAIT, 1,
	  "libc/futex_wait|libc/futex_wait_simple|libc/__pthread_once_slow|"
	  "libc/___pthread_once|app/f",
	  WAIT_ONCE },
	{ OP_JOIN, 0x214b,
	  "libc/__futex_abstimed_wait_common64|libc/__GI___futex_abstimed_wait_cancelable64|"
	  "libc/__pthread_clockjoin_ex|libc/___pthread_join|app/f",
	  WAIT_JOIN },
	{ OP_WAIT, 2, "libc/futex_wait|libc/__GI___lll_lock_wait_private|libc/fputc|app/f",
	  WAIT_MUTEX },
	/* glibc stripped: exported functions only, some of them with their version */
	{ OP_WAIT, 2, "libc/-|libc/pthread_mutex_lock@@GLIBC_2.2.5|app/f", WAIT_MUTEX },
	{ OP_BITSET, 0, "libc/-|libc/-|libc/pthread_cond_wait|app/f", WAIT_COND },
	{ OP_BITSET_MONO, 0, "libc/-|libc/pthread_cond_clockwait|app/f", WAIT_COND },
	{ OP_BITSET, 0, "libc/-|libc/sem_clockwait|app/f", WAIT_SEMAPHORE },
	{ OP_BITSET, 3, "libc/-|libc/pthread_rwlock_timedwrlock|app/f", WAIT_RWLOCK_WRITE },
	/* pthread_cond_wait that takes its mutex again, with and without names */
	{ OP_WAIT, 2,
	  "libc/__lll_lock_wait|libc/__pthread_mutex_cond_lock|libc/pthread_cond_wait|app/f",
	  WAIT_MUTEX },
	{ OP_WAIT, 2, "libc/-|libc/-|libc/pthread_cond_wait|app/f", WAIT_MUTEX },
	/* a static program: everything is in one mapping */
	{ OP_WAIT, 2, "app/futex_wait|app/__lll_lock_wait|app/pthread_mutex_lock|app/main",
	  WAIT_MUTEX },
	/* musl waits for a condition as glibc waits for a mutex */
	{ OP_WAIT, 2, "musl/__syscall_cp_c|musl/__timedwait_cp|musl/pthread_cond_timedwait|app/f",
	  WAIT_COND },
	{ OP_WAIT, 2, "app/__syscall_cp_c|app/__timedwait_cp|app/__pthread_cond_timedwait|app/f",
	  WAIT_COND },
	{ OP_WAIT, 2, "musl/__timedwait_cp|musl/__pthread_timedjoin_np|app/f", WAIT_JOIN },
	{ OP_WAIT, 0x80000002, "musl/__lockfile|musl/fputc|app/f", WAIT_MUTEX },
	{ OP_WAIT, 1, "musl/__wait|musl/pthread_barrier_wait|app/f", WAIT_BARRIER },
	/* C++ */
	{ OP_WAIT, 0x10100, "libc/syscall|app/__cxa_guard_acquire|app/f", WAIT_ONCE },
	{ OP_WAIT, 2, "app/futex_wait|app/std::mutex::lock|app/f", WAIT_MUTEX },
	{ OP_BITSET, 0, "app/futex_wait|app/std::condition_variable::wait|app/f", WAIT_COND },
	{ OP_WAIT, 1, "app/futex_wait|app/std::call_once<void (&)()>|app/f", WAIT_ONCE },
	/* Rust: today's names, v0 mangling, and those of 1.70 */
	{ OP_BITSET_MONO, 2,
	  "libc/syscall|app/std::sys::pal::unix::futex::futex_wait|"
	  "app/std::sys::sync::mutex::futex::Mutex::lock_contended|app/f",
	  WAIT_MUTEX },
	{ OP_BITSET_MONO, 2,
	  "libc/syscall|app/<std::sys::sync::mutex::futex::Mutex>::lock_contended|app/f",
	  WAIT_MUTEX },
	{ OP_BITSET_MONO, 2,
	  "libc/syscall|app/std::sys::unix::futex::futex_wait|"
	  "app/std::sys::unix::locks::futex_mutex::Mutex::lock_contended|app/f",
	  WAIT_MUTEX },
	{ OP_BITSET_MONO, 7,
	  "libc/syscall|app/std::sys::sync::rwlock::futex::RwLock::read_contended|app/f",
	  WAIT_RWLOCK_READ },
	{ OP_BITSET_MONO, 7,
	  "libc/syscall|app/std::sys::sync::rwlock::futex::RwLock::write_contended|app/f",
	  WAIT_RWLOCK_WRITE },
	{ OP_BITSET_MONO, 7,
	  "libc/syscall|app/std::sys::sync::condvar::futex::Condvar::wait_optional_timeout|app/f",
	  WAIT_COND },
	{ OP_BITSET_MONO, 5, "libc/syscall|app/std::sys::sync::once::futex::Once::call|app/f",
	  WAIT_ONCE },
	{ OP_BITSET_MONO, 5, "libc/syscall|app/std::sys_common::once::futex::Once::call|app/f",
	  WAIT_ONCE },
	{ OP_BITSET_MONO, 0xffffffff, "libc/syscall|app/std::thread::park|app/f", WAIT_FUTEX },
	/* Go */
	{ OP_WAIT, 0, "app/runtime.futex.abi0|app/runtime.futexsleep|app/runtime.notesleep",
	  WAIT_FUTEX },
	/* a lock of the program's own, also within a once routine */
	{ OP_WAIT, 2, "libc/syscall|app/my_lock|app/main", WAIT_FUTEX },
	{ OP_WAIT, 1, "libc/syscall|app/my_lock|app/init|libc/pthread_once|app/main", WAIT_FUTEX },
	{ OP_WAIT, 1, "libc/syscall|app/-|libc/pthread_once|app/main", WAIT_FUTEX },
	{ OP_JOIN, 4000, "libc/syscall|app/my_wait|app/main", WAIT_FUTEX },
};

static void test_futexes_by_name(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		scene_futex(&s, named[i].op, named[i].val, 0, named[i].stack);
		scene_classify(&s);
		if (s.result.wait.kind != named[i].kind)
			fail_msg("case %zu (%s): %s", i, named[i].stack,
				 wait_kind_name(s.result.wait.kind));
		scene_done(&s);
	}
}

/* What lies under a signal's trampoline was interrupted, and is not what the thread waits for. */
static void test_names_end_at_a_signal_frame(void **state)
{
	struct scene s;

	(void)state;
	scene_futex(&s, OP_WAIT, 0, 0, "libc/-|libc/-|libc/pthread_barrier_wait");
	s.stack->frames[1].flags = FRAME_SIGNAL;
	assert_int_equal(scene_classify(&s)->kind, WAIT_FUTEX);
	scene_done(&s);
}

static void test_stack_without_locations(void **state)
{
	struct scene s;

	(void)state;
	scene_futex(&s, OP_WAIT, 0, 0, "libc/pthread_once");
	s.stack->frames[0].location = NULL;
	assert_int_equal(scene_classify(&s)->kind, WAIT_FUTEX);
	s.stack->n = 0;
	assert_int_equal(scene_classify(&s)->kind, WAIT_FUTEX);
	scene_done(&s);
}

/* ---- futexes without names ---- */

static const struct {
	uint32_t op;
	uint64_t val;
	enum wait_kind kind;
} nameless[] = {
	{ OP_LOCK_PI, 0, WAIT_MUTEX },
	{ OP_LOCK_PI2, 0, WAIT_MUTEX },
	{ OP_LOCK_PI & ~0x80, 0, WAIT_MUTEX },
	{ OP_REQUEUE_PI, 4, WAIT_COND },
	{ OP_JOIN, 8523, WAIT_JOIN },
	{ OP_JOIN, 4194304, WAIT_JOIN },
	{ OP_JOIN, 4194305, WAIT_FUTEX },
	{ OP_JOIN, 0, WAIT_FUTEX }, /* a semaphore or condition in shared memory */
	{ OP_JOIN, 2, WAIT_FUTEX }, /* a rwlock there, or a join of glibc 2.43 */
	{ OP_JOIN, 3, WAIT_FUTEX },
	{ OP_WAIT, 2, WAIT_FUTEX }, /* a mutex, a latch, musl's condition... */
	{ OP_BITSET, 3, WAIT_FUTEX },
	{ OP_BITSET, 0, WAIT_FUTEX },
	{ OP_WAIT, 0, WAIT_FUTEX },
	{ OP_WAIT, 0xffffffff80000010, WAIT_FUTEX }, /* musl: a mutex, or 16 readers */
	{ OP_WAIT_SHARED, 0x80002149, WAIT_FUTEX },  /* a robust mutex, or a future's state */
	{ OP_BITSET_MONO, 0xffffffff, WAIT_FUTEX },
	{ OP_WAKE, 1, WAIT_SYSCALL }, /* it blocks on the way, not on the word */
};

static void test_futexes_by_pattern(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nameless); i++) {
		scene_futex(&s, nameless[i].op, nameless[i].val, 0, NULL);
		scene_classify(&s);
		if (s.result.wait.kind != nameless[i].kind)
			fail_msg("case %zu: %s", i, wait_kind_name(s.result.wait.kind));
	}
}

/* pthread_join of a stripped glibc ends in a tail call: the program seems to wait by itself. */
static void test_pattern_under_a_stripped_library(void **state)
{
	struct scene s;

	(void)state;
	scene_futex(&s, OP_JOIN, 8523, 0, "libc/-|libc/-|app/main");
	assert_int_equal(scene_classify(&s)->kind, WAIT_JOIN);
	assert_int_equal(s.result.wait.owner, 8523);
	scene_done(&s);
}

/* ---- locks by names and memory ---- */

#define THREAD   0x7f00002d16c0ull /* a struct pthread */
#define MUTEX    WORD
#define LOCKED   "libc/-|libc/pthread_mutex_lock|app/f"
#define TIMED    "libc/-|libc/pthread_mutex_timedlock|app/f"
#define RDLOCK   "libc/-|libc/pthread_rwlock_rdlock|app/f"
#define WRLOCK   "libc/-|libc/pthread_rwlock_wrlock|app/f"
#define MUSL     "musl/pthread_mutex_timedlock"
#define FPUTC    "libc/-|libc/fputc|app/f"
#define TID      3673
#define MARKED   (0x80000000 | TID)
#define NO_NAMES NULL
#define MINE     .holder = HOLDER_THREAD, .owner = TID
#define HANDOVER .holder = HOLDER_HANDOVER
#define NOBODY   .holder = HOLDER_UNKNOWN

struct lock_case {
	uint32_t op;
	uint64_t val;
	uint64_t timeout;
	const char *stack;
	unsigned offset;    /* of the futex word in the memory */
	uint32_t words[10]; /* memory at WORD */
	enum wait_kind kind;
	enum lock_type type;
	unsigned traits;
	enum holder holder;
	pid_t owner;
	unsigned readers;
};

static const struct lock_case locks[] = {
	/* every kind of glibc's mutex, named */
	{ OP_WAIT, 2, 0, LOCKED, 0, { 2, 0, TID, 1, 0 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, MINE },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 2, 3, TID, 1, 1 }, WAIT_MUTEX, LOCK_GLIBC_RECURSIVE, MINE },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 2, 0, TID, 1, 2 }, WAIT_MUTEX, LOCK_GLIBC_ERRORCHECK, MINE },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 2, 0, TID, 1, 3 }, WAIT_MUTEX, LOCK_GLIBC_ADAPTIVE, MINE },
	{ OP_BITSET, 2, PTR, TIMED, 0, { 2, 0, TID, 1, 0 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, MINE },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 2, 0, TID, 1, 0x200 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, MINE },
	{ OP_WAIT_SHARED,
	  2,
	  0,
	  LOCKED,
	  0,
	  { 2, 0, TID, 2, 0x280 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_SHARED,
	  MINE },
	{ OP_WAIT_SHARED,
	  2,
	  0,
	  LOCKED,
	  0,
	  { 2, 0, TID, 2, 0x81 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_RECURSIVE,
	  LOCK_SHARED,
	  MINE },
	{ OP_WAIT_SHARED,
	  MARKED,
	  0,
	  LOCKED,
	  0,
	  { MARKED, 0, TID, 1, 0x90 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_ROBUST | LOCK_SHARED,
	  MINE },
	{ OP_LOCK_PI,
	  0,
	  0,
	  LOCKED,
	  0,
	  { MARKED, 0, TID, 1, 0x21 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_RECURSIVE,
	  LOCK_INHERIT,
	  MINE },
	{ OP_LOCK_PI & ~0x80,
	  0,
	  0,
	  LOCKED,
	  0,
	  { MARKED, 0, TID, 1, 0xb0 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_INHERIT | LOCK_ROBUST | LOCK_SHARED,
	  MINE },
	{ OP_WAIT,
	  0x100002,
	  0,
	  LOCKED,
	  0,
	  { 0x100002, 0, TID, 1, 0x40 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_CEILING,
	  MINE },
	/* the kernel names the next owner of such a mutex before that one does it itself */
	{ OP_LOCK_PI,
	  0,
	  0,
	  LOCKED,
	  0,
	  { MARKED, 0, 0, 1, 0x20 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_INHERIT,
	  MINE },
	/* another has it by now; this one sleeps on, with the value that it expected then */
	{ OP_WAIT_SHARED,
	  0x80000007,
	  0,
	  LOCKED,
	  0,
	  { MARKED, 0, TID, 1, 0x90 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_ROBUST | LOCK_SHARED,
	  MINE },

	/* the same without names: memory proves it */
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, TID, 1, 0 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, MINE },
	{ OP_BITSET_MONO,
	  2,
	  PTR,
	  NO_NAMES,
	  0,
	  { 2, 0, TID, 1, 0 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  MINE },
	{ OP_WAIT_SHARED,
	  MARKED,
	  0,
	  NO_NAMES,
	  0,
	  { MARKED, 0, TID, 1, 0x90 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_ROBUST | LOCK_SHARED,
	  MINE },
	{ OP_LOCK_PI,
	  0,
	  0,
	  NO_NAMES,
	  0,
	  { MARKED, 0, TID, 1, 0x20 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_INHERIT,
	  MINE },
	/* whoever made it: the kernel wants the owner there */
	{ OP_LOCK_PI2,
	  0,
	  0,
	  NO_NAMES,
	  0,
	  { MARKED, 7, 7, 7, 7 },
	  WAIT_MUTEX,
	  LOCK_NONE,
	  LOCK_INHERIT,
	  MINE },
	{ OP_LOCK_PI,
	  0,
	  0,
	  NO_NAMES,
	  0,
	  { 0xc0000000 },
	  WAIT_MUTEX,
	  LOCK_NONE,
	  LOCK_INHERIT,
	  HANDOVER },

	/* being handed over: only where a name says that it is a mutex */
	{ OP_WAIT, 2, 0, LOCKED, 0, { 2, 0, 0, 0, 0 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, HANDOVER },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 0, 0, 0, 0, 0 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, HANDOVER },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 1, 0, 0, 0, 1 }, WAIT_MUTEX, LOCK_GLIBC_RECURSIVE, HANDOVER },
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, 0, 1, 0 }, WAIT_FUTEX, NOBODY },
	/* its owner died: the kernel has waked the next one */
	{ OP_WAIT_SHARED,
	  MARKED,
	  0,
	  LOCKED,
	  0,
	  { 0xc0000000, 0, TID, 1, 0x90 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_ROBUST | LOCK_SHARED,
	  HANDOVER },
	/* the word has the next one's tid, the owner is still the last one's */
	{ OP_WAIT_SHARED,
	  MARKED,
	  0,
	  LOCKED,
	  0,
	  { MARKED, 0, 7, 1, 0x90 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  LOCK_ROBUST | LOCK_SHARED,
	  NOBODY },

	/* a: words of other locks, and whatever stands behind them */
	{ OP_BITSET_MONO, 2, 0, NO_NAMES, 0, { 2, 0, TID, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_BITSET_MONO,
	  2,
	  0,
	  "app/std::sys::sync::mutex::futex::Mutex::lock_contended",
	  0,
	  { 2, 0, TID, 1, 0 },
	  WAIT_MUTEX,
	  LOCK_RUST_MUTEX,
	  NOBODY },
	{ OP_WAIT, 2, 0, "libc/syscall|app/my_lock", 0, { 2, 0, TID, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT, 2, 0, "app/-|app/-|libc/-|libc/-", 0, { 2, 0, TID, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT,
	  2,
	  0,
	  "app/-|app/-",
	  0,
	  { 2, 0, TID, 1, 0 },
	  WAIT_MUTEX,
	  LOCK_GLIBC_NORMAL,
	  MINE },
	{ OP_WAIT, 2, 0, "libc/syscall|app/-", 0, { 2, 0, TID, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT,
	  2,
	  0,
	  "app/AbslInternalPerThreadSemWait|app/f",
	  0,
	  { 2, 0, TID, 1, 0 },
	  WAIT_FUTEX,
	  NOBODY },
	{ OP_WAIT_SHARED,
	  2,
	  0,
	  "libc/syscall|app/std::__detail::__platform_wait<int>|app/std::atomic<int>::wait|app/f",
	  0,
	  { 2, 0, TID, 1, 0 },
	  WAIT_FUTEX,
	  LOCK_CXX_ATOMIC,
	  NOBODY },
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, TID, 1, 4 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, TID, 1, 0x400 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT,
	  2,
	  0,
	  NO_NAMES,
	  0,
	  { 2, 0, TID, 1, 0x20 },
	  WAIT_FUTEX,
	  NOBODY }, /* waits otherwise */
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, 1u << 23, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, TID, 100000, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT_SHARED, MARKED, 0, NO_NAMES, 0, { 2, 0, TID, 1, 0 }, WAIT_FUTEX, NOBODY },
	/* b: malloc's arena has 1 where a mutex has its owner: tid 1 is live in a container */
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 2, 0, 1, 0, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT, 2, 0, "libc/-|libc/malloc|app/f", 0, { 2, 0, 1, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT,
	  2,
	  0,
	  "libc/__lll_lock_wait_private|libc/malloc|app/f",
	  0,
	  { 2, 0, 1, 1, 0 },
	  WAIT_MUTEX,
	  NOBODY },
	/* c: musl's normal mutex, whose word is EBUSY */
	{ OP_WAIT,
	  0xffffffff80000010,
	  0,
	  MUSL,
	  4,
	  { 0, 0x80000010, 1 },
	  WAIT_MUTEX,
	  LOCK_MUSL_NORMAL,
	  NOBODY },
	{ OP_WAIT,
	  0xffffffff80000010,
	  0,
	  NO_NAMES,
	  4,
	  { 0, 0x80000010, 1, 0, 0, 0, 64, 64, 64, 64 },
	  WAIT_FUTEX,
	  NOBODY },
	/* g: released, and somebody waits no more */
	{ OP_WAIT, 2, 0, NO_NAMES, 0, { 1, 0, TID, 1, 0 }, WAIT_FUTEX, NOBODY },
	{ OP_WAIT, 2, 0, LOCKED, 0, { 1, 0, TID, 1, 0 }, WAIT_MUTEX, LOCK_GLIBC_NORMAL, NOBODY },

	/* musl's others record their owner */
	{ OP_WAIT, MARKED, 0, MUSL, 4, { 1, MARKED, 1 }, WAIT_MUTEX, LOCK_MUSL_RECURSIVE, MINE },
	{ OP_WAIT, MARKED, 0, MUSL, 4, { 2, MARKED, 1 }, WAIT_MUTEX, LOCK_MUSL_ERRORCHECK, MINE },
	{ OP_WAIT_SHARED,
	  MARKED,
	  0,
	  MUSL,
	  4,
	  { 0x84, MARKED, 1 },
	  WAIT_MUTEX,
	  LOCK_MUSL_NORMAL,
	  LOCK_ROBUST | LOCK_SHARED,
	  MINE },
	{ OP_LOCK_PI,
	  0,
	  0,
	  MUSL,
	  4,
	  { 8, MARKED, 1 },
	  WAIT_MUTEX,
	  LOCK_MUSL_NORMAL,
	  LOCK_INHERIT,
	  MINE },
	{ OP_WAIT,
	  MARKED,
	  0,
	  MUSL,
	  4,
	  { 1, 0x80000000, 1 },
	  WAIT_MUTEX,
	  LOCK_MUSL_RECURSIVE,
	  HANDOVER },
	{ OP_WAIT, MARKED, 0, MUSL, 4, { 3, MARKED, 1 }, WAIT_MUTEX, LOCK_MUSL_MUTEX, NOBODY },
	{ OP_WAIT,
	  MARKED,
	  0,
	  "musl/__timedwait_cp",
	  4,
	  { 1, MARKED, 1, 0, 0, 0, 64, 1, 64, 1 },
	  WAIT_MUTEX,
	  LOCK_MUSL_RECURSIVE,
	  MINE },
	{ OP_WAIT,
	  MARKED,
	  0,
	  NO_NAMES,
	  4,
	  { 1, MARKED, 0, 0, 0, 0, 64, 1, 64, 1 },
	  WAIT_FUTEX,
	  NOBODY },
	{ OP_WAIT,
	  MARKED,
	  0,
	  NO_NAMES,
	  4,
	  { 1, MARKED, 1, 0, 0, 0, 0, 0, 64, 1 },
	  WAIT_FUTEX,
	  NOBODY },
	{ OP_WAIT,
	  0x40000000 | TID,
	  0,
	  "musl/__lockfile|musl/fputc",
	  0,
	  { 0x40000000 | TID },
	  WAIT_MUTEX,
	  LOCK_MUSL_FILE,
	  MINE },
	{ OP_WAIT,
	  0x80000002,
	  0,
	  "musl/__lock|musl/malloc",
	  0,
	  { 0x80000002 },
	  WAIT_MUTEX,
	  NOBODY },

	/* reader-writer locks */
	{ OP_BITSET,
	  3,
	  0,
	  RDLOCK,
	  8,
	  { 3, 0, 3, 0, 0, 0, TID },
	  WAIT_RWLOCK_READ,
	  LOCK_GLIBC_RWLOCK,
	  MINE },
	{ OP_BITSET,
	  3,
	  0,
	  WRLOCK,
	  12,
	  { 3, 0, 1, 3, 0, 0, TID },
	  WAIT_RWLOCK_WRITE,
	  LOCK_GLIBC_RWLOCK,
	  MINE },
	{ 0x109,
	  3,
	  0,
	  WRLOCK,
	  12,
	  { 3, 0, 1, 3, 0, 0, TID },
	  WAIT_RWLOCK_WRITE,
	  LOCK_GLIBC_RWLOCK,
	  LOCK_SHARED,
	  MINE },
	{ OP_BITSET,
	  2,
	  0,
	  WRLOCK,
	  8,
	  { 3 << 3 | 2, 0, 2, 0, 0, 0, 0 },
	  WAIT_RWLOCK_WRITE,
	  LOCK_GLIBC_RWLOCK,
	  .holder = HOLDER_READERS,
	  .readers = 3 },
	{ OP_BITSET,
	  3,
	  0,
	  WRLOCK,
	  12,
	  { 1 << 3 | 2, 0, 2, 3, 0, 0, 0 },
	  WAIT_RWLOCK_WRITE,
	  LOCK_GLIBC_RWLOCK,
	  .holder = HOLDER_READERS,
	  .readers = 1 },
	{ OP_BITSET,
	  0x16,
	  0,
	  RDLOCK,
	  0,
	  { 2 << 3 | 6, 0, 2, 0, 0, 0, 0 },
	  WAIT_RWLOCK_READ,
	  LOCK_GLIBC_RWLOCK,
	  .holder = HOLDER_READERS,
	  .readers = 2 },
	{ OP_BITSET,
	  3,
	  0,
	  RDLOCK,
	  8,
	  { 1 << 3 | 3, 0, 3, 0, 0, 0, 0 },
	  WAIT_RWLOCK_READ,
	  LOCK_GLIBC_RWLOCK,
	  HANDOVER },
	{ OP_BITSET,
	  3,
	  0,
	  WRLOCK,
	  12,
	  { 1, 0, 1, 3, 0, 0, TID },
	  WAIT_RWLOCK_WRITE,
	  LOCK_GLIBC_RWLOCK,
	  NOBODY },

	/* those that record nothing */
	{ OP_BITSET,
	  0,
	  0,
	  "libc/-|libc/sem_wait|app/f",
	  0,
	  { 0 },
	  WAIT_SEMAPHORE,
	  LOCK_GLIBC_SEMAPHORE,
	  NOBODY },
	{ OP_WAIT,
	  0,
	  0,
	  "libc/pthread_barrier_wait|app/f",
	  4,
	  { 0 },
	  WAIT_BARRIER,
	  LOCK_GLIBC_BARRIER,
	  NOBODY },
	{ OP_WAIT,
	  0,
	  0,
	  "app/pthread_barrier_wait|app/f",
	  4,
	  { 0 },
	  WAIT_BARRIER,
	  NOBODY }, /* static */
	{ OP_WAIT,
	  1,
	  0,
	  "libc/-|libc/pthread_once|app/f",
	  0,
	  { 1 },
	  WAIT_ONCE,
	  LOCK_GLIBC_ONCE,
	  NOBODY },
	{ OP_WAIT,
	  0x10100,
	  0,
	  "libc/syscall|app/__cxa_guard_acquire",
	  0,
	  { 0x10100 },
	  WAIT_ONCE,
	  LOCK_CXX_GUARD,
	  NOBODY },
	{ OP_BITSET_MONO,
	  0xffffffff,
	  0,
	  "libc/syscall|app/std::thread::park",
	  0,
	  { 0xffffffff },
	  WAIT_FUTEX,
	  LOCK_RUST_PARK,
	  NOBODY },
	{ OP_WAIT_SHARED,
	  0,
	  0,
	  "libc/syscall|app/std::__detail::__platform_wait<int>|"
	  "app/std::__atomic_semaphore::_M_acquire|app/std::counting_semaphore<1l>::acquire|app/f",
	  0,
	  { 0 },
	  WAIT_FUTEX,
	  LOCK_CXX_ATOMIC,
	  NOBODY },
};

static void check_lock(const struct lock_case *c, size_t i)
{
	const struct piece memory = { WORD, c->words, sizeof(c->words) };
	const struct wait *wait;
	struct scene s;

	scene_futex(&s, c->op, c->val, c->timeout, c->stack);
	s.look.args[0] = WORD + c->offset;
	wait = scene_settle(&s, &memory, 1);
	if (wait->kind != c->kind || wait->lock_type != c->type || wait->lock_traits != c->traits ||
	    wait->holder != c->holder || wait->owner != c->owner || wait->readers != c->readers)
		fail_msg("case %zu: %s, %s, traits %u, holder %u, owner %d, %u readers", i,
			 wait_kind_name(wait->kind), lock_type_name(wait->lock_type),
			 wait->lock_traits, wait->holder, wait->owner, wait->readers);
	/* the words of glibc's semaphores and of futexes are their own objects */
	if (wait->lock_type != LOCK_NONE && wait->lock_type != LOCK_MUSL_FILE)
		assert_int_equal(wait->object, WORD);
	scene_done(&s);
}

static void test_locks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++)
		check_lock(&locks[i], i);
}

/* Nothing is known of a lock whose memory cannot be read, but what its functions are called. */
static void test_locks_unreadable(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		const struct wait *wait;

		scene_futex(&s, locks[i].op, locks[i].val, locks[i].timeout, locks[i].stack);
		wait = scene_settle(&s, NULL, 0);
		assert_int_equal(wait->holder, HOLDER_UNKNOWN);
		assert_int_equal(wait->owner, 0);
		scene_done(&s);
	}
}

/* Rust's mutex has the program's data behind its word: it is not even read. */
static void test_memory_not_asked(void **state)
{
	static const char *const stacks[] = { "libc/syscall|app/my_lock", "libc/syscall|app/-",
					      "musl/-" };
	struct scene s;

	(void)state;
	scene_futex(&s, OP_BITSET_MONO, 2, 0, NULL);
	scene_classify(&s);
	assert_int_equal(s.result.nwants, 0);
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		scene_futex(&s, OP_WAIT, 2, 0, stacks[i]);
		scene_classify(&s);
		assert_int_equal(s.result.nwants, 0);
		scene_done(&s);
	}
}

/* ---- threads by their struct pthread ---- */

struct thread_image {
	uint64_t self, dtv, self_again;
	unsigned char unused[696];
	uint32_t tid, robust;
	unsigned char more[1576 - 728];
	uint32_t joinstate;
};

static const struct thread_image thread_image = { THREAD, 0, THREAD, { 0 }, TID, 0, { 0 }, 2 };

static const struct {
	const char *stack;
	uint32_t op;
	struct {
		uint32_t lock, count;
		uint64_t owner, unused;
	} lock;
	bool found;
} files[] = {
	{ FPUTC, OP_WAIT, { 2, 1, THREAD, 0 }, true },
	{ "libc/__lll_lock_wait_private|libc/fputc|app/f", OP_WAIT, { 2, 3, THREAD, 0 }, true },
	{ "libc/-|libc/flockfile|app/f", OP_WAIT, { 2, 1, THREAD, 0 }, true },
	{ NULL, OP_WAIT, { 2, 1, THREAD, 0 }, true },  /* static and stripped */
	{ FPUTC, OP_WAIT, { 2, 0, THREAD, 0 }, true }, /* 2.41 */
	{ FPUTC, OP_WAIT, { 2, 1u << 30, THREAD, 0 }, false },
	{ FPUTC, OP_WAIT, { 1, 1, THREAD, 0 }, false },
	{ FPUTC, OP_WAIT, { 2, 1, THREAD + 64, 0 }, false }, /* no header there */
	{ FPUTC, OP_WAIT, { 2, 1, THREAD + 4, 0 }, false },
	{ FPUTC, OP_WAIT, { 2, 1, 0, 0 }, false },
	{ FPUTC, OP_BITSET, { 2, 1, THREAD, 0 }, false },
	{ "libc/syscall|app/my_lock", OP_WAIT, { 2, 1, THREAD, 0 }, false },
};

static void test_file_locks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct piece memory[] = {
			{ WORD, &files[i].lock, sizeof(files[i].lock) },
			{ THREAD, &thread_image, sizeof(thread_image) },
		};
		const struct wait *wait;
		struct scene s;

		scene_futex(&s, files[i].op, 2, 0, files[i].stack);
		wait = scene_settle(&s, memory, ARRAY_SIZE(memory));
		if ((wait->lock_type == LOCK_GLIBC_FILE) != files[i].found ||
		    wait->owner != (files[i].found ? TID : 0))
			fail_msg("case %zu: %s, owner %d", i, lock_type_name(wait->lock_type),
				 wait->owner);
		if (files[i].found)
			assert_int_equal(wait->kind, WAIT_MUTEX);
		scene_done(&s);
	}
}

/* The kernel clears the tid of a thread that has ended, and a cached stack keeps the rest. */
static void test_file_lock_of_an_ended_thread(void **state)
{
	static const struct thread_image ended = { THREAD, 0, THREAD, { 0 }, 0, 0, { 0 }, 0 };
	static const uint64_t lock[3] = { 1ull << 32 | 2, THREAD, 0 };
	const struct piece memory[] = { { WORD, lock, sizeof(lock) },
					{ THREAD, &ended, sizeof(ended) } };
	struct scene s;

	(void)state;
	scene_futex(&s, OP_WAIT, 2, 0, FPUTC);
	assert_int_equal(scene_settle(&s, memory, 2)->holder, HOLDER_UNKNOWN);
	scene_done(&s);
}

#define JOINS "libc/-|libc/__pthread_clockjoin_ex|app/f"

static const struct {
	uint64_t word;
	uint32_t val;
	const char *stack;
	enum wait_kind kind;
	pid_t owner;
} joins[] = {
	{ THREAD + 720, TID, JOINS, WAIT_JOIN, TID },
	{ THREAD + 720, TID, NULL, WAIT_JOIN, TID },
	{ THREAD + 1576, 2, JOINS, WAIT_JOIN, TID }, /* 2.43 */
	{ THREAD + 1576, 2, NULL, WAIT_JOIN, TID },
	{ THREAD + 1640, 2, JOINS, WAIT_JOIN, 0 },
	{ THREAD + 1640, 2, NULL, WAIT_FUTEX, 0 }, /* of a rwlock in shared memory */
	{ THREAD + 56, 2, "musl/__pthread_timedjoin_np", WAIT_JOIN, 0 },
	{ THREAD + 720, TID, "libc/syscall|app/my_wait|app/main", WAIT_FUTEX, 0 },
};

static void test_joins(void **state)
{
	const struct piece memory = { THREAD, &thread_image, sizeof(thread_image) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
		const struct wait *wait;
		struct scene s;

		scene_futex(&s, OP_JOIN, joins[i].val, 0, joins[i].stack);
		s.look.args[0] = joins[i].word;
		wait = scene_settle(&s, &memory, 1);
		if (wait->kind != joins[i].kind || wait->owner != joins[i].owner)
			fail_msg("case %zu: %s, owner %d", i, wait_kind_name(wait->kind),
				 wait->owner);
		scene_done(&s);
	}
}

static void test_joins_of_small_tids(void **state)
{
	static const char *const stacks[] = { JOINS, NULL };
	struct thread_image image = thread_image;
	const struct piece memory = { THREAD, &image, sizeof(image) };

	(void)state;
	for (uint32_t tid = 1; tid <= 4; tid++)
		for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
			struct scene s;

			image.tid = tid;
			scene_futex(&s, OP_JOIN, tid, 0, stacks[i]);
			s.look.args[0] = THREAD + 720;
			assert_int_equal(scene_settle(&s, &memory, 1)->kind, WAIT_JOIN);
			assert_int_equal(scene_settle(&s, &memory, 1)->owner, tid);
			scene_done(&s);
		}
}

/* ---- condition variables and their mutexes ---- */

#define COND   (MUTEX + 0x100)
#define OTHER  (MUTEX + 0x80)
#define WAITED "libc/-|libc/pthread_cond_wait|app/f"

static const struct {
	uint64_t word;
	uint32_t op;
	const char *stack;
	uint64_t top[8];
	uint32_t mutex[5];
	uint64_t found;
} conds[] = {
	{ COND + 40, OP_BITSET, WAITED, { 7, 8, COND, MUTEX, 0 }, { 0, 0, 0, 1, 0 }, MUTEX },
	{ COND + 44, OP_BITSET, WAITED, { 7, 9, COND, MUTEX, 0 }, { 0, 0, 0, 1, 0 }, MUTEX },
	{ COND + 32, OP_BITSET, WAITED, { 7, 8, COND, MUTEX, 0 }, { 2, 0, TID, 3, 2 }, MUTEX },
	{ COND + 36, OP_BITSET_MONO, WAITED, { 9, COND, MUTEX, 0 }, { 1, 1, TID, 2, 1 }, MUTEX },
	{ COND + 40, OP_JOIN, WAITED, { 8, COND, MUTEX, 0 }, { MARKED, 0, TID, 1, 0x90 }, MUTEX },
	{ COND + 40,
	  OP_BITSET,
	  NULL,
	  { 8, COND, MUTEX, 0 },
	  { 0, 0, 0, 1, 0 },
	  MUTEX }, /* static */
	/* its argument registers are there too, the other way around */
	{ COND + 40,
	  OP_BITSET,
	  WAITED,
	  { 8, COND, MUTEX, MUTEX, COND, -128ull },
	  { 0, 0, 0, 1, 0 },
	  MUTEX },
	/* the wrong group; no mutex there; nobody uses it; another condition variable's */
	{ COND + 44, OP_BITSET, WAITED, { 8, COND, MUTEX, 0 }, { 0, 0, 0, 1, 0 }, 0 },
	{ COND + 40, OP_BITSET, WAITED, { 8, COND, OTHER, 0 }, { 0, 0, 0, 1, 0 }, 0 },
	{ COND + 40, OP_BITSET, WAITED, { 8, COND, MUTEX, 0 }, { 0, 0, 0, 0, 0 }, 0 },
	{ COND + 40, OP_BITSET, WAITED, { 8, COND, MUTEX, 0 }, { 3, 0, 0, 1, 0 }, 0 },
	{ COND + 40, OP_BITSET, WAITED, { 8, COND, MUTEX, 0 }, { 0, 0, 0, 1, 7 }, 0 },
	{ COND + 40, OP_BITSET, WAITED, { 8, COND + 16, MUTEX, 0 }, { 0, 0, 0, 1, 0 }, 0 },
	/* others beside it, of which one does not fit and the other is no mutex */
	{ COND + 40,
	  OP_BITSET,
	  WAITED,
	  { 8, COND, MUTEX, 8, COND + 16, MUTEX },
	  { 0, 0, 0, 1, 0 },
	  MUTEX },
	{ COND + 40,
	  OP_BITSET,
	  WAITED,
	  { 8, COND, MUTEX, 8, COND, MUTEX + 8 },
	  { 0, 0, 0, 1, 0 },
	  MUTEX },
	{ COND + 40,
	  OP_WAIT,
	  "musl/pthread_cond_timedwait",
	  { 8, COND, MUTEX, 0 },
	  { 0, 0, 0, 1, 0 },
	  0 },
};

static void test_mutexes_of_conds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conds); i++) {
		const struct piece memory = { MUTEX, conds[i].mutex, sizeof(conds[i].mutex) };
		const struct wait *wait;
		struct scene s;

		scene_futex(&s, conds[i].op, 0, 0, conds[i].stack);
		s.look.args[0] = conds[i].word;
		s.input.top = (const unsigned char *)conds[i].top;
		s.input.ntop = sizeof(conds[i].top);
		wait = scene_settle(&s, &memory, 1);
		if (wait->mutex != conds[i].found || wait->holder || wait->kind != WAIT_COND ||
		    wait->object != (conds[i].found ? COND : conds[i].word))
			fail_msg("case %zu: %s %#llx, mutex %#llx", i, wait_kind_name(wait->kind),
				 (unsigned long long)wait->object, (unsigned long long)wait->mutex);
		scene_done(&s);
	}
}

/* Two mutexes that both look like it: neither is named. */
static void test_mutex_of_cond_is_ambiguous(void **state)
{
	static const uint64_t top[] = { 8, COND, MUTEX, 8, COND, OTHER };
	static const uint32_t mutex[5] = { 0, 0, 0, 1, 0 };
	const struct piece memory[] = { { MUTEX, mutex, sizeof(mutex) },
					{ OTHER, mutex, sizeof(mutex) } };
	struct scene s;

	(void)state;
	scene_futex(&s, OP_BITSET, 0, 0, WAITED);
	s.look.args[0] = COND + 40;
	s.input.top = (const unsigned char *)top;
	s.input.ntop = sizeof(top);
	assert_int_equal(scene_settle(&s, memory, 2)->mutex, 0);
	assert_int_equal(s.result.wait.kind, WAIT_COND);
	assert_int_equal(s.result.wait.object, COND + 40);
	scene_done(&s);
}

/* ---- objects ---- */

static const struct {
	uint64_t word;
	uint32_t op, val;
	const char *stack;
	uint64_t object;
} objects[] = {
	{ WORD, OP_WAIT, 2, "libc/-|libc/pthread_mutex_lock", WORD },
	{ WORD + 8, OP_BITSET, 3, RDLOCK, WORD },
	{ WORD + 12, OP_BITSET, 3, WRLOCK, WORD },
	{ WORD + 8, OP_BITSET, 2, WRLOCK, WORD },
	{ WORD, OP_BITSET, 0x11, RDLOCK, WORD },      /* readers that let a writer pass */
	{ WORD + 4, OP_BITSET, 3, RDLOCK, WORD + 4 }, /* no rwlock can begin there */
	{ WORD + 4, OP_WAIT, 9, "libc/pthread_barrier_wait", WORD },
	{ WORD, OP_WAIT, 9, "libc/pthread_barrier_wait", WORD }, /* another word of it */
	{ WORD + 4, OP_WAIT, 9, "musl/pthread_barrier_wait", WORD + 4 },
	{ WORD + 40, OP_BITSET, 0, "libc/-|libc/pthread_cond_wait", WORD + 40 },
	{ WORD, OP_BITSET, 0, "libc/-|libc/sem_wait", WORD },
	{ WORD, OP_WAIT, 0xffffffff, "musl/sem_timedwait", WORD },
	{ WORD + 4, OP_WAIT, 0x80000010, "musl/pthread_mutex_timedlock", WORD },
	{ WORD + 4, OP_LOCK_PI, 0, "musl/pthread_mutex_timedlock", WORD },
	{ WORD + 4, OP_WAIT, 0x80002149, "app/__pthread_mutex_timedlock", WORD },
	{ WORD + 4, OP_BITSET_MONO, 1, "app/std::sys::sync::rwlock::futex::RwLock::write_contended",
	  WORD },
	{ WORD, OP_BITSET_MONO, 1, "app/std::sys::sync::rwlock::futex::RwLock::read_contended",
	  WORD },
};

static void test_objects(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		scene_futex(&s, objects[i].op, objects[i].val, 0, objects[i].stack);
		s.look.args[0] = objects[i].word;
		if (scene_classify(&s)->object != objects[i].object)
			fail_msg("case %zu: %#llx", i, (unsigned long long)s.result.wait.object);
		scene_done(&s);
	}
}

static void test_futex_waitv(void **state)
{
	static const uint64_t waiter[3] = { 7, WORD, 0x82 };
	struct scene s;

	(void)state;
	scene_init(&s, 'S', 449, (uint64_t[6]){ PTR, 1, 0, 0, 1 });
	assert_int_equal(scene_classify(&s)->kind, WAIT_FUTEX);
	assert_int_equal(scene_answer(&s, PTR, waiter, sizeof(waiter))->object, WORD);
	scene_init(&s, 'S', 449, (uint64_t[6]){ PTR, 2, 0, PTR, 1 });
	scene_classify(&s);
	assert_int_equal(s.result.nwants, 0);
	assert_int_equal(s.result.wait.timeout_ns, UNKNOWN);
}

static void test_futex_wait_call(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', 455, (uint64_t[6]){ WORD, 1, 0xffffffff, 2, 0, 1 });
	assert_int_equal(scene_classify(&s)->kind, WAIT_FUTEX);
	assert_int_equal(s.result.wait.object, WORD);
	assert_int_equal(s.result.wait.timeout_ns, NO_TIME);
}

/* ---- restart_syscall ---- */

static void test_restarted_futex(void **state)
{
	struct scene s;

	(void)state;
	scene_futex(&s, OP_BITSET, 0, PTR, "libc/-|libc/sem_timedwait|app/f");
	s.look.nr = SYS_restart_syscall;
	assert_int_equal(scene_classify(&s)->kind, WAIT_SEMAPHORE);
	assert_int_equal(s.result.wait.object, WORD);
	assert_int_equal(s.result.wait.call, SYS_restart_syscall);
	assert_string_equal(s.result.wait.call_name, "restart_syscall");
	scene_done(&s);
}

/* nanosleep(request, rest) and clock_nanosleep(clock, flags, request, rest) are told apart. */
static void test_restarted_sleeps(void **state)
{
	static const int64_t time[2] = { 20, 0 };
	static const uint64_t args[2][6] = { { PTR, 0, 0 }, { 1, 0, PTR } };
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		scene_init(&s, 'S', SYS_restart_syscall, args[i]);
		scene_stack(&s, "libc/__GI___nanosleep|libc/sleep|app/f");
		assert_int_equal(scene_classify(&s)->kind, WAIT_SLEEP);
		assert_int_equal(scene_answer(&s, PTR, time, 16)->timeout_ns, MS(20000));
		scene_done(&s);
	}
}

#ifdef SYS_poll
static void test_restarted_poll(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_restart_syscall, (uint64_t[6]){ PTR, 1, 5000 });
	scene_stack(&s, "libc/__GI___poll|app/f");
	assert_int_equal(scene_classify(&s)->kind, WAIT_IO_WAIT);
	assert_int_equal(s.result.wait.timeout_ns, MS(5000));
	scene_answer(&s, PTR, &poll_one, sizeof(poll_one));
	assert_int_equal(s.result.want_fd, 6);
	scene_done(&s);
}
#endif

static void test_restarted_unknown(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_restart_syscall, (uint64_t[6]){ WORD, OP_BITSET, 0, PTR });
	assert_int_equal(scene_classify(&s)->kind, WAIT_SYSCALL);
	assert_string_equal(s.result.wait.call_name, "restart_syscall");
	assert_int_equal(s.result.wait.timeout_ns, UNKNOWN);
	scene_stack(&s, "libc/-|app/f");
	assert_int_equal(scene_classify(&s)->kind, WAIT_SYSCALL);
	scene_done(&s);
}

/* ---- outside of system calls ---- */

static const struct {
	char state;
	const char *wchan;
	enum wait_kind kind;
} faults[] = {
	{ 'D', "folio_wait_bit_common", WAIT_PAGE_FAULT },
	{ 'D', "filemap_fault", WAIT_PAGE_FAULT },
	{ 'S', "handle_userfault", WAIT_PAGE_FAULT },
	{ 'D', "do_user_addr_fault", WAIT_PAGE_FAULT },
	{ 'S', "ptrace_stop", WAIT_NONE },
	{ 'D', "0", WAIT_NONE },
	{ 'D', "", WAIT_NONE },
};

static void test_faults(void **state)
{
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		scene_init(&s, faults[i].state, 0, NULL);
		s.look.call = CALL_NONE;
		strcpy(s.look.wchan, faults[i].wchan);
		if (scene_classify(&s)->kind != faults[i].kind)
			fail_msg("case %zu: %s", i, wait_kind_name(s.result.wait.kind));
		assert_int_equal(s.result.wait.call, -1);
	}
}

static void test_places(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', SYS_read, (uint64_t[6]){ 3 });
	strcpy(s.look.wchan, "anon_pipe_read");
	assert_string_equal(scene_classify(&s)->place, "anon_pipe_read");
	strcpy(s.look.wchan, "0");
	assert_null(scene_classify(&s)->place);
}

/* A kernel that does not show the call, but a stack that does. */
static void test_unreadable_call(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 'S', 0, NULL);
	s.look.call = CALL_UNREADABLE;
	assert_int_equal(scene_classify(&s)->kind, WAIT_NONE);
	scene_stack(&s, "libc/-|libc/pthread_cond_wait|app/f");
	assert_int_equal(scene_classify(&s)->kind, WAIT_COND);
	assert_int_equal(s.result.wait.call, -1);
	assert_int_equal(s.result.wait.object, 0);
	assert_int_equal(s.result.wait.timeout_ns, UNKNOWN);
	scene_done(&s);
}

/* ---- garbage ---- */

static uint64_t next_garbage(uint64_t *seed)
{
	static const uint64_t odd[] = { 0,     1,          2,          3,         0x80,
					0x189, UINT32_MAX, UINT64_MAX, INT64_MAX, 1ull << 63 };

	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 60 < ARRAY_SIZE(odd) ? odd[*seed >> 60] : *seed ^ *seed >> 33;
}

static void answer_with_garbage(struct scene *s, uint64_t *seed)
{
	for (unsigned i = 0; i < s->result.nwants; i++) {
		struct classify_memory *piece = &s->memory[s->input.nmemory++];

		assert_in_range(s->input.nmemory, 1, CLASSIFY_ANSWERS);
		*piece = s->result.wants[i];
		assert_in_range(piece->len, 1, CLASSIFY_WANT_MAX);
		piece->valid = next_garbage(seed) & 1;
		for (size_t j = 0; j < piece->len; j++)
			piece->bytes[j] = (unsigned char)next_garbage(seed);
		s->input.memory = s->memory;
	}
	if (s->result.want_fd >= 0) {
		s->fd.fd = s->result.want_fd;
		s->fd.type = next_garbage(seed) % (FD_OTHER + 1);
		s->fd.text = "";
		s->input.fd = &s->fd;
	}
}

/* Any arguments and any memory: every answer is in range, and the third call asks for nothing. */
static void test_garbage(void **state)
{
	uint64_t seed = 1;
	struct scene s;

	(void)state;
	for (int64_t nr = -2; nr < 480 * 8; nr++) {
		scene_init(&s, next_garbage(&seed) & 1 ? 'S' : 'D', nr / 8, NULL);
		for (unsigned i = 0; i < 6; i++)
			s.look.args[i] = next_garbage(&seed);
		for (unsigned round = 1; round <= CLASSIFY_ROUNDS; round++) {
			scene_classify(&s);
			assert_true(s.result.wait.kind < WAIT_KIND_COUNT);
			assert_in_range(s.result.nwants, 0, CLASSIFY_WANTS);
			assert_true(s.result.wait.timeout_ns >= WAIT_TIMEOUT_UNKNOWN);
			assert_true(s.result.wait.fd >= -1 && s.result.wait.owner >= 0);
			assert_true(s.result.wait.lock_type < LOCK_TYPE_COUNT);
			assert_true((s.result.wait.holder == HOLDER_THREAD) <=
				    (s.result.wait.owner > 0));
			if (round < CLASSIFY_ROUNDS)
				answer_with_garbage(&s, &seed);
		}
		assert_int_equal(s.result.nwants, 0);
		assert_int_equal(s.result.want_fd, -1);
	}
}

static void test_strange_names(void **state)
{
	static const char *const names[] = { "", "_", "____", "@", "@@X", "__GI_", "__GI___", "*" };
	char text[64];
	struct scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		strcpy(stpcpy(text, "app/"), names[i]);
		scene_futex(&s, OP_WAIT, 0, 0, text);
		assert_int_equal(scene_classify(&s)->kind, WAIT_FUTEX);
		scene_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_no_wait_unless_blocked),
		cmocka_unit_test(test_stopped_thread_keeps_its_wait),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_call_names),
		cmocka_unit_test(test_child_is_owner),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_answer_for_another_fd),
		cmocka_unit_test(test_poll_of_one),
		cmocka_unit_test(test_poll_of_an_ignored_one),
		cmocka_unit_test(test_clone3),
		cmocka_unit_test(test_unreadable_memory_is_not_asked_twice),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_timespecs),
#ifdef SYS_select
		cmocka_unit_test(test_timeval),
#endif
		cmocka_unit_test(test_futex_timeouts),
		cmocka_unit_test(test_futexes_by_name),
		cmocka_unit_test(test_names_end_at_a_signal_frame),
		cmocka_unit_test(test_stack_without_locations),
		cmocka_unit_test(test_futexes_by_pattern),
		cmocka_unit_test(test_pattern_under_a_stripped_library),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_locks_unreadable),
		cmocka_unit_test(test_memory_not_asked),
		cmocka_unit_test(test_file_locks),
		cmocka_unit_test(test_file_lock_of_an_ended_thread),
		cmocka_unit_test(test_joins),
		cmocka_unit_test(test_joins_of_small_tids),
		cmocka_unit_test(test_mutexes_of_conds),
		cmocka_unit_test(test_mutex_of_cond_is_ambiguous),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_futex_waitv),
		cmocka_unit_test(test_futex_wait_call),
		cmocka_unit_test(test_restarted_futex),
		cmocka_unit_test(test_restarted_sleeps),
#ifdef SYS_poll
		cmocka_unit_test(test_restarted_poll),
#endif
		cmocka_unit_test(test_restarted_unknown),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_unreadable_call),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_strange_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
