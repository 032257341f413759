/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.c: the choice of the sample type and of the samples, and the table of functions. Which
 * functions match is asked once for each function, not for each frame. It assumes a valid profile
 * and changes nothing in it. Layouts are those of go tool pprof, where it has them.
 */
#include "file/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "write/write.h"

enum {
	REPORT_FOCUS = 1,
	REPORT_IGNORE = 2,
};

/* Go's -nodefraction: less than this is noise. */
#define NODE_FRACTION 0.005

/* ---- what is wanted ---- */

/* By name first: a type may be called "1". */
static bool find_type(const struct pprof *profile, const char *name, size_t *ret)
{
	size_t index = 0;

	for (size_t i = 0; i < profile->types.n; i++) {
		if (strcmp(profile->types.data[i].type, name) == 0) {
			*ret = i;
			return true;
		}
	}
	for (const char *p = name; *p; p++) {
		if (*p < '0' || *p > '9' || index > profile->types.n)
			return false;
		index = index * 10 + (size_t)(*p - '0');
	}
	if (!*name || index >= profile->types.n)
		return false;
	*ret = index;
	return true;
}

static int fail_type(const struct pprof *profile, const char *name, struct ss_error *err)
{
	_cleanup_(buf_done) struct buf all = { 0 };

	for (size_t i = 0; i < profile->types.n; i++) {
		const struct pprof_type *type = &profile->types.data[i];

		buf_printf(&all, "%s%s", type == profile->types.data ? "" : ", ", type->type);
	}
	if (all.failed)
		return ss_error_oom(err);
	return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL,
			    "the profile has no sample type '%.60s'; it has: %.120s", name,
			    all.data);
}

static int choose_type(struct report *report, const char *name, struct ss_error *err)
{
	const struct pprof *profile = report->profile;

	report->type = profile->types.n - 1;
	if (name)
		return find_type(profile, name, &report->type) ? 0 : fail_type(profile, name, err);
	if (*profile->default_type)
		find_type(profile, profile->default_type, &report->type);
	return 0;
}

static int compile(regex_t *regex, const char *text, bool *ret_has, struct ss_error *err)
{
	char why[128];
	int r;

	if (!text)
		return 0;
	r = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, regex, why, sizeof(why));
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL, "'%.80s': %s", text, why);
	}
	*ret_has = true;
	return 0;
}

static uint8_t match(const struct report *report, const char *name)
{
	uint8_t flags = 0;

	if (report->has_focus && write_name_matches(&report->focus, name))
		flags |= REPORT_FOCUS;
	if (report->has_ignore && write_name_matches(&report->ignore, name))
		flags |= REPORT_IGNORE;
	return flags;
}

static int match_functions(struct report *report)
{
	const struct pprof *profile = report->profile;

	report->functions = calloc(profile->functions.n + 1, 1);
	if (!report->functions)
		return -ENOMEM;
	for (size_t i = 0; i < profile->functions.n; i++)
		report->functions[i] = match(report, profile->functions.data[i].name);
	return 0;
}

static int64_t find_total(const struct pprof *profile, size_t type)
{
	int64_t total = 0;

	for (size_t i = 0; i < profile->samples.n; i++)
		total = pprof_sum(
			total, pprof_magnitude(profile->values.data[i * profile->types.n + type]));
	return total;
}

static int prepare(struct report *report, const struct pprof *whole, struct ss_error *err)
{
	const struct ss_report_options *options = report->options;
	int r = choose_type(report, options->sample_index, err);

	if (r == 0)
		r = compile(&report->focus, options->focus, &report->has_focus, err);
	if (r == 0)
		r = compile(&report->ignore, options->ignore, &report->has_ignore, err);
	if (r == 0 && match_functions(report) < 0)
		r = ss_error_oom(err);
	if (r < 0)
		return r;
	/* like -diff_base: shares of what there was, unless there was nothing */
	report->total = find_total(whole, report->type);
	if (!report->total)
		report->total = find_total(report->profile, report->type);
	return 0;
}

