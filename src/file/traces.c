/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traces.c: every sample of a profile with its value, labels and stack, in the layout of go tool
 * pprof -traces. Samples come in the order of the file. It assumes a valid profile; one sample at a
 * time is in memory as text.
 */
#include "file/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

static const char separator[] =
	"-----------+-------------------------------------------------------\n";

enum { KEY_WIDTH = 10 };

/* Go sorts the lines, in which keys are aligned to the right: short keys come first. */
static int compare_keys(const char *a, const char *b)
{
	size_t x = MIN(strlen(a), (size_t)KEY_WIDTH), y = MIN(strlen(b), (size_t)KEY_WIDTH);

	return x != y ? (x > y) - (x < y) : strcmp(a, b);
}

/* Texts before numbers; values of one key as they are in the file. */
static int compare_labels(const void *a, const void *b)
{
	const struct pprof_label *x = *(const struct pprof_label *const *)a;
	const struct pprof_label *y = *(const struct pprof_label *const *)b;
	int order = (x->str == NULL) - (y->str == NULL);

	if (order == 0)
		order = compare_keys(x->key, y->key);
	return order ? order : (x > y) - (x < y);
}

/* A number without a unit has none in Go's file either, but for bytes (profile.go, NumLabelUnits). */
static const char *label_unit(const struct pprof_label *label)
{
	static const char *const of_bytes[] = { "bytes", "request", "alignment" };

	for (size_t i = 0; i < ARRAY_SIZE(of_bytes); i++)
		if (!*label->unit && strcmp(label->key, of_bytes[i]) == 0)
			return "bytes";
	return label->unit;
}

static void put_label(struct buf *buf, const struct pprof_label *label, bool first)
{
	if (first) {
		size_t width = strlen(label->key);

		buf_printf(buf, "%*s", width < KEY_WIDTH ? (int)(KEY_WIDTH - width) : 0, "");
		buf_puts_escaped(buf, label->key);
		buf_puts(buf, ": ");
	}
	buf_putc(buf, ' ');
	if (label->str)
		buf_puts_escaped(buf, label->str);
	else
		top_put_value(buf, label->num, label_unit(label), NULL);
}

static bool same_list(const struct pprof_label *a, const struct pprof_label *b)
{
	return a->key == b->key && (a->str == NULL) == (b->str == NULL);
}

static void put_labels(struct buf *buf, const struct pprof *profile,
		       const struct pprof_sample *sample)
{
	_cleanup_free_ const struct pprof_label **sorted =
		calloc(sample->nlabels + 1, sizeof(*sorted));

	if (!sorted) {
		buf->failed = true;
		return;
	}
	for (uint32_t i = 0; i < sample->nlabels; i++)
		sorted[i] = &profile->labels.data[sample->first_label + i];
	qsort(sorted, sample->nlabels, sizeof(*sorted), compare_labels);
	for (uint32_t i = 0; i < sample->nlabels; i++) {
		put_label(buf, sorted[i], i == 0 || !same_list(sorted[i - 1], sorted[i]));
		if (!sorted[i + 1] || !same_list(sorted[i], sorted[i + 1]))
			buf_putc(buf, '\n');
	}
}

static void put_location(const struct report *report, struct buf *buf,
			 const struct pprof_location *location, bool *first, int64_t value)
{
	for (uint32_t i = 0; i < pprof_name_count(location); i++) {
		if (*first)
			report_put_value(report, buf, value, 10);
		else
			buf_printf(buf, "%10s", "");
		*first = false;
		buf_puts(buf, "   ");
		buf_puts_escaped(buf, pprof_name(report->profile, location, i));
		buf_puts(buf, i + 1 < location->nlines ? " (inline)\n" : "\n");
	}
}

static void put_sample(const struct report *report, struct buf *buf,
		       const struct pprof_sample *sample)
{
	const struct pprof *profile = report->profile;
	bool first = true;

	buf_puts(buf, separator);
	put_labels(buf, profile, sample);
	for (uint32_t i = 0; i < sample->nframes; i++) {
		uint32_t location = profile->stacks.data[sample->first_frame + i];

		put_location(report, buf, &profile->locations.data[location], &first,
			     report_value(report, sample));
	}
}

static bool has_value(const struct pprof *profile, const struct pprof_sample *sample)
{
	size_t first = (size_t)(sample - profile->samples.data) * profile->types.n;

	for (size_t i = 0; i < profile->types.n; i++)
		if (profile->values.data[first + i])
			return true;
	return false;
}

/* As in Go: a sample may be 0 of the chosen type, but not of all types. */
static bool is_shown(const struct report *report, const struct pprof_sample *sample)
{
	return sample->nframes && has_value(report->profile, sample) &&
	       report_wants(report, sample);
}

/* With a number of rows: samples at least this large are shown. */
static int find_least(const struct report *report, int64_t *ret)
{
	_cleanup_free_ int64_t *values = calloc(report->profile->samples.n + 1, sizeof(*values));
	size_t n = 0;

	if (!values)
		return -1;
	for (size_t i = 0; i < report->profile->samples.n; i++) {
		const struct pprof_sample *sample = &report->profile->samples.data[i];

		if (is_shown(report, sample))
			values[n++] = report_value(report, sample);
	}
	*ret = report_nth_largest(values, n, report->options->rows);
	return 0;
}

int report_traces(const struct report *report, struct out *out, struct ss_error *err)
{
	_cleanup_(buf_done) struct buf buf = { 0 };
	size_t left = report->options->rows ? report->options->rows : SIZE_MAX;
	int64_t least;

	if (find_least(report, &least) < 0)
		return ss_error_oom(err);
	report_heading(report, &buf);
	for (size_t i = 0; i < report->profile->samples.n; i++) {
		const struct pprof_sample *sample = &report->profile->samples.data[i];
		if (!left || !is_shown(report, sample) ||
		    pprof_magnitude(report_value(report, sample)) < least)
			continue;
		put_sample(report, &buf, sample);
		out_buf(out, &buf);
		left--;
	}
	buf_puts(&buf, separator);
	out_buf(out, &buf);
	return out_check(out, err);
}
