/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof-read.c: inflate, unpack, then check everything that the wire format cannot promise: ids,
 * indexes of texts, numbers of values. It assumes nothing about the bytes. protobuf-c's messages are
 * gone when the profile has been built.
 *
 *	bounds: file 512 MiB; inflated 1 GiB, and 1000 times the file + 1 MiB; unpacked: unpack.h;
 *	        2^20 frames a stack, 2^28 of all (a line of an inlined function is a frame)
 */
#include "file/pprof-read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "file/gzip.h"
#include "file/unpack.h"
#include "write/profile.pb-c.h"

#define MAX_INFLATED ((size_t)1 << 30)

enum {
	MAX_RATIO = 1000, /* gzip itself ends at 1032 (zlib's technical notes) */
	SMALL = 1 << 20,
	MAX_STACK = 1 << 20,
	MAX_FRAMES = 1 << 28,
};

/* ---- ids ---- */

struct id_entry {
	uint64_t id;
	uint32_t index;
};

/* The ids of one table. Sorted, not hashed: ids are foreign, and could be made to collide. */
struct ids {
	struct id_entry *entries;
	size_t n;
};

static int compare_ids(const void *a, const void *b)
{
	const struct id_entry *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static const struct id_entry *find_id(const struct ids *ids, uint64_t id)
{
	const struct id_entry key = { .id = id };

	/* nearly every writer numbers from 1 */
	if (id - 1 < ids->n && ids->entries[id - 1].id == id)
		return &ids->entries[id - 1];
	return ids->n ? bsearch(&key, ids->entries, ids->n, sizeof(key), compare_ids) : NULL;
}

/* ---- checking and copying ---- */

struct reader {
	const Pprof__Profile *in;
	struct pprof *out;
	const char **strings; /* interned, by index */
	struct ids mappings, functions, locations;
	uint64_t nframes; /* of all stacks so far */
	struct ss_error *err;
};

static void reader_done(struct reader *reader)
{
	free(reader->strings);
	free(reader->mappings.entries);
	free(reader->functions.entries);
	free(reader->locations.entries);
}

_printf_(4, 5) static int fail_at(struct reader *r, const char *what, size_t index, const char *fmt,
				  ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return ss_error_set(r->err, SS_ERR_FORMAT, EBADMSG, "not a valid profile: %s %zu: %s", what,
			    index, why);
}

/* Sort the ids of a table, whose entries the caller has made, and refuse 0 and doubles. */
static int check_ids(struct reader *r, const struct ids *ids, const char *what)
{
	if (ids->n)
		qsort(ids->entries, ids->n, sizeof(*ids->entries), compare_ids);
	if (ids->n && ids->entries[0].id == 0)
		return fail_at(r, what, ids->entries[0].index, "its id is 0");
	for (size_t i = 1; i < ids->n; i++)
		if (ids->entries[i].id == ids->entries[i - 1].id)
			return fail_at(r, what, ids->entries[i].index,
				       "its id %" PRIu64 " is not its own", ids->entries[i].id);
	return 0;
}

/* Collect the ids of r->in->list into r->ids. */
#define COLLECT_IDS(r, ids, list, what)                                                        \
	({                                                                                     \
		size_t n_ = (r)->in->n_##list;                                                 \
		(r)->ids.entries = calloc(n_ + 1, sizeof(struct id_entry));                    \
		for (; (r)->ids.entries && (r)->ids.n < n_; (r)->ids.n++)                      \
			(r)->ids.entries[(r)->ids.n] =                                         \
				(struct id_entry){ .id = (r)->in->list[(r)->ids.n]->id,        \
						   .index = (uint32_t)(r)->ids.n };            \
		(r)->ids.entries ? check_ids((r), &(r)->ids, (what)) : ss_error_oom((r)->err); \
	})

static int collect_ids(struct reader *r)
{
	int e = COLLECT_IDS(r, mappings, mapping, "mapping");

	if (e == 0)
		e = COLLECT_IDS(r, functions, function, "function");
	return e < 0 ? e : COLLECT_IDS(r, locations, location, "location");
}

static int read_strings(struct reader *r)
{
	size_t n = r->in->n_string_table;

	if (n && *r->in->string_table[0])
		return fail_at(r, "string", 0, "it is not empty");
	r->strings = calloc(n + 1, sizeof(*r->strings));
	for (size_t i = 0; r->strings && i < n; i++) {
		r->strings[i] = strtab_intern(&r->out->strings, r->in->string_table[i]);
		if (!r->strings[i])
			return ss_error_oom(r->err);
	}
	return r->strings ? 0 : ss_error_oom(r->err);
}

/* One text: where to put it and its index in the file. */
struct text {
	const char **to;
	int64_t index;
};

static int read_texts(struct reader *r, const char *what, size_t index, const struct text *texts,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t string = texts[i].index;

		/* a file without any text has no table: 0 still means "" */
		if (string == 0)
			*texts[i].to = "";
		else if (string < 0 || (uint64_t)string >= r->in->n_string_table)
			return fail_at(r, what, index,
				       "its text %" PRId64 " is not one of the %zu there are",
				       string, r->in->n_string_table);
		else
			*texts[i].to = r->strings[string];
	}
	return 0;
}

