/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.c: writing a checkup; making it is src/doctor's.
 */
#include <errno.h>

#include "base/error.h"
#include "engine/output.h"
#include "write/checkup.h"

int ss_output_checkup(struct ss_output *output, const struct ss_checkup *checkup,
		      const struct ss_write_options *options, struct ss_error *err)
{
	struct buf text = { 0 };
	struct checkup_view view = { .verdict = ss_checkup_verdict(checkup) };

	view.findings = ss_checkup_findings(checkup, &view.n);
	if (options->format == SS_FORMAT_TEXT)
		checkup_write_text(&text, &view, options->color);
	else if (options->format == SS_FORMAT_JSON)
		checkup_write_json(&text, &view);
	else
		return ss_error_set(err, SS_ERR_FORMAT, EINVAL,
				    "a checkup has the formats text and json only");
	out_buf(output->out, &text);
	buf_done(&text);
	return out_check(output->out, err);
}
