/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof-build.c: profile.proto piece by piece: strings, mappings, functions, locations, samples and
 * comments, each written once and numbered densely from 1. Names are embedded whole: pprof cannot
 * symbolize native code. No frame is invented: a truncated stack is just shorter.
 *
 * All messages live in one arena until the profile has been packed.
 */
#include "write/pprof-build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map64.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "write/pack.h"
#include "write/profile.pb-c.h"

enum { MAX_LABELS = 7 };

/* A function may be written twice: pprof knows one file for each, inlined code may have several. */
struct known_function {
	int64_t file;
	size_t id;
	const struct known_function *next;
};

struct pprof_builder {
	const struct write_options *options;
	bool several; /* processes: samples get a label pid */
	bool failed;
	struct arena arena;
	struct strtab texts;
	struct buf scratch;
	struct map64 string_ids;   /* interned text -> index */
	struct map64 mapping_ids;  /* struct mapping -> id */
	struct map64 location_ids; /* struct location -> id */
	struct map64 functions;    /* struct function -> struct known_function */
	VEC(char *) strings;
	VEC(int64_t) comments;
	VEC(Pprof__Sample *) samples;
	VEC(Pprof__Mapping *) mappings;
	VEC(Pprof__Location *) locations;
	VEC(Pprof__Function *) function_list;
	size_t ntypes;
	Pprof__ValueType types[PPROF_MAX_TYPES], *type_list[PPROF_MAX_TYPES];
};

static void *take(struct pprof_builder *b, size_t n, size_t size)
{
	void *p = arena_array(&b->arena, n, size);

	b->failed |= !p;
	return p;
}

static void put(struct pprof_builder *b, struct map64 *map, const void *key, uint64_t value)
{
	if (map64_put(map, (uintptr_t)key, value) < 0)
		b->failed = true;
}

/* ---- strings ---- */

static int64_t add_string(struct pprof_builder *b, const char *interned)
{
	b->failed |= vec_push(&b->strings, (char *)interned) < 0;
	put(b, &b->string_ids, interned, b->strings.n - 1);
	return (int64_t)b->strings.n - 1;
}

/* The index of what is in scratch, which is empty afterwards. */
static int64_t scratch_id(struct pprof_builder *b)
{
	const char *interned = NULL;
	const uint64_t *found;

	if (!b->scratch.failed)
		interned = strtab_intern_n(&b->texts, b->scratch.len ? b->scratch.data : "",
					   b->scratch.len);
	buf_reset(&b->scratch);
	if (!interned) {
		b->failed = true;
		return 0;
	}
	found = map64_find(&b->string_ids, (uintptr_t)interned);
	return found ? (int64_t)*found : add_string(b, interned);
}

/* Escaped: protobuf strings must be valid UTF-8. */
static int64_t string_id(struct pprof_builder *b, const char *s)
{
	buf_puts_escaped(&b->scratch, s);
	return scratch_id(b);
}

/* ---- mappings ---- */

static uint64_t add_mapping(struct pprof_builder *b, const struct mapping *mapping)
{
	Pprof__Mapping *m = take(b, 1, sizeof(*m));

	if (!m)
		return 0;
	pprof__mapping__init(m);
	m->id = b->mappings.n + 1;
	m->memory_start = mapping->start;
	m->memory_limit = mapping->end;
	m->file_offset = mapping->offset;
	m->filename = string_id(b, mapping->path);
	m->build_id = string_id(b, mapping->build_id);
	/*
	 * All or none: pprof overwrites our lines where it finds a symbol of its own in a mapping
	 * that does not claim everything (internal/symbolizer/symbolizer.go).
	 */
	m->has_functions = m->has_filenames = m->has_line_numbers = m->has_inline_frames =
		mapping->symbolized;
	b->failed |= vec_push(&b->mappings, m) < 0;
	put(b, &b->mapping_ids, mapping, m->id);
	return m->id;
}

uint64_t pprof_mapping_id(struct pprof_builder *b, const struct mapping *mapping)
{
	const uint64_t *found = map64_find(&b->mapping_ids, (uintptr_t)mapping);

	return found ? *found : add_mapping(b, mapping);
}

/* ---- functions ---- */

static uint64_t add_function(struct pprof_builder *b, const struct function *function, int64_t file)
{
	Pprof__Function *f = take(b, 1, sizeof(*f));

	if (!f)
		return 0;
	pprof__function__init(f);
	f->id = b->function_list.n + 1;
	f->name = string_id(b, function->name);
	f->system_name = string_id(b, function->system_name);
	f->filename = file;
	f->start_line = function->start_line;
	b->failed |= vec_push(&b->function_list, f) < 0;
	return f->id;
}

