/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline-waits.c: what a futex was for, told by names that a profile did not have when it was
 * captured. The profile's stacks are laid out as those of a look for as long as this takes.
 */
#include "engine/offline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/vec.h"
#include "classify/classify.h"

/* By the profile's own indexes. */
struct layout {
	const struct pprof *profile;
	struct mapping *mappings;
	struct function *functions;
	struct line *lines;
	struct location *locations;
	VEC(uint64_t) room; /* of the stack at hand */
};

static void layout_done(struct layout *layout)
{
	free(layout->mappings);
	free(layout->functions);
	free(layout->lines);
	free(layout->locations);
	vec_done(&layout->room);
}

static void fill_location(struct layout *layout, size_t i)
{
	const struct pprof_location *at = &layout->profile->locations.data[i];
	struct location *location = &layout->locations[i];

	location->pc = at->address;
	location->exact = true;
	location->mapping = at->mapping == PPROF_NONE ? NULL : &layout->mappings[at->mapping];
	location->nlines = at->nlines;
	location->lines = &layout->lines[at->first_line];
}

static int layout_make(struct layout *layout, const struct pprof *profile)
{
	layout->profile = profile;
	layout->mappings = calloc(profile->mappings.n + 1, sizeof(*layout->mappings));
	layout->functions = calloc(profile->functions.n + 1, sizeof(*layout->functions));
	layout->lines = calloc(profile->lines.n + 1, sizeof(*layout->lines));
	layout->locations = calloc(profile->locations.n + 1, sizeof(*layout->locations));
	if (!layout->mappings || !layout->functions || !layout->lines || !layout->locations)
		return -ENOMEM;
	for (size_t i = 0; i < profile->mappings.n; i++)
		layout->mappings[i].path = profile->mappings.data[i].file;
	for (size_t i = 0; i < profile->functions.n; i++)
		layout->functions[i].name = profile->functions.data[i].name;
	for (size_t i = 0; i < profile->lines.n; i++)
		layout->lines[i].function = &layout->functions[profile->lines.data[i].function];
	for (size_t i = 0; i < profile->locations.n; i++)
		fill_location(layout, i);
	return 0;
}

/* Valid until the next call; NULL if memory is out. */
static const struct stack *find_stack(struct layout *layout, const struct pprof_sample *sample)
{
	const uint32_t *frames = &layout->profile->stacks.data[sample->first_frame];
	size_t size = sizeof(struct stack) + sample->nframes * sizeof(struct frame);
	struct stack *stack;

	layout->room.n = 0;
	if (vec_reserve(&layout->room, size / sizeof(uint64_t) + 1) < 0)
		return NULL;
	stack = (struct stack *)layout->room.data;
	*stack = (struct stack){ .n = sample->nframes };
	for (uint32_t i = 0; i < sample->nframes; i++) {
		const struct location *location = &layout->locations[frames[i]];

		stack->frames[i] = (struct frame){ .pc = location->pc, .location = location };
	}
	return stack;
}

static bool is_futex(const struct pprof_label *label)
{
	return label->str && strcmp(label->key, "wait") == 0 &&
	       strcmp(label->str, wait_kind_name(WAIT_FUTEX)) == 0;
}

static int name_wait(struct layout *layout, struct pprof *profile,
		     const struct pprof_sample *sample, struct pprof_label *label)
{
	const struct stack *stack = find_stack(layout, sample);
	const char *name;

	if (!stack)
		return -ENOMEM;
	name = strtab_intern(&profile->strings, wait_kind_name(classify_futex(stack)));
	if (!name)
		return -ENOMEM;
	label->str = name;
	return 0;
}

int offline_name_waits(struct pprof *profile)
{
	_cleanup_(layout_done) struct layout layout = { 0 };
	int r = layout_make(&layout, profile);

	for (size_t i = 0; r == 0 && i < profile->samples.n; i++) {
		const struct pprof_sample *sample = &profile->samples.data[i];

		for (uint32_t l = 0; r == 0 && l < sample->nlabels; l++) {
			struct pprof_label *label = &profile->labels.data[sample->first_label + l];

			if (is_futex(label))
				r = name_wait(&layout, profile, sample, label);
		}
	}
	return r;
}
