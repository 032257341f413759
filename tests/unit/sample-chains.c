/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample-chains.c: the two processes as tables: a row a thread, its wait, and what linking would have
 * found of it. The fates are written down, not solved: what writers are given may be anything.
 */
#include "sample-chains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

enum { NOBODY = 0 };

static const struct party of_101[] = { { .pid = 77, .name = "postgres" } };
static const struct party of_102[] = { { .pid = 100, .tid = 101, .name = "fetcher" } };
static const struct party of_103[] = { { .pid = 100, .tid = 102, .name = "wor\"ker" } };
static const struct party of_104[] = { { .pid = 100, .tid = 105, .name = "beta" } };
static const struct party of_105[] = { { .pid = 100, .tid = 104, .name = "alpha" } };
static const struct party of_109[] = { { .pid = 100, .tid = 107, .name = "orphan" } };
static const struct party of_110[] = { { .pid = 100, .tid = 111, .name = "timed-b" } };
static const struct party of_111[] = { { .pid = 100, .tid = 110, .name = "timed-a" } };
static const struct party of_112[] = { { .pid = 300, .name = "cat" },
				       { .pid = 301, .name = "t\033ee" },
				       { .pid = 302, .name = "" },
				       { .pid = 303, .name = "sort" },
				       { .pid = 304, .name = "uniq" } };
static const struct party of_113[] = { { .pid = 310, .name = "flock" } };
static const struct party of_114[] = { { .pid = 200, .name = "back" } };
static const struct party of_115[] = { { .pid = 100, .tid = 114, .name = "ring-1" } };
static const struct party of_117[] = { { .pid = 100, .tid = 116, .name = "spinner" } };
static const struct party of_118[] = { { .pid = 320, .name = "sh" } };
static const struct party of_201[] = { { .pid = 100, .tid = 115, .name = "ring-2" } };

#define BY(p)           .parties = (p), .nparties = ARRAY_SIZE(p), .complete = true
#define TO(tid, n)      .next = (tid), .hops = (n)
#define ENDS_AT(tid)    .root = (tid)
#define FATE(f, number) .fate = CHAIN_##f, .deadlock = (number)

struct row {
	pid_t tid;
	const char *name;
	struct wait wait;
	const struct party *parties;
	size_t nparties;
	bool complete;
	enum chain_fate fate;
	unsigned deadlock;
	pid_t next, root;
	unsigned hops, nbehind;
	bool cycle_timed;
};

static const struct fd_info socket_7 = { .fd = 7, .type = FD_SOCKET, .text = "unix -> inode 5" };
static const struct fd_info pipe_3 = { .fd = 3, .type = FD_PIPE, .text = "pipe:[9]" };

#define CALL(wait_kind, name, number, info)                                               \
	{                                                                                 \
		.kind = WAIT_##wait_kind, .call = 0, .call_name = (name), .fd = (number), \
		.fd_info = (info), .timeout_ns = WAIT_NO_TIMEOUT                          \
	}
#define LOCKED(held, by, timeout)                                                                 \
	{                                                                                         \
		.kind = WAIT_MUTEX, .call = 202, .call_name = "futex", .object = 0x7000,          \
		.holder = HOLDER_##held, .owner = (by), .lock_type = LOCK_GLIBC_NORMAL, .fd = -1, \
		.timeout_ns = (timeout), .since_ns = 2000000000, .since_known = true              \
	}
#define JOINS(of)                                                                              \
	{                                                                                      \
		.kind = WAIT_JOIN, .call = 202, .call_name = "futex", .holder = HOLDER_THREAD, \
		.owner = (of), .fd = -1, .timeout_ns = WAIT_NO_TIMEOUT                         \
	}

