/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/warmup.h"

#include <errno.h>

#include "base/attr.h"
#include "engine/recorder.h"

int warmup_look(struct ss_session *session, const struct ss_record_options *options,
		struct ss_coverage *ret, struct ss_error *err)
{
	const struct capture *capture = &session->capture;
	struct recorder *recorder;
	int r = recorder_new(session, options, &recorder, err);

	if (r < 0)
		return r;
	r = recorder_tick(recorder, err);
	recorder_free(recorder);
	capturer_forget(session->capturer);
	*ret = (struct ss_coverage){
		.stops = capture->stops,
		.over_pause = capture->over_pause,
		.eintr_avoided = capture->eintr_avoided,
		.eintr_caused = capture->eintr_caused,
		.calls_cut_short = capture->calls_cut_short,
		.longest_stop_ns = capture->longest_stop_ns,
		.total_stop_ns = capture->total_stop_ns,
		.pause_ns = capture->pause_ns,
		.bytes_copied = capture->bytes_copied,
	};
	return r == -ENOMEM ? r : 0;
}

void warmup_count(struct ss_coverage *coverage, const struct ss_coverage *warmup)
{
	coverage->stops += warmup->stops;
	coverage->over_pause += warmup->over_pause;
	coverage->eintr_avoided += warmup->eintr_avoided;
	coverage->eintr_caused += warmup->eintr_caused;
	coverage->calls_cut_short += warmup->calls_cut_short;
	coverage->longest_stop_ns = MAX(coverage->longest_stop_ns, warmup->longest_stop_ns);
	coverage->total_stop_ns += warmup->total_stop_ns;
	coverage->pause_ns = MAX(coverage->pause_ns, warmup->pause_ns);
	coverage->bytes_copied += warmup->bytes_copied;
}