static uint64_t function_id(struct pprof_builder *b, const struct function *function,
			    const char *path)
{
	const uint64_t *found = map64_find(&b->functions, (uintptr_t)function);
	const struct known_function *first = found ? (const void *)(uintptr_t)*found : NULL;
	int64_t file = string_id(b, path);
	struct known_function *known;

	for (const struct known_function *k = first; k; k = k->next)
		if (k->file == file)
			return k->id;
	known = take(b, 1, sizeof(*known));
	if (!known)
		return 0;
	known->id = add_function(b, function, file);
	known->file = file;
	known->next = first;
	put(b, &b->functions, function, (uintptr_t)known);
	return known->id;
}

/* ---- locations ---- */

static Pprof__Line *make_line(struct pprof_builder *b, const struct line *line)
{
	const char *path = *line->file ? line->file : line->function->file;
	Pprof__Line *l = take(b, 1, sizeof(*l));

	if (!l)
		return NULL;
	pprof__line__init(l);
	l->function_id = function_id(b, line->function, path);
	l->line = line->line;
	return l;
}

static void add_lines(struct pprof_builder *b, Pprof__Location *l, const struct location *location)
{
	l->line = take(b, location->nlines, sizeof(Pprof__Line *));
	if (!l->line)
		return;
	for (; l->n_line < location->nlines; l->n_line++) {
		l->line[l->n_line] = make_line(b, &location->lines[l->n_line]);
		if (!l->line[l->n_line])
			return;
	}
}

static uint64_t add_location(struct pprof_builder *b, const struct location *location)
{
	Pprof__Location *l = take(b, 1, sizeof(*l));

	if (!l)
		return 0;
	pprof__location__init(l);
	l->id = b->locations.n + 1;
	l->address = location_address(location);
	b->failed |= vec_push(&b->locations, l) < 0;
	if (location->mapping)
		l->mapping_id = pprof_mapping_id(b, location->mapping);
	if (location->nlines)
		add_lines(b, l, location);
	return l->id;
}

static uint64_t location_id(struct pprof_builder *b, const struct frame *frame)
{
	const struct location *location = frame->location;
	struct location bare;
	const uint64_t *found;
	uint64_t id;

	if (!location)
		return add_location(b, write_location(frame, &bare));
	found = map64_find(&b->location_ids, (uintptr_t)location);
	if (found)
		return *found;
	id = add_location(b, location);
	put(b, &b->location_ids, location, id);
	return id;
}

/* ---- samples ---- */

static Pprof__Label *add_label(struct pprof_builder *b, Pprof__Sample *sample, const char *key)
{
	Pprof__Label *label = take(b, 1, sizeof(*label));

	if (!label)
		return NULL;
	pprof__label__init(label);
	label->key = string_id(b, key);
	sample->label[sample->n_label++] = label;
	return label;
}

/* The label's text is what is in scratch; an empty one is no label. */
static void label_scratch(struct pprof_builder *b, Pprof__Sample *sample, const char *key)
{
	int64_t text = scratch_id(b);
	Pprof__Label *label = text ? add_label(b, sample, key) : NULL;

	if (label)
		label->str = text;
}

static void label_text(struct pprof_builder *b, Pprof__Sample *sample, const char *key,
		       const char *text)
{
	buf_puts_escaped(&b->scratch, text);
	label_scratch(b, sample, key);
}

static void label_number(struct pprof_builder *b, Pprof__Sample *sample, const char *key,
			 int64_t number)
{
	Pprof__Label *label = add_label(b, sample, key);

	if (label)
		label->num = number;
}

static void label_volatile(struct pprof_builder *b, Pprof__Sample *sample, const struct wait *wait)
{
	if (wait->object) {
		buf_printf(&b->scratch, "0x%" PRIx64, wait->object);
		label_scratch(b, sample, "lock");
	}
	if (wait->fd < 0)
		return;
	if (wait->fd_info && *wait->fd_info->text)
		buf_puts_escaped(&b->scratch, wait->fd_info->text);
	else
		buf_printf(&b->scratch, "%d", wait->fd);
	label_scratch(b, sample, "fd");
}

/* tid and pid are numbers: Pyroscope makes a series of its own of every string label's value. */
static void add_labels(struct pprof_builder *b, Pprof__Sample *sample, pid_t pid,
		       const struct thread *thread)
{
	bool waits = thread->state == STATE_BLOCKED && thread->wait.kind != WAIT_NONE;

	label_text(b, sample, "thread", thread->name);
	if (!thread->waiter) /* it is not this thread that waits */
		label_text(b, sample, "state", thread_state_name(thread->state));
	if (waits) {
		write_state(&b->scratch, thread);
		label_scratch(b, sample, "wait");
	}
	if (waits && (b->options->all_labels || thread->waiter))
		label_volatile(b, sample, &thread->wait);
	if (thread->waiter)
		label_text(b, sample, "waiter", thread->waiter);
	label_number(b, sample, "tid", thread->tid);
	if (b->several)
		label_number(b, sample, "pid", pid);
}

