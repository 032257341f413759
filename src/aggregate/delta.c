/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * delta.c: splits the wall time between two observations of a thread and credits every part of it.
 * It may assume that observations come in the order of time; it never reads a clock or allocates.
 *
 * Which counters can be trusted depends on what the thread did when they were read. On-CPU time is
 * brought up to date at ticks and switches only (update_curr), run-queue time when the thread gets
 * a CPU (sched_info_arrive), both in kernel/sched:
 *
 *	seen         on-CPU counter        run-queue counter
 *	on CPU       lags by up to a tick  exact
 *	in the queue exact                 lacks the present time in the queue
 *	blocked      exact                 exact
 *
 * So what the counters leave of an interval in which the thread cannot have blocked is credited to
 * what it was seen doing at the end, and taken back as the counter catches up. An interval in which
 * it may have blocked and that ends in the queue cannot be split before the thread has run: it is
 * joined with the next. In all others the rest is blocked time; a lag that was taken for blocked
 * stays behind as a debt, of one tick at most.
 */
#include "aggregate/delta.h"

#include "base/attr.h"

/* What became of the time from a to b. */
struct interval {
	struct observation a, b;
	uint64_t rose; /* pcount, less our own */
	uint64_t raw;  /* waits that began by the counters, less our own */
	bool counted;  /* raw is from voluntary, not guessed from pcount */
	bool goes_on;  /* the wait open at a is the one open at b */
	bool may_block;
	uint64_t wall; /* without our stops */
	uint64_t on, runnable, stolen, blocked;
	uint64_t e1, e2, shorts; /* of blocked: the wait open at a, the one open at b, others */
	bool new_wait;           /* e2 has not been counted yet */
	uint64_t nshorts;
	uint32_t queue_place; /* seen in the queue between a and b; 0 if not */
	uint64_t cursor_ns;   /* up to where the time line is filled */
};

struct out {
	delta_sink *sink;
	void *arg;
};

/* ---- small helpers ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t clamp(int64_t ns, uint64_t max)
{
	return ns <= 0 ? 0 : MIN((uint64_t)ns, max);
}

static bool blocked_at(const struct observation *o)
{
	return o->where == WHERE_BLOCKED;
}

/* How often it was switched in between two looks, our own doing left out. */
static uint64_t rise(const struct observation *a, const struct observation *b)
{
	return less(less(b->pcount, a->pcount), b->own_pcount);
}

static const struct observation *latest(const struct delta *delta)
{
	return delta->joining ? &delta->joined : &delta->last;
}

static void tell(struct delta *delta, const struct out *out, const struct credit *credit)
{
	bool wait = credit->kind == CREDIT_BLOCKED || credit->kind == CREDIT_SHORT_WAITS;

	if (credit->ns == 0 && credit->count == 0)
		return;
	/* a single wait, or the mean of several */
	if (wait && credit->ns < delta->min_block_ns * MAX(credit->count, 1))
		delta->dropped_ns += credit->ns;
	else
		out->sink(out->arg, credit);
}

/* ---- the wait that is open ---- */

static void wait_open(struct delta *delta, uint32_t place, uint64_t start_ns, uint64_t count)
{
	delta->open = true;
	delta->open_place = place;
	delta->open_start_ns = start_ns;
	delta->open_ns = 0;
	delta->open_count = count;
	delta->waits += count;
}

static void wait_add(struct delta *delta, uint64_t ns)
{
	delta->open_ns += ns;
	delta->blocked_ns += ns;
}

static void wait_close(struct delta *delta, const struct out *out)
{
	struct credit credit = {
		.kind = CREDIT_BLOCKED,
		.place = delta->open_place,
		.start_ns = delta->open_start_ns,
		.ns = delta->open_ns,
		.count = delta->open_count,
	};

	if (delta->open)
		tell(delta, out, &credit);
	delta->open = false;
}

/* ---- what happened in an interval ---- */

/*
 * Waits that began, by pcount alone: every wait that ends is a switch-in, but so is every return
 * from preemption, so a thread that is often preempted seems to have waited more often than it did.
 */
