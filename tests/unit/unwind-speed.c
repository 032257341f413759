/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind-speed.c: frames a second. Usage: unwind-speed PID [MILLISECONDS]. Looks at a process once,
 * then walks the captured stacks again and again with each of our unwinders; and walks the stacks of
 * the live process with libdwfl as eu-stack does, which reads the target's memory as it goes. Prints
 * "NAME threads N frames N per_second N" for each.
 */
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/session.h"

struct result {
	unsigned threads;
	uint64_t frames; /* of one round */
	double per_second;
};

static void print_result(const char *name, const struct result *result)
{
	printf("%s threads %u frames %" PRIu64 " per_second %.0f\n", name, result->threads,
	       result->frames, result->per_second);
}

static void die(const char *what)
{
	fprintf(stderr, "unwind-speed: %s\n", what);
	exit(1);
}

/* ---- ours: from the captured stacks ---- */

static uint64_t walk_all(struct ss_session *session)
{
	uint64_t frames = 0;

	vec_each(thread, &session->capture.threads) {
		if (thread->how == CAPTURE_NONE ||
		    session->unwinder_ops->walk(session->unwinder, thread, session->max_frames,
						&session->walk) < 0)
			continue;
		frames += session->walk.frames.n;
	}
	return frames;
}

static void measure_ours(pid_t pid, const char *name, uint64_t for_ns)
{
	const struct ss_session_options options = { .unwinder = name };
	struct ss_session *session;
	struct ss_snapshot *snapshot;
	struct result result = { 0 };
	struct ss_error err;
	uint64_t begin, frames = 0;

	if (ss_session_open(pid, &options, &session, &err) < 0 ||
	    ss_session_snapshot(session, &snapshot, &err) < 0)
		die(err.message);
	result.threads = (unsigned)session->capture.threads.n;
	result.frames = walk_all(session); /* warm */
	begin = clock_mono_ns();
	do
		frames += walk_all(session);
	while (clock_mono_ns() - begin < for_ns);
	result.per_second = (double)frames * 1e9 / (double)(clock_mono_ns() - begin);
	print_result(name, &result);
	ss_snapshot_free(snapshot);
	ss_session_close(session);
}

/* ---- libdwfl: from the live process ---- */

static int count_frame(Dwfl_Frame *frame, void *arg)
{
	Dwarf_Addr pc;

	if (dwfl_frame_pc(frame, &pc, NULL))
		++*(uint64_t *)arg;
	return DWARF_CB_OK;
}

static int count_thread(Dwfl_Thread *thread, void *arg)
{
	struct result *result = arg;

	result->threads++;
	dwfl_thread_getframes(thread, count_frame, &result->frames);
	return DWARF_CB_OK;
}

static void measure_dwfl(pid_t pid, uint64_t for_ns)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	struct result result = { 0 };
	uint64_t begin, frames = 0;

	if (dwfl_linux_proc_report(dwfl, pid) != 0 || dwfl_report_end(dwfl, NULL, NULL) != 0 ||
	    dwfl_linux_proc_attach(dwfl, pid, false) != 0)
		die("libdwfl cannot attach");
	dwfl_getthreads(dwfl, count_thread, &result); /* warm */
	begin = clock_mono_ns();
	do {
		struct result round = { 0 };

		dwfl_getthreads(dwfl, count_thread, &round);
		frames += round.frames;
	} while (clock_mono_ns() - begin < for_ns);
	result.per_second = (double)frames * 1e9 / (double)(clock_mono_ns() - begin);
	print_result("libdwfl", &result);
	dwfl_end(dwfl);
}

int main(int argc, char **argv)
{
	uint64_t for_ns = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1000) * NS_PER_MS;
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;

	if (pid <= 0)
		die("usage: unwind-speed PID [MILLISECONDS]");
	for (size_t i = 0; unwinder_names[i]; i++)
		measure_ours(pid, unwinder_names[i], for_ns);
	measure_dwfl(pid, for_ns);
	return 0;
}
