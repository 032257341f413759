/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.h: the findings of one checkup, in the order in which they were made. Texts live in the
 * checkup's arena. Memory that runs out is remembered and told once, at the end.
 */
#ifndef SS_DOCTOR_CHECKUP_H
#define SS_DOCTOR_CHECKUP_H

#include <stacksnap.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/vec.h"

struct ss_checkup {
	struct arena arena;
	VEC(struct ss_finding) findings;
	bool failed; /* memory was out */
};

/* What a finding bears on. */
enum weight {
	NEEDED,   /* without it a snapshot is not complete */
	OPTIONAL, /* names, durations, speed, other processes */
};

struct ss_checkup *checkup_new(void); /* NULL only if memory is out */

/* fix: copied; NULL if there is none. */
void checkup_add(struct ss_checkup *checkup, const char *name, enum ss_verdict verdict,
		 enum weight weight, const char *fix, const char *fmt, ...) _printf_(6, 7);

#endif
