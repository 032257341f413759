/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof-write.c: one protobuf-c message for each part of a profile, all in one arena, then packed and
 * gzipped. An id is an index + 1, a text is numbered when it is first used. It assumes a valid
 * profile and changes nothing in it.
 */
#include "file/pprof-write.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/map64.h"
#include "write/pack.h"
#include "write/profile.pb-c.h"

struct writer {
	const struct pprof *in;
	Pprof__Profile out;
	struct arena arena;
	struct strtab texts;
	struct map64 text_ids; /* interned text -> index */
	VEC(char *) strings;
	struct buf scratch;
	bool failed;
};

static void writer_done(struct writer *w)
{
	arena_done(&w->arena);
	strtab_done(&w->texts);
	map64_done(&w->text_ids);
	vec_done(&w->strings);
	buf_done(&w->scratch);
}

static void *take(struct writer *w, size_t n, size_t size)
{
	void *p = arena_array(&w->arena, n, size);

	w->failed |= !p;
	return p;
}

/* ---- texts ---- */

static int64_t add_text(struct writer *w, const char *interned)
{
	if (map64_put(&w->text_ids, (uintptr_t)interned, w->strings.n) < 0 ||
	    vec_push(&w->strings, (char *)(uintptr_t)interned) < 0) {
		w->failed = true;
		return 0;
	}
	return (int64_t)w->strings.n - 1;
}

/* Escaped: protobuf strings must be valid UTF-8, and what was read need not have been. */
static int64_t text_id(struct writer *w, const char *s)
{
	const char *interned = NULL;
	const uint64_t *found;

	buf_reset(&w->scratch);
	buf_puts_escaped(&w->scratch, s);
	if (!w->scratch.failed)
		interned = strtab_intern_n(&w->texts, w->scratch.len ? w->scratch.data : "",
					   w->scratch.len);
	if (!interned) {
		w->failed = true;
		return 0;
	}
	found = map64_find(&w->text_ids, (uintptr_t)interned);
	return found ? (int64_t)*found : add_text(w, interned);
}

/* ---- parts ---- */

static Pprof__ValueType *make_type(struct writer *w, const struct pprof_type *type)
{
	Pprof__ValueType *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__value_type__init(out);
	out->type = text_id(w, type->type);
	out->unit = text_id(w, type->unit);
	return out;
}

static Pprof__Mapping *make_mapping(struct writer *w, const struct pprof_mapping *mapping)
{
	Pprof__Mapping *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__mapping__init(out);
	out->id = (uint64_t)(mapping - w->in->mappings.data) + 1;
	out->memory_start = mapping->start;
	out->memory_limit = mapping->limit;
	out->file_offset = mapping->offset;
	out->filename = text_id(w, mapping->file);
	out->build_id = text_id(w, mapping->build_id);
	out->has_functions = mapping->has_functions;
	out->has_filenames = mapping->has_filenames;
	out->has_line_numbers = mapping->has_line_numbers;
	out->has_inline_frames = mapping->has_inline_frames;
	return out;
}

static Pprof__Function *make_function(struct writer *w, const struct pprof_function *function)
{
	Pprof__Function *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__function__init(out);
	out->id = (uint64_t)(function - w->in->functions.data) + 1;
	out->name = text_id(w, function->name);
	out->system_name = text_id(w, function->system_name);
	out->filename = text_id(w, function->file);
	out->start_line = function->start_line;
	return out;
}

static Pprof__Line *make_line(struct writer *w, const struct pprof_line *line)
{
	Pprof__Line *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__line__init(out);
	out->function_id = (uint64_t)line->function + 1;
	out->line = line->line;
	return out;
}

static Pprof__Label *make_label(struct writer *w, const struct pprof_label *label)
{
	Pprof__Label *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__label__init(out);
	out->key = text_id(w, label->key);
	if (label->str)
		out->str = text_id(w, label->str);
	else
		out->num = label->num;
	out->num_unit = text_id(w, label->unit);
	return out;
}