int report_init(struct report *report, const struct pprof *profile, const struct pprof *whole,
		const struct ss_report_options *options, struct ss_error *err)
{
	int r;

	*report = (struct report){ .profile = profile, .options = options };
	r = prepare(report, whole, err);
	if (r < 0)
		report_done(report);
	return r;
}

void report_done(struct report *report)
{
	free(report->functions);
	if (report->has_focus)
		regfree(&report->focus);
	if (report->has_ignore)
		regfree(&report->ignore);
	*report = (struct report){ 0 };
}

/* ---- samples ---- */

const struct pprof_type *report_type(const struct report *report)
{
	return &report->profile->types.data[report->type];
}

int64_t report_value(const struct report *report, const struct pprof_sample *sample)
{
	const struct pprof *profile = report->profile;
	size_t index = (size_t)(sample - profile->samples.data);

	return profile->values.data[index * profile->types.n + report->type];
}

static uint8_t location_flags(const struct report *report, const struct pprof_location *location)
{
	const struct pprof *profile = report->profile;
	uint8_t flags = 0;

	if (!location->nlines)
		return match(report, pprof_name(profile, location, 0));
	for (uint32_t i = 0; i < location->nlines; i++)
		flags |= report->functions[profile->lines.data[location->first_line + i].function];
	return flags;
}

bool report_wants(const struct report *report, const struct pprof_sample *sample)
{
	const struct pprof *profile = report->profile;
	uint8_t flags = 0;

	if (!report->has_focus && !report->has_ignore)
		return true;
	for (uint32_t i = 0; i < sample->nframes; i++) {
		uint32_t location = profile->stacks.data[sample->first_frame + i];

		flags |= location_flags(report, &profile->locations.data[location]);
	}
	return !(flags & REPORT_IGNORE) && (!report->has_focus || flags & REPORT_FOCUS);
}

int report_stack(const struct report *report, const struct pprof_sample *sample,
		 struct report_names *names)
{
	const struct pprof *profile = report->profile;

	names->n = 0;
	for (uint32_t i = 0; i < sample->nframes; i++) {
		const struct pprof_location *location =
			&profile->locations.data[profile->stacks.data[sample->first_frame + i]];

		for (uint32_t k = 0; k < pprof_name_count(location); k++)
			if (vec_push(names, pprof_name(profile, location, k)) < 0)
				return -ENOMEM;
	}
	return 0;
}