static uint64_t waits_by_pcount(const struct interval *i)
{
	/* the first switch-in ended the wait or the queueing that a saw */
	bool first = blocked_at(&i->a) || i->a.where == WHERE_RUNNABLE;

	return less(i->rose, first) + (blocked_at(&i->b) && !(blocked_at(&i->a) && i->rose == 0));
}

/* Without voluntary: what is in the queue may have been preempted, or blocked and woken. */
static bool queued_somehow(const struct interval *i)
{
	return i->b.where == WHERE_RUNNABLE && !(i->a.where == WHERE_RUNNABLE && i->rose == 0);
}

static void count_switches(const struct delta *delta, struct interval *i)
{
	i->rose = rise(&i->a, &i->b);
	i->counted = i->b.voluntary_known && delta->voluntary_known;
	if (i->counted)
		i->raw = less(less(i->b.voluntary, delta->voluntary),
			      (uint64_t)delta->own_voluntary + i->b.own_voluntary);
	else
		i->raw = waits_by_pcount(i);
	/* same_wait: preempted on its way back into the wait, it was switched in once more */
	i->goes_on = blocked_at(&i->a) && blocked_at(&i->b) &&
		     (i->rose == 0 || (i->b.same_wait && i->counted && i->raw == 0));
	/* UNKNOWN at a: it may have been blocked already, and counted before */
	i->may_block = i->raw > 0 || blocked_at(&i->a) || blocked_at(&i->b) ||
		       i->a.where == WHERE_UNKNOWN || (!i->counted && queued_somehow(i));
}

static struct interval interval_make(const struct delta *delta, const struct observation *now)
{
	struct interval i = { .a = delta->last, .b = *now, .cursor_ns = delta->last.t_ns };

	if (delta->joining) {
		i.b.stopped_ns += delta->joined.stopped_ns;
		i.b.own_pcount += delta->joined.own_pcount;
		i.b.own_voluntary += delta->joined.own_voluntary;
		i.queue_place = delta->joined.place;
	}
	count_switches(delta, &i);
	return i;
}

/*
 * Our stops are measured from the interrupt, but the thread runs on until it has arrived in the
 * stop. Where the counters show more than a lag can explain, it was that.
 */
static uint64_t stopped_part(const struct interval *i, uint64_t elapsed, int64_t due_on)
{
	uint64_t stopped = MIN(i->b.stopped_ns, elapsed);
	int64_t excess = due_on - (int64_t)(elapsed - stopped) - DELTA_TICK_NS;

	return stopped - clamp(excess, stopped);
}

/* On CPU and runnable by the counters, what was carried included; the rest goes to blocked. */
static void split_by_counters(struct delta *delta, struct interval *i)
{
	uint64_t elapsed = less(i->b.t_ns, i->a.t_ns);
	int64_t due_on = (int64_t)less(i->b.on_ns, i->a.on_ns) - delta->carry_on;
	int64_t due_queue =
		(int64_t)less(i->b.run_queue_ns, i->a.run_queue_ns) - delta->carry_queue;
	uint64_t stopped = stopped_part(i, elapsed, due_on);

	i->wall = elapsed - stopped;
	i->on = clamp(due_on, i->wall);
	i->runnable = clamp(due_queue, i->wall - i->on);
	i->blocked = i->wall - i->on - i->runnable;
	delta->carry_on = (int64_t)i->on - due_on;
	delta->carry_queue = (int64_t)i->runnable - due_queue;
	delta->wall_ns += elapsed;
	delta->stopped_ns += stopped;
	if (delta->queued_before && i->b.pcount != i->a.pcount) {
		delta->queued_before = false;
		delta->carry_queue = MAX(delta->carry_queue, 0);
	}
}

static void give_queue(struct delta *delta, struct interval *i, uint64_t ns)
{
	i->blocked -= ns;
	i->runnable += ns;
	delta->carry_queue += (int64_t)ns;
}