#define ALWAYS WAIT_NO_TIMEOUT
static const struct row front_rows[] = {
	{ 101, "fetcher", CALL(SOCKET_RECV, "recvfrom", 7, &socket_7), BY(of_101), .nbehind = 2 },
	{ 102, "wor\"ker", LOCKED(THREAD, 101, ALWAYS), BY(of_102), TO(101, 1), ENDS_AT(101) },
	{ 103, "worker", LOCKED(THREAD, 102, ALWAYS), BY(of_103), TO(102, 2), ENDS_AT(101) },
	{ 104, "alpha", LOCKED(THREAD, 105, ALWAYS), BY(of_104), TO(105, 2), FATE(DEADLOCK, 1) },
	{ 105, "beta", LOCKED(THREAD, 104, ALWAYS), BY(of_105), TO(104, 2), FATE(DEADLOCK, 1) },
	{ 106, "joiner", JOINS(104), BY(of_105), TO(104, 3), FATE(BEHIND, 1) },
	{ 107, "orphan", LOCKED(EXITED, 99, ALWAYS), .complete = true, FATE(FOREVER, 0),
	  .nbehind = 1 },
	{ 108, "handed", LOCKED(HANDOVER, 0, ALWAYS), .hops = 0 },
	{ 109, "of orphan", JOINS(107), BY(of_109), TO(107, 1), ENDS_AT(107), FATE(BEHIND, 0) },
	{ 110, "timed-a", LOCKED(THREAD, 111, 5000000000), BY(of_110), TO(111, 2),
	  .cycle_timed = true },
	{ 111, "timed-b", LOCKED(THREAD, 110, ALWAYS), BY(of_111), TO(110, 2),
	  .cycle_timed = true },
	{ 112, "reader", CALL(PIPE_READ, "read", 3, &pipe_3), .parties = of_112,
	  .nparties = ARRAY_SIZE(of_112) },
	{ 113, "locker", CALL(FILE_LOCK, "flock", 3, NULL), BY(of_113) },
	{ 114, "ring-1", CALL(PIPE_READ, "read", 3, &pipe_3), BY(of_114), TO(201, 3),
	  FATE(DEADLOCK, 2) },
	{ 115, "ring-2", LOCKED(THREAD, 114, ALWAYS), BY(of_115), TO(114, 3), FATE(DEADLOCK, 2) },
	{ 116, "spinner", CALL(NONE, NULL, -1, NULL), .nbehind = 1 },
	{ 117, "patient", JOINS(116), BY(of_117), TO(116, 1), ENDS_AT(116) },
	{ 118, "parent", CALL(CHILD, "wait4", -1, NULL), BY(of_118) },
};

static const struct row back_rows[] = {
	{ 201, "ring-3", LOCKED(THREAD, 115, ALWAYS), BY(of_201), TO(115, 3), FATE(DEADLOCK, 2) },
};

enum { FRONT_ROWS = ARRAY_SIZE(front_rows), BACK_ROWS = ARRAY_SIZE(back_rows) };

/* ---- making them ---- */

static enum sample_stack choose_stack(const struct row *row)
{
	switch (row->wait.kind) {
	case WAIT_NONE:
		return SAMPLE_HOLDER;
	case WAIT_JOIN:
		return SAMPLE_JOINER;
	case WAIT_MUTEX:
		return SAMPLE_WAITER;
	default:
		return SAMPLE_POLLER;
	}
}

static void init_snapshot(struct ss_snapshot *s, pid_t pid, const char *comm,
			  const struct row *rows, size_t n)
{
	*s = (struct ss_snapshot){
		.pid = pid,
		.comm = comm,
		.exe = "",
		.cmdline = comm,
		.stop = "auto",
		.observer = "proc",
		.timer = "",
		.timer_refusal = "",
		.unwinder = "cfi",
		.maps = "",
		.nthreads = n,
		.linked = true,
		.coverage = { .threads_seen = (unsigned)n, .threads_sampled = (unsigned)n },
	};
	arena_init(&s->arena);
	stack_table_init(&s->stacks);
	s->threads = arena_array(&s->arena, n, sizeof(*s->threads));
	assert_non_null(s->threads);
	for (size_t i = 0; i < n; i++)
		s->threads[i] = (struct thread){
			.tid = rows[i].tid,
			.name = rows[i].name,
			.state = rows[i].wait.kind ? STATE_BLOCKED : STATE_ON_CPU,
			.wait = rows[i].wait,
			.nbehind = rows[i].nbehind,
			.stack = sample_stack(&s->stacks, choose_stack(&rows[i])),
			.consistent = true,
			.cpu = 0,
		};
}