#define READ_TEXTS(r, what, index, ...)                                        \
	read_texts((r), (what), (index), (const struct text[]){ __VA_ARGS__ }, \
		   ARRAY_SIZE(((const struct text[]){ __VA_ARGS__ })))

static int read_types(struct reader *r)
{
	struct pprof *out = r->out;
	int e;

	if (r->in->n_sample_type == 0)
		return ss_error_set(r->err, SS_ERR_FORMAT, EBADMSG,
				    "not a valid profile: it has no sample type");
	if (vec_reserve(&out->types, r->in->n_sample_type) < 0)
		return ss_error_oom(r->err);
	for (size_t i = 0; i < r->in->n_sample_type; i++) {
		const Pprof__ValueType *in = r->in->sample_type[i];
		struct pprof_type *type = &out->types.data[i];

		e = READ_TEXTS(r, "sample type", i, { &type->type, in->type },
			       { &type->unit, in->unit });
		if (e < 0)
			return e;
	}
	out->types.n = r->in->n_sample_type;
	return 0;
}

static int read_head(struct reader *r)
{
	const Pprof__Profile *in = r->in;
	struct pprof *out = r->out;
	int e = READ_TEXTS(r, "profile", 0, { &out->drop_frames, in->drop_frames },
			   { &out->keep_frames, in->keep_frames },
			   { &out->default_type, in->default_sample_type });

	if (e == 0 && in->period_type)
		e = READ_TEXTS(r, "period type", 0,
			       { &out->period_type.type, in->period_type->type },
			       { &out->period_type.unit, in->period_type->unit });
	out->period = in->period;
	out->time_ns = in->time_nanos;
	out->duration_ns = in->duration_nanos;
	return e < 0 ? e : read_types(r);
}

static int read_comments(struct reader *r)
{
	struct pprof *out = r->out;

	if (vec_reserve(&out->comments, r->in->n_comment) < 0)
		return ss_error_oom(r->err);
	for (size_t i = 0; i < r->in->n_comment; i++) {
		int e = READ_TEXTS(r, "comment", i, { &out->comments.data[i], r->in->comment[i] });

		if (e < 0)
			return e;
		out->comments.n++;
	}
	return 0;
}

static int read_mapping(struct reader *r, size_t i)
{
	const Pprof__Mapping *in = r->in->mapping[i];
	struct pprof_mapping *mapping = &r->out->mappings.data[i];
	int e = READ_TEXTS(r, "mapping", i, { &mapping->file, in->filename },
			   { &mapping->build_id, in->build_id });

	if (e < 0)
		return e;
	mapping->start = in->memory_start;
	mapping->limit = in->memory_limit;
	mapping->offset = in->file_offset;
	mapping->has_functions = in->has_functions;
	mapping->has_filenames = in->has_filenames;
	mapping->has_line_numbers = in->has_line_numbers;
	mapping->has_inline_frames = in->has_inline_frames;
	mapping->label = pprof_mapping_label(&r->out->strings, mapping->file);
	return mapping->label ? 0 : ss_error_oom(r->err);
}

