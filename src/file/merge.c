/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.c: every part of a profile (mapping, function, location, sample) has a key of bytes that
 * says what it is in terms of parts merged before; keys are interned, so that equal parts meet in a
 * map. It assumes valid profiles. It never looks at the order or the ids of a file.
 */
#include "file/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/map64.h"

/* From a kind of part to its index in the sum. */
struct known {
	struct strtab keys;
	struct map64 indexes; /* interned key -> index */
};

struct merge {
	struct pprof *sum;
	const char *first_name;
	struct known mappings, functions, locations, samples;
	struct map64 comments;
	struct buf key; /* of the part at work */
	/* the profile at work: its indexes -> those of the sum */
	const struct merge_part *part;
	uint32_t *mapping_of, *function_of, *location_of;
};

static void known_done(struct known *known)
{
	strtab_done(&known->keys);
	map64_done(&known->indexes);
}

struct merge *merge_new(void)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (merge)
		merge->sum = pprof_new();
	if (merge && merge->sum)
		return merge;
	free(merge);
	return NULL;
}

static void forget_part(struct merge *merge)
{
	free(merge->mapping_of);
	free(merge->function_of);
	free(merge->location_of);
	merge->mapping_of = merge->function_of = merge->location_of = NULL;
	merge->part = NULL;
}

void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	forget_part(merge);
	pprof_free(merge->sum);
	known_done(&merge->mappings);
	known_done(&merge->functions);
	known_done(&merge->locations);
	known_done(&merge->samples);
	map64_done(&merge->comments);
	buf_done(&merge->key);
	free(merge);
}

/* ---- keys ---- */

#define KEY(merge, value) buf_add(&(merge)->key, &(value), sizeof(value))

/*
 * The index of the part whose key is in merge->key, or, if it is a new one, `next`, which the caller
 * then fills. -ENOMEM.
 */
static int find_known(struct merge *merge, struct known *known, size_t next, uint32_t *ret)
{
	const uint64_t *found;
	const char *key;

	if (merge->key.failed || next >= PPROF_NONE)
		return -ENOMEM;
	/* an empty key is one too: a sample without stack and labels */
	key = strtab_intern_n(&known->keys, merge->key.len ? merge->key.data : "", merge->key.len);
	if (!key)
		return -ENOMEM;
	found = map64_find(&known->indexes, (uintptr_t)key);
	*ret = found ? (uint32_t)*found : (uint32_t)next;
	return found ? 0 : map64_put(&known->indexes, (uintptr_t)key, next);
}

/* Ranges are in 32 bits: a sum of many of the largest files could be too much. */
static bool has_room(size_t n, uint32_t more)
{
	return n + more < PPROF_NONE;
}

/* A text in the sum's own table: equal texts are equal pointers there. */
static const char *own(struct merge *merge, const char *text)
{
	return strtab_intern(&merge->sum->strings, text);
}

/* ---- mappings ---- */

static const char *mapping_name(const struct pprof_mapping *mapping)
{
	return *mapping->build_id ? mapping->build_id : mapping->file;
}

/* Readers of /proc/PID/maps and of ELF headers round sizes differently. */
static uint64_t mapping_pages(const struct pprof_mapping *mapping)
{
	enum { PAGE = 4096 };

	return (mapping->limit - mapping->start + PAGE - 1) / PAGE;
}

/* A frame's claim (has_lines and so on) must hold for all files. */
static void weaken(struct pprof_mapping *to, const struct pprof_mapping *from)
{
	to->has_functions &= from->has_functions;
	to->has_filenames &= from->has_filenames;
	to->has_line_numbers &= from->has_line_numbers;
	to->has_inline_frames &= from->has_inline_frames;
}

static int add_mapping(struct merge *merge, const struct pprof_mapping *from, uint32_t *ret)
{
	struct pprof *sum = merge->sum;
	struct pprof_mapping mapping = *from;
	const char *name = own(merge, mapping_name(from));
	uint64_t pages = mapping_pages(from);

	buf_reset(&merge->key);
	KEY(merge, name);
	KEY(merge, pages);
	KEY(merge, from->offset);
	mapping.file = own(merge, from->file);
	mapping.build_id = own(merge, from->build_id);
	if (!name || !mapping.file || !mapping.build_id ||
	    find_known(merge, &merge->mappings, sum->mappings.n, ret) < 0)
		return -ENOMEM;
	if (*ret < sum->mappings.n) {
		weaken(&sum->mappings.data[*ret], from);
		return 0;
	}
	mapping.label = pprof_mapping_label(&sum->strings, mapping.file);
	return mapping.label ? vec_push(&sum->mappings, mapping) : -ENOMEM;
}

