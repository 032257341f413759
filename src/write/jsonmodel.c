/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonmodel.c: frames, stacks, mappings and coverage as JSON; the schemas in contrib/schema
 * document them. Addresses are hex strings, for most readers keep numbers as doubles.
 */
#include "write/jsonmodel.h"

#include <ctype.h>

static const char *const no_stack_names[] = {
#define X(name, words) [SS_NO_STACK_##name] = #name,
	SS_NO_STACKS(X)
#undef X
};

static const char *const end_names[] = {
#define X(name, words) [SS_END_##name] = #name,
	SS_STACK_ENDS(X)
#undef X
};

/* ---- frames ---- */

static void put_mapping_of(struct json *j, const struct location *location)
{
	const struct mapping *mapping = location->mapping;

	json_text_or_null(j, "module", mapping ? mapping->path : NULL);
	json_text_or_null(j, "build_id", mapping ? mapping->build_id : NULL);
	if (mapping)
		json_address(j, "module_offset", location->module_offset);
	else
		json_null(j, "module_offset");
}

static void put_line_of(struct json *j, const struct location *location, const struct line *line)
{
	bool inlined = line != &location->lines[location->nlines - 1];

	json_text(j, "function", line->function->name);
	json_text_or_null(j, "system_name", line->function->system_name);
	json_text_or_null(j, "file", line->file);
	json_count(j, "line", line->line);
	json_count(j, "start_line", line->function->start_line);
	json_bool(j, "inlined", inlined);
	if (inlined)
		json_null(j, "function_offset");
	else
		json_address(j, "function_offset", location->function_offset);
}

static void put_no_line(struct json *j)
{
	static const char *const keys[] = { "function", "system_name", "file", "line",
					    "start_line" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_null(j, keys[i]);
	json_bool(j, "inlined", false);
	json_null(j, "function_offset");
}

static void put_frame(struct json *j, const struct location *location, const struct line *line,
		      uint32_t flags)
{
	json_line(j);
	json_open(j, '{');
	json_address(j, "pc", location->pc);
	json_bool(j, "exact", location->exact);
	json_bool(j, "signal", flags & FRAME_SIGNAL);
	json_bool(j, "inferred", flags & FRAME_INFERRED);
	put_mapping_of(j, location);
	if (line)
		put_line_of(j, location, line);
	else
		put_no_line(j);
	json_close(j, '}');
}

/* Ends with a comma: frames are cached without regard to what follows. */
void json_render_frame(struct buf *buf, const struct location *location, uint32_t flags,
		       const void *arg)
{
	struct json j = { .buf = buf };

	(void)arg;
	for (unsigned i = 0; i < location->nlines; i++)
		put_frame(&j, location, &location->lines[i], flags);
	if (!location->nlines)
		put_frame(&j, location, NULL, flags);
	buf_putc(buf, ',');
}

void json_stack(struct json *j, struct frame_cache *frames, const struct stack *stack,
		const struct write_options *options)
{
	unsigned n = write_frame_count(stack, options);

	json_open_key(j, "stack", '{');
	json_lower(j, "end", end_names[stack->end]);
	json_number(j, "left_out", stack->n - n);
	json_open_key(j, "frames", '[');
	for (unsigned i = 0; i < n; i++)
		frame_cache_put(frames, j->buf, &stack->frames[i]);
	/* the last frame's comma */
	if (n && !j->buf->failed)
		j->buf->data[--j->buf->len] = '\0';
	json_close(j, ']');
	json_close(j, '}');
}

const char *json_no_stack_name(enum ss_no_stack reason)
{
	return no_stack_names[reason];
}

/* ---- coverage and mappings ---- */

static void put_reasons(struct json *j, const char *key, const char *const *names,
			const unsigned *counts, size_t first, size_t n)
{
	char lower[32];

	json_open_key(j, key, '{');
	for (size_t i = first; i < n; i++) {
		size_t len = 0;

		for (; names[i][len] && len < sizeof(lower) - 1; len++)
			lower[len] = (char)tolower((unsigned char)names[i][len]);
		lower[len] = '\0';
		json_number(j, lower, counts[i]);
	}
	json_close(j, '}');
}

static void put_coverage_reasons(struct json *j, const struct ss_coverage *c)
{
	put_reasons(j, "no_stack", no_stack_names, c->no_stack, SS_NO_STACK_HAS_STACK + 1,
		    SS_NO_STACK_COUNT);
	put_reasons(j, "stack_end", end_names, c->stack_end, 0, SS_END_COUNT);
}

void json_coverage(struct json *j, const struct ss_coverage *c)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "threads_seen", c->threads_seen },
		{ "threads_sampled", c->threads_sampled },
		{ "threads_filtered", c->threads_filtered },
		{ "threads_moved", c->threads_moved },
		{ "inconsistent", c->inconsistent },
		{ "frames", c->frames },
		{ "frames_unnamed", c->frames_unnamed },
		{ "frames_inferred", c->frames_inferred },
		{ "stops", c->stops },
		{ "over_pause", c->over_pause },
		{ "eintr_avoided", c->eintr_avoided },
		{ "eintr_caused", c->eintr_caused },
		{ "calls_cut_short", c->calls_cut_short },
		{ "timer_sampled", c->timer_sampled },
		{ "timer_within_ns", c->timer_within_ns },
		{ "samples_lost", c->samples_lost },
		{ "on_cpu_ns", c->on_cpu_ns },
		{ "unseen_ns", c->unseen_ns },
		{ "waits_undated", c->waits_undated },
		{ "owners_unsettled", c->owners_unsettled },
		{ "ends_unseen", c->ends_unseen },
		{ "files_late", c->files_late },
		{ "threads_halted", c->threads_halted },
		{ "ended_after_ns", c->ended_after_ns },
		{ "longest_stop_ns", c->longest_stop_ns },
		{ "total_stop_ns", c->total_stop_ns },
		{ "pause_ns", c->pause_ns },
		{ "bytes_copied", c->bytes_copied },
		{ "ticks_planned", c->ticks_planned },
		{ "ticks_done", c->ticks_done },
		{ "ticks_missed", c->ticks_missed },
		{ "longest_period_ns", c->longest_period_ns },
		{ "children_followed", c->children_followed },
		{ "children_refused", c->children_refused },
		{ "children_missed", c->children_missed },
	};

	json_open_key(j, "coverage", '{');
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_number(j, numbers[i].key, numbers[i].value);
	put_coverage_reasons(j, c);
	json_close(j, '}');
}

static void put_mapping(struct json *j, const struct mapping *mapping)
{
	json_line(j);
	json_open(j, '{');
	json_address(j, "start", mapping->start);
	json_address(j, "end", mapping->end);
	json_address(j, "offset", mapping->offset);
	json_text(j, "path", mapping->path);
	json_text_or_null(j, "build_id", mapping->build_id);
	json_bool(j, "symbolized", mapping->symbolized);
	json_close(j, '}');
}

void json_mappings(struct json *j, const struct mapping *const *mappings, size_t n)
{
	json_open_key(j, "mappings", '[');
	for (size_t i = 0; i < n; i++)
		put_mapping(j, mappings[i]);
	json_close(j, ']');
}