static void add_locations(struct pprof_builder *b, Pprof__Sample *sample, const struct stack *stack)
{
	unsigned n = write_frame_count(stack, b->options);

	sample->location_id = take(b, n, sizeof(uint64_t));
	if (!sample->location_id)
		return;
	for (unsigned i = 0; i < n; i++)
		sample->location_id[i] = location_id(b, &stack->frames[i]);
	sample->n_location_id = n;
}

void pprof_add_sample(struct pprof_builder *b, pid_t pid, const struct thread *thread,
		      const int64_t *values)
{
	Pprof__Sample *sample = take(b, 1, sizeof(*sample));

	if (!sample)
		return;
	pprof__sample__init(sample);
	sample->n_value = b->ntypes;
	sample->value = take(b, b->ntypes, sizeof(*values));
	sample->label = take(b, MAX_LABELS, sizeof(Pprof__Label *));
	if (!sample->value || !sample->label)
		return;
	memcpy(sample->value, values, b->ntypes * sizeof(*values));
	add_locations(b, sample, thread->stack);
	add_labels(b, sample, pid, thread);
	b->failed |= vec_push(&b->samples, sample) < 0;
}

/* ---- the whole ---- */

void pprof_add_type(struct pprof_builder *b, const char *type, const char *unit)
{
	Pprof__ValueType *t = &b->types[b->ntypes];

	pprof__value_type__init(t);
	t->type = string_id(b, type);
	t->unit = string_id(b, unit);
	b->type_list[b->ntypes++] = t;
}

void pprof_add_comments(struct pprof_builder *b, struct buf *text)
{
	char *rest = text->failed ? NULL : text->data, *line;

	b->failed |= text->failed;
	while ((line = strsep(&rest, "\n")))
		if (*line && vec_push(&b->comments, string_id(b, line)) < 0)
			b->failed = true;
}

struct pprof_builder *pprof_builder_new(const struct write_options *options, bool several)
{
	struct pprof_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->options = options;
	b->several = several;
	arena_init(&b->arena);
	strtab_init(&b->texts);
	map64_init(&b->string_ids);
	map64_init(&b->mapping_ids);
	map64_init(&b->location_ids);
	map64_init(&b->functions);
	buf_init(&b->scratch);
	string_id(b, ""); /* index 0, as the format wants it */
	return b;
}

void pprof_builder_free(struct pprof_builder *b)
{
	if (!b)
		return;
	arena_done(&b->arena);
	strtab_done(&b->texts);
	map64_done(&b->string_ids);
	map64_done(&b->mapping_ids);
	map64_done(&b->location_ids);
	map64_done(&b->functions);
	buf_done(&b->scratch);
	vec_done(&b->strings);
	vec_done(&b->comments);
	vec_done(&b->samples);
	vec_done(&b->mappings);
	vec_done(&b->locations);
	vec_done(&b->function_list);
	free(b);
}

/* protobuf packs a message whole. */
static int pack(const Pprof__Profile *profile, struct out *out, struct ss_error *err)
{
	size_t len = pprof__profile__get_packed_size(profile);
	_cleanup_free_ uint8_t *data = malloc(MAX(len, (size_t)1));

	if (!data)
		return ss_error_oom(err);
	pprof__profile__pack(profile, data);
	return pack_gzip(out, data, len, err);
}

int pprof_finish(struct pprof_builder *b, const struct pprof_period *period, uint64_t wall_ns,
		 uint64_t duration_ns, struct out *out, struct ss_error *err)
{
	Pprof__Profile profile = PPROF__PROFILE__INIT;
	Pprof__ValueType type = PPROF__VALUE_TYPE__INIT;

	type.type = string_id(b, period->type);
	type.unit = string_id(b, period->unit);
	profile.sample_type = b->type_list;
	profile.n_sample_type = b->ntypes;
	profile.period_type = &type;
	profile.period = period->period;
	profile.time_nanos = (int64_t)wall_ns;
	profile.duration_nanos = (int64_t)duration_ns;
	profile.sample = b->samples.data;
	profile.n_sample = b->samples.n;
	profile.mapping = b->mappings.data;
	profile.n_mapping = b->mappings.n;
	profile.location = b->locations.data;
	profile.n_location = b->locations.n;
	profile.function = b->function_list.data;
	profile.n_function = b->function_list.n;
	profile.comment = b->comments.data;
	profile.n_comment = b->comments.n;
	profile.string_table = b->strings.data;
	profile.n_string_table = b->strings.n;
	return b->failed ? ss_error_oom(err) : pack(&profile, out, err);
}
