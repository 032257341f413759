/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a finished recording to its profile: places become stacks, what was not seen gets a
 * pseudo-frame that says so, and every thread gets its sums.
 */
#include "engine/recorder-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

/* Threads at rest here wait for work, not for each other: epoll, accept, a condition, a timer. */
static bool is_resting_place(enum wait_kind wait)
{
	return wait == WAIT_IO_WAIT || wait == WAIT_ACCEPT || wait == WAIT_COND ||
	       wait == WAIT_SLEEP;
}

const struct stack *recorder_pseudo_stack(struct recorder *recorder, const struct stack *stack,
					  unsigned skip, const char *name)
{
	struct ss_profile *profile = recorder->profile;
	struct function *function = arena_alloc(&profile->arena, sizeof(*function));
	struct line *line = arena_alloc(&profile->arena, sizeof(*line));
	struct location *location = arena_alloc(&profile->arena, sizeof(*location));
	unsigned n = stack ? stack->n - skip : 0;
	struct frame *frames = arena_array(&profile->arena, n + 1, sizeof(*frames));

	if (!function || !line || !location || !frames)
		return NULL;
	*function = (struct function){ .name = name, .system_name = name, .file = "" };
	*line = (struct line){ .function = function, .file = "" };
	*location = (struct location){ .exact = true, .nlines = 1, .lines = line };
	/* no code is at these addresses: the number tells pseudo-frames apart */
	frames[0] =
		(struct frame){ .pc = (uintptr_t)name, .flags = FRAME_EXACT, .location = location };
	if (n)
		memcpy(frames + 1, stack->frames + skip, n * sizeof(*frames));
	return stack_intern(&profile->stacks, frames, n + 1, stack ? stack->end : SS_END_COMPLETE);
}

enum { ROOT_FRAMES = 3 }; /* clone3, start_thread and the thread's own function */

static const struct stack *make_stack(struct recorder *recorder, enum credit_kind kind,
				      uint32_t number)
{
	const struct place *place = places_get(&recorder->places, number);
	const struct stack *stack = place ? place->stack : NULL;
	unsigned roots = stack && stack->n > ROOT_FRAMES ? stack->n - ROOT_FRAMES : 0;

	switch (kind) {
	case CREDIT_SHORT_WAITS:
		return recorder_pseudo_stack(recorder, stack, 0, "[short waits]");
	case CREDIT_ON_CPU_UNSEEN:
		return recorder_pseudo_stack(recorder, stack, roots, "[on-cpu, unseen]");
	case CREDIT_RUN_QUEUE:
		return recorder_pseudo_stack(recorder, stack, roots, "[run queue]");
	case CREDIT_STOLEN:
		return recorder_pseudo_stack(recorder, stack, roots, "[stolen: irq/steal]");
	default:
		return stack ? stack : recorder_pseudo_stack(recorder, NULL, 0, "[no stack]");
	}
}

/* The stack that credits of this kind and place are shown under; each is made once. */
static const struct stack *find_stack(struct recorder *recorder, enum credit_kind kind,
				      uint32_t place)
{
	uint64_t key = (uint64_t)kind << 32 | place;
	const uint64_t *known = map64_find(&recorder->stacks, key);
	const struct stack *stack;

	if (known)
		return (const struct stack *)(uintptr_t)*known;
	stack = make_stack(recorder, kind, place);
	if (!stack || map64_put(&recorder->stacks, key, (uintptr_t)stack) < 0)
		return NULL;
	return stack;
}

static enum account_state state_of(enum credit_kind kind)
{
	switch (kind) {
	case CREDIT_ON_CPU:
	case CREDIT_ON_CPU_UNSEEN:
		return ACCOUNT_ON_CPU;
	case CREDIT_BLOCKED:
	case CREDIT_SHORT_WAITS:
		return ACCOUNT_BLOCKED;
	default:
		return ACCOUNT_RUNNABLE;
	}
}

/* ---- accounts and time line ---- */

/* The wait of blocked time at a place; none for what was not seen. */
static enum wait_kind wait_of(const struct recorder *recorder, enum credit_kind kind,
			      uint32_t number, const char **ret_call)
{
	const struct place *place = places_get(&recorder->places, number);

	*ret_call = NULL;
	if (kind != CREDIT_BLOCKED || !place)
		return WAIT_NONE;
	*ret_call = place->call_name;
	return place->wait;
}