static int read_function(struct reader *r, size_t i)
{
	const Pprof__Function *in = r->in->function[i];
	struct pprof_function *function = &r->out->functions.data[i];

	function->start_line = in->start_line;
	return READ_TEXTS(r, "function", i, { &function->name, in->name },
			  { &function->system_name, in->system_name },
			  { &function->file, in->filename });
}

static int read_lines(struct reader *r, size_t i)
{
	const Pprof__Location *in = r->in->location[i];
	struct pprof *out = r->out;

	if (vec_reserve(&out->lines, out->lines.n + in->n_line) < 0)
		return ss_error_oom(r->err);
	for (size_t k = 0; k < in->n_line; k++) {
		const struct id_entry *found = find_id(&r->functions, in->line[k]->function_id);

		if (!found)
			return fail_at(r, "location", i, "there is no function %" PRIu64,
				       in->line[k]->function_id);
		out->lines.data[out->lines.n++] = (struct pprof_line){
			.function = found->index,
			.line = in->line[k]->line,
		};
	}
	return 0;
}

static int read_location(struct reader *r, size_t i)
{
	const Pprof__Location *in = r->in->location[i];
	struct pprof_location *location = &r->out->locations.data[i];
	const struct id_entry *mapping = NULL;

	if (in->mapping_id) {
		mapping = find_id(&r->mappings, in->mapping_id);
		if (!mapping)
			return fail_at(r, "location", i, "there is no mapping %" PRIu64,
				       in->mapping_id);
	}
	*location = (struct pprof_location){
		.address = in->address,
		.mapping = mapping ? mapping->index : PPROF_NONE,
		.first_line = (uint32_t)r->out->lines.n,
		.nlines = (uint32_t)in->n_line,
		.folded = in->is_folded,
	};
	return read_lines(r, i);
}

static int read_label(struct reader *r, size_t i, const Pprof__Label *in)
{
	struct pprof *out = r->out;
	struct pprof_label *label = &out->labels.data[out->labels.n];
	int e = READ_TEXTS(r, "sample", i, { &label->key, in->key }, { &label->str, in->str },
			   { &label->unit, in->num_unit });

	if (e < 0)
		return e;
	label->num = in->str ? 0 : in->num;
	if (!in->str)
		label->str = NULL;
	out->labels.n++;
	return 0;
}

static int read_labels(struct reader *r, size_t i)
{
	const Pprof__Sample *in = r->in->sample[i];
	struct pprof *out = r->out;
	int e = 0;

	if (vec_reserve(&out->labels, out->labels.n + in->n_label) < 0)
		return ss_error_oom(r->err);
	for (size_t k = 0; k < in->n_label && e == 0; k++)
		e = read_label(r, i, in->label[k]);
	return e;
}

static int read_stack(struct reader *r, size_t i)
{
	const Pprof__Sample *in = r->in->sample[i];
	struct pprof *out = r->out;
	uint64_t before = r->nframes;

	if (vec_reserve(&out->stacks, out->stacks.n + in->n_location_id) < 0)
		return ss_error_oom(r->err);
	for (size_t k = 0; k < in->n_location_id; k++) {
		const struct id_entry *found = find_id(&r->locations, in->location_id[k]);

		if (!found)
			return fail_at(r, "sample", i, "there is no location %" PRIu64,
				       in->location_id[k]);
		out->stacks.data[out->stacks.n++] = found->index;
		r->nframes += pprof_name_count(&out->locations.data[found->index]);
	}
	/* one long list of lines may be in every frame of every stack */
	if (r->nframes - before > MAX_STACK || r->nframes > MAX_FRAMES)
		return fail_at(r, "sample", i, "too many frames: %" PRIu64 ", %" PRIu64 " in all",
			       r->nframes - before, r->nframes);
	return 0;
}

static int read_values(struct reader *r, size_t i)
{
	const Pprof__Sample *in = r->in->sample[i];
	struct pprof *out = r->out;

	if (in->n_value != out->types.n)
		return fail_at(r, "sample", i, "it has %zu values for %zu sample types",
			       in->n_value, out->types.n);
	if (vec_reserve(&out->values, out->values.n + in->n_value) < 0)
		return ss_error_oom(r->err);
	memcpy(out->values.data + out->values.n, in->value, in->n_value * sizeof(*in->value));
	out->values.n += in->n_value;
	return 0;
}

