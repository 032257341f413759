/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.h: the checks that look at a process, each adding its findings. Nothing of the process is
 * changed; only our own child is stopped.
 */
#ifndef SS_DOCTOR_DOCTOR_H
#define SS_DOCTOR_DOCTOR_H

#include "doctor/checkup.h"
#include "doctor/subject.h"

/* May it be looked at, stopped, read? And what of it can be read. */
void doctor_check_access(struct ss_checkup *checkup, const struct subject *subject);

/* What holds it: a tracer, a freezer, another pid namespace; how many threads it has. */
void doctor_check_state(struct ss_checkup *checkup, const struct subject *subject);

/* Debug files and unwind information of what it has mapped. */
void doctor_check_modules(struct ss_checkup *checkup, const struct subject *subject);

#endif
