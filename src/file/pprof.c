/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof.c: making, freeing and naming parts of a profile. It assumes that indexes are valid: the
 * reader and the merger see to that.
 */
#include "file/pprof.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/attr.h"

static const char unknown[] = "<unknown>";

struct pprof *pprof_new(void)
{
	struct pprof *profile = calloc(1, sizeof(*profile));

	if (!profile)
		return NULL;
	strtab_init(&profile->strings);
	profile->period_type = (struct pprof_type){ .type = "", .unit = "" };
	profile->default_type = profile->drop_frames = profile->keep_frames = "";
	return profile;
}

void pprof_free(struct pprof *profile)
{
	if (!profile)
		return;
	vec_done(&profile->types);
	vec_done(&profile->comments);
	vec_done(&profile->mappings);
	vec_done(&profile->functions);
	vec_done(&profile->lines);
	vec_done(&profile->locations);
	vec_done(&profile->samples);
	vec_done(&profile->stacks);
	vec_done(&profile->labels);
	vec_done(&profile->values);
	strtab_done(&profile->strings);
	free(profile);
}

const char *pprof_mapping_label(struct strtab *strings, const char *file)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	const char *slash = strrchr(file, '/');

	if (!*file)
		return unknown;
	buf_printf(&text, "[%s]", slash && slash[1] ? slash + 1 : file);
	return text.failed ? NULL : strtab_intern_n(strings, text.data, text.len);
}

const char *pprof_name(const struct pprof *profile, const struct pprof_location *location,
		       uint32_t i)
{
	const struct pprof_line *line;
	const char *name;

	if (!location->nlines)
		return location->mapping == PPROF_NONE
			       ? unknown
			       : profile->mappings.data[location->mapping].label;
	line = &profile->lines.data[location->first_line + i];
	name = profile->functions.data[line->function].name;
	return *name ? name : unknown;
}
