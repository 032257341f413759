/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coverage.c: one snapshot's coverage in a line or two. Which gaps make a snapshot partial is
 * decided by the library (ss_coverage_complete); here they only get words. Vanished threads and
 * stacks that end in code without unwind information are never named as missing.
 */
#include "coverage.h"

#include <stdio.h>

static const char *const no_stack_words[] = {
#define X(name, words) [SS_NO_STACK_##name] = (words),
	SS_NO_STACKS(X)
#undef X
};

static const char *const end_words[] = {
#define X(name, words) [SS_END_##name] = (words),
	SS_STACK_ENDS(X)
#undef X
};

enum {
	MISSED_SHARE = 4,           /* more than one look in so many missed is said */
	UNSEEN_SHARE = 20,          /* more than one part in so many of the time on CPU, and ... */
	UNSEEN_LEAST_NS = 10000000, /* ... more than a look's worth of it */
};

struct text {
	char data[768];
	size_t len;
};

/* "; 2 stacks: memory could not be read" */
static void add(struct text *text, unsigned n, const char *noun, const char *words)
{
	size_t room = sizeof(text->data) - text->len;
	int len;

	if (n == 0)
		return;
	len = snprintf(text->data + text->len, room, "%s%u %s%s: %s", text->len ? "; " : "", n,
		       noun, n == 1 ? "" : "s", words);
	if (len > 0)
		text->len += (size_t)len < room ? (size_t)len : room - 1;
}

static void report_gaps(const struct msg *msg, pid_t pid, const struct ss_coverage *coverage)
{
	struct text text = { .len = 0 };

	for (unsigned i = 1; i < SS_NO_STACK_COUNT; i++)
		if (i != SS_NO_STACK_VANISHED && i != SS_NO_STACK_WORKER)
			add(&text, coverage->no_stack[i], "thread", no_stack_words[i]);
	for (unsigned i = 0; i < SS_END_COUNT; i++)
		if (i != SS_END_COMPLETE && i != SS_END_NO_CFI)
			add(&text, coverage->stack_end[i], "stack", end_words[i]);
	if (coverage->threads_seen == 0 && coverage->threads_filtered == 0)
		msg_error(msg,
			  "%d: none of its threads could be read: an early end, or too few "
			  "descriptors (ulimit -n)",
			  (int)pid);
	else if (coverage->threads_seen == 0)
		msg_error(msg, "%d: it has no thread that --tid and --thread want", (int)pid);
	else if (coverage->threads_sampled == 0)
		msg_error(msg, "%d: no stack was captured: %s", (int)pid,
			  text.len ? text.data : "its threads exited");
	else
		msg_warn(msg, "%d: partial: %s%s", (int)pid,
			 text.len ? text.data : "see the coverage block",
			 coverage->stack_end[SS_END_NEEDS_REGISTER] ? "; --stop=all would give it"
								    : "");
	if (coverage->no_stack[SS_NO_STACK_REFUSED])
		msg_warn(msg, "%d: `stacksnap doctor %d` says which rule refuses it", (int)pid,
			 (int)pid);
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* A profile of CPU time that does not say where most of it went looks like a whole one. */
static void report_unseen(const struct msg *msg, pid_t pid, const struct ss_coverage *coverage)
{
	uint64_t unseen_ns = coverage->unseen_ns;

	if (unseen_ns <= UNSEEN_LEAST_NS || unseen_ns <= coverage->on_cpu_ns / UNSEEN_SHARE)
		return;
	msg_warn(msg, "%d: %.0f %% of its time on CPU has no place, [on-cpu, unseen]: no %s met %s",
		 (int)pid, 100.0 * (double)unseen_ns / (double)coverage->on_cpu_ns,
		 coverage->timer_sampled ? "sample" : "look",
		 coverage->timer_sampled ? "those threads" : "it there");
	if (!coverage->timer_sampled)
		msg_warn(msg,
			 "%d: the kernel's timer would: `stacksnap doctor %d` says what it needs",
			 (int)pid, (int)pid);
}

/* Files that are missing are told apart from threads and stacks that are. */
static bool has_gaps(const struct ss_coverage *coverage)
{
	struct ss_coverage without_files = *coverage;

	without_files.files_late = 0;
	return coverage->threads_sampled == 0 || !ss_coverage_complete(&without_files);
}

void coverage_report(const struct msg *msg, pid_t pid, const struct ss_coverage *coverage)
{
	msg_info(msg,
		 "%d: %u threads, %u with a stack; %u stops, longest %.2f ms, pause %.2f ms; "
		 "%u frames, %u without a name",
		 (int)pid, coverage->threads_seen, coverage->threads_sampled, coverage->stops,
		 ms(coverage->longest_stop_ns), ms(coverage->pause_ns), coverage->frames,
		 coverage->frames_unnamed);
	if (has_gaps(coverage))
		report_gaps(msg, pid, coverage);
	if (coverage->files_late)
		msg_warn(msg, "%d: %u file%s could not be read in time: %s%s", (int)pid,
			 coverage->files_late, coverage->files_late == 1 ? "" : "s",
			 coverage->file_late, coverage->files_late == 1 ? "" : ", ...");
	if (coverage->threads_halted)
		msg_warn(msg,
			 "%d: %u of %u threads are stopped by a signal or a debugger, or frozen: "
			 "`stacksnap doctor %d` says what lets them go on",
			 (int)pid, coverage->threads_halted, coverage->threads_seen, (int)pid);
	if (coverage->ticks_missed > coverage->ticks_planned / MISSED_SHARE)
		msg_warn(msg,
			 "%d: %u of %u looks were missed: they took longer than the time between "
			 "them; times are exact all the same",
			 (int)pid, coverage->ticks_missed, coverage->ticks_planned);
	report_unseen(msg, pid, coverage);
	if (coverage->calls_cut_short)
		msg_warn(msg,
			 "%d: %u of its calls ended with less than was asked for because of the "
			 "stop",
			 (int)pid, coverage->calls_cut_short);
	if (coverage->eintr_caused)
		msg_warn(msg, "%d: %u of its system calls return EINTR because of the stop",
			 (int)pid, coverage->eintr_caused);
}