/*
 * It cannot have blocked. Running, the counter lags; beyond a tick the time is stolen, it is in no
 * counter: nothing of that stays in the carry for the end of the capture to settle.
 */
static void give_lag(struct delta *delta, struct interval *i)
{
	uint64_t ns = MIN(i->blocked, clamp(DELTA_TICK_NS - delta->carry_on, DELTA_TICK_NS));

	i->blocked -= ns;
	i->on += ns;
	delta->carry_on += (int64_t)ns;
	if (i->b.where != WHERE_ON_CPU) {
		give_queue(delta, i, i->blocked);
		return;
	}
	i->stolen = i->blocked;
	i->blocked = 0;
}

static void split_rest(struct delta *delta, struct interval *i)
{
	if (i->may_block && i->b.where != WHERE_RUNNABLE)
		return;
	if (i->may_block) /* the end: what it surely spent in the queue */
		give_queue(delta, i, MIN(i->blocked, less(i->b.t_ns, delta->queued_since_ns)));
	else if (i->b.where == WHERE_RUNNABLE)
		give_queue(delta, i, i->blocked);
	else
		give_lag(delta, i);
}

/*
 * The waits that began and were not counted yet. What was counted early (a wait seen before its
 * switch was, or guessed from pcount) is taken off later ones, so that the sum is exact.
 */
static void count_waits(struct delta *delta, struct interval *i)
{
	uint64_t began = i->counted ? less(i->raw, delta->waits_ahead) : i->raw;

	/* not run since a, which had no stack: it was counted when it began, unless that was before
	 * the capture */
	i->new_wait = blocked_at(&i->b) && !i->goes_on &&
		      !(i->a.where == WHERE_UNKNOWN && i->rose == 0 && delta->waits > 0);
	began = MAX(began, i->new_wait);
	i->nshorts = began - i->new_wait;
	if (i->counted)
		delta->waits_ahead += began - i->raw;
	else if (delta->voluntary_known)
		delta->waits_ahead += began;
}

/* How much of the blocked time belongs to the wait open at b. */
static uint64_t share_of_last(struct delta *delta, const struct interval *i)
{
	if (!blocked_at(&i->b))
		return 0;
	if (!blocked_at(&i->a) && i->nshorts == 0)
		return i->blocked;
	if (i->b.since_ns)
		return MIN(i->blocked, less(i->b.t_ns, i->b.since_ns));
	if (i->nshorts)
		return 0;
	delta->halved++;
	return i->blocked / 2;
}

static void split_blocked(struct delta *delta, struct interval *i)
{
	if (i->goes_on) {
		i->e1 = i->blocked;
		return;
	}
	i->e2 = share_of_last(delta, i);
	if (blocked_at(&i->a) && i->nshorts == 0)
		i->e1 = i->blocked - i->e2;
	else
		i->shorts = i->blocked - i->e2;
}

/* ---- crediting ---- */

static void credit_part(struct delta *delta, struct interval *i, const struct out *out,
			struct credit part)
{
	part.start_ns = i->cursor_ns;
	i->cursor_ns += part.ns;
	tell(delta, out, &part);
}

/* The place to name for what was not seen itself. */
static uint32_t near_place(const struct delta *delta, const struct interval *i)
{
	if (i->b.place && (blocked_at(&i->b) || !blocked_at(&i->a)))
		return i->b.place;
	if (i->a.place)
		return i->a.place;
	return i->b.place ? i->b.place : delta->near_place;
}

/*
 * The place to name for waits that were not seen: the nearest one that was. A thread seen on a CPU
 * did not wait there.
 */
static uint32_t near_wait_place(const struct delta *delta, const struct interval *i)
{
	if (blocked_at(&i->b) && i->b.place)
		return i->b.place;
	if (blocked_at(&i->a) && i->a.place)
		return i->a.place;
	return delta->wait_place ? delta->wait_place : near_place(delta, i);
}