/* ---- functions and locations ---- */

static int add_function(struct merge *merge, const struct pprof_function *from, uint32_t *ret)
{
	struct pprof *sum = merge->sum;
	struct pprof_function function = {
		.name = own(merge, from->name),
		.system_name = own(merge, from->system_name),
		.file = own(merge, from->file),
		.start_line = from->start_line,
	};

	buf_reset(&merge->key);
	KEY(merge, function.name);
	KEY(merge, function.system_name);
	KEY(merge, function.file);
	KEY(merge, function.start_line);
	if (!function.name || !function.system_name || !function.file ||
	    find_known(merge, &merge->functions, sum->functions.n, ret) < 0)
		return -ENOMEM;
	return *ret < sum->functions.n ? 0 : vec_push(&sum->functions, function);
}

static int push_location(struct merge *merge, const struct pprof_location *from,
			 struct pprof_location *location)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;

	if (!has_room(sum->lines.n, from->nlines))
		return -ENOMEM;
	location->first_line = (uint32_t)sum->lines.n;
	for (uint32_t i = 0; i < from->nlines; i++) {
		struct pprof_line line = in->lines.data[from->first_line + i];

		line.function = merge->function_of[line.function];
		if (vec_push(&sum->lines, line) < 0)
			return -ENOMEM;
	}
	return vec_push(&sum->locations, *location);
}

static void make_location_key(struct merge *merge, const struct pprof_location *from,
			      const struct pprof_location *location)
{
	const struct pprof *in = merge->part->profile;

	buf_reset(&merge->key);
	KEY(merge, location->mapping);
	KEY(merge, location->address);
	KEY(merge, location->folded);
	for (uint32_t i = 0; i < from->nlines; i++) {
		const struct pprof_line *line = &in->lines.data[from->first_line + i];

		KEY(merge, merge->function_of[line->function]);
		KEY(merge, line->line);
	}
}

static int add_location(struct merge *merge, const struct pprof_location *from, uint32_t *ret)
{
	struct pprof_location location = *from;
	struct pprof *sum = merge->sum;

	/* the same distance from where the sum has the mapping; unsigned, so that nothing overflows */
	if (from->mapping != PPROF_NONE) {
		location.mapping = merge->mapping_of[from->mapping];
		location.address -= merge->part->profile->mappings.data[from->mapping].start;
		location.address += sum->mappings.data[location.mapping].start;
	}
	make_location_key(merge, from, &location);
	if (find_known(merge, &merge->locations, sum->locations.n, ret) < 0)
		return -ENOMEM;
	return *ret < sum->locations.n ? 0 : push_location(merge, from, &location);
}

/* ---- samples ---- */

/* By key and value, so that the order in which a writer put them does not matter. */
static int compare_labels(const void *a, const void *b)
{
	const struct pprof_label *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (order == 0)
		order = (x->str != NULL) - (y->str != NULL);
	if (order == 0 && x->str)
		order = strcmp(x->str, y->str);
	if (order == 0)
		order = (x->num > y->num) - (x->num < y->num);
	return order ? order : strcmp(x->unit, y->unit);
}

static int own_label(struct merge *merge, struct pprof_label *label)
{
	label->key = own(merge, label->key);
	label->unit = own(merge, label->unit);
	if (!label->key || !label->unit)
		return -ENOMEM;
	if (label->str)
		label->str = own(merge, label->str);
	else
		return 0;
	return label->str ? 0 : -ENOMEM;
}

/* The sample's labels at the end of the sum's, sorted; the caller may take them away again. */
static int push_labels(struct merge *merge, const struct pprof_sample *from, uint32_t *ret_n)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;
	size_t first = sum->labels.n;

	*ret_n = merge->part->without_labels ? 0 : from->nlabels;
	if (!has_room(first, *ret_n) || vec_reserve(&sum->labels, first + *ret_n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < *ret_n; i++) {
		sum->labels.data[first + i] = in->labels.data[from->first_label + i];
		if (own_label(merge, &sum->labels.data[first + i]) < 0)
			return -ENOMEM;
	}
	if (*ret_n)
		qsort(sum->labels.data + first, *ret_n, sizeof(*sum->labels.data), compare_labels);
	sum->labels.n += *ret_n;
	return 0;
}

