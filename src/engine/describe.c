/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said of the process itself, in snapshots and profiles alike.
 */
#include <errno.h>
#include <string.h>

#include "engine/session.h"

static const char *keep_text(struct arena *arena, void (*read)(const struct target *, struct buf *),
			     const struct target *target)
{
	struct buf buf;
	const char *text;

	buf_init(&buf);
	read(target, &buf);
	text = buf.failed ? NULL : arena_strdup(arena, buf.data ? buf.data : "");
	buf_done(&buf);
	return text;
}

/* Append the mappings of the main program, or all others; how many there are now. */
static size_t append_mappings(struct images *images, const char *exe, bool main,
			      const struct mapping **mappings, size_t n)
{
	for (size_t i = 0; i < images_count(images); i++) {
		const struct mapping *mapping = &images_get(images, i)->mapping;

		if ((strcmp(mapping->path, exe) == 0) == main)
			mappings[n++] = mapping;
	}
	return n;
}

int session_list_mappings(struct ss_session *session, struct arena *arena, const char *exe,
			  const struct mapping *const **ret, size_t *ret_n)
{
	size_t n = images_count(session->images);
	const struct mapping **mappings = arena_array(arena, n, sizeof(*mappings));

	if (!mappings)
		return -ENOMEM;
	n = append_mappings(session->images, exe, true, mappings, 0);
	n = append_mappings(session->images, exe, false, mappings, n);
	*ret = mappings;
	*ret_n = n;
	return 0;
}

int session_describe(struct ss_session *session, struct arena *arena,
		     struct process_description *ret)
{
	static const char *const stop_names[] = {
		[SS_STOP_AUTO] = "auto",
		[SS_STOP_ALL] = "all",
		[SS_STOP_NEVER] = "never",
	};

	const char *refusal, *timer = capturer_timer(session->capturer, &refusal);

	*ret = (struct process_description){
		.comm = arena_strdup(arena, session->target.comm),
		.exe = keep_text(arena, target_read_exe, &session->target),
		.cmdline = keep_text(arena, target_read_cmdline, &session->target),
		.stop = stop_names[session->stop],
		.observer = capturer_observer(session->capturer),
		.timer = timer,
		.timer_refusal = arena_strdup(arena, refusal),
	};
	return ret->comm && ret->exe && ret->cmdline && ret->timer_refusal ? 0 : -ENOMEM;
}