/* In equal parts to the places that are not 0; the first one gets what is left over. */
static void credit_spread(struct delta *delta, struct interval *i, const struct out *out,
			  const struct credit *whole, const uint32_t places[3])
{
	uint64_t left = whole->ns;
	unsigned n = 0;
	uint32_t seen[3];

	for (unsigned k = 0; k < 3; k++)
		if (places[k] && (n == 0 || seen[n - 1] != places[k]))
			seen[n++] = places[k];
	for (unsigned k = 0; k < n; k++) {
		uint64_t part = left / (n - k);

		left -= part;
		credit_part(delta, i, out,
			    (struct credit){ .kind = whole->kind, .place = seen[k], .ns = part });
	}
}

/* `seen` if one of the ends saw the thread there, else `unseen` near what was seen. */
static void credit_state(struct delta *delta, struct interval *i, const struct out *out,
			 enum delta_where where, struct credit seen, enum credit_kind unseen)
{
	uint32_t places[3] = {
		i->a.where == where ? i->a.place : 0,
		where == WHERE_RUNNABLE ? i->queue_place : 0,
		i->b.where == where ? i->b.place : 0,
	};

	if (places[0] || places[1] || places[2]) {
		credit_spread(delta, i, out, &seen, places);
		return;
	}
	seen.kind = unseen;
	seen.place = near_place(delta, i);
	credit_part(delta, i, out, seen);
}

static void credit_on(struct delta *delta, struct interval *i, const struct out *out)
{
	delta->on_ns += i->on;
	credit_state(delta, i, out, WHERE_ON_CPU,
		     (struct credit){ .kind = CREDIT_ON_CPU, .ns = i->on }, CREDIT_ON_CPU_UNSEEN);
}

static void credit_runnable(struct delta *delta, struct interval *i, const struct out *out)
{
	delta->runnable_ns += i->runnable;
	credit_state(delta, i, out, WHERE_RUNNABLE,
		     (struct credit){ .kind = CREDIT_RUNNABLE, .ns = i->runnable },
		     CREDIT_RUN_QUEUE);
}

static void credit_shorts(struct delta *delta, struct interval *i, const struct out *out)
{
	delta->blocked_ns += i->shorts;
	delta->waits += i->nshorts;
	credit_part(delta, i, out,
		    (struct credit){ .kind = CREDIT_SHORT_WAITS,
				     .place = near_wait_place(delta, i),
				     .ns = i->shorts,
				     .count = i->nshorts });
}

static void credit_stolen(struct delta *delta, struct interval *i, const struct out *out)
{
	delta->runnable_ns += i->stolen;
	credit_part(delta, i, out,
		    (struct credit){ .kind = CREDIT_STOLEN,
				     .place = near_place(delta, i),
				     .ns = i->stolen });
}

static void credit_first_wait(struct delta *delta, struct interval *i, const struct out *out)
{
	wait_add(delta, i->e1);
	i->cursor_ns += i->e1;
	if (!i->goes_on)
		wait_close(delta, out);
	else if (!delta->open_place)
		delta->open_place = i->b.place;
}

static void credit_last_wait(struct delta *delta, const struct interval *i)
{
	if (!blocked_at(&i->b) || i->goes_on)
		return;
	wait_open(delta, i->b.place, i->b.t_ns - i->e2, i->new_wait);
	wait_add(delta, i->e2);
}

/* The order is the likeliest one: the wait ends, the queue, the run, the next wait. */
static void credit_all(struct delta *delta, struct interval *i, const struct out *out)
{
	bool queued = i->b.where == WHERE_RUNNABLE;

	credit_first_wait(delta, i, out);
	if (!queued)
		credit_runnable(delta, i, out);
	credit_on(delta, i, out);
	credit_stolen(delta, i, out);
	credit_shorts(delta, i, out);
	if (queued)
		credit_runnable(delta, i, out);
	credit_last_wait(delta, i);
}

/* ---- from interval to interval ---- */

static void note_voluntary(struct delta *delta, const struct interval *i)
{
	if (!i->b.voluntary_known) {
		delta->own_voluntary += i->b.own_voluntary;
		return;
	}
	if (!delta->voluntary_known)
		delta->waits_ahead = 0;
	delta->voluntary = i->b.voluntary;
	delta->voluntary_known = true;
	delta->own_voluntary = 0;
}