static int push_stack(struct merge *merge, const struct pprof_sample *from)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;

	if (!has_room(sum->stacks.n, from->nframes) ||
	    vec_reserve(&sum->stacks, sum->stacks.n + from->nframes) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->nframes; i++)
		sum->stacks.data[sum->stacks.n++] =
			merge->location_of[in->stacks.data[from->first_frame + i]];
	return 0;
}

static void make_sample_key(struct merge *merge, const struct pprof_sample *sample)
{
	const struct pprof *sum = merge->sum;

	buf_reset(&merge->key);
	KEY(merge, sample->nframes);
	for (uint32_t i = 0; i < sample->nframes; i++)
		KEY(merge, sum->stacks.data[sample->first_frame + i]);
	for (uint32_t i = 0; i < sample->nlabels; i++) {
		const struct pprof_label *label = &sum->labels.data[sample->first_label + i];

		KEY(merge, label->key);
		KEY(merge, label->str);
		KEY(merge, label->unit);
		KEY(merge, label->num);
	}
}

/* A new sample begins with zeros. */
static int push_sample(struct pprof *sum, const struct pprof_sample *sample)
{
	if (vec_reserve(&sum->values, sum->values.n + sum->types.n) < 0 ||
	    vec_push(&sum->samples, *sample) < 0)
		return -ENOMEM;
	memset(sum->values.data + sum->values.n, 0, sum->types.n * sizeof(*sum->values.data));
	sum->values.n += sum->types.n;
	return 0;
}

static void add_values(struct merge *merge, const int64_t *from, uint32_t index)
{
	size_t ntypes = merge->sum->types.n;
	int64_t *to = merge->sum->values.data + index * ntypes;

	for (size_t i = 0; i < ntypes; i++)
		to[i] = pprof_sum(to[i], merge->part->negate ? pprof_negated(from[i]) : from[i]);
}

static int add_sample(struct merge *merge, const struct pprof_sample *from, uint32_t *ret)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;
	size_t at = (size_t)(from - in->samples.data) * in->types.n;
	struct pprof_sample sample = {
		.first_frame = (uint32_t)sum->stacks.n,
		.nframes = from->nframes,
		.first_label = (uint32_t)sum->labels.n,
	};

	if (push_stack(merge, from) < 0 || push_labels(merge, from, &sample.nlabels) < 0)
		return -ENOMEM;
	make_sample_key(merge, &sample);
	if (find_known(merge, &merge->samples, sum->samples.n, ret) < 0)
		return -ENOMEM;
	if (*ret < sum->samples.n) {
		sum->stacks.n = sample.first_frame;
		sum->labels.n = sample.first_label;
	} else if (push_sample(sum, &sample) < 0) {
		return -ENOMEM;
	}
	add_values(merge, in->values.data + at, *ret);
	return 0;
}

/* ---- whole profiles ---- */