static void find_objects(const struct recorder *recorder, uint32_t number, struct account *account)
{
	const struct place *place = places_get(&recorder->places, number);

	account->object = place ? place->object : 0;
	account->fd = place ? place->fd : -1;
}

static int add_accounts(struct recorder *recorder)
{
	struct ss_profile *profile = recorder->profile;
	size_t n = recorder->accounts.rows.n;
	struct account *accounts = arena_array(&profile->arena, n, sizeof(*accounts));

	if (!accounts)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct accounts_row *row = &recorder->accounts.rows.data[i];
		struct account *account = &accounts[i];

		account->thread = row->thread;
		account->state = state_of(row->kind);
		account->wait = wait_of(recorder, row->kind, row->place, &account->call_name);
		account->stack = find_stack(recorder, row->kind, row->place);
		find_objects(recorder, row->place, account);
		account->ns = row->ns;
		account->count = row->count;
		if (!account->stack)
			return -1;
	}
	profile->accounts = accounts;
	profile->naccounts = n;
	return 0;
}

/* ---- holders ---- */

static const struct stack *holding_stack(struct recorder *recorder, const struct holding *holding)
{
	static const char *const names[HOLDING_KINDS] = {
		[HOLDING_HANDOFF] = "[handoff]",
		[HOLDING_UNKNOWN] = "[unknown holder]",
	};

	if (holding->kind == HOLDING_SEEN && !holding->short_waits)
		return holding->stack;
	if (holding->kind == HOLDING_SEEN)
		return recorder_pseudo_stack(recorder, holding->stack, 0, "[short waits]");
	return recorder_pseudo_stack(recorder, NULL, 0, names[holding->kind]);
}

/* In a mutex profile they are those of the holders. */
static int add_holders(struct recorder *recorder)
{
	struct ss_profile *profile = recorder->profile;
	struct accounts *rows = holders_accounts(recorder->holders);
	struct account *accounts = arena_array(&profile->arena, rows->rows.n, sizeof(*accounts));

	if (!accounts || rows->error)
		return -1;
	for (size_t i = 0; i < rows->rows.n; i++) {
		const struct accounts_row *row = &rows->rows.data[i];
		/* rows beyond the bound of memory have lost their place, not their time */
		static const struct holding lost = { .kind = HOLDING_UNKNOWN, .waiter = "" };
		const struct holding *holding =
			row->place ? holders_get(recorder->holders, row->place) : &lost;

		accounts[i] = (struct account){
			.thread = row->thread,
			.state = ACCOUNT_BLOCKED,
			.wait = holding->wait,
			.object = holding->object,
			.fd = -1,
			.waiter = holding->waiter,
			.stack = holding_stack(recorder, holding),
			.ns = row->ns,
			.count = row->count,
		};
		if (!accounts[i].stack)
			return -1;
	}
	profile->accounts = accounts;
	profile->naccounts = rows->rows.n;
	return 0;
}

static int add_segments(struct recorder *recorder)
{
	struct ss_profile *profile = recorder->profile;
	size_t n = recorder->accounts.segments.n;
	struct segment *segments = arena_array(&profile->arena, n, sizeof(*segments));

	if (!segments)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct accounts_segment *from = &recorder->accounts.segments.data[i];
		struct segment *segment = &segments[i];
		uint64_t start = MAX(from->start_ns, recorder->start_ns);

		segment->thread = from->thread;
		segment->state = state_of(from->kind);
		segment->wait = wait_of(recorder, from->kind, from->place, &segment->call_name);
		segment->stack = find_stack(recorder, from->kind, from->place);
		segment->start_ns = start - recorder->start_ns;
		segment->ns = from->ns;
		if (!segment->stack)
			return -1;
	}
	profile->segments = segments;
	profile->nsegments = n;
	profile->segments_dropped = recorder->accounts.segments_dropped;
	return 0;
}

/* ---- threads ---- */

static bool is_idle(const struct recorder *recorder, const struct recorded *recorded)
{
	const struct place *place = places_get(&recorder->places, recorded->place);

	return !recorded->ran &&
	       (recorded->worker_idle || (place && is_resting_place(place->wait)));
}

