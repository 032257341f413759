/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * threshold.c: see threshold.h. The library does the sums; this file has the words. It assumes that
 * the output has been written: a threshold keeps nothing from being shown.
 */
#include "threshold.h"

#include "deliver.h"

static void say_over(const struct ss_over *over, const char *text, bool diff, const struct msg *msg)
{
	msg_error(msg, "--fail-over %s: %s of %s is %s%s", text, diff ? "the change of cum" : "cum",
		  over->function, diff && over->cum_ns > 0 ? "+" : "", over->value);
	if (over->exceeded > 1)
		msg_error(msg, "--fail-over %s: and %u more functions", text, over->exceeded - 1);
}

static void say(const struct ss_over *over, const char *text, bool diff, const struct msg *msg)
{
	if (!over->matched)
		msg_warn(msg, "--fail-over %s: no function matches", text);
	if (over->exceeded)
		say_over(over, text, diff, msg);
}

/* All of them are checked and said. */
enum cli_status threshold_check(const struct thresholds *thresholds, const struct ss_file *base,
				const struct ss_file *file, const struct ss_report_options *options,
				const struct msg *msg)
{
	enum cli_status status = CLI_COMPLETE;
	struct ss_over over;
	struct ss_error err;

	for (size_t i = 0; i < thresholds->n; i++) {
		if (ss_file_check(base, file, options, &thresholds->list[i], &over, &err) < 0)
			return deliver_failed(msg, &err);
		say(&over, thresholds->texts[i], base, msg);
		if (over.exceeded)
			status = CLI_OVER;
	}
	return status;
}
