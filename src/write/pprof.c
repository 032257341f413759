/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof.c: profile.proto, gzipped (debug=0), for go tool pprof, Pyroscope, Parca and speedscope.
 * In a snapshot every thread with a stack is a sample of its own: the tid label sets it apart from
 * any other; in a profile every account is one. A thread without a stack is in the comments only.
 */
#include "write/pprof-build.h"

#include "write/account.h"

static void builder_free_p(struct pprof_builder **b)
{
	pprof_builder_free(*b);
}

static void put_origin(struct buf *text, pid_t pid, const char *comm)
{
	buf_printf(text, "stacksnap %s, process %d ", ss_version(), pid);
	write_quoted(text, comm);
	buf_putc(text, '\n');
}

static void add_mappings(struct pprof_builder *b, const struct mapping *const *mappings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pprof_mapping_id(b, mappings[i]);
}

/* ---- snapshots ---- */

static void add_snapshot_comments(struct pprof_builder *b, const struct ss_snapshot *snapshot,
				  const struct write_options *options, size_t shown)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	put_origin(&text, snapshot->pid, snapshot->comm);
	write_shown(&text, options, shown, snapshot->nthreads, "threads", "");
	write_coverage(&text, snapshot, "");
	pprof_add_comments(b, &text);
}

static void add_snapshot(struct pprof_builder *b, const struct ss_snapshot *snapshot,
			 const struct write_options *options)
{
	static const int64_t one = 1;
	size_t shown = 0;

	add_mappings(b, snapshot->mappings, snapshot->nmappings);
	for (size_t i = 0; i < snapshot->nthreads; i++) {
		const struct thread *thread = &snapshot->threads[i];

		if (!write_wants_thread(thread, options))
			continue;
		shown++;
		if (write_has_stack(thread))
			pprof_add_sample(b, snapshot->pid, thread, &one);
	}
	add_snapshot_comments(b, snapshot, options, shown);
}

static int pprof_snapshots(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			   const struct write_options *options, struct ss_error *err)
{
	static const struct pprof_period period = { "thread", "count", 1 };
	_cleanup_(builder_free_p) struct pprof_builder *b = pprof_builder_new(options, n > 1);

	if (!b)
		return ss_error_oom(err);
	pprof_add_type(b, "thread", "count");
	for (size_t i = 0; i < n; i++)
		add_snapshot(b, snapshots[i], options);
	return pprof_finish(b, &period, snapshots[0]->wall_ns, 0, out, err);
}

/* ---- profiles ---- */

static void add_profile_comments(struct pprof_builder *b, const struct ss_profile *profile,
				 const struct write_options *options)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct account_sum sum = account_sum(profile, options);

	put_origin(&text, profile->pid, profile->comm);
	account_coverage(&text, profile, options, &sum, "");
	pprof_add_comments(b, &text);
}

static void add_profile(struct pprof_builder *b, const struct ss_profile *profile,
			const struct write_options *options)
{
	const struct account_view *view = account_view(profile->kind);
	int64_t values[ACCOUNT_MAX_VALUES];

	add_mappings(b, profile->mappings, profile->nmappings);
	for (size_t i = 0; i < profile->naccounts; i++) {
		const struct account *account = &profile->accounts[i];
		struct thread thread;

		if (!account_is_shown(profile, account, options))
			continue;
		thread = account_thread(profile, account);
		account_values(account, view, values);
		pprof_add_sample(b, profile->pid, &thread, values);
	}
	add_profile_comments(b, profile, options);
}

/* Several processes were captured at once: one time and one duration stand for all. */
static int pprof_profiles(struct out *out, const struct ss_profile *const *profiles, size_t n,
			  const struct write_options *options, struct ss_error *err)
{
	const struct account_view *view = account_view(profiles[0]->kind);
	struct pprof_period period = { view->period_type.type, view->period_type.unit, 1 };
	_cleanup_(builder_free_p) struct pprof_builder *b = pprof_builder_new(options, n > 1);
	uint64_t duration_ns = 0;

	if (!b)
		return ss_error_oom(err);
	if (view->period_is_time)
		period.period = (int64_t)profiles[0]->period_ns;
	for (size_t i = 0; i < view->ntypes; i++)
		pprof_add_type(b, view->types[i].type, view->types[i].unit);
	for (size_t i = 0; i < n; i++) {
		add_profile(b, profiles[i], options);
		duration_ns = MAX(duration_ns, profiles[i]->duration_ns);
	}
	return pprof_finish(b, &period, profiles[0]->wall_ns, duration_ns, out, err);
}

const struct writer writer_pprof = {
	.name = "pprof",
	.suffix = ".pb.gz",
	.snapshots = pprof_snapshots,
	.profiles = pprof_profiles,
};