static struct profile_thread sum_up(const struct recorder *recorder,
				    const struct recorded *recorded)
{
	return (struct profile_thread){
		.tid = recorded->tid,
		.name = recorded->name,
		.wall_ns = recorded->wall_ns,
		.on_ns = recorded->on_ns,
		.runnable_ns = recorded->runnable_ns,
		.blocked_ns = recorded->blocked_ns,
		.stopped_ns = recorded->stopped_ns,
		.switches = recorded->waits,
		.idle = is_idle(recorder, recorded),
		.ended = recorded->tick + 1 != recorder->ticks,
		.began = recorded->began,
	};
}

/* The wait that most of a thread's blocked time went to. */
static int find_main_waits(const struct recorder *recorder, struct profile_thread *threads)
{
	const struct ss_profile *profile = recorder->profile;
	uint64_t *most = calloc(profile->nthreads + 1, sizeof(*most));

	if (!most)
		return -1;
	for (size_t i = 0; i < profile->naccounts; i++) {
		const struct account *account = &profile->accounts[i];

		if (account->state != ACCOUNT_BLOCKED || account->ns <= most[account->thread])
			continue;
		most[account->thread] = account->ns;
		threads[account->thread].main_wait = account->wait;
		threads[account->thread].main_call = account->call_name;
	}
	free(most);
	return 0;
}

static void count_thread(struct ss_profile *profile, const struct recorded *recorded,
			 const struct profile_thread *thread)
{
	struct ss_coverage *coverage = &profile->coverage;

	coverage->threads_seen++;
	if (recorded->has_stack)
		coverage->threads_sampled++;
	else
		coverage->no_stack[recorded->none]++;
	profile->blocked_ns += thread->blocked_ns;
	if (thread->idle)
		profile->idle_ns += thread->blocked_ns;
}

static int add_threads(struct recorder *recorder)
{
	struct ss_profile *profile = recorder->profile;
	size_t n = recorder->threads.n;
	struct profile_thread *threads = arena_array(&profile->arena, n, sizeof(*threads));

	if (!threads)
		return -1;
	/* session_count_stack has counted stacks; threads are counted here */
	profile->coverage.threads_sampled = 0;
	for (size_t i = 0; i < n; i++) {
		threads[i] = sum_up(recorder, &recorder->threads.data[i]);
		count_thread(profile, &recorder->threads.data[i], &threads[i]);
	}
	profile->threads = threads;
	profile->nthreads = n;
	/* the accounts of a mutex profile are of holders, not of waits */
	return recorder->holders ? 0 : find_main_waits(recorder, threads);
}

/* Where time on CPU went is what such a profile is for: how much of it has no place. */
static void count_unseen(const struct recorder *recorder)
{
	struct ss_coverage *coverage = &recorder->profile->coverage;
	enum profile_kind kind = recorder->profile->kind;

	if (kind != PROFILE_CPU && kind != PROFILE_WALL)
		return;
	vec_each(thread, &recorder->threads)
		coverage->on_cpu_ns += thread->on_ns;
	vec_each(row, &recorder->accounts.rows)
		if (row->kind == CREDIT_ON_CPU_UNSEEN)
			coverage->unseen_ns += row->ns;
}

/* ---- the profile ---- */

int recorder_finish(struct recorder *recorder, unsigned ticks_done, unsigned ticks_missed,
		    struct ss_profile **ret, struct ss_error *err)
{
	struct ss_profile *profile = recorder->profile;

	recorder_end_threads(recorder);
	if (recorder->accounts.error)
		return ss_error_oom(err);
	accounts_sort(&recorder->accounts);
	if ((recorder->holders ? add_holders(recorder) : add_accounts(recorder)) < 0 ||
	    add_segments(recorder) < 0 || add_threads(recorder) < 0 ||
	    session_list_mappings(recorder->session, &profile->arena, profile->exe,
				  &profile->mappings, &profile->nmappings) < 0)
		return ss_error_oom(err);
	count_unseen(recorder);
	profile->coverage.samples_lost +=
		(unsigned)capturer_lost_samples(recorder->session->capturer);
	profile->duration_ns = recorder->ticks ? recorder->last_ns - recorder->start_ns : 0;
	profile->coverage.ticks_planned = ticks_done + ticks_missed;
	profile->coverage.ticks_done = ticks_done - recorder->skipped;
	profile->coverage.ticks_missed = ticks_missed + recorder->skipped;
	recorder->profile = NULL;
	*ret = profile;
	return 0;
}