static void note_place(struct delta *delta, const struct observation *o)
{
	if (!o->place)
		return;
	delta->near_place = o->place;
	if (blocked_at(o))
		delta->wait_place = o->place;
}

static void settle(struct delta *delta, struct interval *i, const struct out *out)
{
	split_by_counters(delta, i);
	split_rest(delta, i);
	count_waits(delta, i);
	split_blocked(delta, i);
	credit_all(delta, i, out);
	note_voluntary(delta, i);
	note_place(delta, &i->b);
	delta->last = i->b;
	delta->joining = false;
}

static void join(struct delta *delta, const struct interval *i, const struct observation *now)
{
	if (!delta->joining || rise(&delta->joined, now) > 0)
		delta->queued_since_ns = now->t_ns;
	/* the sums over the joined looks; the pcount that rise() compares is the last one's */
	delta->joined = i->b;
	if (!delta->joined.place)
		delta->joined.place = i->queue_place;
	delta->joining = true;
}

/* Account the time that delta_unchanged told of. */
static void settle_still(struct delta *delta, const struct out *out)
{
	struct observation now = delta->last;
	struct interval i;

	if (delta->joining || delta->still_ns <= now.t_ns)
		return;
	now.t_ns = delta->still_ns;
	now.stopped_ns = 0;
	now.own_pcount = now.own_voluntary = 0;
	now.voluntary_known = false;
	i = interval_make(delta, &now);
	settle(delta, &i, out);
}

/* A look that brought nothing, at a thread that has not run: it does what it did. */
static void infer_where(const struct delta *delta, struct observation *now)
{
	const struct observation *before = latest(delta);

	if (now->where != WHERE_UNKNOWN || before->where == WHERE_ON_CPU || rise(before, now) > 0)
		return;
	now->where = before->where;
	now->place = before->place;
	now->since_ns = before->since_ns;
}

void delta_init(struct delta *delta, uint64_t min_block_ns)
{
	*delta = (struct delta){ .min_block_ns = min_block_ns };
}

void delta_begin(struct delta *delta, const struct observation *first, uint64_t began_ns,
		 delta_sink *sink, void *arg)
{
	/* threads are born into the run queue */
	struct observation birth = { .t_ns = began_ns, .where = WHERE_RUNNABLE };

	note_place(delta, first);
	if (began_ns) {
		delta->last = birth;
		delta->voluntary_known = true;
		delta_observe(delta, first, sink, arg);
		return;
	}
	delta->last = *first;
	delta->voluntary = first->voluntary;
	delta->voluntary_known = first->voluntary_known;
	delta->queued_before = first->where == WHERE_RUNNABLE || first->where == WHERE_UNKNOWN;
	if (blocked_at(first))
		wait_open(delta, first->place, first->t_ns, 1);
}

void delta_unchanged(struct delta *delta, uint64_t t_ns)
{
	if (latest(delta)->where != WHERE_ON_CPU)
		delta->still_ns = t_ns;
}

void delta_observe(struct delta *delta, const struct observation *now, delta_sink *sink, void *arg)
{
	const struct out out = { sink, arg };
	struct observation look = *now;
	struct interval i;

	settle_still(delta, &out);
	delta->still_ns = 0;
	infer_where(delta, &look);
	i = interval_make(delta, &look);
	if (look.where == WHERE_RUNNABLE && i.may_block)
		join(delta, &i, &look);
	else
		settle(delta, &i, &out);
}

void delta_finish(struct delta *delta, delta_sink *sink, void *arg)
{
	const struct out out = { sink, arg };

	settle_still(delta, &out);
	if (delta->joining) {
		struct observation end = delta->joined;
		struct interval i;

		end.t_ns = MAX(end.t_ns, delta->still_ns);
		end.stopped_ns = 0;
		end.own_pcount = end.own_voluntary = 0;
		i = interval_make(delta, &end);
		settle(delta, &i, &out);
	}
	wait_close(delta, &out);
}