static int sum_samples(const struct report *report, struct top *top, struct report_names *names)
{
	for (size_t i = 0; i < report->profile->samples.n; i++) {
		const struct pprof_sample *sample = &report->profile->samples.data[i];
		int64_t value = report_value(report, sample);

		/* as in Go: what has nothing of this type is not in its table */
		if (value == 0 || !report_wants(report, sample))
			continue;
		if (report_stack(report, sample, names) < 0 ||
		    top_add(top, names->data, names->n, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

int report_sum(const struct report *report, struct top **ret, struct ss_error *err)
{
	struct report_names names = { 0 };
	struct top *top = top_new();
	int r = top ? sum_samples(report, top, &names) : -ENOMEM;

	vec_done(&names);
	if (r < 0) {
		top_free(top);
		return ss_error_oom(err);
	}
	*ret = top;
	return 0;
}

/* ---- pieces of text ---- */

void report_put_value(const struct report *report, struct buf *buf, int64_t value, int width)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	top_put_value(&text, value, report_type(report)->unit, report->options->unit);
	if (text.failed)
		buf->failed = true;
	else
		buf_printf(buf, "%*s", width, text.data);
}

static void put_field(struct buf *buf, const char *key, const char *value)
{
	if (!*value)
		return;
	buf_printf(buf, "%s: ", key);
	buf_puts_escaped(buf, value);
	buf_putc(buf, '\n');
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* As in Go: for times only. */
static void put_share_of_duration(const struct report *report, struct buf *buf)
{
	double ns = (double)report->total * top_unit_ns(report_type(report)->unit);

	if (ns <= 0)
		return;
	buf_puts(buf, " (");
	top_put_percent(buf, ns, (double)report->profile->duration_ns);
	buf_putc(buf, ')');
}

void report_heading(const struct report *report, struct buf *buf)
{
	const struct pprof *profile = report->profile;

	if (report->title)
		buf_puts(buf, report->title);
	if (profile->mappings.n) {
		put_field(buf, "File", base_name(profile->mappings.data[0].file));
		put_field(buf, "Build ID", profile->mappings.data[0].build_id);
	}
	put_field(buf, "Type", report_type(report)->type);
	if (!report->title && profile->duration_ns) {
		buf_puts(buf, "Duration: ");
		top_put_value(buf, profile->duration_ns, "nanoseconds", NULL);
		buf_puts(buf, ", Total samples = ");
		report_put_value(report, buf, report->total, 0);
		put_share_of_duration(report, buf);
		buf_putc(buf, '\n');
	}
}

static int compare_magnitudes(const void *a, const void *b)
{
	int64_t x = pprof_magnitude(*(const int64_t *)a), y = pprof_magnitude(*(const int64_t *)b);

	return x > y ? -1 : x < y;
}

int64_t report_nth_largest(int64_t *values, size_t count, size_t n)
{
	if (n == 0 || count <= n)
		return 0;
	qsort(values, count, sizeof(*values), compare_magnitudes);
	return pprof_magnitude(values[n - 1]);
}

/* ---- the table ---- */

/* Rows where increases and decreases have cancelled each other say nothing. */
static size_t copy_rows(struct top_row *to, const struct top_row *rows, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (rows[i].flat || rows[i].cum)
			to[kept++] = rows[i];
	return kept;
}

static void put_table(const struct report *report, struct buf *buf, const struct top_row *rows,
		      size_t n)
{
	const struct pprof *profile = report->profile;
	const struct pprof_type *type = report_type(report);
	bool one_file = !report->title;
	const struct pprof_mapping *main = profile->mappings.n ? profile->mappings.data : NULL;
	const struct top_options options = {
		.type = type->type,
		.unit = type->unit,
		.output_unit = report->options->unit,
		.total = report->total,
		.cum = report->options->cum,
		.max_rows = report->options->rows,
		.node_fraction = report->options->small ? 0 : NODE_FRACTION,
		.file = main ? main->file : NULL,
		.build_id = main ? main->build_id : NULL,
		.time_ns = one_file ? profile->time_ns : 0,
		.duration_ns = one_file ? profile->duration_ns : 0,
	};

	if (report->title)
		buf_puts(buf, report->title);
	top_write(buf, rows, n, &options);
}

static int write_table(const struct report *report, struct top *top, struct out *out)
{
	_cleanup_(buf_done) struct buf buf = { 0 };
	_cleanup_free_ struct top_row *copy = NULL;
	const struct top_row *rows;
	size_t n;

	if (top_rows(top, report->options->cum, &rows, &n) < 0)
		return -ENOMEM;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	put_table(report, &buf, copy, copy_rows(copy, rows, n));
	out_buf(out, &buf);
	return 0;
}

static int report_top(const struct report *report, struct out *out, struct ss_error *err)
{
	struct top *top;
	int r = report_sum(report, &top, err);

	if (r < 0)
		return r;
	r = write_table(report, top, out);
	top_free(top);
	return r < 0 ? ss_error_oom(err) : out_check(out, err);
}

int report_write(const struct report *report, struct out *out, struct ss_error *err)
{
	switch (report->options->kind) {
	case SS_REPORT_TRACES:
		return report_traces(report, out, err);
	case SS_REPORT_TREE:
		return report_tree(report, out, err);
	case SS_REPORT_TOP:
		break;
	}
	return report_top(report, out, err);
}