static int add_comments(struct merge *merge)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;

	for (size_t i = 0; i < in->comments.n; i++) {
		const char *const *comment = &in->comments.data[i];
		const char *text = own(merge, *comment);

		if (!text)
			return -ENOMEM;
		if (map64_find(&merge->comments, (uintptr_t)text))
			continue;
		if (vec_push(&sum->comments, text) < 0 ||
		    map64_put(&merge->comments, (uintptr_t)text, 0) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy_type(struct merge *merge, struct pprof_type *to, const struct pprof_type *from)
{
	to->type = own(merge, from->type);
	to->unit = own(merge, from->unit);
	return to->type && to->unit ? 0 : -ENOMEM;
}

/* What the first profile decides. */
static int copy_head(struct merge *merge)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;

	if (vec_reserve(&sum->types, in->types.n) < 0 ||
	    copy_type(merge, &sum->period_type, &in->period_type) < 0)
		return -ENOMEM;
	for (; sum->types.n < in->types.n; sum->types.n++)
		if (copy_type(merge, &sum->types.data[sum->types.n],
			      &in->types.data[sum->types.n]) < 0)
			return -ENOMEM;
	sum->default_type = own(merge, in->default_type);
	sum->drop_frames = own(merge, in->drop_frames);
	sum->keep_frames = own(merge, in->keep_frames);
	merge->first_name = merge->part->name;
	return sum->default_type && sum->drop_frames && sum->keep_frames ? 0 : -ENOMEM;
}

static void add_times(struct merge *merge)
{
	const struct pprof *in = merge->part->profile;
	struct pprof *sum = merge->sum;

	if (in->time_ns && (!sum->time_ns || in->time_ns < sum->time_ns))
		sum->time_ns = in->time_ns;
	sum->duration_ns = pprof_sum(sum->duration_ns, in->duration_ns);
	sum->period = MAX(sum->period, in->period);
}

/* Add each element of the profile's list by add(); where it went is noted in map[]. */
#define ADD_LIST(merge, list, map, add)                                     \
	({                                                                  \
		const struct pprof *in_ = (merge)->part->profile;           \
		int r_ = 0;                                                 \
		(map) = calloc(in_->list.n + 1, sizeof(*(map)));            \
		if (!(map))                                                 \
			r_ = -ENOMEM;                                       \
		for (size_t i_ = 0; i_ < in_->list.n && r_ == 0; i_++)      \
			r_ = add((merge), &in_->list.data[i_], &(map)[i_]); \
		r_;                                                         \
	})

static int add_lists(struct merge *merge)
{
	_cleanup_free_ uint32_t *sample_of = NULL;
	int r = ADD_LIST(merge, mappings, merge->mapping_of, add_mapping);

	if (r == 0)
		r = ADD_LIST(merge, functions, merge->function_of, add_function);
	if (r == 0)
		r = ADD_LIST(merge, locations, merge->location_of, add_location);
	if (r == 0)
		r = ADD_LIST(merge, samples, sample_of, add_sample);
	return r;
}

static bool same_type(const struct pprof_type *a, const struct pprof_type *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->unit, b->unit) == 0;
}

static bool same_types(const struct pprof *a, const struct pprof *b)
{
	bool same = a->types.n == b->types.n && same_type(&a->period_type, &b->period_type);

	for (size_t i = 0; same && i < a->types.n; i++)
		same = same_type(&a->types.data[i], &b->types.data[i]);
	return same;
}

/* "samples/count cpu/nanoseconds, period cpu/nanoseconds" */
static void put_types(struct buf *buf, const struct pprof *profile)
{
	for (size_t i = 0; i < profile->types.n; i++) {
		const struct pprof_type *type = &profile->types.data[i];

		buf_printf(buf, "%s/%s ", type->type, type->unit);
	}
	buf_printf(buf, "(period %s/%s)", profile->period_type.type, profile->period_type.unit);
}

static int fail_types(const struct merge *merge, const struct merge_part *part,
		      struct ss_error *err)
{
	_cleanup_(buf_done) struct buf ours = { 0 }, theirs = { 0 };

	put_types(&ours, merge->sum);
	put_types(&theirs, part->profile);
	if (ours.failed || theirs.failed)
		return ss_error_oom(err);
	return ss_error_set(err, SS_ERR_MISMATCH, EINVAL,
			    "profiles of different types: %.60s has %.60s, %.60s has %.60s",
			    merge->first_name, ours.data, part->name, theirs.data);
}

static int add_part(struct merge *merge)
{
	int r = merge->first_name ? 0 : copy_head(merge);

	if (r == 0)
		r = add_comments(merge);
	add_times(merge);
	return r < 0 ? r : add_lists(merge);
}

int merge_add(struct merge *merge, const struct merge_part *part, struct ss_error *err)
{
	int r;

	if (merge->first_name && !same_types(merge->sum, part->profile))
		return fail_types(merge, part, err);
	merge->part = part;
	r = add_part(merge);
	forget_part(merge);
	return r < 0 ? ss_error_oom(err) : 0;
}

static bool is_zero(const int64_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (values[i])
			return false;
	return true;
}

static void drop_zeros(struct pprof *sum)
{
	size_t ntypes = sum->types.n, kept = 0;

	for (size_t i = 0; i < sum->samples.n; i++) {
		const int64_t *values = sum->values.data + i * ntypes;

		if (is_zero(values, ntypes))
			continue;
		memmove(sum->values.data + kept * ntypes, values, ntypes * sizeof(*values));
		sum->samples.data[kept++] = sum->samples.data[i];
	}
	sum->samples.n = kept;
	sum->values.n = kept * ntypes;
}

int merge_finish(struct merge *merge, struct pprof **ret, struct ss_error *err)
{
	if (!merge->first_name)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL, "nothing to merge");
	drop_zeros(merge->sum);
	*ret = steal_ptr(merge->sum);
	return 0;
}
