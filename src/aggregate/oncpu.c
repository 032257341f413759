/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oncpu.c: sums of time and a list of places, and for a time line the pieces that the sums consist of.
 * Samples that come before their time (a thread whose interval delta.c joins with the next, or whose
 * counter lags) wait for it.
 */
#include "aggregate/oncpu.h"

#include <stdlib.h>

#include "base/attr.h"

/* Where credits go, and how much of the pieces has gone there. */
struct out {
	delta_sink *sink;
	void *arg;
	size_t piece;     /* the first one that has not gone altogether */
	uint64_t part_ns; /* of it has gone */
};

void oncpu_init(struct oncpu *oncpu, bool ordered)
{
	*oncpu = (struct oncpu){ .ordered = ordered };
}

void oncpu_done(struct oncpu *oncpu)
{
	vec_done(&oncpu->samples);
	vec_done(&oncpu->pieces);
}

int oncpu_sample(struct oncpu *oncpu, uint32_t place)
{
	oncpu->place = place;
	if (oncpu->samples.n < ONCPU_SAMPLES)
		return vec_push(&oncpu->samples, place);
	oncpu->samples.data[ONCPU_SAMPLES - 1] = place;
	return 0;
}

/* ---- sending on ---- */

static void send(const struct out *out, uint32_t place, uint64_t start_ns, uint64_t ns)
{
	const struct credit credit = {
		.kind = CREDIT_ON_CPU,
		.place = place,
		.start_ns = start_ns,
		.ns = ns,
	};

	if (ns)
		out->sink(out->arg, &credit);
}

/* The next `ns` of the pieces. */
static void send_pieces(const struct oncpu *oncpu, struct out *out, uint32_t place, uint64_t ns)
{
	while (ns && out->piece < oncpu->pieces.n) {
		const struct oncpu_piece *piece = &oncpu->pieces.data[out->piece];
		uint64_t rest = piece->ns - out->part_ns;
		uint64_t part = MIN(ns, rest);

		send(out, place, piece->start_ns + out->part_ns, part);
		ns -= part;
		out->part_ns += part;
		if (part < rest)
			continue;
		out->piece++;
		out->part_ns = 0;
	}
}

static void give(const struct oncpu *oncpu, struct out *out, uint32_t place, uint64_t ns)
{
	if (oncpu->ordered)
		send_pieces(oncpu, out, place, ns);
	else
		send(out, place, 0, ns);
}

static void share_out(const struct oncpu *oncpu, struct out *out)
{
	uint64_t left = oncpu->ns, before = oncpu->before_ns;
	size_t n = oncpu->samples.n;

	for (size_t k = 0; k < n; k++) {
		uint64_t part = left / (n - k);

		give(oncpu, out, oncpu->samples.data[k], before + part);
		left -= part;
		before = 0;
	}
}

/* Where time goes that no sample follows. */
static struct credit unsampled(const struct oncpu *oncpu)
{
	if (oncpu->place)
		return (struct credit){ .kind = CREDIT_ON_CPU, .place = oncpu->place };
	return (struct credit){ .kind = CREDIT_ON_CPU_UNSEEN, .place = oncpu->near_place };
}

static void send_unsampled(const struct oncpu *oncpu, const struct out *out)
{
	struct credit credit = unsampled(oncpu);

	if (!oncpu->ordered && oncpu->before_ns + oncpu->ns) {
		credit.ns = oncpu->before_ns + oncpu->ns;
		out->sink(out->arg, &credit);
	}
	vec_each(piece, &oncpu->pieces) {
		credit.start_ns = piece->start_ns;
		credit.ns = piece->ns;
		out->sink(out->arg, &credit);
	}
}

static void send_all(struct oncpu *oncpu, delta_sink *sink, void *arg)
{
	struct out out = { .sink = sink, .arg = arg };

	if (oncpu->samples.n)
		share_out(oncpu, &out);
	else
		send_unsampled(oncpu, &out);
	oncpu->before_ns = oncpu->ns = 0;
	oncpu->samples.n = oncpu->pieces.n = 0;
}

/* ---- holding ---- */

static bool extend_piece(struct oncpu *oncpu, const struct credit *credit)
{
	struct oncpu_piece *last = oncpu->pieces.n ? &oncpu->pieces.data[oncpu->pieces.n - 1]
						   : NULL;

	if (!last || last->start_ns + last->ns != credit->start_ns)
		return false;
	last->ns += credit->ns;
	return true;
}

/* False if memory is out. */
static bool keep_piece(struct oncpu *oncpu, const struct credit *credit)
{
	const struct oncpu_piece piece = { credit->start_ns, credit->ns };

	return extend_piece(oncpu, credit) || vec_push(&oncpu->pieces, piece) == 0;
}

void oncpu_hold(struct oncpu *oncpu, const struct credit *credit, delta_sink *sink, void *arg)
{
	if (credit->place)
		oncpu->near_place = credit->place;
	if (oncpu->pieces.n >= ONCPU_PIECES)
		send_all(oncpu, sink, arg);
	if (oncpu->ordered && !keep_piece(oncpu, credit)) {
		struct credit now = unsampled(oncpu);

		send_all(oncpu, sink, arg);
		now.start_ns = credit->start_ns;
		now.ns = credit->ns;
		sink(arg, &now);
		return;
	}
	oncpu->ns += credit->ns;
}

void oncpu_tick(struct oncpu *oncpu, delta_sink *sink, void *arg)
{
	if (oncpu->ns && oncpu->samples.n) {
		send_all(oncpu, sink, arg);
		return;
	}
	oncpu->before_ns += oncpu->ns;
	oncpu->ns = 0;
}

void oncpu_finish(struct oncpu *oncpu, delta_sink *sink, void *arg)
{
	send_all(oncpu, sink, arg);
}
