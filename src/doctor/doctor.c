/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.c: the order of a checkup: first what decides whether anything can be seen, then the rules
 * of the host, then what only names and speed depend on.
 */
#include "doctor/doctor.h"

#include "base/error.h"
#include "doctor/judge.h"

int ss_checkup_make(pid_t pid, struct ss_checkup **ret, struct ss_error *err)
{
	struct ss_checkup *checkup;
	struct subject subject;
	int r = subject_init(&subject, pid, err);

	if (r < 0)
		return r;
	checkup = checkup_new();
	if (checkup) {
		doctor_check_access(checkup, &subject);
		doctor_check_state(checkup, &subject);
		judge_host(checkup, &subject.host, subject.given);
		doctor_check_modules(checkup, &subject);
	}
	subject_done(&subject);
	if (!checkup || checkup->failed) {
		ss_checkup_free(checkup);
		return ss_error_oom(err);
	}
	*ret = checkup;
	return 0;
}