static struct thread_ref make_ref(struct sample_chains *sample, pid_t tid)
{
	if (tid == NOBODY)
		return (struct thread_ref){ 0 };
	return (struct thread_ref){ tid < CHAINS_BACK ? &sample->front : &sample->back,
				    sample_chains_thread(sample, tid) };
}

/* A mutex that is being handed over, and a thread that runs, have none. */
static void init_chain(struct sample_chains *sample, const struct row *row, struct chain *chain)
{
	if (row->nparties == 0 && !row->complete)
		return;
	*chain = (struct chain){
		.parties = row->parties,
		.nparties = row->nparties,
		.complete = row->complete,
		.fate = row->fate,
		.deadlock = row->deadlock,
		.next = make_ref(sample, row->next),
		.root = make_ref(sample, row->root),
		.hops = row->hops,
		.cycle_timed = row->cycle_timed,
	};
	sample_chains_thread(sample, row->tid)->chain = chain;
}

static void init_deadlocks(struct sample_chains *sample)
{
	static const pid_t two[] = { 104, 105 }, three[] = { 114, 201, 115 };

	for (size_t i = 0; i < ARRAY_SIZE(two); i++)
		sample->two[i] = make_ref(sample, two[i]);
	for (size_t i = 0; i < ARRAY_SIZE(three); i++)
		sample->three[i] = make_ref(sample, three[i]);
	sample->deadlocks[0] = (struct deadlock){ sample->two, ARRAY_SIZE(two), true, 1 };
	sample->deadlocks[1] = (struct deadlock){ sample->three, ARRAY_SIZE(three), true, 0 };
	sample->front.deadlocks = sample->deadlocks;
	sample->front.ndeadlocks = ARRAY_SIZE(sample->deadlocks);
}

void sample_chains_init(struct sample_chains *sample)
{
	_Static_assert(FRONT_ROWS + BACK_ROWS <= 32, "as many as sample_chains.chains");

	memset(sample, 0, sizeof(*sample));
	init_snapshot(&sample->front, CHAINS_FRONT, "front", front_rows, FRONT_ROWS);
	init_snapshot(&sample->back, CHAINS_BACK, "back", back_rows, BACK_ROWS);
	sample->snapshots[0] = &sample->front;
	sample->snapshots[1] = &sample->back;
	sample_chains_thread(sample, 201)->wait.owner_pid = CHAINS_FRONT;
	for (size_t i = 0; i < FRONT_ROWS; i++)
		init_chain(sample, &front_rows[i], &sample->chains[i]);
	for (size_t i = 0; i < BACK_ROWS; i++)
		init_chain(sample, &back_rows[i], &sample->chains[FRONT_ROWS + i]);
	init_deadlocks(sample);
}

void sample_chains_done(struct sample_chains *sample)
{
	for (size_t i = 0; i < ARRAY_SIZE(sample->snapshots); i++) {
		struct ss_snapshot *snapshot = i ? &sample->back : &sample->front;

		stack_table_done(&snapshot->stacks);
		arena_done(&snapshot->arena);
	}
}

struct thread *sample_chains_thread(struct sample_chains *sample, pid_t tid)
{
	struct ss_snapshot *snapshot = tid < CHAINS_BACK ? &sample->front : &sample->back;
	const struct thread *thread = snapshot_find(snapshot, tid);

	assert_non_null(thread);
	return &snapshot->threads[thread - snapshot->threads];
}