/* Set out->n_list and out->list: the message that make() gives for each of n elements. */
#define MAKE_LIST(w, out, list, elements, first, n, make)                                      \
	do {                                                                                   \
		(out)->list = take((w), (n), sizeof(*(out)->list));                            \
		for (size_t i_ = 0; !(w)->failed && i_ < (n); i_++)                            \
			(out)->list[(out)->n_##list++] = make((w), &(elements)[(first) + i_]); \
	} while (0)

static Pprof__Location *make_location(struct writer *w, const struct pprof_location *location)
{
	Pprof__Location *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__location__init(out);
	out->id = (uint64_t)(location - w->in->locations.data) + 1;
	out->mapping_id = location->mapping == PPROF_NONE ? 0 : (uint64_t)location->mapping + 1;
	out->address = location->address;
	out->is_folded = location->folded;
	MAKE_LIST(w, out, line, w->in->lines.data, location->first_line, location->nlines,
		  make_line);
	return out;
}

static Pprof__Sample *make_sample(struct writer *w, const struct pprof_sample *sample)
{
	size_t index = (size_t)(sample - w->in->samples.data), ntypes = w->in->types.n;
	Pprof__Sample *out = take(w, 1, sizeof(*out));

	if (!out)
		return NULL;
	pprof__sample__init(out);
	out->value = w->in->values.data + index * ntypes;
	out->n_value = ntypes;
	out->location_id = take(w, sample->nframes, sizeof(*out->location_id));
	for (uint32_t i = 0; out->location_id && i < sample->nframes; i++)
		out->location_id[out->n_location_id++] =
			(uint64_t)w->in->stacks.data[sample->first_frame + i] + 1;
	MAKE_LIST(w, out, label, w->in->labels.data, sample->first_label, sample->nlabels,
		  make_label);
	return out;
}

static void make_lists(struct writer *w)
{
	const struct pprof *in = w->in;

	MAKE_LIST(w, &w->out, sample_type, in->types.data, 0, in->types.n, make_type);
	MAKE_LIST(w, &w->out, mapping, in->mappings.data, 0, in->mappings.n, make_mapping);
	MAKE_LIST(w, &w->out, function, in->functions.data, 0, in->functions.n, make_function);
	MAKE_LIST(w, &w->out, location, in->locations.data, 0, in->locations.n, make_location);
	MAKE_LIST(w, &w->out, sample, in->samples.data, 0, in->samples.n, make_sample);
}

static void make_head(struct writer *w)
{
	const struct pprof *in = w->in;

	w->out.drop_frames = text_id(w, in->drop_frames);
	w->out.keep_frames = text_id(w, in->keep_frames);
	w->out.default_sample_type = text_id(w, in->default_type);
	w->out.time_nanos = in->time_ns;
	w->out.duration_nanos = in->duration_ns;
	w->out.period = in->period;
	if (*in->period_type.type || *in->period_type.unit)
		w->out.period_type = make_type(w, &in->period_type);
	w->out.comment = take(w, in->comments.n, sizeof(*w->out.comment));
	for (size_t i = 0; w->out.comment && i < in->comments.n; i++)
		w->out.comment[w->out.n_comment++] = text_id(w, in->comments.data[i]);
}

static int pack(struct writer *w, struct out *out, struct ss_error *err)
{
	size_t len = pprof__profile__get_packed_size(&w->out);
	_cleanup_free_ uint8_t *data = malloc(MAX(len, (size_t)1));

	if (!data)
		return ss_error_oom(err);
	pprof__profile__pack(&w->out, data);
	return pack_gzip(out, data, len, err);
}

int pprof_write(const struct pprof *profile, struct out *out, struct ss_error *err)
{
	_cleanup_(writer_done) struct writer w = { .in = profile };

	pprof__profile__init(&w.out);
	text_id(&w, ""); /* index 0, as the format wants it */
	make_head(&w);
	make_lists(&w);
	w.out.string_table = w.strings.data;
	w.out.n_string_table = w.strings.n;
	return w.failed ? ss_error_oom(err) : pack(&w, out, err);
}