static int read_sample(struct reader *r, size_t i)
{
	const Pprof__Sample *in = r->in->sample[i];
	int e;

	r->out->samples.data[i] = (struct pprof_sample){
		.first_frame = (uint32_t)r->out->stacks.n,
		.nframes = (uint32_t)in->n_location_id,
		.first_label = (uint32_t)r->out->labels.n,
		.nlabels = (uint32_t)in->n_label,
	};
	e = read_values(r, i);
	if (e == 0)
		e = read_stack(r, i);
	return e < 0 ? e : read_labels(r, i);
}

/* Fill r->out->list, an element for each of r->in->in_list, by read_one. */
#define READ_LIST(r, list, in_list, read_one)                                     \
	({                                                                        \
		int e_ = vec_reserve(&(r)->out->list, (r)->in->n_##in_list);      \
		if (e_ < 0)                                                       \
			ss_error_oom((r)->err);                                   \
		for (size_t i_ = 0; i_ < (r)->in->n_##in_list && e_ == 0; i_++) { \
			e_ = read_one((r), i_);                                   \
			(r)->out->list.n += e_ == 0;                              \
		}                                                                 \
		e_;                                                               \
	})

static int read_lists(struct reader *r)
{
	int e = READ_LIST(r, mappings, mapping, read_mapping);

	if (e == 0)
		e = READ_LIST(r, functions, function, read_function);
	if (e == 0)
		e = READ_LIST(r, locations, location, read_location);
	return e < 0 ? e : READ_LIST(r, samples, sample, read_sample);
}

static int read_all(struct reader *r)
{
	int e = read_strings(r);

	if (e == 0)
		e = collect_ids(r);
	if (e == 0)
		e = read_head(r);
	if (e == 0)
		e = read_comments(r);
	return e < 0 ? e : read_lists(r);
}

static int read_message(const Pprof__Profile *in, struct pprof **ret, struct ss_error *err)
{
	_cleanup_(reader_done) struct reader reader = { .in = in, .err = err };
	int r;

	reader.out = pprof_new();
	if (!reader.out)
		return ss_error_oom(err);
	r = read_all(&reader);
	if (r < 0)
		pprof_free(reader.out);
	else
		*ret = reader.out;
	return r;
}

/* ---- the file ---- */

/* Go's older formats are text from their first bytes on; profile.proto never is (its tags are not). */
static bool is_text(const uint8_t *data, size_t len)
{
	enum { ENOUGH = 32 };

	for (size_t i = 0; i < MIN(len, (size_t)ENOUGH); i++)
		if ((data[i] < 0x20 && data[i] != '\n' && data[i] != '\t') || data[i] >= 0x7f)
			return false;
	return true;
}

static int read_plain(const uint8_t *data, size_t len, struct pprof **ret, struct ss_error *err)
{
	_cleanup_(budget_done) struct budget budget = { 0 };
	ProtobufCMessage *in;
	int r;

	if (len == 0)
		return ss_error_set(err, SS_ERR_FORMAT, EBADMSG, "it is empty");
	if (is_text(data, len))
		return ss_error_set(err, SS_ERR_FORMAT, EBADMSG,
				    "it is text: only pprof files (profile.proto) are read, not "
				    "the older text formats");
	r = unpack(data, len, &budget, &in, err);
	return r < 0 ? r : read_message((const Pprof__Profile *)in, ret, err);
}

int pprof_read(const uint8_t *data, size_t len, struct pprof **ret, struct ss_error *err)
{
	_cleanup_(buf_done) struct buf plain = { 0 };
	int r;

	if (len > PPROF_MAX_FILE)
		return ss_error_set(err, SS_ERR_FORMAT, EFBIG, "it is larger than %zu MiB",
				    PPROF_MAX_FILE >> 20);
	if (!gzip_is(data, len))
		return read_plain(data, len, ret, err);
	r = gzip_inflate(data, len, MIN(MAX_INFLATED, len * MAX_RATIO + SMALL), &plain, err);
	return r < 0 ? r : read_plain((const uint8_t *)plain.data, plain.len, ret, err);
}
