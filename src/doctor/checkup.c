/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.c: see checkup.h, and the functions of the public interface that read a checkup.
 */
#include "doctor/checkup.h"

#include <stdarg.h>
#include <stdio.h>

struct ss_checkup *checkup_new(void)
{
	struct ss_checkup *checkup = calloc(1, sizeof(*checkup));

	if (checkup)
		arena_init(&checkup->arena);
	return checkup;
}

void checkup_add(struct ss_checkup *checkup, const char *name, enum ss_verdict verdict,
		 enum weight weight, const char *fix, const char *fmt, ...)
{
	char text[1024];
	struct ss_finding finding = { .name = name,
				      .verdict = verdict,
				      .optional = weight == OPTIONAL };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	finding.text = arena_strdup(&checkup->arena, text);
	finding.fix = fix ? arena_strdup(&checkup->arena, fix) : NULL;
	if (!finding.text || (fix && !finding.fix) || vec_push(&checkup->findings, finding) < 0)
		checkup->failed = true;
}

void ss_checkup_free(struct ss_checkup *checkup)
{
	if (!checkup)
		return;
	vec_done(&checkup->findings);
	arena_done(&checkup->arena);
	free(checkup);
}

const struct ss_finding *ss_checkup_findings(const struct ss_checkup *checkup, size_t *ret_n)
{
	*ret_n = checkup->findings.n;
	return checkup->findings.data;
}

enum ss_verdict ss_checkup_verdict(const struct ss_checkup *checkup)
{
	enum ss_verdict worst = SS_VERDICT_OK;

	vec_each(finding, &checkup->findings)
		if (!finding->optional)
			worst = MAX(worst, finding->verdict);
	return worst;
}
