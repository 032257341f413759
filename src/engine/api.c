/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the public interface that are no session: version, coverage verdict, formats and
 * output.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/error.h"
#include "engine/output.h"
#include "write/write.h"

const char *ss_version(void)
{
	return SS_VERSION;
}

bool ss_coverage_complete(const struct ss_coverage *coverage)
{
	for (unsigned i = 1; i < SS_NO_STACK_COUNT; i++)
		if (i != SS_NO_STACK_VANISHED && i != SS_NO_STACK_ZOMBIE &&
		    i != SS_NO_STACK_WORKER && coverage->no_stack[i])
			return false;
	for (unsigned i = 0; i < SS_END_COUNT; i++)
		if (i != SS_END_COMPLETE && i != SS_END_NO_CFI && coverage->stack_end[i])
			return false;
	return coverage->files_late == 0;
}

static const char *const format_names[] = { "text", "count",      "pprof", "folded",
					    "json", "speedscope", "html",  NULL };

const char *const *ss_format_names(void)
{
	return format_names;
}

enum ss_format ss_format_of_name(const char *name)
{
	for (int i = 0; format_names[i]; i++)
		if (strcmp(format_names[i], name) == 0)
			return (enum ss_format)i;
	return SS_FORMAT_UNKNOWN;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len > n && strcmp(s + len - n, suffix) == 0;
}

enum ss_format ss_format_of_path(const char *path)
{
	enum ss_format best = SS_FORMAT_UNKNOWN;
	size_t longest = 0;

	/* ".speedscope.json" is ".json" too */
	for (size_t i = 0; i < nwriters; i++) {
		const char *suffix = writers[i]->suffix;

		if (!suffix || strlen(suffix) <= longest || !ends_with(path, suffix))
			continue;
		best = (enum ss_format)i;
		longest = strlen(suffix);
	}
	return best;
}

int ss_output_open(const char *path, struct ss_output **ret, struct ss_error *err)
{
	struct ss_output *output = calloc(1, sizeof(*output));
	int r;

	if (!output)
		return ss_error_oom(err);
	r = out_open(path, &output->out, err);
	if (r < 0) {
		free(output);
		return r;
	}
	*ret = output;
	return 0;
}

/* A compiled filter, or nothing. */
struct filter {
	regex_t regex;
	bool set;
};

static void filter_done(struct filter *filter)
{
	if (filter->set)
		regfree(&filter->regex);
}

static int filter_compile(struct filter *filter, const char *text, struct ss_error *err)
{
	if (!text)
		return 0;
	if (regcomp(&filter->regex, text, REG_EXTENDED | REG_NOSUB) != 0)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
				    "'%s' is not a regular expression", text);
	filter->set = true;
	return 0;
}

/* The options with their filters compiled. */
struct settled_options {
	struct filter focus, ignore;
	struct write_options write;
	const struct writer *writer;
};

static void settled_done(struct settled_options *settled)
{
	filter_done(&settled->focus);
	filter_done(&settled->ignore);
}

static int settle(struct settled_options *settled, const struct ss_write_options *options,
		  struct ss_error *err)
{
	int r = filter_compile(&settled->focus, options->focus, err);

	if (r == 0)
		r = filter_compile(&settled->ignore, options->ignore, err);
	if (r < 0)
		return r;
	if (options->format < 0 || (size_t)options->format >= nwriters)
		return ss_error_set(err, SS_ERR_FORMAT, EINVAL, "no such format");
	settled->writer = writers[options->format];
	settled->write = (struct write_options){
		.go = options->go,
		.color = options->color,
		.all_labels = options->all_labels,
		.focus = settled->focus.set ? &settled->focus.regex : NULL,
		.ignore = settled->ignore.set ? &settled->ignore.regex : NULL,
		.max_frames = options->max_frames,
		.no_idle = options->no_idle,
		.summary = options->summary,
		.chains = options->chains,
		.max_rows = options->max_rows,
	};
	return 0;
}

int ss_output_snapshots(struct ss_output *output, const struct ss_snapshot *const *snapshots,
			size_t n, const struct ss_write_options *options, struct ss_error *err)
{
	_cleanup_(settled_done) struct settled_options settled = { 0 };
	int r = settle(&settled, options, err);

	if (r < 0)
		return r;
	if (!settled.writer->snapshots)
		return ss_error_set(err, SS_ERR_FORMAT, EINVAL,
				    "the format %s has no form for a snapshot",
				    settled.writer->name);
	return settled.writer->snapshots(output->out, snapshots, n, &settled.write, err);
}

int ss_output_profiles(struct ss_output *output, const struct ss_profile *const *profiles, size_t n,
		       const struct ss_write_options *options, struct ss_error *err)
{
	_cleanup_(settled_done) struct settled_options settled = { 0 };
	int r = settle(&settled, options, err);

	if (r < 0)
		return r;
	if (!settled.writer->profiles)
		return ss_error_set(err, SS_ERR_FORMAT, EINVAL,
				    "the format %s has no form for a capture",
				    settled.writer->name);
	return settled.writer->profiles(output->out, profiles, n, &settled.write, err);
}

int ss_output_commit(struct ss_output *output, struct ss_error *err)
{
	int r = out_commit(output->out, err);

	free(output);
	return r;
}

void ss_output_discard(struct ss_output *output)
{
	if (!output)
		return;
	out_discard(output->out);
	free(output);
}
